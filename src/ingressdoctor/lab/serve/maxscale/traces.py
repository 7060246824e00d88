"""What MaxScale's REST API says of what went on: sessions, threads, users of the API, and its log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ingressdoctor.lab.serve.maxscale.core import MaxScale
from ingressdoctor.lab.serve.maxscale.journal import Entry
from ingressdoctor.lab.serve.maxscale.resources import Resource, made, related, stamp
from ingressdoctor.lab.serve.maxscale.state import Client


def session(client: Client) -> Resource:
    """One of /v1/sessions."""
    attributes = {
        "user": client.user,
        "remote": client.remote.ip,
        "port": client.remote.port,
        "state": "Session started",
        "connected": stamp(client.since),
        "idle": 0.0,
        "connections": [{"server": name} for name in client.servers],
        "queries": [],
    }
    return made("sessions", str(client.number), attributes, {"services": related("services", client.service)})


def threads(one: MaxScale) -> list[Resource]:
    """/v1/maxscale/threads; there is one."""
    stats = {
        "state": "Active",
        "listening": True,
        "accepts": sum(one.accepts.values()),
        "sessions": len(one.clients),
        "zombies": 0,
        "errors": 0,
        "hangups": 0,
        "reads": 0,
        "writes": 0,
        "current_descriptors": 8 + len(one.clients),
        "load": {"last_second": 0, "last_minute": 0, "last_hour": 0},
    }
    return [{"id": "0", "type": "threads", "attributes": {"stats": stats}, "links": {"self": "/v1/threads/0/"}}]


def user(name: str, made: datetime) -> Resource:
    """One of /v1/users/inet."""
    attributes = {"account": "admin", "created": stamp(made), "last_update": None, "last_login": None}
    return {"id": name, "type": "inet", "attributes": attributes, "links": {"self": f"/v1/users/inet/{name}/"}}


def log_entry(entry: Entry, *, newer: bool) -> dict[str, Any]:
    """One line of /v1/maxscale/logs/data; *newer* releases say more."""
    known: dict[str, Any] = {
        "id": str(entry.number),
        "timestamp": entry.stamp,
        "priority": entry.priority,
        "message": entry.message,
    }
    if entry.session:
        known["session"] = entry.session
    return known | ({"unix_timestamp": int(entry.at.timestamp())} if newer else {})
