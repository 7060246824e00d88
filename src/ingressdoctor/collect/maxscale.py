"""Ask the MaxScale that the connection ends at, instance by instance, what it knows.

By its configured URL, else by a port-forward to its pods where a password is configured. Without a password by the API
server's proxy, one request: that tells an API that wants no login, or that it is alive. Two pods at most, the second
only where the first let us in: a wrong password is tried once. Where a login to the database is to be tried, after it,
so that the log has what became of it. Read-only; the answers are parsed in ``maxscale_rest`` and judged by the checks.

Source: Kubernetes endpoints/filters/authentication.go (the proxy drops Authorization), mariadb-operator
pkg/builder/container_builder.go (ports).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.kinds import PODS
from ingressdoctor.collect.maxscale_rest import PATHS, SERVERS, parse_instance, resources_of
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.database_objects import DatabaseObjects
from ingressdoctor.evidence.kube import Pod
from ingressdoctor.evidence.maxscale import (
    ApiPlace,
    ApiRefusal,
    ApiTrouble,
    ApiWay,
    MaxScaleInstance,
    MaxScaleState,
    RestReply,
)
from ingressdoctor.evidence.sql import SqlLogin
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.needs import Later
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.routing.service import target_port
from ingressdoctor.sources.base import Kubernetes, MaxScale

__all__ = ["collect_maxscale", "runs_maxscale"]

_WANTED: Final = "what MaxScale says of itself"
_MOST: Final = 2
_ADMIN_PORT: Final = 8989
_LABEL: Final = "app.kubernetes.io/name"
_LOGIN_HINT: Final = (
    "Configure [maxscale] user and password (an account of type basic is enough) and grant pods/portforward, or set "
    "[maxscale] url: docs/configuration.md."
)
_HINTS: Final = {
    ApiTrouble.UNAUTHORISED: "Compare user and password under [maxscale] with the Secret NAME-admin.",
    ApiTrouble.NO_LOGIN: _LOGIN_HINT,
    ApiTrouble.NOT_GRANTED: "Bind the ClusterRole ingressdoctor-hop-probes in MaxScale's namespace (docs/rbac.md), or "
    "set [maxscale] url.",
    ApiTrouble.CLOSED: "An API that speaks TLS closes plain requests: write https:// in [maxscale] url.",
    ApiTrouble.UNTRUSTED: "Name the CA that signed it in [maxscale] ca_file; the operator keeps it in the Secret "
    "NAME-ca-bundle.",
    ApiTrouble.TLS: "If the API speaks plain HTTP, write http:// in [maxscale] url.",
}


class _Answer(msgspec.Struct, frozen=True):
    """One instance, or why there is none."""

    instance: MaxScaleInstance | None = None
    refusal: ApiRefusal | None = None


@collector(wanted=_WANTED, timeout_s=40.0)
async def collect_maxscale(
    kube: Kubernetes,
    api: MaxScale,
    view: BackendView,
    objects: DatabaseObjects | Unavailable,
    target: Target,
    login: Later[SqlLogin],
) -> MaxScaleState | Unavailable:
    """Read the instances by the best way that there is."""
    if target.sql_user:
        await login.get()
    return await _look(kube, api, view, objects)


async def _look(
    kube: Kubernetes, api: MaxScale, view: BackendView, objects: DatabaseObjects | Unavailable
) -> MaxScaleState | Unavailable:
    target = objects.target if isinstance(objects, DatabaseObjects) else None
    if target is None and not runs_maxscale(view):
        reason = f"{view.ref.kind or 'Service'} {view.ref.namespace}/{view.ref.name} does not lead to MaxScale"
        return Inapplicable(wanted=_WANTED, reason=reason)
    pods = sorted(view.current_pods, key=lambda pod: (not pod.ready, pod.name))
    state = MaxScaleState(
        namespace=view.ref.namespace,
        name=target.name if target is not None else view.ref.name,
        port=_pod_port(view, pods),
        pods=len(pods),
    )
    if api.url:
        answers = [await _at_url(api)]
        return _with(state, ApiWay.URL, answers, unasked=0)
    pods = [pod for pod in pods if _runs(pod)]
    if not pods:
        return state
    admin = target.admin_port if target is not None else 0
    chosen = pods[:_MOST] if api.has_login else pods[:1]
    places = [_place(pod, admin, target.tls if target is not None else None, state.name) for pod in chosen]
    if api.has_login:
        found: list[_Answer] = []
        for place in places:
            found.append(await _read(api, place, place.pod, ApiWay.FORWARD))
            if found[0].instance is None:
                break
        return _with(state, ApiWay.FORWARD, found, unasked=len(pods) - len(found))
    return _with(state, ApiWay.PROXY, [await _by_proxy(kube, places[0])], unasked=len(pods) - 1)


def runs_maxscale(view: BackendView) -> bool:
    """Tell whether the pods behind a Service run MaxScale, by label, image or name of a container."""
    selector = (view.service.spec.selector if view.service is not None else None) or {}
    if selector.get(_LABEL) == "maxscale":
        return True
    return any(
        pod.labels.get(_LABEL) == "maxscale" or container.name == "maxscale" or "/maxscale" in f"/{container.image}"
        for pod in view.current_pods
        for container in pod.containers
    )


def _runs(pod: Pod) -> bool:
    """Tell whether somebody may listen there; what is not told counts as running."""
    states = [status.state for status in pod.container_statuses if status.state is not None]
    return pod.ready or not states or any(state.running is not None for state in states)


def _pod_port(view: BackendView, pods: Sequence[Pod]) -> int | None:
    if view.port is None:
        return None
    return target_port(view.port, pods[0]) if pods else view.port.port


def _place(pod: Pod, admin: int, tls: bool | None, name: str) -> ApiPlace:
    named = (
        port.container_port for container in pod.containers for port in container.ports or () if port.name == "admin"
    )
    # The certificate that the operator issues names the Service, not the pod.
    server_name = f"{name}.{pod.namespace}.svc"
    port = admin or next(named, _ADMIN_PORT)
    return ApiPlace(namespace=pod.namespace, pod=pod.name, port=port, tls=tls, server_name=server_name)


def _with(state: MaxScaleState, way: ApiWay, answers: Sequence[_Answer], *, unasked: int) -> MaxScaleState:
    return replace(
        state,
        way=way,
        instances=tuple(item.instance for item in answers if item.instance is not None),
        unread=tuple(item.refusal for item in answers if item.refusal is not None),
        unasked=unasked,
    )


async def _at_url(api: MaxScale) -> _Answer:
    return await _read(api, None, clean(api.url, 200), ApiWay.URL)


async def _read(api: MaxScale, place: ApiPlace | None, name: str, way: ApiWay) -> _Answer:
    try:
        replies = await api.read(place, PATHS)
    except SourceError as error:
        return _Answer(
            refusal=ApiRefusal(
                place=name, way=way, trouble=ApiTrouble.NO_LOGIN, reason=error.message, enable_with=error.hint
            )
        )
    bodies = {path: reply.body for path, reply in zip(PATHS, replies, strict=False) if reply.status == 200}
    instance = parse_instance(name, bodies)
    if instance is not None:
        return _Answer(instance=instance)
    return _Answer(refusal=_refusal(name, way, replies[0], logged_in=api.has_login))


def _refusal(name: str, way: ApiWay, reply: RestReply, *, logged_in: bool) -> ApiRefusal:
    trouble, reason = reply.trouble, reply.detail
    if reply.status == 401:
        trouble = ApiTrouble.UNAUTHORISED if logged_in else ApiTrouble.NO_LOGIN
        reason = f"401: {_said(reply.body)}"
    elif trouble is None:
        trouble = ApiTrouble.NOT_MAXSCALE
        said = clean(reply.body[:80].decode("utf-8", "replace").strip(), 80)
        reason = f"the answer is {reply.status} {said}".rstrip()
    return ApiRefusal(
        place=name,
        way=way,
        trouble=trouble,
        reason=clean(reason, 300) or trouble.value,
        enable_with=_HINTS.get(trouble, ""),
        logged_in=logged_in,
    )


def _said(body: bytes) -> str:
    try:
        errors = as_list(as_map(msgspec.json.decode(body)).get("errors"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return "access denied"
    return clean(as_text(as_map(next(iter(errors), None)).get("detail")), 200) or "access denied"


async def _by_proxy(kube: Kubernetes, place: ApiPlace) -> _Answer:
    """Ask without credentials, for the API server's proxy would drop them."""
    bodies: dict[str, bytes] = {}
    scheme = "https:" if place.tls else ""
    base = f"{PODS.path(place.namespace)}/{scheme}{place.pod}:{place.port}/proxy"
    for path in PATHS:
        try:
            answer = await kube.get(base + path, {})
        except SourceError as error:
            return _proxied(place, ApiTrouble.OTHER, error.message)
        if path == SERVERS and answer.status == 403:
            return _proxied(place, ApiTrouble.NOT_GRANTED, "403: pods/proxy is not granted", _LOGIN_HINT)
        if path == SERVERS and answer.status == 401:
            return _proxied(place, ApiTrouble.NO_LOGIN, "its REST API is alive and wants a login (401)")
        if path == SERVERS and (answer.status != 200 or resources_of(answer.body) is None):
            return _proxied(place, ApiTrouble.NOT_MAXSCALE, f"the API server's proxy answers {answer.status}")
        if answer.status == 200:
            bodies[path] = answer.body
    instance = parse_instance(place.pod, bodies)
    return _Answer(instance=instance) if instance else _proxied(place, ApiTrouble.NOT_MAXSCALE, "nothing of MaxScale")


def _proxied(place: ApiPlace, trouble: ApiTrouble, reason: str, hint: str = "") -> _Answer:
    return _Answer(
        refusal=ApiRefusal(
            place=place.pod,
            way=ApiWay.PROXY,
            trouble=trouble,
            reason=clean(reason, 300),
            enable_with=hint or _HINTS.get(trouble, _LOGIN_HINT),
        )
    )
