"""What kube-proxy does on the way of a request: as branches of the tree, and as JSON. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.evidence.route_view import ProxySight, RouteView
from ingressdoctor.model.finding import Status
from ingressdoctor.render.branches import Branch
from ingressdoctor.render.page import Page
from ingressdoctor.render.reach_v1 import ProxyV1
from ingressdoctor.render.route_parts import signed
from ingressdoctor.render.sheet import safe
from ingressdoctor.render.words import listed

__all__ = ["proxied_branches", "proxied_v1"]

_SHOWN = 8


def proxied_branches(view: RouteView, page: Page) -> Iterator[Branch]:
    """Yield one branch for each Service that kube-proxy serves, with a node below for each of the cluster's nodes."""
    groups: dict[tuple[str, str, int], list[ProxySight]] = {}
    for sight in view.proxied:
        groups.setdefault((sight.target, sight.address, sight.port), []).append(sight)
    for (target, address, port), sights in groups.items():
        where = f"clusterIP {safe(address)} (nativeLB)" if address else f"node port {port or 'not given'}"
        policy = "" if address else ", externalTrafficPolicy Local"
        spans = (("kube-proxy  ", "bold"), (f"{safe(target)} by {where}{policy}", ""))
        shown = sights if page.verbose else sights[:_SHOWN]
        below = tuple(_node(sight, page) for sight in shown)
        more = (
            () if len(shown) == len(sights) else (((f"{len(sights) - len(shown)} more nodes; -v shows all", "dim"),),)
        )
        yield Branch(spans=spans, lines=more, below=below)


def _node(sight: ProxySight, page: Page) -> Branch:
    if sight.endpoints:
        said, status = f"to {listed(map(safe, sight.endpoints), limit=4)}", Status.PASS
    elif sight.dropped:
        said, status = "drops it: only other nodes have a pod that is ready", Status.SKIP
    else:
        said, status = "refuses it: no pod is ready", Status.FAIL
    return Branch(spans=signed(status, f"node {safe(sight.node)}  {said}", page))


def proxied_v1(view: RouteView) -> tuple[ProxyV1, ...]:
    """Return the same as values for JSON."""
    return tuple(
        ProxyV1(
            target=sight.target,
            address=sight.address,
            port=sight.port,
            node=sight.node,
            endpoints=sight.endpoints,
            dropped=sight.dropped,
        )
        for sight in view.proxied
    )
