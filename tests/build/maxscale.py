"""MaxScale's REST answers as 23.08 gives them, valid evidence of a healthy MaxScale, and a source that answers so."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from build.backend import a_pod, a_ref, a_service, a_view
from ingressdoctor.api import (
    ApiPlace,
    ApiRefusal,
    ApiTrouble,
    ApiWay,
    BackendView,
    Condition,
    DatabaseObjects,
    LoggedSignature,
    MariaDbObject,
    MaxScaleAccount,
    MaxScaleInstance,
    MaxScaleListener,
    MaxScaleLogs,
    MaxScaleMonitor,
    MaxScaleObject,
    MaxScaleServer,
    MaxScaleService,
    MaxScaleState,
    RestReply,
    SourceError,
    UserObject,
)

NAMESPACE = "shop"
USER = "reader"
PASSWORD = "pl4nted-maxscale-pass"
LABELS = {"app.kubernetes.io/name": "maxscale", "app.kubernetes.io/instance": "mxs"}
ACCOUNTS = ({"user": "erp", "host": "%", "plugin": "mysql_native_password", "ssl": False},)


def resource(name: str, kind: str, /, **attributes: Any) -> dict[str, Any]:
    """One resource of JSON:API."""
    return {"id": name, "type": kind, "attributes": attributes}


def raw_server(name: str, state: str = "Slave, Running", **attributes: Any) -> dict[str, Any]:
    """One server as ``/v1/servers`` lists it."""
    parameters = {"address": f"{name}.db", "port": 3306, "max_routing_connections": 0, "proxy_protocol": False}
    return resource(name, "servers", **{"state": state, "parameters": parameters, "statistics": {}, **attributes})


def raw_service(users: Any = ACCOUNTS, **attributes: Any) -> dict[str, Any]:
    """The service ``rw`` as ``/v1/services`` lists it."""
    told = {
        "state": "Started",
        "router": "readwritesplit",
        "users": users,
        "users_last_update": "Sat, 21 Nov 2026 11:00:00 GMT",
        "parameters": {"user": "mxs-server", "max_connections": 0, "master_failure_mode": "fail_instantly"},
        "statistics": {"connections": 3, "failed_auths": 1},
    }
    return resource("rw", "services", **{**told, **attributes}) | {
        "relationships": {"servers": {"data": [{"id": "db-0", "type": "servers"}]}}
    }


def raw_listener(state: str = "Running", **parameters: Any) -> dict[str, Any]:
    """The listener of port 3306."""
    return resource("rw-listener", "listeners", state=state, parameters={"port": 3306, "service": "rw", **parameters})


def rest_bodies(**replaced: Any) -> dict[str, bytes]:
    """The answers of a healthy instance by path; *replaced* by the last word of the path."""
    data: dict[str, Any] = {
        "servers": [raw_server("db-0", "Master, Running"), raw_server("db-1")],
        "services": [raw_service()],
        "listeners": [raw_listener()],
        "monitors": [resource("mon", "monitors", state="Running", module="mariadbmon", parameters={"user": "m"})],
        "maxscale": resource("maxscale", "maxscale", version="23.08.8", parameters={"max_auth_errors_until_block": 10}),
        "logs/data": resource("log_data", "log_data", log=[]),
    }
    data.update(replaced)
    paths = {name: f"/v1/{name}" for name in data} | {"logs/data": "/v1/maxscale/logs/data?page%5Bsize%5D=300"}
    return {paths[name]: json.dumps({"data": value}).encode() for name, value in data.items() if value is not None}


def basic(user: str = USER, password: str = PASSWORD) -> str:
    """The header that logs in."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class FakeMaxScale:
    """Answers from a table by path; *trouble* or *status* in place of the first answer, *broken* raises."""

    def __init__(
        self,
        bodies: Mapping[str, bytes] | None = None,
        *,
        url: str = "",
        has_login: bool = True,
        first: RestReply | None = None,
        broken: bool = False,
    ) -> None:
        self.url = url
        self.has_login = has_login
        self.asked: list[ApiPlace | None] = []
        self._bodies, self._first, self._broken = bodies or rest_bodies(), first, broken

    async def read(self, place: ApiPlace | None, paths: Sequence[str]) -> tuple[RestReply, ...]:
        """Look the paths up."""
        self.asked.append(place)
        if self._broken:
            raise SourceError("no token: the file secret is empty", hint="Write it.")
        if self._first is not None:
            return (self._first,)
        found = (self._bodies.get(path) for path in paths)
        return tuple(RestReply(status=404) if body is None else RestReply(status=200, body=body) for body in found)


