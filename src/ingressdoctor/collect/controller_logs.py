"""Read the end of the controller's log and sort its lines: complaints, requests for the target, the rest.

At most two pods, one capped request each, lines of any age: what was wrong when the configuration was last loaded may
have been said long ago. They are read once for all targets. Lines hold whatever clients sent: they are cut, never
trusted.

Source: traefik: pkg/observability/logs, pkg/middlewares/accesslog (common and JSON formats); zerolog console writer;
logrus text format of v2; klog.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import msgspec

from ingressdoctor.collect.kube import pod_log
from ingressdoctor.collect.static_config import traefik_container
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.controller import AccessLogLine, Controller, ControllerLogs, StaticConfig
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.sources.base import Kubernetes

__all__ = ["SortedLogs", "collect_logs", "collect_sorted", "parse_logs", "sort_logs"]

_WANTED: Final = "the ingress controller's log"
_MAX_PODS: Final = 2
_TAIL_LINES: Final = 500
_MAX_BYTES: Final = 512 * 1024
_MAX_LINE: Final = 8_000
_SHOWN: Final = 600
_KEPT: Final = 200
_ANSI: Final = re.compile(r"\x1b\[[0-9;]{0,20}m")
_CONSOLE: Final = re.compile(r"\S{10,40} (?P<level>TRC|DBG|INF|WRN|ERR|FTL|PNC) ")
_LOGRUS: Final = re.compile(r'time="?[^" ]{1,60}"? level=(?P<level>[a-z]{3,10}) ')
_KLOG: Final = re.compile(r"(?P<level>[IWEF])\d{4} \d\d:\d\d:\d\d\.\d+ ")
_COMMON: Final = re.compile(r'\S{1,100} \S{1,20} \S{1,200} \[[^\]]{1,40}\] "[^"]{0,4000}" (?:\d{3}|-) ')
_BAD: Final = frozenset(["warn", "warning", "error", "fatal", "panic", "WRN", "ERR", "FTL", "PNC", "W", "E", "F"])


@dataclass(slots=True)
class _Sorted:
    """The lines of one log: complaints, and requests by host; a host without a name is hostless."""

    errors: list[str] = field(default_factory=list)
    access: dict[str, list[AccessLogLine]] = field(default_factory=dict)
    requests: int = 0
    hostless: int = 0
    lines: int = 0


class SortedLogs(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The controller's logs with their lines sorted, before it is asked which of them are a target's.

    ``access`` are the requests by host; the rest is as in ``ControllerLogs``.
    """

    errors: tuple[str, ...]
    access: dict[str, tuple[AccessLogLine, ...]]
    access_log_on: bool | None
    lines_read: int
    requests: int
    hostless: int
    unread: tuple[Unavailable, ...] = ()

    def of(self, hostname: str) -> ControllerLogs:
        """Return the logs as they concern one host."""
        found = self.access.get(hostname)
        return self._silent if found is None else self._about(found)

    @cached_property
    def _silent(self) -> ControllerLogs:
        """The logs of every host for which they hold no request: one value for all of them."""
        return self._about(())

    def _about(self, access: tuple[AccessLogLine, ...]) -> ControllerLogs:
        return ControllerLogs(
            errors=self.errors,
            access=access[-_KEPT:],
            access_log_on=self.access_log_on,
            lines_read=self.lines_read,
            other_access=self.requests - len(access),
            hostless_access=self.hostless,
            unread=self.unread,
        )


@collector(wanted=_WANTED)
async def collect_logs(
    controller: Controller, target: Target, route: TunnelRoute | Unavailable, logs: Later[SortedLogs]
) -> ControllerLogs | Unavailable:
    """Pick the lines that concern the target, unless it is reached past the controller."""
    if target.protocol is Protocol.MYSQL:
        # Of TCP connections it tells only what was refused, without a name.
        return Inapplicable(wanted=_WANTED, reason="no HTTP is spoken")
    if isinstance(route, TunnelRoute) and route.certain:
        return Unavailable(wanted=_WANTED, reason="the name leads to a tunnel, past the controller")
    gap = controller.pods_unread
    if gap is not None:
        return Unavailable(wanted=_WANTED, reason=gap.reason, enable_with=gap.enable_with)
    found = await logs.get()
    return found if isinstance(found, Unavailable) else found.of(target.hostname)


