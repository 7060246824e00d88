"""Read what a function needs from the types of its parameters, as pytest and FastAPI do.

Only reads and refuses; the engine decides what can be provided.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import msgspec

from ingressdoctor.errors import PluginError
from ingressdoctor.model.evidence import Unavailable

__all__ = ["Later", "Need", "Seen", "read_needs", "returns_of"]

T = TypeVar("T")


class Later(Generic[T]):
    """Evidence that a collector asks for only if it turns out to need it: a parameter annotated ``Later[T]``."""

    def __init__(self, fetch: Callable[[], Awaitable[T | Unavailable]]) -> None:
        self._fetch = fetch

    async def get(self) -> T | Unavailable:
        """Have it collected, at the first call anywhere, and return it or why it is not there."""
        return await self._fetch()


class Seen(Generic[T]):
    """Evidence that a collector takes into account if the run has it already: a parameter annotated ``Seen[T]``.

    Nothing is collected for it; ``value`` is None where nobody else wanted it, and where it could not be had.
    """

    def __init__(self, value: T | None) -> None:
        self.value = value


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter: its name, the type wanted, and whether ``Unavailable`` is welcome too.

    ``later`` tells that it is collected only when the function asks for it, ``seen`` that it is not collected for this
    function at all; such needs are tolerant.
    """

    parameter: str
    wanted: type
    tolerant: bool = False
    later: bool = False
    seen: bool = False


def read_needs(function: Callable[..., object]) -> tuple[Need, ...]:
    """Return the needs of *function*, in parameter order.

    Raises:
        PluginError: a parameter has no annotation, a default, or an annotation that is not one type
            (``X``, ``X | Unavailable``, ``Later[X]`` or ``Seen[X]``).
    """
    where = _where(function)
    hints = _hints(function, where)
    return tuple(_need(p, hints, where) for p in inspect.signature(function).parameters.values())


def returns_of(function: Callable[..., object]) -> type:
    """Return the evidence type that a collector is annotated to return, without ``Unavailable``.

    Raises:
        PluginError: the return annotation is missing or is not one class (or that class ``| Unavailable``).
    """
    where = _where(function)
    hint = _hints(function, where).get("return")
    wanted, _ = _split(hint)
    if wanted is None or wanted is type(None):
        raise PluginError(
            f"{where} must say which evidence it returns.", hint="Annotate it: -> DnsAnswers | Unavailable"
        )
    return wanted


def _need(parameter: inspect.Parameter, hints: dict[str, object], where: str) -> Need:
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise PluginError(f"{where}: parameter {parameter.name!r} cannot be filled by name.", hint="Use plain ones.")
    if parameter.default is not parameter.empty:
        raise PluginError(f"{where}: parameter {parameter.name!r} has a default; evidence has none.")
    hint = hints.get(parameter.name)
    later, seen = (typing.get_origin(hint) is kind for kind in (Later, Seen))
    wanted, tolerant = _split(typing.get_args(hint)[0] if later or seen else hint)
    if wanted is None:
        raise PluginError(
            f"{where}: parameter {parameter.name!r} must be annotated with one type.",
            hint=f"For example: {parameter.name}: DnsAnswers, or DnsAnswers | Unavailable",
        )
    return Need(parameter=parameter.name, wanted=wanted, tolerant=tolerant or later or seen, later=later, seen=seen)


def _split(hint: object) -> tuple[type | None, bool]:
    """Return (the one class in *hint* or None, whether ``Unavailable`` stands beside it)."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        members = [item for item in typing.get_args(hint) if item is not Unavailable]
        tolerant = len(members) < len(typing.get_args(hint))
        if len(members) == 1 and isinstance(members[0], type):
            return members[0], tolerant
        return None, tolerant
    return (hint, False) if isinstance(hint, type) else (None, False)


def _hints(function: Callable[..., object], where: str) -> dict[str, object]:
    try:
        return typing.get_type_hints(function)
    except (NameError, TypeError, AttributeError, SyntaxError) as error:
        raise PluginError(
            f"{where}: its annotations cannot be read ({error}).",
            hint="Import every type that the signature names at the top of the module.",
        ) from error


def _where(function: Callable[..., object]) -> str:
    return f"{getattr(function, '__module__', '?')}.{getattr(function, '__qualname__', '?')}"
