"""Decode single Kubernetes objects into the structs of their kinds; those that do not decode are named.

Pure. Asks for nothing and decides nothing about what the objects mean.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from ingressdoctor.collect.kinds import Kind
from ingressdoctor.evidence.kube import Resource
from ingressdoctor.model.text import clean

__all__ = ["decode_into", "decode_one"]

T = TypeVar("T", bound=Resource)


class _Named(msgspec.Struct):
    """Enough of a broken object to name it; nothing more is trusted."""

    metadata: dict[str, Any] | None = None


def decode_into(raw: msgspec.Raw, kind: Kind[T], place: str, items: list[T], broken: list[str]) -> None:
    """Decode one object into *items*, or name it in *broken* with the reason; *place* is for one without a name."""
    try:
        items.append(decode_one(raw, kind))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        broken.append(f"{kind.name} {_name_of(raw) or place}: {clean(str(error), 200)}")


def decode_one(raw: msgspec.Raw, kind: Kind[T]) -> T:
    """Decode one object; on a mismatch again without nulls, which mean the same as absence, and without its history."""
    try:
        item = msgspec.json.decode(raw, type=kind.struct)
    except msgspec.ValidationError:
        plain = _without_nulls(msgspec.json.decode(raw))
        try:
            item = msgspec.convert(plain, kind.struct, strict=False)
        except msgspec.ValidationError:
            # Who edited an object decides nothing: no object is lost for it.
            item = msgspec.convert(_without_history(plain), kind.struct, strict=False)
    return item if item.kind else msgspec.structs.replace(item, kind=kind.name)


def _without_history(value: object) -> object:
    """Return an object without managedFields."""
    meta = value.get("metadata") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(meta, dict):
        return value
    return {**value, "metadata": {key: item for key, item in meta.items() if key != "managedFields"}}


def _without_nulls(value: object) -> object:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_without_nulls(item) for item in value if item is not None]
    return value


def _name_of(raw: msgspec.Raw) -> str:
    """Return ``namespace/name`` of an object that does not decode, or nothing."""
    try:
        meta = msgspec.json.decode(raw, type=_Named).metadata or {}
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    parts = [clean(str(meta[key]), 100) for key in ("namespace", "name") if meta.get(key)]
    return "/".join(parts)
