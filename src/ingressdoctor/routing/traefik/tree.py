"""Say which routers of a tree (``parentRefs``) Traefik refuses, before it builds any of them.

Source: traefik: pkg/server/router/router.go (ParseRouterTree, traverse), v3.6 and later.
"""

from __future__ import annotations

from collections.abc import Mapping

from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.router import Draft

__all__ = ["tree_problems"]


def tree_problems(drafts: Mapping[str, Draft]) -> dict[str, Problem]:
    """Return the problems of routers by name; routers without parents have none here."""
    below = [draft for draft in drafts.values() if draft.parents]
    if not below:
        return {}
    reached = _reached(drafts)
    return {draft.name: problem for draft in below if (problem := _problem(draft, drafts, reached))}


def _reached(drafts: Mapping[str, Draft]) -> frozenset[str]:
    """Return the routers that hang below one without parents."""
    children: dict[str, list[str]] = {}
    for draft in drafts.values():
        for parent in draft.parent_names:
            children.setdefault(parent, []).append(draft.name)
    waiting = [name for name, draft in drafts.items() if not draft.parents]
    reached: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += children.get(name, ())
    return frozenset(reached)


def _problem(draft: Draft, drafts: Mapping[str, Draft], reached: frozenset[str]) -> Problem | None:
    missing = next((name for name in draft.parent_names if name not in drafts), None)
    said = ""
    if missing is not None:
        said = f'parent router "{missing}" does not exist'
    elif draft.tls:
        said = "non-root router cannot have TLS configuration"
    elif draft.observed:
        said = "non-root router cannot have Observability configuration"
    elif draft.entry_points:
        said = "non-root router cannot have Entrypoints configuration"
    elif draft.name not in reached:
        said = "router is not reachable"
    return Problem(DropReason.PARENT, said, missing or "") if said else None