def a_maxscale_view(*, pods: int = 2, **more: Any) -> BackendView:
    """The Service before MaxScale, and its pods."""
    ports = ({"name": "mysql", "containerPort": 3306}, {"name": "admin", "containerPort": 8989})
    made = [a_pod(f"mxs-{number}", labels=LABELS, ip=f"10.42.1.{number + 5}", ports=ports) for number in range(pods)]
    service = a_service("mxs", selector=LABELS, ports=({"name": "mysql", "port": 3306, "targetPort": "mysql"},))
    return a_view(service=service, pods=made, ref=a_ref("mxs", port="3306"), **more)


def a_server(name: str = "db-0", state: str = "Master, Running", **more: Any) -> MaxScaleServer:
    """One server by its state words."""
    return MaxScaleServer(name=name, address=f"{name}.db", port=3306, states=tuple(state.split(", ")), **more)


def an_account(user: str = "erp", host: str = "%") -> MaxScaleAccount:
    """One account of MaxScale's copy."""
    return MaxScaleAccount(user=user, host=host, plugin="mysql_native_password")


def an_instance(place: str = "mxs-0", **more: Any) -> MaxScaleInstance:
    """A healthy instance."""
    parts: dict[str, Any] = {
        "version": "23.08.8",
        "servers": (a_server(), a_server("db-1", "Slave, Running")),
        "services": (
            MaxScaleService(
                name="rw",
                state="Started",
                router="readwritesplit",
                users=(an_account(),),
                users_updated="Sat, 21 Nov 2026 11:00:00 GMT",
                master_failure_mode="fail_instantly",
            ),
        ),
        "listeners": (MaxScaleListener(name="rw-listener", state="Running", service="rw", port=3306),),
        "monitors": (MaxScaleMonitor(name="mon", state="Running", module="mariadbmon"),),
    }
    return MaxScaleInstance(place=place, **{**parts, **more})


def a_state(*instances: MaxScaleInstance, **more: Any) -> MaxScaleState:
    """What was read of one MaxScale; one healthy instance unless others are given."""
    chosen = instances or (an_instance(),)
    parts: dict[str, Any] = {"port": 3306, "pods": len(chosen), "way": ApiWay.FORWARD, "instances": chosen}
    return MaxScaleState(namespace=NAMESPACE, name="mxs", **{**parts, **more})


def unread(trouble: ApiTrouble = ApiTrouble.NO_LOGIN, **more: Any) -> MaxScaleState:
    """A MaxScale whose API told nothing."""
    gap = ApiRefusal(
        place="mxs-0", way=ApiWay.PROXY, trouble=trouble, reason="401", enable_with="Configure it.", **more
    )
    return a_state(instances=(), unread=(gap,), pods=2)


def ready(status: str = "True", reason: str = "Created", message: str = "Created") -> tuple[Condition, ...]:
    """The conditions of an object of the operator."""
    return (Condition(type="Ready", status=status, reason=reason, message=message),)


def a_maxscale(**more: Any) -> MaxScaleObject:
    """The MaxScale resource, in health."""
    parts: dict[str, Any] = {
        "conditions": ready(reason="MaxScaleReady", message="Running"),
        "mariadb": "db",
        "replicas": 2,
        "admin_secret": "mxs-admin",
        "servers": (("db-0", "Master, Running"), ("db-1", "Slave, Running")),
        "services": (("rw", "Started"),),
        "listeners": (("rw-listener", "Running"),),
        "monitor": ("mon", "Running"),
    }
    return MaxScaleObject(kind="MaxScale", namespace=NAMESPACE, name="mxs", **{**parts, **more})


def a_mariadb(name: str = "db", **more: Any) -> MariaDbObject:
    """The MariaDB behind it."""
    parts: dict[str, Any] = {"conditions": ready(), "primary": "db-0"}
    return MariaDbObject(kind="MariaDB", namespace=NAMESPACE, name=name, **{**parts, **more})


def a_user(user: str = "erp", **more: Any) -> UserObject:
    """An account of the operator."""
    parts: dict[str, Any] = {"conditions": ready(), "limit_set": True, "max_connections": 40, "created": "2026-11-01"}
    return UserObject(kind="User", namespace=NAMESPACE, name=user, user=user, **{**parts, **more})


def the_objects(**more: Any) -> DatabaseObjects:
    """Everything of the operator, in health."""
    mxs = a_maxscale()
    parts: dict[str, Any] = {"target": mxs, "maxscales": (mxs,), "mariadbs": (a_mariadb(),), "users": (a_user(),)}
    return DatabaseObjects(namespace=NAMESPACE, **{**parts, **more})


def a_line(code: str, *, when: str = "2026-11-21 11:59:30", **fields: str) -> LoggedSignature:
    """One line of MaxScale's log, half a minute before the tests' noon; ``said`` is its text."""
    return LoggedSignature(code=code, line=fields.get("said", code), level="ERR", when=when, pod="mxs-0", fields=fields)


def the_logs(*lines: LoggedSignature) -> MaxScaleLogs:
    """MaxScale's log with these signatures."""
    return MaxScaleLogs(signatures=lines, lines_read=50)
