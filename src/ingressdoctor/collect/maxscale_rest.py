"""Turn answers of MaxScale's REST API into evidence. Pure; anything may be missing, null or of another type.

Names differ between releases: what 23.08 and 24.02 tell of a service's accounts, older ones tell of its listeners; the
roles Master and Slave are Primary and Replica in newer prose, and may become so here.

Source: MaxScale Documentation/REST-API (Resources), server/core/target.cc; observed on 23.08.5 and 24.02.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.evidence.maxscale import (
    MaxScaleAccount,
    MaxScaleInstance,
    MaxScaleListener,
    MaxScaleMonitor,
    MaxScaleServer,
    MaxScaleService,
)
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["PATHS", "SERVERS", "parse_instance", "resources_of"]

SERVERS: Final = "/v1/servers"
_MAXSCALE: Final = "/v1/maxscale"
_SERVICES: Final = "/v1/services"
_LISTENERS: Final = "/v1/listeners"
_MONITORS: Final = "/v1/monitors"
_LOG: Final = "/v1/maxscale/logs/data?page%5Bsize%5D=300"
PATHS: Final = (SERVERS, _SERVICES, _MONITORS, _MAXSCALE, _LISTENERS, _LOG)
"""What is asked, the most telling first; the services hold the listeners too, and a pod its log."""

_NAME: Final = 200
_TEXT: Final = 300
_MOST: Final = 500
_ACCOUNTS: Final = 50_000
_LINES: Final = 500


def resources_of(body: bytes) -> tuple[Mapping[str, Any], ...] | None:
    """Return what ``data`` holds, one resource or many; None when this is no answer of the API."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if not isinstance(found, dict) or "data" not in found:
        return None
    data = found["data"]
    if isinstance(data, dict):
        return (data,)
    return tuple(item for item in data[:_MOST] if isinstance(item, dict)) if isinstance(data, list) else None


def parse_instance(place: str, bodies: Mapping[str, bytes]) -> MaxScaleInstance | None:
    """Put the answers of one instance together, by path; None when its servers are no answer of the API."""
    servers = resources_of(bodies.get(SERVERS, b""))
    if servers is None:
        return None
    services = resources_of(bodies.get(_SERVICES, b"")) or ()
    own = [raw for item in services for raw in as_list(_attributes(item).get("listeners"))[:_MOST]]
    listed = resources_of(bodies.get(_LISTENERS, b"")) or tuple(raw for raw in own if isinstance(raw, dict))
    listeners = tuple(map(_listener, listed))
    known = next(iter(resources_of(bodies.get(_MAXSCALE, b"")) or ()), {})
    about = _attributes(known)
    parameters, sync = as_map(about.get("parameters")), as_map(about.get("config_sync"))
    return MaxScaleInstance(
        place=place,
        version=_text(about.get("version")),
        started_at=_text(about.get("started_at")),
        servers=tuple(map(_server, servers)),
        services=tuple(_service(item, listed) for item in services),
        listeners=listeners,
        monitors=tuple(map(_monitor, resources_of(bodies.get(_MONITORS, b"")) or ())),
        strikes=_int(parameters.get("max_auth_errors_until_block")),
        skips_names=parameters.get("skip_name_resolve") is True,
        config_version=_int(sync.get("version")) if "version" in sync else None,
        config_trouble=_sync_trouble(sync),
        log=_log(resources_of(bodies.get(_LOG, b""))),
    )


def _log(told: tuple[Mapping[str, Any], ...] | None) -> tuple[str, ...] | None:
    """Return the lines as they stand in the log of a pod."""
    entries = _attributes(told[0]).get("log") if told else None
    if not isinstance(entries, list):
        return None
    return tuple(map(_line, map(as_map, entries[-_LINES:])))


def _line(entry: Mapping[str, Any]) -> str:
    when, level = as_text(entry.get("timestamp"))[:30], as_text(entry.get("priority"))[:10]
    return f"{when} {level} : {as_text(entry.get('message'))[:2_000]}"


def _sync_trouble(sync: Mapping[str, Any]) -> str:
    status = _text(sync.get("status"))
    nodes = (f"{_text(name)}: {_text(said)}" for name, said in as_map(sync.get("nodes")).items() if said != "OK")
    return status if status not in ("", "OK") else next(nodes, "")


