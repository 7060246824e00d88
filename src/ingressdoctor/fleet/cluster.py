"""Judge on the workers of a Dask cluster: batches of targets as tasks, the snapshot once for each worker.

A plugin on every worker holds the snapshot and one session. Vantage points are resources of workers, as
``--resources eu=1``. Needs the extra ``fleet``, here and on the workers, and the same version of the program there.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, Final

from distributed import Client
from msgspec.structs import replace

from ingressdoctor.errors import SourceError, UsageError
from ingressdoctor.fleet.desk import Desk
from ingressdoctor.fleet.lending import Lending, together
from ingressdoctor.fleet.place import Place, stop_here
from ingressdoctor.fleet.vantages import Gathering
from ingressdoctor.fleet.work import Job
from ingressdoctor.model.sweep import Outcome, SweepTarget
from ingressdoctor.model.text import clean
from ingressdoctor.sources.record import MOST_BYTES
from ingressdoctor.sweeping.options import Elsewhere
from ingressdoctor.wiring import Session

__all__ = ["DaskCluster"]

_CONNECT_S: Final = 15.0
_SEND_S: Final = 300.0
_FAREWELL_S: Final = 10.0


class DaskCluster:
    """A Dask cluster; implements ``sweeping.options.Judging``.

    Args:
        session: Reads what all workers share.
        job: How the sweep is done.
        address: The scheduler's, as ``tcp://host:8786``.
        vantages: Names of resources; every target is judged once for each. Empty: anywhere, once.
        connect_s: Seconds until a scheduler that does not answer cannot be reached.
        most: Bytes of answers of each API that are sent to the workers.
    """

    def __init__(
        self,
        session: Session,
        job: Job,
        address: str,
        vantages: Sequence[str] = (),
        *,
        connect_s: float = _CONNECT_S,
        most: int = MOST_BYTES,
    ) -> None:
        self._lending = Lending(session, job, most)
        self._job = job.portable()
        self._address = address
        self._shown = clean(address, 200)
        self._vantages = tuple(vantages)
        self._connect_s = connect_s
        # What is worth telling is told in our own words.
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        logging.getLogger("distributed.client").setLevel(logging.CRITICAL)

    def sources(self) -> Mapping[type, object]:
        """Begin a sweep: what is read from now on is kept for the workers."""
        return self._lending.sources()

    async def judge(
        self, targets: Collection[SweepTarget], take: Callable[[Outcome], None], stop: asyncio.Event
    ) -> Elsewhere:
        """Judge *targets* on the cluster.

        Raises:
            SourceError: the scheduler cannot be reached, has no workers, or others than ours.
            UsageError: no worker has a resource of a vantage point's name, or the walk or a check does not exist.
        """
        async with self._connected() as client:
            await self._refuse_strangers(client)
            snapshot = await self._lending.snapshot(targets, stop)
            if snapshot is None:
                return Elsewhere()
            name = f"ingressdoctor-{uuid.uuid4()}"
            place = Place(name, self._jobs(), snapshot, str(client.id))
            await self._asked(client.register_plugin(place, name=name), _SEND_S)
            desks = [Desk(client, name, self._job, vantage, self._counter(client, vantage)) for vantage in self._jobs()]
            gathering = Gathering(tuple(self._jobs()), take)
            telling = asyncio.ensure_future(_tell_stop(client, name, stop))
            cut = ""
            try:
                await together(desk.judge(targets, gathering.add, stop) for desk in desks)
            except SourceError as error:
                cut = error.message
            finally:
                telling.cancel()
                if client.status == "running":
                    with contextlib.suppress(Exception):
                        await asyncio.wait_for(client.unregister_worker_plugin(name), _FAREWELL_S)
            gathering.rest()
        requests: Counter[str] = sum((desk.requests for desk in desks), Counter())
        return Elsewhere(requests=requests, notes=self._lending.notes, cut=cut)

    def _jobs(self) -> dict[str, Job]:
        if not self._vantages:
            return {"": self._job}
        return {name: replace(self._job, spec=replace(self._job.spec, vantage=name)) for name in self._vantages}

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[Any]:
        client: Any = None
        try:
            with warnings.catch_warnings():
                # About versions of libraries; the one that matters is compared below.
                warnings.simplefilter("ignore")
                client = Client(self._address, asynchronous=True, timeout=self._connect_s, set_as_default=False)  # type: ignore[no-untyped-call]
                await client
        except Exception as error:  # noqa: BLE001 - the library raises whatever it meets, also for a wrong address
            await _closed(client)
            raise SourceError(
                f"The Dask scheduler at {self._shown} cannot be reached: {clean(str(error) or 'no answer', 200)}.",
                hint="Start one with: dask scheduler --host 127.0.0.1; its address is tcp://127.0.0.1:8786",
            ) from None
        try:
            yield client
        finally:
            await _closed(client)

    async def _refuse_strangers(self, client: Any) -> None:  # noqa: ANN401 - the library is untyped
        """Refuse a cluster without workers, vantage points that none of them is, and other versions of the program."""
        found = await self._workers(client)
        if not found:
            raise SourceError(
                f"The Dask scheduler at {self._shown} has no workers.",
                hint=f"Start one with: dask worker {self._shown}",
            )
        known = sorted({str(name) for resources in found.values() for name in resources})
        missing = [clean(name, 60) for name in self._vantages if name not in known]
        if missing:
            raise UsageError(
                f"No worker is at the vantage point {missing[0]}.",
                hint=f"Known: {clean(', '.join(known) or 'none', 200)}. "
                f"Start one with: dask worker {self._shown} --resources '{missing[0]}=1'",
            )
        told = await self._asked(client.get_versions(packages=["ingressdoctor"]), self._connect_s)
        for address, versions in sorted(told["workers"].items()):
            theirs = (versions.get("packages") or {}).get("ingressdoctor") if isinstance(versions, dict) else None
            if theirs != self._job.version:
                runs = f"runs ingressdoctor {clean(theirs, 40)}" if theirs else "has no ingressdoctor"
                raise SourceError(
                    f"The worker {clean(str(address), 100)} {runs}, this is {self._job.version}.",
                    hint=f"Install it there: pip install 'ingressdoctor[fleet]=={self._job.version}'",
                )

    async def _workers(self, client: Any) -> dict[str, Mapping[str, object]]:  # noqa: ANN401 - the library is untyped
        """Return the resources of every worker."""
        told = await self._asked(client.scheduler.identity(), self._connect_s)
        return {str(address): worker.get("resources") or {} for address, worker in told["workers"].items()}

    def _counter(self, client: Any, vantage: str) -> Callable[[], Coroutine[Any, Any, int]]:  # noqa: ANN401
        async def count() -> int:
            return sum(not vantage or vantage in resources for resources in (await self._workers(client)).values())

        return count

    async def _asked(self, call: Coroutine[Any, Any, Any], most_s: float) -> Any:  # noqa: ANN401 - untyped library
        try:
            return await asyncio.wait_for(call, most_s)
        except Exception as error:  # noqa: BLE001 - whatever the library raises, the cluster did not do it
            raise SourceError(
                f"The Dask cluster at {self._shown} did not answer: {clean(str(error) or type(error).__name__, 200)}.",
                hint="Look at the logs of its scheduler and workers.",
            ) from None


async def _closed(client: Any) -> None:  # noqa: ANN401 - the library is untyped
    if client is not None:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(client.close(), _FAREWELL_S)


async def _tell_stop(client: Any, name: str, stop: asyncio.Event) -> None:  # noqa: ANN401 - the library is untyped
    """Let the workers know when the sweep is stopped, so that they hand in what they have."""
    await stop.wait()
    with contextlib.suppress(Exception):
        await client.run(stop_here, name, on_error="ignore")
