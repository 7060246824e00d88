"""Read the end of the log of MaxScale, and sort its lines by signature.

The last hour: by the REST API where that was read, which costs the cluster nothing, else of one pod, an unready one
first; of two where a login was closed without an error, whose number only one of them knows. Lines hold whatever
clients sent: they are cut, cleaned of secrets, never trusted. What a line means is the checks' business.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from msgspec.structs import replace

from ingressdoctor.collect.kube import pod_log
from ingressdoctor.collect.maxscale import runs_maxscale
from ingressdoctor.collect.maxscale_signatures import read_line
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.maxscale import MaxScaleLogs, MaxScaleState
from ingressdoctor.evidence.sql import SqlLogin
from ingressdoctor.evidence.tunnel import LoggedSignature
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Kubernetes

__all__ = ["collect_maxscale_logs", "parse_maxscale_logs"]

_WANTED: Final = "MaxScale's log"
_MOST: Final = 2
_TAIL_LINES: Final = 300
_SINCE_S: Final = 3_600
_MAX_BYTES: Final = 256 * 1024
_MAX_LINE: Final = 4_000
_SHOWN: Final = 400
# One line of each code for each of these: several servers or accounts may have the same trouble.
_TOLD_APART: Final = ("server", "errno", "user")
_KINDS: Final = 60


@collector(wanted=_WANTED)
async def collect_maxscale_logs(
    kube: Kubernetes,
    view: BackendView,
    state: MaxScaleState | Unavailable,
    login: SqlLogin | Unavailable,
    clock: Clock,
) -> MaxScaleLogs | Unavailable:
    """Read the newest lines."""
    if not runs_maxscale(view):
        return Inapplicable(wanted=_WANTED, reason=f"Service {view.ref.namespace}/{view.ref.name} does not lead to it")
    instances = state.instances if isinstance(state, MaxScaleState) else ()
    told = {item.place: item.log for item in instances if item.log is not None}
    if told:
        since = clock.now - timedelta(seconds=_SINCE_S)
        return parse_maxscale_logs(
            {place: "\n".join(log) for place, log in told.items()}, since=f"{since:%Y-%m-%d %H:%M:%S}"
        )
    pods = sorted(view.current_pods, key=lambda pod: (pod.ready, pod.name))
    pods = pods[: _MOST if isinstance(login, SqlLogin) and login.closed_after_ok else 1]
    if not pods:
        reason = view.pods.reason if isinstance(view.pods, Unavailable) else "there is no pod of MaxScale"
        return Unavailable(wanted=_WANTED, reason=reason)
    texts = await together(*(_log_of(kube, pod) for pod in pods))
    unread = tuple(item for item in texts if isinstance(item, Unavailable))
    if len(unread) == len(texts):
        return unread[0]
    read = {pod.name: text for pod, text in zip(pods, texts, strict=True) if isinstance(text, str)}
    return replace(parse_maxscale_logs(read), unread=unread)


async def _log_of(kube: Kubernetes, pod: Pod) -> str | Unavailable:
    names = (item.name for item in pod.containers if "maxscale" in f"{item.name} {item.image}")
    container = next(names, "")
    try:
        return await pod_log(kube, pod, container, tail_lines=_TAIL_LINES, since_s=_SINCE_S, limit_bytes=_MAX_BYTES)
    except SourceError as error:
        return Unavailable(wanted=f"the log of {pod.ref}", reason=error.message, enable_with=error.hint)


def parse_maxscale_logs(texts: Mapping[str, str], *, since: str = "") -> MaxScaleLogs:
    """Sort the lines of several pods, newest of each kind; *since* leaves out those before, in MaxScale's own form."""
    found: dict[tuple[str, ...], LoggedSignature] = {}
    lines = 0
    for pod, text in texts.items():
        for raw in text[:_MAX_BYTES].splitlines():
            if not raw.strip():
                continue
            lines += 1
            when, level, code, named = read_line(raw[:_MAX_LINE])
            if when and when.replace("T", " ") < since:
                continue
            key = (pod, code, *(named.get(name, "") for name in _TOLD_APART))
            if not code or (key not in found and len(found) >= _KINDS):
                continue
            before = found.get(key)
            found[key] = LoggedSignature(
                code=code,
                line=clean(raw[:_MAX_LINE].strip(), _SHOWN),
                level=level,
                count=1 + (before.count if before is not None else 0),
                when=when,
                pod=pod,
                fields={name: clean(value, 200) for name, value in named.items()},
            )
    return MaxScaleLogs(signatures=tuple(found.values()), lines_read=lines)
