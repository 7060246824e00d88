"""Read what a function needs from the types of its parameters, as pytest and FastAPI do.

Only reads and refuses; the engine decides what can be provided. Hundreds of signatures are read in every run, nearly
all of them of one form: their types are looked up by name, which takes a tenth of evaluating them.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Awaitable, Callable
from typing import Any, Final, Generic, TypeVar

import msgspec

from ingressdoctor.errors import PluginError
from ingressdoctor.model.evidence import Unavailable

__all__ = ["Later", "Need", "Seen", "read_needs", "returns_of"]

T = TypeVar("T")

_SPREADING: Final = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


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
    plain = _plain_needs(function)
    if plain is not None:
        return plain
    where = _where(function)
    hints = _hints(function, where)
    return tuple(_need(p, hints, where) for p in inspect.signature(function).parameters.values())


def returns_of(function: Callable[..., object]) -> type:
    """Return the evidence type that a collector is annotated to return, without ``Unavailable``.

    Raises:
        PluginError: the return annotation is missing or is not one class (or that class ``| Unavailable``).
    """
    plain = _plain_need("return", function) if _is_plain(function) else None
    if plain is not None and not (plain.later or plain.seen):
        return plain.wanted
    where = _where(function)
    hint = _hints(function, where).get("return")
    wanted, _ = _split(hint)
    if wanted is None or wanted is type(None):
        raise PluginError(
            f"{where} must say which evidence it returns.", hint="Annotate it: -> DnsAnswers | Unavailable"
        )
    return wanted


def _is_plain(function: Callable[..., object]) -> bool:
    """Tell whether a signature is what the ``def`` says: no decorator has wrapped it or replaced its signature."""
    return type(function) is types.FunctionType and not vars(function).keys() & {"__wrapped__", "__signature__"}


def _plain_needs(function: Any) -> tuple[Need, ...] | None:  # noqa: ANN401 - a function's own attributes
    """Return the needs of a function with plain parameters of plain types; None where it takes a closer look."""
    if not _is_plain(function) or function.__defaults__ or function.__kwdefaults__:
        return None
    code = function.__code__
    if code.co_flags & _SPREADING or code.co_posonlyargcount:
        return None
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    needs = [need for need in (_plain_need(name, function) for name in names) if need is not None]
    return tuple(needs) if len(needs) == len(names) else None


def _plain_need(parameter: str, function: Any) -> Need | None:  # noqa: ANN401 - a function's own attributes
    """Return the need if it is X, X | Unavailable, Later[X] or Seen[X], of names in the function's module."""
    text, known = function.__annotations__.get(parameter), function.__globals__
    if not isinstance(text, str):
        return None
    outer, _, inner = text.partition("[")
    kind = known.get(outer) if inner.endswith("]") else None
    later, seen = kind is Later, kind is Seen
    name, bar, other = (inner[:-1] if later or seen else text).partition(" | ")
    wanted, tolerant = known.get(name), bool(bar)
    if not isinstance(wanted, type) or (tolerant and (wanted is Unavailable or known.get(other) is not Unavailable)):
        return None
    return Need(parameter=parameter, wanted=wanted, tolerant=tolerant or later or seen, later=later, seen=seen)


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
