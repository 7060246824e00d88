"""Traefik's logs: process log lines (zerolog console or JSON) and access log lines (JSON or common).

Where the lines go is buffer.py's.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

LEVELS = {"debug": 0, "info": 1, "warn": 2, "error": 3}
_SHORT = {"debug": "DBG", "info": "INF", "warn": "WRN", "error": "ERR"}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One event of the process log; *message* may be empty, as Traefik's sometimes is."""

    level: str
    message: str
    fields: Mapping[str, Any]


class Notes:
    """Collects events while a configuration is built."""

    def __init__(self) -> None:
        self.lines: list[Line] = []

    def error(self, message: str, **fields: object) -> None:
        """An ERR event."""
        self.lines.append(Line(level="error", message=message, fields=fields))

    def warn(self, message: str, **fields: object) -> None:
        """A WRN event."""
        self.lines.append(Line(level="warn", message=message, fields=fields))

    def debug(self, message: str, **fields: object) -> None:
        """A DBG event."""
        self.lines.append(Line(level="debug", message=message, fields=fields))


def now() -> str:
    """Seconds-precise RFC 3339 time, as zerolog writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def render(line: Line, *, as_json: bool) -> str:
    """One process log line."""
    if as_json:
        message = {"message": line.message} if line.message else {}
        return json.dumps({"level": line.level, **line.fields, "time": now(), **message})
    # The console writer puts error first and the other fields in alphabetical order.
    ordered = sorted(line.fields.items(), key=lambda item: (item[0] != "error", item[0]))
    parts = [now(), _SHORT[line.level], *([line.message] if line.message else [])]
    return " ".join([*parts, *(f"{key}={_quoted(value)}" for key, value in ordered)])


def _quoted(value: object) -> str:
    plain = str(value)
    needs = not plain or any(char <= " " or char in '"\\' or not char.isprintable() for char in plain)
    return json.dumps(plain, ensure_ascii=False) if needs else plain


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What the access log knows about one request; strings are empty and numbers 0 when unknown."""

    client: str
    client_host: str
    method: str
    host: str
    path: str
    protocol: str
    scheme: str
    status: int
    size: int
    started: datetime
    duration_ns: int
    entry_point: str
    router: str = ""
    service: str = ""
    server_url: str = ""
    origin_status: int = 0
    origin_ns: int = 0
    count: int = 0
    referer: str = ""
    agent: str = ""
    tls_version: str = ""
    tls_cipher: str = ""


def access_json(entry: Access) -> str:
    """The JSON form; RouterName, ServiceName and ServiceURL are absent when there are none."""
    fields: dict[str, Any] = {
        "ClientAddr": entry.client,
        "ClientHost": entry.client_host,
        "ClientPort": entry.client.rpartition(":")[2],
        "ClientUsername": "-",
        "DownstreamContentSize": entry.size,
        "DownstreamStatus": entry.status,
        "Duration": entry.duration_ns,
        "OriginContentSize": entry.size if entry.server_url else 0,
        "OriginDuration": entry.origin_ns,
        "OriginStatus": entry.origin_status,
        "Overhead": entry.duration_ns - entry.origin_ns,
        "RequestAddr": entry.host,
        "RequestContentSize": 0,
        "RequestCount": entry.count,
        "RequestHost": entry.host.partition(":")[0],
        "RequestMethod": entry.method,
        "RequestPath": entry.path,
        "RequestPort": entry.host.partition(":")[2] or "-",
        "RequestProtocol": entry.protocol,
        "RequestScheme": entry.scheme,
        "RetryAttempts": 0,
        "StartUTC": entry.started.strftime("%Y-%m-%dT%H:%M:%S.%f000Z"),
        "entryPointName": entry.entry_point,
        "level": "info",
        "msg": "",
        "time": now(),
    }
    if entry.router:
        fields |= {"RouterName": entry.router}
    if entry.service:
        fields |= {"ServiceName": entry.service}
    if entry.server_url:
        fields |= {"ServiceURL": entry.server_url, "ServiceAddr": entry.server_url.rpartition("/")[2]}
    if entry.tls_version:
        fields |= {"TLSVersion": entry.tls_version, "TLSCipher": entry.tls_cipher}
    return json.dumps(fields, sort_keys=True)


def access_common(entry: Access) -> str:
    """The common form with Traefik's last three columns."""
    stamp = entry.started.strftime("%d/%b/%Y:%H:%M:%S +0000")
    request = f"{entry.method} {entry.path} {entry.protocol}"
    router, server = entry.router or "-", entry.server_url or "-"
    return (
        f'{entry.client_host} - - [{stamp}] "{request}" {entry.status} {entry.size} "{entry.referer or "-"}" '
        f'"{entry.agent or "-"}" {entry.count} "{router}" "{server}" {entry.duration_ns // 1_000_000}ms'
    )
