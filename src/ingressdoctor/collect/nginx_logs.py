"""Read the end of ingress-nginx's log where requests fail behind it, and sort its lines by signature.

Of a name of the LAN it is always read, for requests that a visit does not make (uploads). One pod, a ready one last; a
hundred lines. Lines hold whatever clients sent: they are cut, cleaned of secrets, never trusted. What it means is the
checks' business. Source: klog's and nginx's line formats.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.kube import pod_log
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.nginx import NginxDecision, NginxLine, NginxLogs
from ingressdoctor.evidence.outside import OutsideProbe
from ingressdoctor.knowledge.book import book_of
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_nginx_logs", "parse_nginx_logs"]

_WANTED: Final = "ingress-nginx's log"
_TAIL_LINES: Final = 100
_MAX_BYTES: Final = 256 * 1024
_MAX_LINE: Final = 4_000
_SHOWN: Final = 400
_UPLOADS: Final = frozenset(("body-too-large",))
_TELLING: Final = frozenset((502, 504))
_STAMP: Final = re.compile(r"(?P<nginx>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \[|[IWEF]\d{4} (?P<klog>\d\d:\d\d:\d\d)\.\d")


@collector(wanted=_WANTED)
async def collect_nginx_logs(
    kube: Kubernetes, nginx: NginxDecision, probe: OutsideProbe | Unavailable
) -> NginxLogs | Unavailable:
    """Read the newest lines once the visitor's request failed and is in there."""
    failing = _fails(probe)
    if not failing and not nginx.direct:
        return Inapplicable(wanted=_WANTED, reason="no request is seen to fail behind it")
    found = nginx.controller
    if isinstance(found.pods, Unavailable):
        return found.pods
    pod = next(iter(found.ready_pods or found.live_pods), None)
    if pod is None:
        return Unavailable(wanted=_WANTED, reason=f"{found.ref} has no pod to read it from")
    try:
        text = await pod_log(kube, pod, found.container, tail_lines=_TAIL_LINES, since_s=0, limit_bytes=_MAX_BYTES)
    except SourceError as error:
        return Unavailable(wanted=f"the log of {pod.ref}", reason=error.message, enable_with=error.hint)
    if isinstance(text, Unavailable):
        return text
    read = parse_nginx_logs(text, _words(nginx), pod.name)
    # Where visitors are served, older lines about anything else are over.
    return read if failing else replace(read, lines=tuple(line for line in read.lines if line.code in _UPLOADS))


def _fails(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether an answer came that ingress-nginx or what is behind it may have spoilt."""
    if isinstance(probe, Unavailable) or probe.access_login or probe.challenge:
        return False
    if probe.edge_error is not None:
        return probe.edge_error.code in _TELLING
    refused = probe.last.tls is not None and probe.last.tls.trusted is False
    return probe.last.status >= 500 or (not probe.last.status and (probe.edge or refused))


def _words(nginx: NginxDecision) -> tuple[str, ...]:
    """Return the words by which a line is about the target: its host, its Ingress, its Service."""
    decision = nginx.decision
    routes = [item for item in (decision.winner, *decision.dropped) if item is not None]
    refs = [route.ref.partition(" ")[2] for route in routes]
    services = [f'"{item.namespace}/{item.name}"' for route in routes for item in route.backends]
    return (decision.request.host, *(ref for ref in refs if ref), *services)


def parse_nginx_logs(text: str, words: Sequence[str], pod: str = "") -> NginxLogs:
    """Sort the lines; *words* are those by which a line is about the target."""
    found: dict[tuple[str, bool], NginxLine] = {}
    book, count = book_of("ingress-nginx"), 0
    for raw in text[:_MAX_BYTES].splitlines():
        line = raw[:_MAX_LINE]
        if not line.strip():
            continue
        count += 1
        known = book.recognise(line)
        if known is None or not known.code:
            continue
        code = known.code
        ours = any(word in line for word in words)
        before = found.pop((code, ours), None)
        stamp = _STAMP.match(line)
        when = (stamp["nginx"] or stamp["klog"] or "") if stamp else ""
        fresh = NginxLine(code=code, line=clean(line, _SHOWN), when=when, ours=ours, pod=pod)
        found[code, ours] = fresh if before is None else replace(fresh, count=before.count + 1)
    return NginxLogs(lines=tuple(reversed(found.values())), lines_read=count)
