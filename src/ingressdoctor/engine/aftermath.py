"""After a failure, collect what changed lately. A run in which nothing failed asks nobody.

Content-free: it collects every kind of evidence that derives from ``Timeline``, and knows no product. It never costs a
run its diagnosis, nor more time than the run has left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from ingressdoctor.engine.broker import Broker, Deadline
from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.finding import Status
from ingressdoctor.model.report import CheckResult
from ingressdoctor.model.timeline import Timeline, join_timelines

__all__ = ["look_back"]


async def look_back(
    catalog: Catalog, broker: Broker, results: Sequence[CheckResult], *, deadline: Deadline, stop: asyncio.Event
) -> Timeline:
    """Return what changed lately on the way of the target, if a check failed on it; empty when *stop* is set first."""
    failed = any(result.status is Status.FAIL and not result.check.vantage for result in results)
    if not failed or not catalog.timelines or stop.is_set():
        return Timeline()
    asked = [asyncio.ensure_future(broker.get(item)) for item in catalog.timelines]
    looking, stopping = asyncio.gather(*asked), asyncio.ensure_future(stop.wait())
    either: set[asyncio.Future[Any]] = {looking, stopping}
    try:
        await asyncio.wait(either, timeout=deadline.left(), return_when=asyncio.FIRST_COMPLETED)
        return join_timelines(_told(task.result() if task.done() else None) for task in asked)
    finally:
        looking.cancel()
        stopping.cancel()


def _told(value: object) -> Timeline:
    """Return what one source tells, or a timeline that says what could not be read."""
    if isinstance(value, Timeline):
        return value
    gap = isinstance(value, Unavailable) and not isinstance(value, Inapplicable)
    return Timeline(unread=(value,)) if gap and isinstance(value, Unavailable) else Timeline()
