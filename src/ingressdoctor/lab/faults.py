"""Faults: named patches to a World's files, each with the diagnosis it must lead to.

A patch changes only what an operator or an outage would change; the symptom has to emerge from the running
lab. A patch that matches nothing, or that changes nothing, is a LabError. Patches are data: docs/lab.md
describes them. Pure but for reading the fault files.
"""

from __future__ import annotations

import copy
import dataclasses
import difflib
import fnmatch
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from ingressdoctor.errors import LabError
from ingressdoctor.lab.edits import as_edited
from ingressdoctor.lab.paths import PathError, get_at, remove_at, set_at
from ingressdoctor.lab.world import Object, World, default_host, merged, read_yaml, world_folder

Kind = Literal["fault", "unusual", "healthy"]
Expected = Literal["pass", "warn", "fail"]

_FOLDERS: tuple[tuple[str, Kind], ...] = (("faults", "fault"), ("unusual", "unusual"))
_PLACES = ("hetzner", "cloudflare", "settings", "backends", "logs", "connectors")
_LISTS = ("objects", "backends", "connectors")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What a diagnosis of the patched world must say: worst status, root cause, symptom seen from outside.

    *beside* are warnings that the world deserves anyway, wherever they stand. *effects* are checks that must not be
    content either: what the cause brings about, and what cannot be told because of it.
    """

    status: Expected
    cause: str | None = None
    symptom: str | None = None
    beside: tuple[str, ...] = ()
    effects: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One named patch to a world: something broken, or something unusual that must not count as broken.

    *host* is what to ask about (a host or a URL, mysql:// too), *client_ip* for whose address lists are judged.
    """

    name: str
    world: str
    title: str
    kind: Kind
    host: str
    client_ip: str = ""
    patch: tuple[Mapping[str, Any], ...]
    expect: Expectation


def load_faults(world_name: str) -> tuple[Fault, ...]:
    """Every fault and unusual state of a shipped world, faults first, each group by name."""
    now, host = datetime.now(UTC), default_host(world_name)
    return tuple(_read(world_name, path, kind, host, now) for path, kind in _files(world_name))


def _files(world_name: str) -> list[tuple[Path, Kind]]:
    folder = world_folder(world_name)
    return [(path, kind) for sub, kind in _FOLDERS for path in sorted((folder / sub).glob("*.yaml"))]


def _read(world_name: str, path: Path, kind: Kind, host: str, now: datetime) -> Fault:
    documents = read_yaml(path, now)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise LabError(f"{path.parent.name}/{path.name} must hold exactly one mapping")
    head = {"host": host, **documents[0]}
    if parts := head.pop("parts", ()):
        first = [step for part in parts for step in _part(world_name, str(part), now)]
        head["patch"] = [*first, *head.get("patch", ())]
    return _fault(path.stem, world_name, kind, head)


def _part(world_name: str, name: str, now: datetime) -> list[Any]:
    """The operations of a file in the world's `parts`, which several faults begin with."""
    documents = read_yaml(world_folder(world_name) / "parts" / f"{name}.yaml", now)
    if len(documents) != 1 or not isinstance(documents[0], list):
        raise LabError(f"parts/{name}.yaml must hold exactly one list of operations")
    return list(documents[0])


def load_fault(world_name: str, name: str) -> Fault:
    """The fault *name* of a world; LabError names the nearest known one."""
    files = {path.stem: (path, kind) for path, kind in _files(world_name)}
    if name in files:
        path, kind = files[name]
        return _read(world_name, path, kind, default_host(world_name), datetime.now(UTC))
    near = difflib.get_close_matches(name, files, n=3, cutoff=0.3)
    raise LabError(f"world {world_name} has no fault {name!r}", hint=f"nearest: {', '.join(near) or 'none'}")


def _fault(name: str, world: str, kind: Kind, head: Mapping[str, Any]) -> Fault:
    unknown = set(head) - {"title", "host", "client_ip", "patch", "expect"}
    expect = head.get("expect") or {}
    if unknown or not isinstance(head.get("title"), str) or not isinstance(head.get("patch"), list):
        raise LabError(f"fault {name}: needs title, patch and expect; unknown: {sorted(unknown) or 'none'}")
    if set(expect) - {"status", "cause", "symptom", "beside", "effects"} or expect.get("status") not in get_args(
        Expected
    ):
        raise LabError(f"fault {name}: expect.status must be one of {', '.join(get_args(Expected))}")
    return Fault(
        name=name,
        world=world,
        title=head["title"],
        kind=kind,
        host=str(head["host"]),
        client_ip=str(head.get("client_ip") or ""),
        patch=tuple(head["patch"]),
        expect=Expectation(**{**expect, **{key: tuple(expect.get(key) or ()) for key in ("beside", "effects")}}),
    )


