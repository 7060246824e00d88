"""Which walk each of many targets takes, without judging any: choosers are asked as in a sweep. Content-free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ingressdoctor.engine.broker import Deadline
from ingressdoctor.engine.choose import Wishes
from ingressdoctor.engine.direct import DirectBroker, SharedEvidence, choose_directly
from ingressdoctor.engine.limits import Limits
from ingressdoctor.engine.session import Run, Scope, session_broker
from ingressdoctor.model.target import Target

__all__ = ["walks_of"]

# Evidence that all targets share may be asked for late; each collector has a limit of its own.
_LASTS_S: Final = 86_400.0


async def walks_of(
    run: Run, targets: Iterable[Target], patterns: Mapping[str, str], *, timeout_s: float = 30.0
) -> dict[Target, str]:
    """Return the id of the walk that each target takes, "" where nothing is known about it.

    Args:
        run: What the engine is handed; its sources decide what the choosers see.
        targets: Asked one after the other, over evidence that they share.
        patterns: Hostname globs to walk ids, as configured; they come first.
        timeout_s: What each target may take.

    Raises:
        UsageError: a pattern names a walk that does not exist.
    """
    wishes, found = Wishes(patterns=patterns), {}
    async with Scope() as group:
        session = session_broker(run, group, Deadline.after(_LASTS_S))
        shared = SharedEvidence(run.catalog, run.session_givens, session)
        for target in targets:
            broker = DirectBroker(shared, {Target: target}, Limits(timeout_s), run.on_collect)
            choice = await choose_directly(broker, shared, target.hostname, wishes)
            found[target] = choice.walk.id if choice.walk is not None else ""
        session.close()
    return found
