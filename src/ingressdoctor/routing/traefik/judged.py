"""Judge one router by one request, down the tree of routers below it (``parentRefs``).

A router with others below it serves nothing itself: once it matches, one of them must, or the answer is 404.

Source: traefik: pkg/server/router/router.go (buildHTTPHandler, buildChildRoutersMuxer), v3.6 and later.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.routes import CandidateRoute
from ingressdoctor.routing.traefik.compiled import judge
from ingressdoctor.routing.traefik.request import Seen
from ingressdoctor.routing.traefik.table import LiveRouter, RouteTable
from ingressdoctor.routing.traefik.trees import Verdict

__all__ = ["Judged", "judge_router"]

_MAX_DEPTH: Final = 20


class Judged(msgspec.Struct, frozen=True):
    """A router with its verdict; ``lost`` when it matches and nothing below it does, so that the answer is 404."""

    route: CandidateRoute
    order: int
    by_client: bool = False
    lost: bool = False


def judge_router(router: LiveRouter, seen: Seen, table: RouteTable, depth: int = 0) -> Judged:
    """Say whether a router takes the request, and what then serves it."""
    own = _alone(router, seen)
    children = table.children.get(router.draft.name, ())
    if not children or not own.route.matches or depth > _MAX_DEPTH:
        return own
    below = sorted(
        (judge_router(child, seen, table, depth + 1) for child in children),
        key=lambda item: (-item.route.priority, item.order),
    )
    could = [item for item in below if item.route.matches is not False]
    if not could:
        why = f"{own.route.why}, but none of the routers below it does"
        return replace(own, route=replace(own.route, why=why), lost=True)
    first = could[0]
    tied = [item for item in could[1:] if item.route.priority == first.route.priority and item.order == first.order]
    if first.route.matches and not tied:
        return replace(own, route=_joined(own.route, first.route), lost=first.lost)
    why = first.route.why if first.route.matches is None else "several routers below it have the same priority"
    return replace(own, route=replace(own.route, matches=None, why=f"{first.route.ref}: {why}"))


def _joined(above: CandidateRoute, below: CandidateRoute) -> CandidateRoute:
    """Return the route through both: the entry points and TLS of the upper, the backends of the lower."""
    return replace(
        below,
        rule=f"({above.rule}) && ({below.rule})",
        priority=above.priority,
        entry_points=above.entry_points,
        middlewares=(*above.middlewares, *below.middlewares),
        tls_secret=above.tls_secret,
        tls=above.tls,
        why=f"{above.why}; below it, {below.why}",
    )


def _alone(router: LiveRouter, seen: Seen) -> Judged:
    draft = router.draft
    verdict = judge(router.compiled, seen)
    by_client = verdict.matches is None
    if verdict.matches and draft.uncertain:
        verdict, by_client = Verdict(matches=None, why=draft.uncertain), False
    route = CandidateRoute(
        ref=draft.ref,
        rule=draft.rule,
        priority=router.priority,
        entry_points=router.entry_points,
        matches=verdict.matches,
        why=verdict.why,
        backends=draft.backends,
        middlewares=draft.middlewares,
        tls_secret=draft.tls_secret,
        tls=draft.tls,
        provider=draft.provider,
        namespace=draft.namespace,
    )
    return Judged(route, router.order, by_client)
