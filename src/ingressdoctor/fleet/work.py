"""What a worker does: one session, one snapshot, and batch after batch of targets; in a process as on a cluster.

Everything that crosses between a sweep and its workers is here, as bytes of msgpack.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Self

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.shelf import Shelf
from ingressdoctor.config import Settings
from ingressdoctor.config.settings import HistorySettings, SweepSettings
from ingressdoctor.engine.sweep import Sweeping, SweepSpec
from ingressdoctor.errors import IngressDoctorError, SourceError
from ingressdoctor.fleet.snapshot import apis_from, counted
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Kubernetes
from ingressdoctor.sources.record import Recorded
from ingressdoctor.sweeping.sources import shared_sources, without
from ingressdoctor.wiring import open_session

__all__ = ["Job", "Judged", "Worker", "decode_judged", "decode_targets", "encode_judged", "encode_targets", "why"]


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """How a sweep is done, for workers. Secrets stand in it by reference only; whoever uses one looks it up."""

    settings: Settings
    spec: SweepSpec
    per_origin: int = 8
    probes: bool = True
    inside: bool = True
    version: str = ""

    def portable(self) -> Job:
        """Return the same job with nothing in it that cannot be sent, or that is no business of a worker."""
        settings = replace(
            self.settings,
            origins=dict(self.settings.origins),
            history=HistorySettings(),
            notify=(),
            sweep=SweepSettings(),
        )
        return replace(self, settings=settings)

    def shared_by(self, workers: int) -> Job:
        """Return the job of one of so many processes of one machine: together they do at once what one would do."""
        each = max(1, self.spec.at_once // workers)
        return replace(self, spec=replace(self.spec, at_once=each), per_origin=max(1, self.per_origin // workers))


class Judged(msgspec.Struct, frozen=True, kw_only=True):
    """What a worker found about a batch, or a part of it until it has *ended*, and how many requests it sent.

    ``trouble`` is why it could not judge at all.
    """

    outcomes: tuple[Outcome, ...] = ()
    requests: Mapping[str, int] = msgspec.field(default_factory=dict)
    ended: bool = True
    trouble: str = ""


class Worker:
    """Judges batches over one session; an async context manager, for one event loop.

    When *stop* is set, a batch ends with what has ended by then.
    """

    def __init__(self, job: Job, snapshot: bytes, stop: asyncio.Event) -> None:
        self._session = open_session(job.settings, version=job.version)
        sources = self._session.sources
        sources.calls.only_count()
        apis = apis_from(snapshot, sources)
        self._record = apis.kubernetes
        instead = shared_sources(sources, overall=job.spec.at_once, each=job.per_origin, apis=apis)
        self._left = without(instead, probes=job.probes, inside=job.inside)
        self._sweeping = Sweeping(self._session.run(stop=stop, instead=self._left), job.spec)

    async def __aenter__(self) -> Self:
        await self._sweeping.__aenter__()
        shelf = self._left[Kubernetes]
        if isinstance(shelf, Shelf) and isinstance(self._record, Recorded) and not self._record.empty:
            # Decoding takes longer than a target may; what was decoded is not kept as bytes besides.
            await shelf.fill()
            self._record.forget_lists()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sweeping.__aexit__(kind, error, trace)
        await self._session.__aexit__(kind, error, trace)

    async def judge(self, targets: Sequence[SweepTarget], take: Callable[[Outcome], None]) -> Mapping[str, int]:
        """Judge a batch; returns how many requests it took, by source."""
        calls = self._session.sources.calls
        before = calls.counts
        await self._sweeping.judge(targets, take)
        return counted(before, calls.counts)


def why(error: BaseException) -> str:
    """Return an error as a part of a sentence."""
    if isinstance(error, IngressDoctorError):
        return error.message
    return f"{type(error).__name__}: {clean(str(error), 200)}"


def encode_targets(targets: Sequence[SweepTarget]) -> bytes:
    """Return a batch as bytes."""
    return msgspec.msgpack.encode(list(targets))


def decode_targets(raw: bytes) -> list[SweepTarget]:
    """Return the batch that ``encode_targets`` wrote."""
    return msgspec.msgpack.decode(raw, type=list[SweepTarget])


def encode_judged(judged: Judged) -> bytes:
    """Return results as bytes."""
    return msgspec.msgpack.encode(judged)


def decode_judged(raw: bytes) -> Judged:
    """Return the results that ``encode_judged`` wrote.

    Raises:
        SourceError: it did not write them.
    """
    try:
        return msgspec.msgpack.decode(raw, type=Judged)
    except msgspec.MsgspecError as error:
        raise SourceError(f"A worker sent something else than results: {clean(str(error), 200)}.") from None
