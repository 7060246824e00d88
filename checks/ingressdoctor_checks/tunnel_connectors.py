"""Does anybody answer at the tunnel's other end, and only those who should?

Source: the Cloudflare API's word on connectors and their connections; 1033 is the edge's word for a tunnel without any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Cloudflared,
    Command,
    Finding,
    OutsideProbe,
    Remedy,
    Symptom,
    Target,
    TunnelConnector,
    TunnelFacts,
    TunnelObject,
    TunnelRoute,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.outside_view import curl
from ingressdoctor_checks.tunnel_common import TUNNELS_API, says_no_connector

__all__ = ["no_connector", "stray_connector"]

_CONNECTIONS: Final = 4
_YOUNG_S: Final = 300.0


@check(
    id="tunnel.no-connector",
    title="A connector is connected to the tunnel",
    step="tunnel",
    link="edge → connector",
    causes=("edge.error-page", str(Symptom.EDGE_1033), str(Symptom.EDGE_530)),
)
def no_connector(
    target: Target,
    facts: TunnelFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    probe: OutsideProbe | Unavailable,
) -> Iterator[Finding]:
    """At least one connection of one cloudflared stands, by the API, else by the pods, else by what visitors get."""
    workloads = route.workloads if isinstance(route, TunnelRoute) else ()
    if isinstance(facts, TunnelFacts):
        yield from _by_api(target, facts, workloads)
    elif says_no_connector(probe):
        yield _none(target, "the edge says so (1033)", {"edge error": "1033"}, workloads, "")
    elif workloads and all(_has_no_pod(item) for item in workloads):
        seen = {item.ref: f"{item.replicas} wanted, no pod runs" for item in workloads}
        yield _none(target, "none of its pods runs", seen, workloads, "")
    elif held := [item for item in workloads if item.ready_pods]:
        seen = {
            item.ref: f"{len(item.ready_pods)} pods ready, which they are while they are connected" for item in held
        }
        yield ok("Connectors of this cluster hold the tunnel open.", seen=seen)
    elif isinstance(probe, OutsideProbe) and not (probe.access_login or probe.edge_error) and probe.last.status:
        yield ok("An answer came, and no error of the edge about the tunnel.", seen={"status": str(probe.last.status)})
    else:
        yield unknown(f"The tunnel's connectors could not be read: {facts.reason}.", enable_with=facts.enable_with)


def _by_api(target: Target, facts: TunnelFacts, workloads: tuple[Cloudflared, ...]) -> Iterator[Finding]:
    found = facts.tunnel
    if found is None or found.deleted_at:
        yield skip("There is no tunnel that the record leads to, so nobody can be connected to it.")
        return
    connectors = facts.connectors
    if isinstance(connectors, Unavailable):
        standing = found.status in {"healthy", "degraded"}
        seen = {"status": found.status or "(not told)", "connectors": f"not read: {connectors.reason}"}
    else:
        standing = bool(facts.live) or (not connectors and found.connections > 0)
        seen = {"status": found.status or "(not told)"} | {_short(item): _words(item) for item in connectors[:6]}
    if not standing:
        how = "never was" if found.status == "inactive" else "is not any more"
        yield _none(target, f"any cloudflared {how} connected", seen, workloads, found.name, found.id)
        return
    yield _standing(target, facts, found, seen)


def _standing(target: Target, facts: TunnelFacts, found: TunnelObject, seen: dict[str, str]) -> Finding:
    thin = [item for item in facts.live if len(item.live) < _CONNECTIONS and len(item.live) == len(item.connections)]
    if found.status == "degraded" and thin and len(thin) == len(facts.live):
        return warn(
            f"The tunnel {found.name} is degraded: no connector holds all {_CONNECTIONS} connections to the edge.",
            subject=f"Tunnel {found.name}",
            seen=seen,
            where=TUNNELS_API,
            remedy=Remedy(
                text="It still serves. Look at the connectors' logs for failing connections, and at egress to 7844.",
                commands=(look("cloudflared", "tunnel", "info", found.id),),
                proof=curl(target.url),
            ),
        )
    count = len(facts.live) or 1
    some = f"{count} connector{'s' if count > 1 else ''}"
    return ok(f"The tunnel {found.name} is connected by {some}.", seen=seen, where=TUNNELS_API)


def _none(
    target: Target, how: str, seen: dict[str, str], workloads: tuple[Cloudflared, ...], name: str, ident: str = ""
) -> Finding:
    tunnel = f"the tunnel {name}" if name else "the tunnel"
    sentence = f"No connector serves {tunnel} of {target.hostname}: {how}."
    looks: list[Command] = [look("cloudflared", "tunnel", "info", ident)] if ident else []
    for item in workloads[:2]:
        looks.append(look("kubectl", "-n", item.namespace, "get", item.kind.lower(), item.name))
        looks.append(look("kubectl", "-n", item.namespace, "logs", f"{item.kind.lower()}/{item.name}", "--tail=50"))
    idle = next((item for item in workloads if item.replicas == 0), None)
    text = (
        f"{idle.ref} is scaled to 0: scale it up again, where it is configured so that it stays."
        if idle is not None
        else "Start cloudflared where it belongs, or look in its log why it does not get a connection."
    )
    return fail(
        sentence,
        subject=f"Tunnel {name}".strip(),
        seen=seen,
        where=TUNNELS_API if ident else "the edge's answer and the cluster",
        remedy=Remedy(text=text, commands=tuple(looks), proof=curl(target.url)),
    )


def _has_no_pod(item: Cloudflared) -> bool:
    return not isinstance(item.pods, Unavailable) and not item.live_pods


@check(
    id="tunnel.stray-connector",
    title="Only this cluster's connectors serve the tunnel",
    step="tunnel",
    link="edge → connector",
    causes=(str(Symptom.TUNNEL_404), str(Symptom.TUNNEL_503), str(Symptom.EDGE_502)),
)
def stray_connector(
    target: Target, facts: TunnelFacts | Unavailable, route: TunnelRoute | Unavailable, clock: Clock
) -> Iterator[Finding]:
    """More connectors than pods: a forgotten one takes a share of the requests, with its own rules and reach."""
    workloads = route.workloads if isinstance(route, TunnelRoute) else ()
    if isinstance(facts, Unavailable) or isinstance(facts.connectors, Unavailable):
        yield skip("The tunnel's connectors could not be read; see tunnel.no-connector.")
        return
    if not workloads or any(isinstance(item.pods, Unavailable) for item in workloads):
        yield skip("Which pods serve the tunnel is not known, so their number cannot be compared.")
        return
    pods = sum(len(item.live_pods) for item in workloads)
    steady = [item for item in facts.live if not _draining(item, clock)]
    if not pods or len(steady) <= pods:
        yield (
            ok(f"{len(steady)} connectors for {pods} pods.", seen={_short(c): _words(c) for c in facts.live[:6]})
            if pods
            else skip("No pod serves the tunnel here; see tunnel.no-connector.")
        )
        return
    addresses = sorted({connection.origin_ip for item in steady for connection in item.live if connection.origin_ip})
    yield warn(
        f"{len(steady)} connectors serve the tunnel of {target.hostname}, but only {pods} pods of this cluster run it.",
        subject=f"Tunnel {facts.tunnel.name}" if facts.tunnel is not None else "",
        seen={_short(item): _words(item) for item in steady[:6]} | {"from addresses": ", ".join(addresses[:6])},
        where=f"{TUNNELS_API}/connections",
        remedy=Remedy(
            text="Right if another cluster or host serves the tunnel on purpose, with the same rules. A forgotten one "
            "takes part of the requests with old rules: stop it where it runs, or rotate the tunnel's token.",
            commands=(look("cloudflared", "tunnel", "info", facts.tunnel_id),),
        ),
    )


def _draining(item: TunnelConnector, clock: Clock) -> bool:
    """Tell whether a connector is on its way out, or so young that the other is not gone yet."""
    young = clock.seconds_since(item.run_at)
    return len(item.live) < len(item.connections) or (young is not None and 0 <= young < _YOUNG_S)


def _short(item: TunnelConnector) -> str:
    return f"connector {item.id[:8]}"


def _words(item: TunnelConnector) -> str:
    live = item.live
    address = live[0].origin_ip if live else ""
    return f"{len(live)} connections{f' from {address}' if address else ''}, {item.version or 'version not told'}"
