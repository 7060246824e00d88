"""Read the objects of mariadb-operator in the namespace that the connection ends in.

One list tells whether the operator's kinds are there at all; three or four more follow. Reads no Secret and no
password. What an object says of itself is taken as that; whether it is good is the checks'.

Source: mariadb-operator api/v1alpha1 and pkg/builder/labels (v26).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from ingressdoctor.collect.kinds import CONNECTIONS, DATABASES, GRANTS, MARIADBS, MAXSCALES, USERS, Kind
from ingressdoctor.collect.kube import list_kind, whole
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.backend import BackendView
from ingressdoctor.evidence.database_objects import (
    ConnectionObject,
    DatabaseObject,
    DatabaseObjects,
    GrantObject,
    MariaDbObject,
    MaxScaleObject,
    Operated,
    UserObject,
)
from ingressdoctor.evidence.kube import Condition
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.sources.base import Kubernetes

__all__ = [
    "collect_database_objects",
    "instances_of",
    "parse_connection",
    "parse_database",
    "parse_grant",
    "parse_mariadb",
    "parse_maxscale",
    "parse_user",
]

_WANTED: Final = "the objects of mariadb-operator"
_INSTANCE: Final = "app.kubernetes.io/instance"
_NAME: Final = 253
_TEXT: Final = 400
_MOST: Final = 500

T = TypeVar("T", bound=Operated)


@collector(wanted=_WANTED, timeout_s=15.0)
async def collect_database_objects(
    kube: Kubernetes, view: BackendView, target: Target
) -> DatabaseObjects | Unavailable:
    """Read what the operator says of the databases in the backend's namespace, and of what the target names there.

    Grants count for an account that is named, a Database for a schema that is; Connections are read where there is no
    login to be tried.
    """
    namespace = view.ref.namespace
    try:
        listed = await list_kind(kube, MAXSCALES, namespace=namespace)
    except SourceError as error:
        return Unavailable(wanted=_WANTED, reason=error.message, enable_with=error.hint)
    if not isinstance(listed, Unavailable) and not listed.installed:
        return DatabaseObjects(namespace=namespace, installed=False)
    maxscales = _parsed(whole(listed, "the MaxScales"), parse_maxscale)
    async with asyncio.TaskGroup() as group:
        mariadbs = group.create_task(_all(kube, MARIADBS, namespace, parse_mariadb))
        users = group.create_task(_all(kube, USERS, namespace, parse_user))
        grants = group.create_task(_all(kube, GRANTS, namespace, parse_grant, wanted=bool(target.sql_user)))
        databases = group.create_task(_all(kube, DATABASES, namespace, parse_database, wanted=bool(target.database)))
        connections = group.create_task(
            _all(kube, CONNECTIONS, namespace, parse_connection, wanted=not target.sql_user)
        )
    names = instances_of(view)
    found = () if isinstance(maxscales, Unavailable) else maxscales
    return DatabaseObjects(
        namespace=namespace,
        target=next((item for name in names for item in found if item.name == name), None),
        mariadbs=mariadbs.result(),
        maxscales=maxscales,
        users=users.result(),
        grants=grants.result(),
        databases=databases.result(),
        connections=connections.result(),
    )


async def _all(
    kube: Kubernetes, kind: Kind[Custom], namespace: str, parse: Callable[[Custom], T], *, wanted: bool = True
) -> tuple[T, ...] | Unavailable:
    if not wanted:
        return ()
    what = f"the {kind.plural} of mariadb-operator"
    try:
        return _parsed(whole(await list_kind(kube, kind, namespace=namespace), what), parse)
    except SourceError as error:
        return Unavailable(wanted=what, reason=error.message, enable_with=error.hint)


def _parsed(items: Sequence[Custom] | Unavailable, parse: Callable[[Custom], T]) -> tuple[T, ...] | Unavailable:
    return items if isinstance(items, Unavailable) else tuple(parse(item) for item in items[:_MOST])


def instances_of(view: BackendView) -> tuple[str, ...]:
    """Return the names that the MaxScale behind a Service may have, the surest first.

    The operator labels the pods and not the Services, and names its Services after the resource.
    """
    selector = (view.service.spec.selector if view.service is not None else None) or {}
    pods = () if isinstance(view.pods, Unavailable) else view.pods
    named = [selector.get(_INSTANCE) or "", *(pod.labels.get(_INSTANCE, "") for pod in pods), view.ref.name]
    return tuple(dict.fromkeys(name for name in named if name))


def parse_mariadb(item: Custom) -> MariaDbObject:
    """Read one MariaDB."""
    spec, status = item.spec, item.status
    return MariaDbObject(
        **_common(item),
        replicas=_int(spec.get("replicas"), 1),
        port=_int(spec.get("port"), 3306),
        maxscale=_text(as_map(spec.get("maxScaleRef")).get("name")),
        primary=_text(status.get("currentPrimary")),
        tls_required=as_map(spec.get("tls")).get("required") is True,
        my_cnf=clean(as_text(spec.get("myCnf")), 4_000),
    )


def parse_maxscale(item: Custom) -> MaxScaleObject:
    """Read one MaxScale; the states in its status come from one pod, and may be old."""
    spec, status = item.spec, item.status
    auth, tls = as_map(spec.get("auth")), as_map(spec.get("tls")).get("enabled")
    monitor = as_map(status.get("monitor"))
    return MaxScaleObject(
        **_common(item),
        replicas=_int(spec.get("replicas"), 1),
        admin_port=_int(as_map(spec.get("admin")).get("port"), 8989),
        admin_user=_text(auth.get("adminUsername")) or "mariadb-operator",
        admin_secret=_text(as_map(auth.get("adminPasswordSecretKeyRef")).get("name")) or f"{item.name}-admin",
        tls=tls if isinstance(tls, bool) else None,
        service_type=_text(as_map(spec.get("kubernetesService")).get("type")),
        suspended=spec.get("suspend") is True,
        servers=_states(status.get("servers")),
        services=_states(status.get("services")),
        listeners=_states(status.get("listeners")),
        monitor=(_text(monitor.get("name")), _text(monitor.get("state"))),
    )


def parse_user(item: Custom) -> UserObject:
    """Read one account; which password it has is not looked at, only whether one is referred to."""
    spec = item.spec
    limit = spec.get("maxUserConnections")
    plugin = as_map(spec.get("passwordPlugin"))
    ways = (
        spec.get("passwordSecretKeyRef"),
        spec.get("passwordHashSecretKeyRef"),
        plugin.get("pluginNameSecretKeyRef"),
    )
    demands = as_map(spec.get("require"))
    return UserObject(
        **_common(item),
        user=_text(spec.get("name")) or item.name,
        host=_text(spec.get("host")) or "%",
        has_password=any(map(as_map, (*ways, plugin.get("pluginNameSecretKeyRef")))),
        max_connections=_int(limit, 10),
        limit_set=_is_int(limit),
        needs_tls=any(demands.get(key) for key in ("ssl", "x509", "issuer", "subject")),
    )


def parse_grant(item: Custom) -> GrantObject:
    """Read one grant."""
    spec = item.spec
    return GrantObject(
        **_common(item),
        user=_text(spec.get("username")),
        host=_text(spec.get("host")) or "%",
        database=_text(spec.get("database")) or "*",
        table=_text(spec.get("table")) or "*",
        privileges=tuple(_text(word) for word in as_list(spec.get("privileges"))[:100]),
    )


def parse_database(item: Custom) -> DatabaseObject:
    """Read one schema."""
    return DatabaseObject(**_common(item), database=_text(item.spec.get("name")) or item.name)


def parse_connection(item: Custom) -> ConnectionObject:
    """Read one Connection; its password stays where it is."""
    spec = item.spec
    return ConnectionObject(
        **_common(item),
        user=_text(spec.get("username")),
        database=_text(spec.get("database")),
        maxscale=_text(as_map(spec.get("maxScaleRef")).get("name")),
        checked=bool(as_map(spec.get("healthCheck"))),
    )


def _common(item: Custom) -> dict[str, Any]:
    reference = as_map(item.spec.get("mariaDbRef"))
    return {
        "kind": item.kind or "",
        "namespace": item.namespace,
        "name": item.name,
        "conditions": tuple(map(_condition, map(as_map, as_list(item.status.get("conditions"))[:50]))),
        "created": item.metadata.creation_timestamp or "",
        "managed": item.metadata.managed_fields or (),
        "mariadb": _text(reference.get("name")),
        "mariadb_namespace": _text(reference.get("namespace")) or item.namespace,
    }


def _condition(raw: Mapping[str, Any]) -> Condition:
    return Condition(
        type=_text(raw.get("type")),
        status=_text(raw.get("status")),
        reason=_text(raw.get("reason")),
        message=clean(as_text(raw.get("message")), _TEXT),
        last_transition_time=_text(raw.get("lastTransitionTime")),
    )


def _states(raw: object) -> tuple[tuple[str, str], ...]:
    return tuple((_text(item.get("name")), _text(item.get("state"))) for item in map(as_map, as_list(raw)[:_MOST]))


def _text(value: object) -> str:
    return clean(as_text(value), _NAME)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _int(value: object, default: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default