def apply_fault(world: World, fault: Fault) -> World:
    """A copy of *world* with every operation of *fault* done; LabError when one does nothing."""
    state: dict[str, Any] = {
        field.name: copy.deepcopy(getattr(world, field.name)) for field in dataclasses.fields(World)
    }
    for name in _LISTS:
        state[name] = list(state[name])
    before = repr(state) if fault.patch else ""
    for number, operation in enumerate(fault.patch, start=1):
        try:
            _apply(state, operation)
        except PathError as error:
            raise LabError(f"fault {fault.name}, operation {number} ({_head(operation)}): {error}") from error
        after = repr(state)
        if after == before:
            raise LabError(f"fault {fault.name}, operation {number} ({_head(operation)}) changes nothing")
        before = after
    lists = {name: tuple(state[name]) for name in _LISTS} | {"objects": as_edited(world.objects, state["objects"])}
    return World(**state | lists)


def made_ready(world: World, host: str) -> World:
    """*world* as it is started to be asked about *host*: with its databases up, where MySQL is asked for."""
    if not host.startswith("mysql://"):
        return world
    return dataclasses.replace(world, settings=merged(world.settings, {"sql": {"started": True}}))


def _head(operation: Mapping[str, Any]) -> str:
    """Short text that lets the author find the operation in the file."""
    target = operation.get("object") or operation.get("add")
    if isinstance(target, Mapping):
        meta = target.get("metadata") or target
        return f"{target.get('kind')} {meta.get('namespace', '')}/{meta.get('name')}"
    return next(iter(operation), "empty")


def _apply(state: dict[str, Any], operation: Mapping[str, Any]) -> None:
    wanted, added, zone = (operation.get(key) for key in ("object", "add", "zone"))
    if isinstance(wanted, Mapping):
        rest = {key: value for key, value in operation.items() if key != "object"}
        _change_objects(state["objects"], wanted, rest)
    elif isinstance(added, Mapping) and len(operation) == 1:
        _add(state["objects"], added)
    elif isinstance(zone, Mapping) and len(operation) == 1:
        _change_zone(state["zone_files"], zone)
    elif len(operation) == 1 and next(iter(operation)) in _PLACES:
        ((place, change),) = operation.items()
        _change(state[place], change)
    else:
        raise PathError(f"not an operation: {sorted(operation)}")


def _change(root: Any, change: Mapping[str, Any]) -> None:  # noqa: ANN401  (plain data of any shape)
    if not change or set(change) - {"set", "remove", "replace"}:
        raise PathError("a change needs 'set' or 'remove' or 'replace'")
    for path, texts in (change.get("replace") or {}).items():
        _replace_text(root, path, texts)
    for path, value in (change.get("set") or {}).items():
        set_at(root, path, copy.deepcopy(value))
    for path in change.get("remove") or ():
        remove_at(root, path)


def _replace_text(root: Any, path: str, texts: Mapping[str, str]) -> None:  # noqa: ANN401  (plain data of any shape)
    """Change parts of the one text at *path*."""
    whole = get_at(root, path)[0]
    for old, new in texts.items():
        if not isinstance(whole, str) or old not in whole:
            raise PathError(f"{path!r}: the text {old!r} is not in it")
        whole = whole.replace(old, new)
    set_at(root, path, whole)


def _describe(item: Object) -> str:
    return f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}"


def _change_objects(objects: list[Any], wanted: Mapping[str, Any], change: Mapping[str, Any]) -> None:
    """Change or delete the objects that *wanted* names; the name may hold `*`."""
    found = [
        item
        for item in objects
        if item["kind"] == wanted.get("kind")
        and item["metadata"].get("namespace") == wanted.get("namespace")
        and fnmatch.fnmatchcase(item["metadata"]["name"], str(wanted.get("name")))
    ]
    if not found:
        label = f"{wanted.get('kind')} {wanted.get('namespace') or ''}/{wanted.get('name')}"
        near = difflib.get_close_matches(label, [_describe(item) for item in objects], n=1, cutoff=0)
        raise PathError(f"no object {label}; nearest: {near[0] if near else 'none'}")
    if change == {"delete": True}:
        objects[:] = [item for item in objects if not any(item is gone for gone in found)]
        return
    for item in found:
        _change(item, change)


def _add(objects: list[Any], item: Mapping[str, Any]) -> None:
    if not {"apiVersion", "kind", "metadata"} <= set(item) or "name" not in item["metadata"]:
        raise PathError("an added object needs apiVersion, kind and metadata.name")
    group = item["apiVersion"].rpartition("/")[0]
    if any(_describe(item) == _describe(other) and other["apiVersion"].startswith(group) for other in objects):
        raise PathError(f"{_describe(item)} exists already")
    objects.append(copy.deepcopy(item))


def _change_zone(zones: dict[str, str], change: Mapping[str, Any]) -> None:
    """Change the zone file of `origin`: `append` a text, `replace` text by text, or `set` it whole."""
    origin = str(change.get("origin"))
    if "set" in change:
        zones[origin] = str(change["set"])
        return
    if origin not in zones:
        raise PathError(f"no zone file {origin!r}; known: {', '.join(sorted(zones)) or 'none'}")
    for old, new in (change.get("replace") or {}).items():
        if old not in zones[origin]:
            raise PathError(f"zone {origin}: the text {old!r} is not in it")
        zones[origin] = zones[origin].replace(old, new)
    if "append" in change:
        zones[origin] = zones[origin].rstrip(os.linesep) + "\n" + str(change["append"]) + "\n"
