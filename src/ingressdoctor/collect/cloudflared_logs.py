"""Read the end of the log of the connectors that serve the target, and sort its lines by signature.

One pod, an unready one first; three at most where the origin fails; fifty lines each. Lines hold whatever clients
sent: they are cut, cleaned of secrets, never trusted. What it means is the checks' business.

Source: cloudflared logger/ (console and JSON forms), zerolog's console writer.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.cloudflared_signatures import signature_of
from ingressdoctor.collect.kube import pod_log
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.outside import OutsideProbe
from ingressdoctor.evidence.tunnel import CloudflaredLogs, LoggedSignature, TunnelRoute
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_cloudflared_logs", "parse_cloudflared_logs"]

_WANTED: Final = "cloudflared's log"
_MAX_PODS: Final = 3
_BAD_GATEWAY: Final = frozenset((502, 504))
_TAIL_LINES: Final = 50
_MAX_BYTES: Final = 256 * 1024
_MAX_LINE: Final = 6_000
_SHOWN: Final = 500
_ANSI: Final = re.compile(r"\x1b\[[0-9;]{0,20}m")
_CONSOLE: Final = re.compile(r"(?P<when>\S{10,40}) (?P<level>DBG|INF|WRN|ERR|FTL) ")
_FIELD: Final = re.compile(r'(?P<name>[A-Za-z_]{1,40})=(?P<value>"(?:[^"\\]|\\.){0,2000}"|\S{1,500})')
_KEPT: Final = ("tunnelID", "protocol", "originService", "dest", "error", "connIndex", "ingressRule", "ip", "version")
_LEVELS: Final = {"debug": "DBG", "info": "INF", "warn": "WRN", "error": "ERR", "fatal": "FTL"}
# Once one of these connections stands, what was said about reaching the edge before is over.
_ABOUT_EDGE: Final = frozenset(
    (
        "bad-secret",
        "tunnel-gone",
        "wrong-account",
        "udp-blocked",
        "tcp-blocked",
        "edge-dns",
        "no-edge-address",
        "tls-inspection",
        "refused-by-edge",
        "precheck-udp",
        "precheck-tcp",
        "lost",
        "token-invalid",
        "credentials-missing",
        "config-refused",
        "config-syntax",
        "config-missing",
        "tunnel-by-name",
        "tunnel-not-named",
        "bad-arguments",
        "port-taken",
    )
)


class _Line(msgspec.Struct, frozen=True):
    when: str
    level: str
    text: str
    fields: Mapping[str, str]


@collector(wanted=_WANTED)
async def collect_cloudflared_logs(
    kube: Kubernetes, route: TunnelRoute, target: Target, probe: OutsideProbe | Unavailable
) -> CloudflaredLogs | Unavailable:
    """Read the newest lines once the visitor's request was answered and is in there."""
    gap = next((item.pods for item in route.workloads if isinstance(item.pods, Unavailable)), None)
    pairs = [(pod, item.container) for item in route.workloads for pod in item.live_pods]
    # Only when the origin fails does it matter which of the pods took our request.
    error = probe.edge_error if isinstance(probe, OutsideProbe) else None
    some = _MAX_PODS if error is not None and error.code in _BAD_GATEWAY else 1
    chosen = sorted(pairs, key=lambda pair: pair[0].ready)[:some]
    if not chosen:
        return gap or Unavailable(
            wanted=_WANTED, reason="there is no pod of cloudflared in this cluster to read it from"
        )
    texts = await together(*(_log_of(kube, pod, container) for pod, container in chosen))
    unread = tuple(item for item in texts if isinstance(item, Unavailable))
    if len(unread) == len(texts):
        return unread[0]
    read = {pod.name: text for (pod, _), text in zip(chosen, texts, strict=True) if isinstance(text, str)}
    words = (target.hostname, *((route.origin.service,) if route.origin is not None and route.origin.host else ()))
    return replace(parse_cloudflared_logs(read, words), unread=unread)