def _server(item: Mapping[str, Any]) -> MaxScaleServer:
    about = _attributes(item)
    parameters, statistics = as_map(about.get("parameters")), as_map(about.get("statistics"))
    return MaxScaleServer(
        name=_text(item.get("id")),
        address=_text(parameters.get("address")) or _text(parameters.get("socket")),
        port=_int(parameters.get("port")),
        states=tuple(word.strip() for word in _text(about.get("state")).split(",") if word.strip()),
        version=_text(about.get("version_string")),
        connections=_int(statistics.get("connections")),
        limit=_int(parameters.get("max_routing_connections")),
        failed_auths=_int(statistics.get("failed_auths")),
        proxy_protocol=parameters.get("proxy_protocol") in (True, "true"),
        tls=parameters.get("ssl") in (True, "true"),
        last_event=_text(about.get("last_event")),
        errors=tuple(_replication_errors(about)),
    )


def _replication_errors(about: Mapping[str, Any]) -> Iterator[str]:
    for link in map(as_map, as_list(about.get("slave_connections"))[:20]):
        for key in ("last_io_error", "last_sql_error"):
            if said := _long(link.get(key)):
                yield said
    if details := _long(about.get("state_details")):
        yield details


def _service(item: Mapping[str, Any], listeners: tuple[Mapping[str, Any], ...]) -> MaxScaleService:
    about = _attributes(item)
    name = _text(item.get("id"))
    parameters, statistics = as_map(about.get("parameters")), as_map(about.get("statistics"))
    users = about.get("users")
    if not isinstance(users, list):
        users = _users_of_listeners(name, listeners)
    return MaxScaleService(
        name=name,
        state=_text(about.get("state")),
        router=_text(about.get("router")),
        servers=tuple(_related(item, "servers")),
        users=None if users is None else tuple(map(_account, users[:_ACCOUNTS])),
        users_updated=_text(about.get("users_last_update")),
        user=_text(parameters.get("user")),
        connections=_int(about.get("connections")) or _int(statistics.get("connections")),
        limit=_int(parameters.get("max_connections")),
        failed_auths=_int(statistics.get("failed_auths")),
        master_failure_mode=_text(parameters.get("master_failure_mode")),
        root_enabled=parameters.get("enable_root_user") in (True, "true"),
    )


def _users_of_listeners(service: str, listeners: tuple[Mapping[str, Any], ...]) -> list[Any] | None:
    """Return the accounts as releases before 6 tell them: with each listener."""
    for item in listeners:
        told = _attributes(item).get("authenticator_diagnostics")
        if isinstance(told, list) and _service_of(item) in ("", service):
            return told
    return None


def _account(raw: object) -> MaxScaleAccount:
    item = as_map(raw)
    return MaxScaleAccount(
        user=_text(item.get("user")),
        host=_text(item.get("host")),
        plugin=_text(item.get("plugin")),
        tls=item.get("ssl") is True,
    )


def _listener(item: Mapping[str, Any]) -> MaxScaleListener:
    about = _attributes(item)
    parameters = as_map(about.get("parameters"))
    return MaxScaleListener(
        name=_text(item.get("id")),
        state=_text(about.get("state")),
        service=_service_of(item),
        address=_text(parameters.get("address")),
        port=_int(parameters.get("port")),
        tls=parameters.get("ssl") in (True, "true", "required"),
        authenticator=_text(parameters.get("authenticator")),
        proxy_networks=_text(parameters.get("proxy_protocol_networks")),
    )


def _service_of(item: Mapping[str, Any]) -> str:
    named = _text(as_map(_attributes(item).get("parameters")).get("service"))
    return named or next(_related(item, "services"), "")


def _monitor(item: Mapping[str, Any]) -> MaxScaleMonitor:
    about = _attributes(item)
    seen = as_map(about.get("monitor_diagnostics"))
    primary = seen.get("primary")
    return MaxScaleMonitor(
        name=_text(item.get("id")),
        state=_text(about.get("state")),
        module=_text(about.get("module")),
        master=_text(seen.get("master")),
        primary=primary if isinstance(primary, bool) else None,
        user=_text(as_map(about.get("parameters")).get("user")),
    )


def _attributes(item: Mapping[str, Any]) -> Mapping[str, Any]:
    return as_map(item.get("attributes"))


def _related(item: Mapping[str, Any], kind: str) -> Iterator[str]:
    """Yield the ids that a resource is related to; a single one may stand for a list."""
    data = as_map(as_map(item.get("relationships")).get(kind)).get("data")
    for entry in (data,) if isinstance(data, dict) else as_list(data)[:_MOST]:
        if name := _text(as_map(entry).get("id")):
            yield name


def _text(value: object) -> str:
    return clean(as_text(value), _NAME)


def _long(value: object) -> str:
    return clean(as_text(value), _TEXT)


def _int(value: object) -> int:
    """Return a count; parameters may come as text."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
