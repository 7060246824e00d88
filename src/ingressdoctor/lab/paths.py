"""Paths into plain data, for patches: `spec.routes[0].match`, `annotations["a/b.c"]`, `list[name=x]`.

A path is keys joined by dots, with brackets for what a key cannot say: `["any text"]` a key with dots or that
very element of a list of texts, `[2]` an index, `[*]` every element, `[name=x,type=A]` the elements whose fields
(themselves dotted keys) have these values, and, for setting only, a final `[+]` that appends. Everything but the
last key must exist: a misspelt path is a PathError that names the nearest known key, never a silent new branch.
Pure: no I/O.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

_STEP = re.compile(
    r"""\.?(?P<key>[^.\[\]]+)            # plain key
      | \["(?P<quoted>[^"]*)"\]          # key that holds dots
      | \[(?P<index>\d+)\]
      | \[(?P<every>\*)\]
      | \[(?P<append>\+)\]
      | \[(?P<where>[^\]="]+=[^\]]*)\]   # fields of the element
    """,
    re.VERBOSE,
)

APPEND = "+"
EVERY = "*"

Step = str | int | tuple[tuple[str, str], ...]
"""A key or APPEND or EVERY (the latter two only as `_Mark`), an index, or the wanted fields of an element."""


class _Mark(str):
    """A bracketed sign, kept apart from a key that happens to be spelt alike."""

    __slots__ = ()


class PathError(ValueError):
    """The path cannot be read, or leads to nothing."""


def parse(path: str) -> tuple[Step, ...]:
    """The steps of *path*; PathError when it is malformed."""
    steps: list[Step] = []
    at = 0
    while at < len(path):
        found = _STEP.match(path, at)
        if found is None:
            raise PathError(f"cannot read the path {path!r} at {path[at:]!r}")
        steps.append(_step(found))
        at = found.end()
    if not steps:
        raise PathError("an empty path")
    return tuple(steps)


def _step(found: re.Match[str]) -> Step:
    if found["index"] is not None:
        return int(found["index"])
    if found["where"] is not None:
        fields = (part.partition("=") for part in found["where"].split(","))
        return tuple((key.strip(), value.strip()) for key, _, value in fields)
    if found["every"] or found["append"]:
        return _Mark(found["every"] or found["append"])
    return str(found["quoted"] if found["quoted"] is not None else found["key"])


def set_at(root: Any, path: str, value: object) -> None:  # noqa: ANN401  (plain data of any shape)
    """Put *value* at every place *path* names inside *root*, in place."""
    *way, last = parse(path)
    for parent in _walk(root, way, path):
        if last == APPEND and isinstance(last, _Mark):
            if not isinstance(parent, list):
                raise PathError(f"{path!r}: only a list can be appended to")
            parent.append(value)
            continue
        for key in _keys(parent, last, path, new=True):
            parent[key] = value


def remove_at(root: Any, path: str) -> None:  # noqa: ANN401  (plain data of any shape)
    """Take away what *path* names inside *root*, in place; PathError when there is nothing."""
    *way, last = parse(path)
    for parent in _walk(root, way, path):
        for key in sorted(_keys(parent, last, path, new=False), reverse=True):
            del parent[key]


def get_at(root: Any, path: str) -> tuple[Any, ...]:  # noqa: ANN401  (plain data of any shape)
    """Every value *path* names inside *root*; PathError when there is none."""
    return tuple(_walk(root, parse(path), path))


def _walk(root: Any, steps: Iterable[Step], path: str) -> list[Any]:  # noqa: ANN401
    here = [root]
    for step in steps:
        here = [node[key] for node in here for key in _keys(node, step, path, new=False)]
    return here


def _keys(node: Any, step: Step, path: str, *, new: bool) -> list[Any]:  # noqa: ANN401
    """Keys of *node* that *step* names; a missing plain key is allowed only when *new*."""
    if isinstance(node, dict) and isinstance(step, str) and not isinstance(step, _Mark):
        if step not in node and not new:
            near = difflib.get_close_matches(step, map(str, node), n=1, cutoff=0)
            raise PathError(f"{path!r}: no key {step!r}; nearest: {near[0] if near else 'none, it is empty'}")
        return [step]
    if not isinstance(node, list):
        raise PathError(f"{path!r}: {step!r} does not fit a {type(node).__name__}")
    if isinstance(step, int) and step < len(node):
        return [step]
    if isinstance(step, _Mark) and step == EVERY and node:
        return list(range(len(node)))
    if isinstance(step, tuple):
        wanted = [place for place, item in enumerate(node) if _fits(item, step)]
    elif isinstance(step, str) and not isinstance(step, _Mark):
        wanted = [place for place, item in enumerate(node) if item == step]
    else:
        wanted = []
    if wanted:
        return wanted
    raise PathError(f"{path!r}: no element {step!r} in a list of {len(node)}")


def _fits(item: Any, fields: tuple[tuple[str, str], ...]) -> bool:  # noqa: ANN401
    for key, value in fields:
        node = item
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if str(node) != value:
            return False
    return True
