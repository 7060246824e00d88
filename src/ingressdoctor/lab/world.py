"""A World: one complete simulated environment, read from plain files.

The layout of a world's folder is described in docs/lab.md. This module reads and checks files; it starts
nothing, opens no socket and knows no fault (see faults.py). EndpointSlices are never in the files: derive.py
makes them.

Times: every string in a world may hold `$now`, optionally followed by offsets (`$now-30d`, `$now+5d12h`,
`$now-90s`). They become RFC 3339 UTC times when the world is loaded, so that "expires in 5 days" stays true. `$month`
and `$month-3` become that month as 2026.11, for versions that are dates.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ingressdoctor.errors import LabError
from ingressdoctor.lab.settings import DEFAULT_SETTINGS

Object = Mapping[str, Any]
"""One Kubernetes object, as YAML gave it."""

WORLDS = Path(__file__).parent / "worlds"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One simulated environment, as its files describe it (nothing in it is running)."""

    name: str
    title: str
    walk: str
    settings: Mapping[str, Any]
    objects: tuple[Object, ...]
    zone_files: Mapping[str, str]
    hetzner: Mapping[str, Any]
    cloudflare: Mapping[str, Any]
    backends: tuple[Mapping[str, Any], ...]
    logs: Mapping[str, str]
    connectors: tuple[Mapping[str, Any], ...] = ()

    def select(self, kind: str, namespace: str | None = None, name: str | None = None) -> tuple[Object, ...]:
        """Objects of *kind*, optionally of one namespace and name, in file order."""
        return tuple(
            item
            for item in self.objects
            if item["kind"] == kind
            and (namespace is None or item["metadata"].get("namespace") == namespace)
            and (name is None or item["metadata"]["name"] == name)
        )


# The C parser is ten times as fast; PyYAML has it wherever it was built with libyaml.
_Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc, valid-type]
    """Safe loader that leaves times as the strings they are in the Kubernetes API."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}

_NOW = re.compile(r"\$now((?:[+-]\d+[dhms](?:\d+[dhms])*)*)")
_MONTH = re.compile(r"\$month(?:-(\d+))?")
_OFFSET = re.compile(r"([+-])((?:\d+[dhms])+)")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def _at(now: datetime, offsets: str) -> str:
    """RFC 3339 time of *now* moved by *offsets* such as '-30d' or '+5d12h'."""
    moved = now
    for sign, amounts in _OFFSET.findall(offsets):
        for amount, unit in re.findall(r"(\d+)([dhms])", amounts):
            step = timedelta(**{_UNITS[unit]: int(amount)})
            moved = moved + step if sign == "+" else moved - step
    return moved.strftime("%Y-%m-%dT%H:%M:%SZ")


def _month(now: datetime, before: int) -> str:
    """The month *before* months ago, as 2026.11."""
    count = now.year * 12 + now.month - 1 - before
    return f"{count // 12}.{count % 12 + 1}"


def read_yaml(path: Path, now: datetime) -> list[Any]:
    """Every non-empty document of a YAML file, with `$now` times filled in; LabError when unreadable."""
    try:
        text = path.read_text(encoding="utf-8")
        text = _NOW.sub(lambda found: _at(now, found.group(1)), text)
        text = _MONTH.sub(lambda found: _month(now, int(found.group(1) or 0)), text)
        return [doc for doc in yaml.load_all(text, Loader=_Loader) if doc is not None]
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LabError(f"cannot read the world file {path.name}: {error}") from error


_Shape = TypeVar("_Shape", dict[str, Any], list[Any])


def _one(path: Path, now: datetime, kind: type[_Shape]) -> _Shape:
    """The only document of *path*, which must be a *kind*; an empty *kind* when the file does not exist."""
    if not path.exists():
        return kind()
    documents = read_yaml(path, now)
    if len(documents) != 1 or not isinstance(documents[0], kind):
        raise LabError(f"{path.parent.name}/{path.name} must hold exactly one {kind.__name__}")
    return documents[0]


def _unroll(document: object, source: str) -> Iterator[Object]:
    """The object itself, or the items of a List."""
    if not isinstance(document, dict) or "kind" not in document:
        raise LabError(f"{source}: a document without 'kind' is not a Kubernetes object")
    if document["kind"] == "List":
        for item in document.get("items") or ():
            yield from _unroll(item, source)
        return
    if not isinstance(document.get("metadata"), dict) or "name" not in document["metadata"]:
        raise LabError(f"{source}: {document['kind']} without metadata.name")
    if "apiVersion" not in document:
        raise LabError(f"{source}: {document['kind']} {document['metadata']['name']} without apiVersion")
    yield document


def _objects(folder: Path, now: datetime) -> tuple[Object, ...]:
    found: dict[tuple[str, str, str, str], Object] = {}
    for path in sorted(folder.glob("*.yaml")):
        for document in read_yaml(path, now):
            for item in _unroll(document, path.name):
                meta = item["metadata"]
                group = item["apiVersion"].rpartition("/")[0]
                key = (group, item["kind"], str(meta.get("namespace", "")), meta["name"])
                if key in found:
                    raise LabError(f"{path.name}: {item['kind']} {meta['name']} is in the world twice")
                found[key] = item
    return tuple(found.values())


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """*over* laid on *base*, mapping by mapping; lists and scalars are replaced whole."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return result


