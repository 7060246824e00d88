"""Read Kubernetes objects over the raw source, and tell apart the ways in which that can fail.

Not allowed, not installed, not there and not JSON are four different answers here, and none of them is an empty
list. One object that cannot be decoded is named and skipped. It decides nothing about what the objects mean.

Sources: kubernetes.io/docs/reference/using-api/api-concepts (paging, 410), apimachinery meta/v1 Status.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, TypeVar

import msgspec

from ingressdoctor.collect.kinds import PODS, Kind
from ingressdoctor.collect.kube_objects import decode_into, decode_one
from ingressdoctor.collect.shelved import Shelved
from ingressdoctor.errors import NotAskedError, SourceError
from ingressdoctor.evidence.kube import Loaded, Pod, Resource
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import Answer, Kubernetes

__all__ = [
    "get_object",
    "list_kind",
    "list_or_gap",
    "not_json",
    "pod_log",
    "refusal",
    "undecodable",
    "whole",
]

T = TypeVar("T", bound=Resource)

_PAGE: Final = 500  # what kubectl asks for
_MAX_PAGES: Final = 400
_MAX_RESTARTS: Final = 2
_CORRECT: Final = "Read that object with 'kubectl get -o yaml' and correct the field."
_AGAIN: Final = "Try again; 'kubectl get --raw /readyz?verbose' tells how the API server is."
_FORBIDDEN: Final = re.compile(
    r'User "(?P<user>[^"]{0,300})" cannot (?P<verb>[a-z]{1,40}) resource "(?P<resource>[^"]{0,200})" '
    r'in API group "(?P<group>[^"]{0,200})"(?: in the namespace "(?P<namespace>[^"]{0,100})")?'
)


class _ListMeta(msgspec.Struct, rename={"token": "continue"}):
    token: str | None = None


class _Page(msgspec.Struct):
    kind: str | None = None
    metadata: _ListMeta | None = None
    items: list[msgspec.Raw] | None = None


class _Status(msgspec.Struct):
    kind: str | None = None
    message: str | None = None
    reason: str | None = None


async def list_kind(
    kube: Kubernetes, kind: Kind[T], *, namespace: str = "", labels: str = "", fields: str = ""
) -> Loaded[T] | Unavailable:
    """List one kind in one namespace (empty: all), page by page.

    A custom kind whose CRD is not installed is an empty ``Loaded`` with ``installed`` False. A token that expires
    midway (410) restarts the list; an incomplete list is never returned.

    Raises:
        SourceError: the API server could not be asked at all.
    """
    if isinstance(kube, Shelved):
        return await kube.listing(kind, namespace, labels, fields)
    path = kind.path(namespace)
    asked = {key: value for key, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}
    items: list[T] = []
    broken: list[str] = []
    token, restarts = "", 0
    for _ in range(_MAX_PAGES):
        query = {**asked, "limit": str(_PAGE)} | ({"continue": token} if token else {})
        answer = await kube.get(path, query)
        if answer.status == 410 and token and restarts < _MAX_RESTARTS:
            token, restarts = "", restarts + 1
            items.clear()
            broken.clear()
            continue
        if answer.status == 404 and kind.custom and not _looks_like_html(answer.body):
            return Loaded(installed=False)
        if answer.status != 200:
            return refusal(answer, kind, verb="list", namespace=namespace)
        page = _decode_page(answer.body)
        if page is None:
            return not_json(answer, kind, namespace)
        for index, raw in enumerate(page.items or ()):
            decode_into(raw, kind, f"item {len(items) + len(broken) + index}", items, broken)
        token = (page.metadata.token if page.metadata else None) or ""
        if not token:
            return Loaded(items=tuple(items), broken=tuple(broken))
    return Unavailable(
        wanted=_wanted(kind, namespace), reason=f"the list did not end within {_MAX_PAGES} pages of {_PAGE}"
    )


async def list_or_gap(kube: Kubernetes, kind: Kind[T]) -> Loaded[T] | Unavailable:
    """List one kind of which a failing call, too, costs nothing else."""
    try:
        return await list_kind(kube, kind)
    except NotAskedError:
        raise
    except SourceError as error:
        return Unavailable(wanted=f"the cluster's {kind.plural}", reason=error.message, enable_with=error.hint)


def whole(loaded: Loaded[T] | Unavailable, wanted: str) -> tuple[T, ...] | Unavailable:
    """Return every item, or what stands in the way; an object that does not decode is never taken for an absent one."""
    if isinstance(loaded, Unavailable):
        return loaded
    return undecodable(loaded, wanted) or loaded.items


def undecodable(loaded: Loaded[T], wanted: str) -> Unavailable | None:
    """Name the first object of the list that does not decode, if there is one."""
    if not loaded.broken:
        return None
    more = f", and {len(loaded.broken) - 1} more" if len(loaded.broken) > 1 else ""
    return Unavailable(
        wanted=wanted,
        reason=f"an object has an unexpected shape: {loaded.broken[0]}{more}",
        enable_with=_CORRECT,
    )


async def get_object(kube: Kubernetes, kind: Kind[T], namespace: str, name: str) -> T | Unavailable | None:
    """Read one object by name; None when the API server says that it does not exist.

    Raises:
        SourceError: the API server could not be asked at all.
    """
    if isinstance(kube, Shelved):
        return await kube.one(kind, namespace, name)
    answer = await kube.get(kind.path(namespace, name), {})
    if answer.status == 404 and not _looks_like_html(answer.body):
        return None
    if answer.status != 200:
        return refusal(answer, kind, verb="get", namespace=namespace)
    try:
        raw = msgspec.json.decode(answer.body, type=msgspec.Raw)
        return decode_one(raw, kind)
    except msgspec.ValidationError as error:
        wanted = f"{kind.name} {clean(namespace, 80)}/{clean(name, 80)}"
        reason = f"{wanted} has an unexpected shape: {clean(str(error), 200)}"
        return Unavailable(wanted=wanted, reason=reason, enable_with=_CORRECT)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return not_json(answer, kind, namespace)


async def pod_log(
    kube: Kubernetes, pod: Pod, container: str, *, tail_lines: int, since_s: int, limit_bytes: int
) -> str | Unavailable:
    """Return the last lines of one container's log, at most *limit_bytes*; *since_s* 0 takes lines of any age.

    Raises:
        SourceError: the API server could not be asked at all.
    """
    query = {"tailLines": str(tail_lines), "limitBytes": str(limit_bytes)}
    if since_s:
        query["sinceSeconds"] = str(since_s)
    path = PODS.path(pod.namespace, pod.name) + "/log"
    answer = await kube.get(path, {**query, "container": container} if container else query)
    wanted = f"the log of pod {clean(pod.namespace)}/{clean(pod.name)}"
    if answer.status == 200:
        return _text(answer.body[:limit_bytes])
    if answer.status == 403:
        return _forbidden(answer, wanted, {"verb": "get", "resource": "pods/log", "namespace": pod.namespace})
    return Unavailable(wanted=wanted, reason=_reason(answer), enable_with=_AGAIN)


# The same answer is the same object for all targets of a sweep, and so is its text.
@lru_cache(maxsize=4)
def _text(body: bytes) -> str:
    return body.decode("utf-8", "replace")


def refusal(answer: Answer, kind: Kind[T], *, verb: str, namespace: str) -> Unavailable:
    """Say why an answer other than 200 holds no objects, and what would."""
    wanted = _wanted(kind, namespace)
    if answer.status == 403:
        asked = {"verb": verb, "resource": kind.plural, "group": kind.group, "namespace": namespace}
        return _forbidden(answer, wanted, asked)
    if answer.status == 401:
        return Unavailable(
            wanted=wanted,
            reason="the API server does not accept the credentials (401)",
            enable_with="Log in to the cluster again; 'kubectl auth whoami' must answer with your user.",
        )
    return Unavailable(wanted=wanted, reason=_reason(answer), enable_with=_AGAIN)


def not_json(answer: Answer, kind: Kind[T], namespace: str) -> Unavailable:
    """Say that a 200 held HTML, half a body or something else that is no Kubernetes object."""
    start = clean(answer.body[:60].decode("utf-8", "replace").strip(), 60)
    return Unavailable(
        wanted=_wanted(kind, namespace),
        reason=f"the API server answered something that is not a JSON list of objects, beginning with {start!r}",
        enable_with="Check that the kubeconfig's server is the API server itself, not a login page or proxy before it.",
    )


def _wanted(kind: Kind[T], namespace: str) -> str:
    plural = kind.name + ("es" if kind.name.endswith("s") else "s")
    plural = plural[:-2] + "ies" if plural.endswith("ys") and not plural.endswith("ays") else plural
    if not kind.namespaced:
        return f"the cluster's {plural}"
    return f"the {plural} of namespace {clean(namespace, 80)}" if namespace else f"the cluster's {plural}"


def _forbidden(answer: Answer, wanted: str, asked: dict[str, str]) -> Unavailable:
    """Name the missing grant, from the server's own words where it gives them."""
    message = _status(answer).message or ""
    match = _FORBIDDEN.search(message)
    said = {key: value for key, value in match.groupdict().items() if value is not None} if match else {}
    grant = {**asked, **said}
    user = said.get("user", "")
    where = f"in namespace {grant['namespace']}" if grant.get("namespace") else "in all namespaces (a ClusterRole)"
    group = f' of API group "{grant["group"]}"' if grant.get("group") else ""
    reason = f"403: {clean(message, 300)}" if message else "403: the credentials may not look"
    if user == "system:anonymous":
        return Unavailable(
            wanted=wanted,
            reason="the API server saw no credentials at all (system:anonymous)",
            enable_with="Log in to the cluster; 'kubectl auth whoami' must answer with your user.",
        )
    return Unavailable(
        wanted=wanted,
        reason=reason,
        enable_with=clean(
            f"Grant{f' {user}' if user else ''} '{grant['verb']}' on {grant['resource']}{group} {where}."
        ),
    )


def _reason(answer: Answer) -> str:
    """Return one line for a status that is neither 200 nor a missing grant."""
    said = clean(_status(answer).message or "", 300)
    tail = f": {said}" if said else ""
    if answer.status == 429:
        return f"the API server is too busy to answer (429){tail}"
    if answer.status == 410:
        return f"the list kept expiring while it was read (410){tail}"
    if answer.status == 404:
        return f"the API server does not serve this path (404){tail}"
    return f"the API server answered {answer.status}{tail}"


def _status(answer: Answer) -> _Status:
    try:
        return msgspec.json.decode(answer.body, type=_Status)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _Status()


def _looks_like_html(body: bytes) -> bool:
    return body.lstrip()[:1] == b"<"


def _decode_page(body: bytes) -> _Page | None:
    """Read the envelope of a list; None when it is none. ``items: null`` is how Go writes an empty list."""
    try:
        page = msgspec.json.decode(body, type=_Page)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    is_list = page.items is not None or (page.kind or "").endswith("List")
    return page if is_list else None
