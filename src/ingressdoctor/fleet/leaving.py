"""Let workers go of a sweep that is gone: one that was killed, or cut off, cannot say goodbye itself.

The scheduler knows when a client leaves, and writes it down; each worker looks there from time to time. Runs in the
event loop of a Dask worker, and knows nothing of sweeps but the name of the plugin.

Source: ``Scheduler.add_client`` and ``remove_client`` of distributed log "add-client" and "remove-client" under the
client's id; ``unregister_worker_plugin`` makes the scheduler and all workers forget a plugin.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

__all__ = ["leave_with_client"]

_LOOK_S: Final = 10.0


async def leave_with_client(worker: Any, client: str, name: str) -> None:  # noqa: ANN401 - the library is untyped
    """Wait until *client* has left the scheduler, and have the plugin *name* removed from all workers."""
    while True:
        await asyncio.sleep(_LOOK_S)
        try:
            if not _left(await worker.scheduler.events(topic=client)):
                continue
            await worker.scheduler.unregister_worker_plugin(name=name)
        except ValueError:
            # Another worker was faster.
            return
        except Exception:  # noqa: BLE001, S112 - whatever the library raises: a scheduler that is away comes back, or ends us
            continue
        return


def _left(events: Any) -> bool:  # noqa: ANN401 - the library is untyped
    """Tell whether the last that is known of a client is that it left; one that lost its way may come back."""
    said = [event.get("action") for _, event in events if isinstance(event, dict)]
    last = [word for word in said if word in {"add-client", "remove-client"}][-1:]
    return last == ["remove-client"]
