"""The configuration of a remotely managed tunnel: the JSON that Cloudflare's API returns and pushes to connectors.

Durations are whole seconds there, keys match in any case, and what is unknown is ignored without a word.

Source: cloudflared ingress/config.go (RemoteConfig.UnmarshalJSON), config/configuration.go
(CustomDuration.UnmarshalJSON); Go encoding/json.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared.configuration import Configuration, Flaw, Source, Unreadable
from ingressdoctor.routing.cloudflared.reading import MAX_RULES, origin_request_of, rule_of, warp_routing_of
from ingressdoctor.routing.cloudflared.schema import REMOTE, ListOf, Optional, Plain, Record, Type, name_of

__all__ = ["no_configuration", "read_remote"]

_NANO: Final = 1_000_000_000
_MAX_INT64: Final = 2**63 - 1
_KINDS: Final = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}


class _Misfit(msgspec.Struct, frozen=True):
    text: str


def no_configuration() -> Configuration:
    """Return the configuration of a tunnel that runs with a token alone, before Cloudflare pushed one."""
    return Configuration(source=Source.NONE)


def read_remote(config: object, *, tunnel: str = "", version: int = -1) -> Configuration | Unreadable:
    """Return the configuration that the ``config`` object of an API's answer holds, or why a connector refuses it.

    A null instead of the object is what a tunnel without a configuration has: no rules.
    """
    if config is None:
        return Configuration(source=Source.REMOTE, tunnel=tunnel, version=version)
    found = _value(config, REMOTE, "config")
    if isinstance(found, _Misfit):
        return Unreadable(flaw=Flaw.REMOTE, text=clean(found.text, 300))
    rules = found.get("ingress") or ()
    if len(rules) > MAX_RULES:
        return Unreadable(flaw=Flaw.TOO_LARGE, text=f"{len(rules)} ingress rules; {MAX_RULES} are read at most")
    return Configuration(
        source=Source.REMOTE,
        tunnel=tunnel,
        origin_request=origin_request_of(found.get("originRequest") or {}),
        warp_routing=warp_routing_of(found.get("warp-routing") or {}),
        rules=tuple(rule_of(item) for item in rules),
        version=version,
    )


def _value(value: object, kind: Type, where: str) -> Any:  # noqa: ANN401 - what the schema says
    """Return a JSON value as the schema has it, or the first misfit; null leaves a value as it is."""
    if isinstance(kind, Optional):
        return None if value is None else _value(value, kind.inner, where)
    if isinstance(kind, Record):
        return _record(value, kind, where)
    if isinstance(kind, ListOf):
        return _list(value, kind, where)
    return _ZERO.get(kind) if value is None else _scalar(value, kind, where)


_ZERO: Final[dict[Plain, object]] = {Plain.TEXT: "", Plain.BOOL: False, Plain.INT: 0, Plain.UINT: 0, Plain.UINT64: 0}


def _record(value: object, kind: Record, where: str) -> dict[str, Any] | _Misfit:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return _misfit(value, kind, where)
    names = {name.lower(): name for name in kind.fields}
    out: dict[str, Any] = {}
    for key, content in value.items():
        name = names.get(str(key).lower())
        if name is None:
            continue
        found = _value(content, kind.fields[name], f"{where}.{name}")
        if isinstance(found, _Misfit):
            return found
        out[name] = found
    return out


def _list(value: object, kind: ListOf, where: str) -> list[Any] | _Misfit:
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        return _misfit(value, kind, where)
    out = []
    for item in value:
        found = _value(item, kind.item, where)
        if isinstance(found, _Misfit):
            return found
        out.append(found)
    return out


def _scalar(value: object, kind: Plain, where: str) -> object:
    if kind is Plain.DURATION:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _MAX_INT64:
            return value * _NANO
        return _Misfit(f"{where}: a duration must be a whole number of seconds, not {_shown(value)}")
    if isinstance(value, {Plain.TEXT: str, Plain.BOOL: bool}.get(kind, int)) and (
        kind in (Plain.TEXT, Plain.BOOL) or _in_range(value, kind)
    ):
        return value
    return _misfit(value, kind, where)


def _in_range(value: object, kind: Plain) -> bool:
    low, high = (-_MAX_INT64 - 1, _MAX_INT64) if kind is Plain.INT else (0, 2 * _MAX_INT64 + 1)
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high


def _misfit(value: object, kind: Type, where: str) -> _Misfit:
    return _Misfit(f"json: cannot unmarshal {_shown(value)} into {where} of type {name_of(kind)}")


def _shown(value: object) -> str:
    return _KINDS.get(type(value), "value")
