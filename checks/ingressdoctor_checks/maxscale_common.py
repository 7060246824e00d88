"""What the checks of MaxScale share: which instances were read, why none was, and the commands that show it.

Holds no check and judges nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from ingressdoctor.api import (
    Clock,
    Command,
    DatabaseObjects,
    Finding,
    Inapplicable,
    LoggedSignature,
    MaxScaleInstance,
    MaxScaleLogs,
    MaxScaleObject,
    MaxScaleService,
    MaxScaleState,
    Unavailable,
    UserObject,
    changes,
    look,
    skip,
    unknown,
)

__all__ = [
    "LINK",
    "LOGIN",
    "SERVERS",
    "STEP",
    "Copy",
    "Seen",
    "by_resource",
    "copy_of",
    "corrected_in",
    "edit_command",
    "log_command",
    "logged",
    "made_by_operator",
    "maxctrl",
    "maxctrl_changes",
    "minutes_ago",
    "missing",
    "of_all",
    "resource_command",
    "seen_of",
    "subject",
    "users_command",
]

STEP: Final = "maxscale"
LINK: Final = "MaxScale → MariaDB"
SERVERS: Final = "MaxScale's REST API: GET /v1/servers"
LOGIN: Final = "maxctrl wants the login of the Secret NAME-admin (-u and -p)."
_VERSION: Final = re.compile(r"(\d{1,3})\.(\d{1,2})\.(\d{1,3})")
# The first release of each series in which a listener takes the PROXY header's address for matching accounts.
_READS_HEADER: Final = {(23, 8): 7, (24, 2): 3}
_WHEN: Final = re.compile(r"(\d{4})-(\d{2})-(\d{2})[ T](\d{2}):(\d{2}):(\d{2})")


def missing(gap: Unavailable) -> Finding:
    """Return the finding for evidence that is not there: not to be asked for, or not to be had."""
    if isinstance(gap, Inapplicable):
        return skip(f"There is no MaxScale to look at: {gap.reason}.")
    return unknown(f"MaxScale could not be looked at: {gap.reason}.", enable_with=gap.enable_with)


class Seen(NamedTuple):
    """A MaxScale of which at least one instance was read, the first of them for what all see alike."""

    state: MaxScaleState
    instances: tuple[MaxScaleInstance, ...]
    first: MaxScaleInstance


def seen_of(state: MaxScaleState | Unavailable) -> Seen | Finding:
    """Return the instances whose REST API was read, or the finding that says why there is none."""
    if isinstance(state, Unavailable):
        return missing(state)
    if state.instances:
        return Seen(state, state.instances, state.instances[0])
    if state.unread:
        gap = state.unread[0]
        return unknown(
            f"MaxScale's REST API was not read: {gap.reason}.", enable_with=gap.enable_with, subject=subject(state)
        )
    return skip("There is no pod of MaxScale to ask; that is said elsewhere.")


def corrected_in(version: str) -> str:
    """Return the release that matches accounts by the PROXY header's address (MXS-5159); empty where this one does."""
    match = _VERSION.match(version)
    first = _READS_HEADER.get((int(match[1]), int(match[2]))) if match is not None else None
    if match is None or first is None or int(match[3]) >= first:
        return ""
    return f"{match[1]}.{match[2].zfill(2)}.{first}"


def by_resource(objects: DatabaseObjects | Unavailable) -> MaxScaleObject | None:
    """Return the MaxScale resource of the target, whose status may stand in for the REST API."""
    return objects.target if isinstance(objects, DatabaseObjects) else None


class Copy(NamedTuple):
    """MaxScale's copy of the accounts for the service of the port."""

    seen: Seen
    service: MaxScaleService


def copy_of(state: MaxScaleState | Unavailable) -> Copy | Finding:
    """Return the copy of the accounts, or the finding that says why there is none."""
    seen = seen_of(state)
    if isinstance(seen, Finding):
        return seen
    listener = seen.first.listener_on(seen.state.port or 0)
    service = seen.first.service_of(listener) or next(iter(seen.first.services), None)
    if service is None or service.users is None:
        return skip("MaxScale does not tell which accounts it knows.")
    return Copy(seen, service)


def made_by_operator(objects: DatabaseObjects | Unavailable, user: str) -> UserObject | None:
    """Return the operator's account of that name which it says it has made."""
    users = objects.users if isinstance(objects, DatabaseObjects) else ()
    found = () if isinstance(users, Unavailable) else users
    return next((item for item in found if user and item.user == user and item.is_ready), None)


def subject(state: MaxScaleState) -> str:
    """Return how findings call it."""
    return f"MaxScale {state.namespace}/{state.name}"


def of_all(
    instances: Sequence[MaxScaleInstance], test: Callable[[MaxScaleInstance], bool]
) -> tuple[tuple[MaxScaleInstance, ...], bool]:
    """Return the instances that *test* is true of, and whether it is true of all."""
    found = tuple(item for item in instances if test(item))
    return found, len(found) == len(instances)


def maxctrl(state: MaxScaleState, *words: str) -> Command:
    """Return a command that asks MaxScale from within its pod."""
    return look(*_exec(state), *words)


def maxctrl_changes(state: MaxScaleState, *words: str) -> Command:
    """Return a command that changes something in MaxScale."""
    return changes(*_exec(state), *words)


def _exec(state: MaxScaleState) -> tuple[str, ...]:
    places = (item.place for item in state.instances if "/" not in item.place)
    return ("kubectl", "-n", state.namespace, "exec", next(places, f"{state.name}-0"), "--", "maxctrl")


def resource_command(namespace: str, kind: str, name: str) -> Command:
    """Return the command that shows one resource of the operator."""
    return look("kubectl", "-n", namespace, "get", f"{kind}.k8s.mariadb.com", name, "-o", "yaml")


def edit_command(namespace: str, kind: str, name: str) -> Command:
    """Return the command that edits one resource of the operator; *kind* in the plural."""
    return changes("kubectl", "-n", namespace, "edit", f"{kind}.k8s.mariadb.com", name)


def users_command(namespace: str) -> Command:
    """Return the command that lists the operator's accounts."""
    return look("kubectl", "-n", namespace, "get", "users.k8s.mariadb.com,grants.k8s.mariadb.com", "-o", "wide")


def log_command(namespace: str, pod: str) -> Command:
    """Return the command that shows the log of one pod."""
    return look("kubectl", "-n", namespace, "logs", pod, "--since=1h")


def logged(logs: MaxScaleLogs | Unavailable, *codes: str) -> tuple[LoggedSignature, ...]:
    """Return the lines of some kinds, the newest first; none when the log was not read."""
    found = () if isinstance(logs, Unavailable) else logs.of(*codes)
    return tuple(sorted(found, key=lambda item: item.when, reverse=True))


def minutes_ago(line: LoggedSignature, clock: Clock) -> float | None:
    """Return how old a line is; None where it has no time. Pods write UTC."""
    match = _WHEN.match(line.when)
    if match is None:
        return None
    try:
        when = clock.now.replace(
            year=int(match[1]),
            month=int(match[2]),
            day=int(match[3]),
            hour=int(match[4]),
            minute=int(match[5]),
            second=int(match[6]),
            microsecond=0,
        )
    except ValueError:
        return None
    return max((clock.now - when).total_seconds(), 0.0) / 60
