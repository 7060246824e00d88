"""What the operator's status of a MaxScale shows of trouble, where its REST API cannot be read.

The status comes from one pod and keeps old values when that pod cannot be asked, so it proves no health: without
trouble the finding given stands. Holds no check.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ingressdoctor.api import DatabaseObjects, Finding, MaxScaleObject, Remedy, Status, Unavailable, fail
from ingressdoctor_checks.maxscale_common import by_resource, resource_command

__all__ = ["listeners_by_status", "master_by_status", "monitor_by_status", "rejected_by_status", "servers_by_status"]

_WHERE: Final = "status of the MaxScale resource, as the operator last wrote it"


def servers_by_status(objects: DatabaseObjects | Unavailable, instead: Finding) -> Finding:
    """Say that no server runs, if the status says so."""
    resource = _resource(objects, instead)
    if resource is None or not resource.servers or _words(resource) & {"Running", "Auth Error"}:
        return instead
    return _told(
        resource,
        f"None of the servers of {resource.ref} was running when the operator looked last: nobody can log in.",
        dict(resource.servers[:10]),
        "Look whether MariaDB's pods run and whether a NetworkPolicy lets MaxScale to them.",
    )


def master_by_status(objects: DatabaseObjects | Unavailable, instead: Finding) -> Finding:
    """Say that no server is the primary, if the status says so."""
    resource = _resource(objects, instead)
    if resource is None or _words(resource) & {"Master", "Primary", "Auth Error"} or "Running" not in _words(resource):
        return instead
    return _told(
        resource,
        f"No server of {resource.ref} was the primary when the operator looked last: logins or writes are refused.",
        dict(resource.servers[:10]),
        "If the primary is down, bring it back or fail over; if it turned read-only, find out who set that.",
    )


def rejected_by_status(objects: DatabaseObjects | Unavailable, instead: Finding) -> Finding:
    """Say that servers refuse the monitor, if the status says so."""
    resource = _resource(objects, instead)
    if resource is None or "Auth Error" not in _words(resource):
        return instead
    return _told(
        resource,
        f"The servers of {resource.ref} refused its monitor's account when the operator looked last.",
        dict(resource.servers[:10]),
        "Compare the account's password with the Secret NAME-monitor, and its privileges with docs/checks/maxscale.md.",
    )


def listeners_by_status(objects: DatabaseObjects | Unavailable, instead: Finding) -> Finding:
    """Say that listeners or services do not run, if the status says so."""
    resource = _resource(objects, instead)
    if resource is None:
        return instead
    idle = {
        **{f"listener {name}": state for name, state in resource.listeners[:10] if state not in ("Running", "")},
        **{f"service {name}": state for name, state in resource.services[:10] if state not in ("Started", "")},
    }
    if not idle:
        return instead
    return _told(
        resource,
        f"Of {resource.ref}, {', '.join(idle)} did not run when the operator looked last: connections are accepted and "
        "never answered.",
        idle,
        "Start it (maxctrl start listener, start service), and look for suspend: true in the resource.",
    )


def monitor_by_status(objects: DatabaseObjects | Unavailable, instead: Finding) -> Finding:
    """Say that the monitor is stopped, if the status says so."""
    resource = _resource(objects, instead)
    if resource is None or resource.monitor[1] in ("", "Running"):
        return instead
    name, state = resource.monitor
    return _told(
        resource,
        f"The monitor {name} of {resource.ref} was {state.lower()} when the operator looked last: the states of the "
        "servers stand still.",
        {"monitor": state},
        "Start it (maxctrl start monitor), and look for suspend: true in the resource.",
    )


def _resource(objects: DatabaseObjects | Unavailable, instead: Finding) -> MaxScaleObject | None:
    return None if instead.status is Status.SKIP else by_resource(objects)


def _words(resource: MaxScaleObject) -> set[str]:
    return {word.strip() for _, state in resource.servers for word in state.split(",")}


def _told(resource: MaxScaleObject, summary: str, seen: Mapping[str, str], text: str) -> Finding:
    command = resource_command(resource.namespace, "maxscale", resource.name)
    return fail(
        summary,
        subject=resource.ref,
        where=_WHERE,
        seen=dict(seen),
        remedy=Remedy(text=text, commands=(command,), proof=command),
    )