def _logs(folder: Path, now: datetime) -> dict[str, str]:
    return {
        path.relative_to(folder).with_suffix("").as_posix(): _NOW.sub(
            lambda found: _at(now, found.group(1)), path.read_text(encoding="utf-8")
        )
        for path in sorted(folder.rglob("*.log"))
    }


def list_worlds() -> tuple[str, ...]:
    """Names of the worlds that ship with the package."""
    return tuple(sorted(path.parent.name for path in WORLDS.glob("*/world.yaml")))


def world_folder(name: str) -> Path:
    """Folder of a shipped world; LabError names the known ones."""
    if name not in list_worlds():
        raise LabError(f"no world named {name!r}", hint=f"known worlds: {', '.join(list_worlds()) or 'none'}")
    return WORLDS / name


def default_host(name: str) -> str:
    """The hostname a shipped world is about (`settings.host` of its world.yaml)."""
    head = _one(world_folder(name) / "world.yaml", datetime.now(UTC), dict)
    return str((head.get("settings") or {}).get("host", ""))


def expected_of(name: str) -> Mapping[str, Any]:
    """What a diagnosis of the unchanged world must say (`expect` of its world.yaml); a pass unless it says more."""
    head = _one(world_folder(name) / "world.yaml", datetime.now(UTC), dict)
    return {"status": "pass", **(head.get("expect") or {})}


def load_world(name: str, *, now: datetime | None = None) -> World:
    """The healthy world *name*, with its times relative to *now* (default: this moment)."""
    folder = world_folder(name)
    moment = now or datetime.now(UTC)
    head = _one(folder / "world.yaml", moment, dict)
    missing = [key for key in ("title", "walk") if not isinstance(head.get(key), str)]
    if missing:
        raise LabError(f"world {name}: world.yaml lacks {', '.join(missing)}")
    return World(
        name=name,
        title=head["title"],
        walk=head["walk"],
        settings=merged(DEFAULT_SETTINGS, head.get("settings") or {}),
        objects=_objects(folder / "manifests", moment),
        zone_files={path.stem: path.read_text(encoding="utf-8") for path in sorted(folder.glob("zone/*.zone"))},
        hetzner=_one(folder / "hetzner.yaml", moment, dict),
        cloudflare=_one(folder / "cloudflare.yaml", moment, dict),
        backends=tuple(_one(folder / "backends.yaml", moment, list)),
        logs=_logs(folder / "logs", moment),
        connectors=tuple(_one(folder / "connectors.yaml", moment, list)),
    )
