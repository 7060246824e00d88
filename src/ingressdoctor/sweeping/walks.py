"""The targets that an installation names, with the walk of each, from what a sweep would see without probes.

Each kind of object is read once, however many targets there are; no name is looked up and nothing is connected to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ingressdoctor.collect.kinds import PODS, SERVICES
from ingressdoctor.engine.session import ask
from ingressdoctor.engine.walks import walks_of
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.sweeping.sources import ROUTES, read_ahead, shared_sources, without
from ingressdoctor.sweeping.targets import Targets, from_discovered
from ingressdoctor.wiring import Session

__all__ = ["discover"]

_AT_ONCE: Final = 8
_DISCOVERY_S: Final = 120.0


async def discover(
    session: Session, patterns: Mapping[str, str]
) -> tuple[Discovered | Unavailable, Targets, dict[Target, str]]:
    """Return what names targets, the targets, and the walk that each takes as far as can be told without probes.

    Raises:
        UsageError: a pattern names a walk that does not exist.
    """
    session.sources.calls.only_count()
    left = without(shared_sources(session.sources, overall=_AT_ONCE, each=_AT_ONCE), probes=False, inside=True)
    await read_ahead(left, (*ROUTES, PODS, SERVICES))
    (found,) = await ask(session.run(instead=left), (Discovered,), _DISCOVERY_S)
    if not isinstance(found, Discovered):
        gap = found if isinstance(found, Unavailable) else Unavailable(wanted="targets", reason="none was looked for")
        return gap, Targets(items=()), {}
    targets = from_discovered(found)
    asked = [item.target for item in targets.items]
    return found, targets, await walks_of(session.run(instead=left), asked, patterns)
