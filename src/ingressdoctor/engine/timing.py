"""Where the time went: the longest chain of calls that waited for each other.

Pure. A chain follows the needs of collectors; inside one collector, calls that overlap in time did not wait for
each other, so only a sequence of calls that follow one another counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingressdoctor.engine.catalog import Catalog
from ingressdoctor.model.report import SourceCall, Timings

__all__ = ["timings_of"]

_Chain = tuple[SourceCall, ...]


def timings_of(catalog: Catalog, calls: Sequence[tuple[str, SourceCall]], total_s: float) -> Timings:
    """Build the timings of a run from its calls, each with the name of the collector that made it."""
    by_collector: dict[str, list[SourceCall]] = {}
    for name, call in calls:
        by_collector.setdefault(name, []).append(call)
    chains = _chains(catalog, {name: _longest(mine) for name, mine in by_collector.items()})
    longest = max(chains.values(), key=_length, default=())
    everything = sorted((call for _, call in calls), key=lambda call: call.started_s)
    return Timings(total_s=total_s, calls=tuple(everything), longest_chain=longest)


def _longest(calls: list[SourceCall]) -> _Chain:
    """Return the heaviest sequence of calls in which each begins after the one before has ended."""
    best: list[_Chain] = []
    for call in sorted(calls, key=lambda item: item.started_s):
        before = [chain for chain in best if _end(chain[-1]) <= call.started_s]
        best.append((*max(before, key=_length, default=()), call))
    return max(best, key=_length, default=())


def _chains(catalog: Catalog, own: Mapping[str, _Chain]) -> dict[type, _Chain]:
    done: dict[type, _Chain] = {}

    def chain(wanted: type) -> _Chain:
        if wanted not in done:
            collector = catalog.collectors.get(wanted)
            if collector is None:
                return ()
            longest = max((chain(need.wanted) for need in collector.needs), key=_length, default=())
            done[wanted] = (*longest, *own.get(collector.name, ()))
        return done[wanted]

    for wanted in catalog.collectors:
        chain(wanted)
    return done


def _end(call: SourceCall) -> float:
    return call.started_s + call.elapsed_s


def _length(chain: _Chain) -> float:
    return sum(call.elapsed_s for call in chain)
