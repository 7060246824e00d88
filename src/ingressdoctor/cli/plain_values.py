"""Take values from the command line that need no converting as they are.

typer converts and checks every value with pydantic, also defaults; loading it and building its validators takes a tenth
of a second, more than all that is typed on a command line is worth. What is anything but plain is left to typer, and so
is every complaint.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import Any, Final

import typer

__all__ = ["spare_converting"]

_NUMBERS: Final = {int: re.compile("[0-9]{1,9}"), float: re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")}
_AS_THEY_ARE: Final = (str, bool)
_NOT_PLAIN: Final = object()


def spare_converting(command: Any) -> None:  # noqa: ANN401 - typer's commands have no public type
    """Have plain values of *command* and of all commands below it taken as they are."""
    # Not the list of parameters: the one for --help is made when it is asked for.
    command.get_params = partial(_params, command.get_params)
    for below in getattr(command, "commands", {}).values():
        spare_converting(below)


def _params(otherwise: Callable[..., list[Any]], ctx: typer.Context) -> list[Any]:
    params = otherwise(ctx)
    for param in params:
        if not isinstance(param.process_value, partial):
            param.process_value = partial(_processed, param, param.process_value)
    return params


def _processed(param: Any, otherwise: Callable[..., Any], ctx: typer.Context, value: Any) -> Any:  # noqa: ANN401
    plain = _plain(param, value)
    if plain is _NOT_PLAIN or (param.required and param.value_is_missing(plain)):
        return otherwise(ctx, value)
    return plain if param.callback is None else param.callback(ctx, param, plain)


def _plain(param: Any, value: object) -> object:  # noqa: ANN401
    """Return what typer would make of *value*, or ``_NOT_PLAIN``."""
    described = getattr(param, "type_descriptor", None)
    annotation, info = getattr(described, "annotation", None), getattr(described, "parameter_info", None)
    if info is None or info.parser is not None or param.nargs not in (1, -1):
        return _NOT_PLAIN
    many = param.multiple or param.nargs == -1
    if value is None:
        return () if many else None
    if many:
        return _texts(value) if annotation == list[str] else _NOT_PLAIN
    if annotation in _AS_THEY_ARE:
        return value if isinstance(value, annotation) and str(value).isascii() else _NOT_PLAIN
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return next((item for item in annotation if value is item or value == item.value), _NOT_PLAIN)
    return _number(annotation, info, value)


def _texts(value: object) -> object:
    return list(value) if isinstance(value, (list, tuple)) and all(map(_is_text, value)) else _NOT_PLAIN


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.isascii()


def _number(annotation: Any, info: Any, value: object) -> object:  # noqa: ANN401
    if annotation not in _NUMBERS or info.clamp:
        return _NOT_PLAIN
    if isinstance(value, str) and _NUMBERS[annotation].fullmatch(value):
        value = annotation(value)
    within = type(value) is annotation and (info.min is None or value >= info.min)
    return value if within and (info.max is None or value <= info.max) else _NOT_PLAIN