async def _log_of(kube: Kubernetes, pod: Pod, container: str) -> str | Unavailable:
    try:
        return await pod_log(kube, pod, container, tail_lines=_TAIL_LINES, since_s=0, limit_bytes=_MAX_BYTES)
    except SourceError as error:
        return Unavailable(wanted=f"the log of {pod.ref}", reason=error.message, enable_with=error.hint)


def parse_cloudflared_logs(texts: Mapping[str, str], words: Sequence[str]) -> CloudflaredLogs:
    """Sort the lines of several pods; *words* are those by which a line is about the target."""
    found: dict[tuple[str, str, bool], LoggedSignature] = {}
    protocols: dict[str, None] = {}
    registered, lines, tunnel = 0, 0, ""
    for pod, text in texts.items():
        mine: dict[tuple[str, bool], LoggedSignature] = {}
        standing: set[str] = set()
        for raw in text[:_MAX_BYTES].splitlines():
            if not raw.strip():
                continue
            lines += 1
            line = _read(_ANSI.sub("", raw[:_MAX_LINE]))
            code = signature_of(line.text)
            if code == "banner":
                tunnel = clean(line.fields.get("tunnelID", ""), 60) or tunnel
                mine = {key: replace(item, standing=False) for key, item in mine.items()}
                standing.clear()
            elif code == "registered":
                protocols[clean(line.fields.get("protocol", ""), 20)] = None
                standing.add(line.fields.get("connIndex", "0"))
                mine = {key: _over(item) for key, item in mine.items()}
            elif code in ("unregistered", "shutdown"):
                standing.discard(line.fields.get("connIndex", "0"))
            if code and code not in ("banner", "registered"):
                _note(mine, code, line, pod, ours=any(word in line.text for word in words))
        registered += bool(standing)
        found |= {(pod, *key): item for key, item in mine.items()}
    return CloudflaredLogs(
        signatures=_merged(tuple(found.values())),
        lines_read=lines,
        registered=registered,
        protocols=tuple(name for name in protocols if name),
        tunnel=tunnel.lower(),
    )


def _over(item: LoggedSignature) -> LoggedSignature:
    return replace(item, standing=False) if item.code in _ABOUT_EDGE else item


def _note(into: dict[tuple[str, bool], LoggedSignature], code: str, line: _Line, pod: str, *, ours: bool) -> None:
    before = into.get((code, ours))
    into[(code, ours)] = LoggedSignature(
        code=code,
        line=clean(line.text, _SHOWN),
        level=line.level,
        count=1 if before is None else before.count + 1,
        when=line.when,
        pod=pod,
        ours=ours,
        fields={name: clean(value, 300) for name, value in line.fields.items()},
    )


def _merged(items: Sequence[LoggedSignature]) -> tuple[LoggedSignature, ...]:
    """Join what several pods say: one entry for each code, about the target apart from the rest."""
    merged: dict[tuple[str, bool], LoggedSignature] = {}
    for item in items:
        before = merged.get((item.code, item.ours))
        if before is None:
            merged[(item.code, item.ours)] = item
            continue
        newest = max(before, item, key=lambda one: (one.standing, one.when))
        merged[(item.code, item.ours)] = replace(newest, count=before.count + item.count)
    return tuple(merged.values())


def _read(line: str) -> _Line:
    if line.startswith("{"):
        found = _json(line)
        if found is not None:
            return found
    match = _CONSOLE.match(line)
    if match is None:
        return _Line("", "ERR", line, {})
    return _Line(match["when"], match["level"], line, _fields(line))


def _fields(line: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _FIELD.finditer(line):
        if match["name"] in _KEPT:
            found[match["name"]] = match["value"].strip('"').replace('\\"', '"')
    return found


def _json(line: str) -> _Line | None:
    try:
        entry = msgspec.json.decode(line.encode("utf-8", "replace"))
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not isinstance(entry, dict):
        return None
    fields = {name: str(entry[name]) for name in _KEPT if name in entry}
    shown = " ".join(
        (str(entry.get("message") or ""), *(f"{name}={value}" for name, value in entry.items() if name != "message"))
    )
    level = _LEVELS.get(str(entry.get("level")), "INF")
    return _Line(str(entry.get("time") or ""), level, shown[:_MAX_LINE], fields)
