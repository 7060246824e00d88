"""Run independent calls of one collector side by side, and fail as one of them failed.

A task group wraps errors in a group; the engine knows plain ones. Nothing else happens here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar, overload

from ingressdoctor.errors import SourceError

__all__ = ["together"]

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@overload
async def together(
    first: Coroutine[Any, Any, T],
    second: Coroutine[Any, Any, A],
    third: Coroutine[Any, Any, B],
    fourth: Coroutine[Any, Any, C],
    /,
) -> tuple[T, A, B, C]: ...


@overload
async def together(*calls: Coroutine[Any, Any, T]) -> tuple[T, ...]: ...


async def together(*calls: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Await all *calls* at once and return their results in order.

    Raises:
        SourceError: the first that one of them raised; the others are cancelled.
    """
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
    except BaseExceptionGroup as failures:
        ours, others = failures.split(SourceError)
        if ours is None or others is not None:
            raise
        raise _first(ours) from None
    return tuple(task.result() for task in tasks)


def _first(failures: BaseExceptionGroup[SourceError]) -> SourceError:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
