"""Choose the walk for a target: by option, by pattern, by what was selected, or by the strongest claim."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

import msgspec

from ingressdoctor.engine.broker import Broker, Deadline
from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.errors import UsageError
from ingressdoctor.model.check import Check, WalkChooser
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.walk import Claim, Walk

__all__ = ["Choice", "Wishes", "choice_of", "choose_walk", "decided", "select"]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """The walk taken and why; None when nothing is known about the target, then with what was searched."""

    walk: Walk | None
    ground: str
    searched: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()


def select(checks: Sequence[Check], only: Sequence[str], skip: Sequence[str]) -> tuple[Check, ...]:
    """Keep the checks whose id matches one of *only* (all, if empty) and none of *skip*.

    Raises:
        UsageError: a pattern matches no check; the nearest ids are named.
    """
    ids = [item.id for item in checks]
    for pattern in (*only, *skip):
        if not any(fnmatchcase(name, pattern) for name in ids):
            near = difflib.get_close_matches(pattern, ids, n=3, cutoff=0.5)
            hint = f"Did you mean {', '.join(near)}?" if near else "See: ingressdoctor checks list"
            raise UsageError(f"No check matches {pattern!r}.", hint=hint)
    kept = (item for item in checks if not only or any(fnmatchcase(item.id, pattern) for pattern in only))
    return tuple(item for item in kept if not any(fnmatchcase(item.id, pattern) for pattern in skip))


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What decides on the walk before any evidence does: the option, patterns by hostname, the checks selected."""

    forced: str = ""
    patterns: Mapping[str, str] = msgspec.field(default_factory=dict)
    only: Sequence[str] = ()


async def choose_walk(catalog: Catalog, broker: Broker, host: str, wishes: Wishes, by: Deadline) -> Choice:
    """Return the walk for *host*, from the evidence that is there *by* then.

    With *only*, a walk that holds the selected checks is taken without collecting evidence for the choice, so that
    ``--only 'dns.*'`` asks nobody but DNS.

    Raises:
        UsageError: the option or a pattern names a walk that does not exist.
    """
    return decided(catalog, host, wishes) or choice_of(await _claimed(catalog, broker, by), host)


def decided(catalog: Catalog, host: str, wishes: Wishes) -> Choice | None:
    """Return the walk that is taken whatever the evidence says; None where that has to decide.

    Raises:
        UsageError: the option or a pattern names a walk that does not exist.
    """
    if wishes.forced:
        return Choice(walk=_named(catalog, wishes.forced, "--walk"), ground="asked for with --walk")
    pattern = next((item for item in wishes.patterns if fnmatchcase(host, item)), None)
    if pattern is not None:
        walk = _named(catalog, wishes.patterns[pattern], f"the pattern {pattern!r} in [walks]")
        return Choice(walk=walk, ground=f"the pattern {pattern!r} in the configuration")
    if wishes.only:
        wanted = select(catalog.checks, wishes.only, ())
        holds = [walk for walk in catalog.walks if all(walk.step_of(item.id, item.step) for item in wanted)]
        if holds:
            return Choice(walk=holds[0], ground="it holds the checks selected with --only")
    return None


def _named(catalog: Catalog, name: str, where: str) -> Walk:
    walk = catalog.walk(name)
    if walk is None:
        known = ", ".join(item.id for item in catalog.walks)
        raise UsageError(f"{where} names the walk {name!r}, which does not exist.", hint=f"Known walks: {known}.")
    return walk


def choice_of(claims: Sequence[tuple[Walk, Claim]], host: str, *, suggest: bool = True) -> Choice:
    """Take the walk of the strongest claim; when there is none, say what was searched and, on demand, what is near."""
    best = max(claims, key=lambda item: item[1].strength, default=None)
    if best is not None and best[1].strength > 0:
        return Choice(walk=best[0], ground=best[1].ground)
    searched = tuple(dict.fromkeys(text for _, claim in claims for text in claim.searched))
    known = sorted({name for _, claim in claims for name in claim.known}) if suggest else []
    near = tuple(difflib.get_close_matches(host, known, n=3, cutoff=0.6))
    return Choice(walk=None, ground="nothing is known about this name", searched=searched, suggestions=near)


async def _claimed(catalog: Catalog, broker: Broker, by: Deadline) -> list[tuple[Walk, Claim]]:
    """Ask all choosers side by side, until none that is still waiting could claim more than one that did."""
    asked = {
        asyncio.ensure_future(broker.needs(chooser.needs, by)): chooser
        for chooser in catalog.choosers
        if catalog.walk(chooser.walk) is not None
    }
    claims: dict[WalkChooser, Claim] = {}
    pending = set(asked)
    try:
        while pending and max((claim.strength for claim in claims.values()), default=-1) < max(
            asked[task].at_most for task in pending
        ):
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                values = task.result()
                if not isinstance(values, Unavailable):
                    claims[asked[task]] = asked[task].function(**values)
    finally:
        for task in pending:
            task.cancel()
    # In the order of the choosers, so that of equal claims always the same one wins.
    found = ((catalog.walk(chooser.walk), claims[chooser]) for chooser in catalog.choosers if chooser in claims)
    return [(walk, claim) for walk, claim in found if walk is not None]
