"""What NetworkPolicies say about a request's connections: as a branch of the tree, and as JSON. It decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.evidence.backend import PolicySide, PolicyVerdict
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.route_view import PolicySight, RouteView
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Status
from ingressdoctor.render.branches import Branch
from ingressdoctor.render.page import Page
from ingressdoctor.render.reach_v1 import PolicySideV1, PolicyV1
from ingressdoctor.render.route_parts import signed
from ingressdoctor.render.sheet import Span, safe
from ingressdoctor.render.words import listed

__all__ = ["keeping", "policies_branches", "policies_v1"]

_STATUS: Final = {True: Status.PASS, False: Status.FAIL, None: Status.UNKNOWN}
_SAID: Final = {True: "allowed", False: "denied", None: "cannot be decided"}


def keeping(view: RouteView) -> str:
    """Return the policy that denies a connection which the request depends on; empty when there is none."""
    verdicts = [sight.verdict for sight in view.policies]
    denied = (item.deciding for item in verdicts if isinstance(item, PolicyVerdict) and item.allowed is False)
    return next(denied, "")


def policies_branches(view: RouteView, page: Page) -> Iterator[Branch]:
    """Yield one branch with a node for each connection, if any was judged."""
    below = tuple(_sight(sight, page) for sight in view.policies)
    if below:
        yield Branch(spans=(("network policies", "bold"),), below=below)


def _sight(sight: PolicySight, page: Page) -> Branch:
    title, verdict = f"{sight.leg} of {safe(sight.target)}", sight.verdict
    if isinstance(verdict, Unavailable):
        return Branch(spans=signed(Status.UNKNOWN, f"{title}: {safe(verdict.reason)}", page))
    port = f" port {verdict.port}" if verdict.port else ""
    lines: list[tuple[Span, ...]] = [((safe(text), ""),) for text in _reasons(verdict)]
    if verdict.foreign:
        said = f"not evaluated, the network plugin's own: {listed(map(safe, verdict.foreign), limit=4)}"
        lines.append(signed(Status.UNKNOWN, said, page))
    lines += [signed(Status.UNKNOWN, safe(limit), page) for limit in dict.fromkeys(verdict.limits)]
    spans = signed(_STATUS[verdict.allowed], f"{title}{port}: {_SAID[verdict.allowed]}", page)
    return Branch(spans=spans, lines=tuple(lines))


def _reasons(verdict: PolicyVerdict) -> tuple[str, ...]:
    """Return what decided: each end's policies where they allow, the denying end's where they do not."""
    if verdict.allowed is not True or not verdict.sides:
        return (verdict.why,)
    involved = tuple(side.why for side in verdict.sides if side.deciding)
    return involved or ("No NetworkPolicy selects the pods of either end.",)


def policies_v1(view: RouteView) -> tuple[PolicyV1, ...]:
    """Return the same as values for JSON."""
    return tuple(map(_policy, view.policies))


def _policy(sight: PolicySight) -> PolicyV1:
    found = sight.verdict
    if isinstance(found, Unavailable):
        return PolicyV1(connection=str(sight.leg), target=sight.target, unknown=found.reason)
    return PolicyV1(
        connection=str(sight.leg),
        target=sight.target,
        port=found.port,
        source=_pod(found.source),
        destination=_pod(found.destination),
        allowed=found.allowed,
        why=found.why,
        direction=found.direction,
        policy=found.deciding,
        rule=found.rule or None,
        sides=tuple(map(_side, found.sides)),
        policies=tuple(policy.ref for policy in found.policies),
        not_evaluated=found.foreign,
        limits=found.limits,
    )


def _pod(pod: Pod | None) -> str:
    return pod.ref if pod is not None else ""


def _side(side: PolicySide) -> PolicySideV1:
    return PolicySideV1(
        direction=side.direction,
        allowed=side.allowed,
        policy=side.deciding,
        rule=side.rule or None,
        why=side.why,
    )
