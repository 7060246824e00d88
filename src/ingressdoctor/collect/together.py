"""Run independent calls of one collector side by side, and fail as one of them failed.

A task group wraps errors in a group; the engine knows plain ones. Nothing else happens here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from types import CoroutineType
from typing import Any, TypeVar, overload

from ingressdoctor.errors import SourceError
from ingressdoctor.model.begun import Begun, begin

__all__ = ["together"]

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")


@overload
async def together(first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, A], /) -> tuple[T, A]: ...


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

    What is at hand costs no task: calls are begun here one after the other until one has to wait; the others then get
    tasks of their own.

    Raises:
        SourceError: the first that one of them raised; the others are cancelled.
    """
    results: list[Any] = []
    for number, call in enumerate(calls):
        if not isinstance(call, CoroutineType):
            return (*results, *await _side_by_side(None, calls[number:]))
        try:
            result, rest = begin(call)
        except BaseException as error:
            for other in calls[number + 1 :]:
                other.close()
            if isinstance(error, SourceError) or not isinstance(error, Exception):
                raise
            # A bug looks the same whether it shows before or after the first wait.
            raise ExceptionGroup("unhandled errors in calls side by side", [error]) from None
        if rest is not None:
            return (*results, *await _side_by_side(rest, calls[number + 1 :]))
        results.append(result)
    return tuple(results)


async def _side_by_side(begun: Begun | None, calls: Sequence[Coroutine[Any, Any, Any]]) -> tuple[Any, ...]:
    """Await one call that this task has begun, if any, and the others in tasks."""
    results: list[Any] = []
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(call) for call in calls]
            if begun is not None:
                results.append(await begun)
    except BaseExceptionGroup as failures:
        ours, others = failures.split(SourceError)
        if ours is None or others is not None:
            raise
        raise _first(ours) from None
    return (*results, *(task.result() for task in tasks))


def _first(failures: BaseExceptionGroup[SourceError]) -> SourceError:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