@collector(wanted=_WANTED)
async def collect_sorted(kube: Kubernetes, controller: Controller) -> SortedLogs | Unavailable:
    """Read the newest log lines of at most two controller pods, ready ones first; once for all targets."""
    pods = sorted(controller.pods, key=lambda pod: not pod.ready)[:_MAX_PODS]
    if not pods:
        return Unavailable(wanted=_WANTED, reason="there is no Traefik pod to read it from")
    texts = await together(*(_log_of(kube, pod) for pod in pods))
    unread = tuple(item for item in texts if isinstance(item, Unavailable))
    if len(unread) == len(texts):
        first = unread[0]
        return Unavailable(wanted=first.wanted, reason=first.reason, enable_with=first.enable_with)
    return sort_logs(tuple(item for item in texts if isinstance(item, str)), controller.static, unread)


async def _log_of(kube: Kubernetes, pod: Pod) -> str | Unavailable:
    container = traefik_container(pod)
    name = container.name if container else ""
    try:
        return await pod_log(kube, pod, name, tail_lines=_TAIL_LINES, since_s=0, limit_bytes=_MAX_BYTES)
    except SourceError as error:
        return Unavailable(wanted=f"the log of {pod.ref}", reason=error.message, enable_with=error.hint)


def parse_logs(
    texts: tuple[str, ...], hostname: str, static: StaticConfig, unread: tuple[Unavailable, ...] = ()
) -> ControllerLogs:
    """Sort the lines of several logs for one hostname."""
    return sort_logs(texts, static, unread).of(hostname)


def sort_logs(texts: tuple[str, ...], static: StaticConfig, unread: tuple[Unavailable, ...] = ()) -> SortedLogs:
    """Sort the lines of several logs."""
    logs = [_sorted(text) for text in texts]
    errors = [line for log in logs for line in log.errors]
    access: dict[str, tuple[AccessLogLine, ...]] = {}
    for log in logs:
        for host, lines in log.access.items():
            access[host] = (*access.get(host, ()), *lines)
    requests, hostless = sum(log.requests for log in logs), sum(log.hostless for log in logs)
    return SortedLogs(
        errors=tuple(errors[-_KEPT:]),
        access=access,
        access_log_on=True if requests or hostless else _access_log_on(static),
        lines_read=sum(log.lines for log in logs),
        requests=requests,
        hostless=hostless,
        unread=unread,
    )


def _sorted(text: str) -> _Sorted:
    found = _Sorted()
    for line in text[:_MAX_BYTES].splitlines():
        if line.strip():
            found.lines += 1
            _sort(_ANSI.sub("", line[:_MAX_LINE]), found)
    return found


def _access_log_on(static: StaticConfig) -> bool | None:
    """Tell whether requests are written to the pod's log; None when that is not known or they go to a file."""
    if static.unreadable or static.flag("accesslog.filepath"):
        return None
    named = any(name == "accesslog" or name.startswith("accesslog.") for name in static.options)
    return named and static.flag("accesslog", "true").lower() not in ("false", "0", "f")


def _sort(line: str, found: _Sorted) -> None:
    if line.startswith("{"):
        _sort_json(line, found)
        return
    match = _CONSOLE.match(line) or _LOGRUS.match(line) or _KLOG.match(line)
    if match is not None:
        if match.group("level") in _BAD:
            found.errors.append(line[:_SHOWN])
        return
    if _COMMON.match(line):
        found.hostless += 1
    elif "is forbidden: User" in line or "could not find the requested resource" in line:
        found.errors.append(line[:_SHOWN])


def _sort_json(line: str, found: _Sorted) -> None:
    try:
        entry = msgspec.json.decode(line.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError):
        return
    if not isinstance(entry, dict):
        return
    if "DownstreamStatus" not in entry and "RequestHost" not in entry:
        if str(entry.get("level")) in _BAD:
            found.errors.append(line[:_SHOWN])
        return
    host = str(entry.get("RequestHost") or "").lower().removesuffix(".")
    if not host:
        found.hostless += 1
    else:
        found.requests += 1
        found.access.setdefault(host, []).append(_access_line(entry, host))


def _access_line(entry: dict[str, Any], host: str) -> AccessLogLine:
    def number(key: str) -> int:
        value = entry.get(key)
        return value if isinstance(value, int) else 0

    def text(key: str) -> str:
        return str(entry.get(key) or "")[:_SHOWN]

    return AccessLogLine(
        when=text("StartUTC") or text("time"),
        host=host,
        method=text("RequestMethod"),
        path=text("RequestPath"),
        status=number("DownstreamStatus"),
        origin_status=number("OriginStatus"),
        router=text("RouterName"),
        service_url=text("ServiceURL") or text("ServiceAddr"),
        duration_s=number("Duration") / 1e9,
    )
