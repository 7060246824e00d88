"""Finding Traefik, following its ports, reading its log."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from build.cluster import later
from build.controller import a_traefik, a_traefik_pod, a_traefik_service
from build.kube import TableKube, a_list, forbidden, text
from build.tunnel import a_route
from ingressdoctor.api import Controller, ControllerLogs, Pod, SourceError, Target, TunnelRoute, Unavailable
from ingressdoctor.collect.controller import collect_controller, version_of
from ingressdoctor.collect.controller_logs import SortedLogs, collect_logs, collect_sorted, parse_logs, sort_logs
from ingressdoctor.collect.static_config import static_of
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.model.needs import Later

NO_TUNNEL = Unavailable(wanted="the tunnel", reason="the name leads to none")

PODS, SERVICES = "/api/v1/pods", "/api/v1/services"


def raw(item: object) -> Any:
    return json.loads(msgspec.json.encode(item))


async def found(answers: dict[str, Any]) -> Controller | Unavailable:
    return await collect_controller.function(TableKube(answers), later(NO_TUNNEL))  # type: ignore[return-value]


async def test_found_by_label_with_two_requests() -> None:
    kube = TableKube({PODS: a_list(raw(a_traefik_pod())), SERVICES: a_list(raw(a_traefik_service()))})

    controller = await collect_controller.function(kube, later(NO_TUNNEL))

    assert isinstance(controller, Controller)
    assert (controller.namespace, controller.workload, controller.version) == ("traefik", "traefik", "3.7.9")
    assert controller.service is not None
    assert len(kube.calls) == 2


async def test_load_balancer_service_is_preferred() -> None:
    services = [a_traefik_service(kind="ClusterIP", name="a-dashboard"), a_traefik_service()]

    controller = await found({PODS: a_list(raw(a_traefik_pod())), SERVICES: a_list(*map(raw, services))})

    assert isinstance(controller, Controller)
    assert controller.service is not None
    assert controller.service.name == "traefik"


async def test_second_controller_is_named() -> None:
    labels = {"app.kubernetes.io/name": "traefik"}
    inner = a_traefik_pod("inner-1", metadata={"namespace": "inner", "labels": labels})

    controller = await found(
        {PODS: a_list(raw(inner), raw(a_traefik_pod())), SERVICES: a_list(raw(a_traefik_service()))}
    )

    assert isinstance(controller, Controller)
    assert (controller.namespace, controller.others) == ("traefik", ("inner/traefik",))


async def test_found_by_image_where_no_label_is_set() -> None:
    pod = raw(a_traefik_pod(image="rancher/mirrored-library-traefik:3.3.6", metadata={"namespace": "kube-system"}))

    controller = await found(
        {
            PODS: a_list(),
            SERVICES: a_list(),
            "/api/v1/namespaces/kube-system/pods": a_list(pod),
            "/api/v1/namespaces/traefik/pods": a_list(),
            "/api/v1/namespaces/kube-system/services": a_list(),
        }
    )

    assert isinstance(controller, Controller)
    assert (controller.namespace, controller.version) == ("kube-system", "3.3.6")


async def test_no_traefik_says_what_was_searched() -> None:
    empty = {path: a_list() for path in (PODS, SERVICES)}
    likely = {f"/api/v1/namespaces/{name}/pods": a_list() for name in ("traefik", "kube-system")}

    controller = await found({**empty, **likely})

    assert isinstance(controller, Unavailable)
    assert "app.kubernetes.io/name=traefik" in controller.reason


async def test_scaled_to_nothing_is_a_controller_without_pods() -> None:
    controller = await found({PODS: a_list(), SERVICES: a_list(raw(a_traefik_service()))})

    assert isinstance(controller, Controller)
    assert controller.pods == ()


async def test_forbidden_pods_are_no_missing_traefik() -> None:
    controller = await found({PODS: forbidden("pods is forbidden"), SERVICES: a_list()})

    assert isinstance(controller, Unavailable)
    assert "403" in controller.reason


async def test_forbidden_services_are_said() -> None:
    controller = await found({PODS: a_list(raw(a_traefik_pod())), SERVICES: forbidden("no")})

    assert isinstance(controller, Controller)
    assert controller.service is None
    assert controller.unread[0].reason.startswith("403")


async def test_dead_api_server_is_said_once() -> None:
    error = SourceError("connection refused", hint="Start it.")

    controller = await found({PODS: error, SERVICES: error, **dict.fromkeys(LIKELY, a_list())})

    assert isinstance(controller, Unavailable)
    assert controller.reason == "connection refused"


LIKELY = ("/api/v1/namespaces/traefik/pods", "/api/v1/namespaces/kube-system/pods")


@pytest.mark.parametrize(
    ("image", "version"),
    [
        pytest.param("traefik:v3.7.9", "3.7.9", id="tag-with-v"),
        pytest.param("registry.example:5000/traefik:2.11", "2.11", id="registry-with-a-port"),
        pytest.param("traefik:v3.7.9@sha256:abc", "3.7.9", id="tag-and-digest"),
        pytest.param("traefik@sha256:abc", "", id="digest-only"),
        pytest.param("traefik:latest", "", id="no-number"),
    ],
)
def test_version(image: str, version: str) -> None:
    assert version_of(a_traefik_pod(image=image)) == version


HOST_PORT = {"ports": [{"containerPort": 8443, "hostPort": 443}]}
PORTS = [
    pytest.param(a_traefik(), 443, "websecure", "", id="through-the-service"),
    pytest.param(a_traefik(), 8080, "", "has no port 8080", id="service-without-the-port"),
    pytest.param(
        a_traefik(service=a_traefik_service(ports=({"port": 443, "targetPort": "tls"},))),
        *(443, "", "names no port"),
        id="target-port-by-a-wrong-name",
    ),
    pytest.param(
        a_traefik(service=a_traefik_service(ports=({"port": 443, "targetPort": 8443},))),
        *(443, "websecure", ""),
        id="target-port-by-number",
    ),
    pytest.param(
        a_traefik(service=a_traefik_service(ports=({"port": 443, "targetPort": 4443},))),
        *(443, "", "no entry point listens on port 4443"),
        id="nobody-listens",
    ),
    pytest.param(
        a_traefik(service=a_traefik_service(ports=({"port": 8443},))), 8443, "websecure", "", id="no-target-port"
    ),
    pytest.param(
        a_traefik(pods=(a_traefik_pod(container=HOST_PORT),), no_service=True), 443, "websecure", "", id="host-port"
    ),
    pytest.param(a_traefik(no_service=True), 443, "", "no Service", id="neither-service-nor-host-port"),
    pytest.param(a_traefik(pods=()), 443, "", "no Traefik pod", id="no-pods"),
]


@pytest.mark.parametrize(("controller", "port", "point", "gap"), PORTS)
def test_path_of_a_port(controller: Controller, port: int, point: str, gap: str) -> None:
    path = controller.path_of(port)

    assert (path.entry_point.name if path.entry_point else "") == point
    assert (gap in path.gap) if gap else path.gap == ""


def test_a_port_is_followed_once_and_anew_behind_another_service() -> None:
    controller = a_traefik()
    path = controller.path_of(443)

    other = controller.behind(a_traefik_service(ports=({"port": 80, "targetPort": "web"},)))

    assert controller.path_of(443) is path
    assert "has no port 443" in other.path_of(443).gap


def access(host: str, **parts: Any) -> str:
    entry = {"RequestHost": host, "DownstreamStatus": 200, "OriginStatus": 200, "RequestMethod": "GET"}
    return json.dumps({**entry, "RequestPath": "/", "StartUTC": "2026-03-10T11:59:00Z", "Duration": 2_000_000} | parts)


LINES = [
    pytest.param('2026-03-10T11:00:00Z ERR Command error error="x"', 1, 0, id="console"),
    pytest.param("\x1b[90m2026-03-10T11:00:00Z\x1b[0m \x1b[31mERR\x1b[0m boom", 1, 0, id="console-in-colour"),
    pytest.param("2026-03-10T11:00:00Z INF Traefik version 3.7.9", 0, 0, id="console-info"),
    pytest.param('{"level":"error","message":"boom"}', 1, 0, id="json"),
    pytest.param('{"level":"info","message":"fine"}', 0, 0, id="json-info"),
    pytest.param('time="2026-03-10T11:00:00Z" level=error msg="boom"', 1, 0, id="logrus"),
    pytest.param("E0310 11:00:00.000000       1 reflector.go:205] failed to list", 1, 0, id="klog"),
    pytest.param(access("www.example.com"), 0, 1, id="access-for-the-host"),
    pytest.param(access("WWW.example.com."), 0, 1, id="access-for-the-host-in-capitals"),
    pytest.param(access("other.example.com"), 0, 0, id="access-for-another-host"),
    pytest.param('{"level":"error"', 0, 0, id="half-a-line"),
    pytest.param("[" * 50_000, 0, 0, id="brackets"),
    pytest.param("{" * 50_000, 0, 0, id="braces"),
    pytest.param('{"RequestHost": ["x"], "DownstreamStatus": "y"}', 0, 0, id="wrong-types"),
    pytest.param("\x00\x1b]0;title\x07", 0, 0, id="escapes"),
    pytest.param("", 0, 0, id="empty"),
]


@pytest.mark.parametrize(("line", "errors", "requests"), LINES)
def test_lines_are_sorted(line: str, errors: int, requests: int) -> None:
    logs = parse_logs((line,), "www.example.com", static_of(a_traefik_pod()))

    assert (len(logs.errors), len(logs.access)) == (errors, requests)


def test_common_format_names_no_host() -> None:
    line = '10.0.0.1 - - [10/Mar/2026:11:00:00 +0000] "GET / HTTP/2.0" 200 5 "-" "-" 1 "r@kubernetescrd" "http://x" 2ms'

    logs = parse_logs((line,), "www.example.com", static_of(a_traefik_pod(args=())))

    assert (logs.hostless_access, logs.access_log_on) == (1, True)


def test_access_line_is_read() -> None:
    logs = parse_logs(
        (access("www.example.com", RouterName="r", ServiceURL="http://x"),),
        "www.example.com",
        static_of(a_traefik_pod()),
    )

    line = logs.access[0]
    assert (line.status, line.origin_status, line.router, line.service_url) == (200, 200, "r", "http://x")
    assert line.duration_s == 0.002


@pytest.mark.parametrize(
    ("args", "on"),
    [
        pytest.param(("--accesslog=true",), True, id="on"),
        pytest.param(("--accesslog.format=json",), True, id="on-by-an-option"),
        pytest.param(("--ping",), False, id="off"),
        pytest.param(("--accesslog=false",), False, id="switched-off"),
        pytest.param(("--accesslog.filePath=/x",), None, id="to-a-file"),
        pytest.param(("--configFile=/x",), None, id="unknown"),
    ],
)
def test_access_log_switch(args: tuple[str, ...], on: bool | None) -> None:
    assert parse_logs(("",), "x", static_of(a_traefik_pod(args=args))).access_log_on is on


async def logs_of(
    kube: TableKube, controller: Controller, route: TunnelRoute | Unavailable = NO_TUNNEL
) -> ControllerLogs | Unavailable:
    async def read() -> SortedLogs | Unavailable:
        found = await collect_sorted.function(kube, controller)
        assert isinstance(found, SortedLogs | Unavailable)
        return found

    logs = await collect_logs.function(controller, Target.parse("www.example.com"), route, Later(read))
    assert isinstance(logs, ControllerLogs | Unavailable)
    return logs


def test_hosts_without_requests_share_what_the_logs_say() -> None:
    line = json.dumps({"RequestHost": "www.example.com", "DownstreamStatus": 502, "RequestPath": "/"})
    logs = sort_logs((f"{line}\nx ERR",), static_of(a_traefik_pod()))

    (asked,) = logs.of("www.example.com").access

    assert asked.status == 502
    assert logs.of("one.example.com") is logs.of("other.example.com")
    assert logs.of("one.example.com").other_access == 1


async def test_logs_of_two_pods_at_most() -> None:
    pods = tuple(a_traefik_pod(f"p{number}") for number in range(4))
    kube = TableKube({f"/api/v1/namespaces/traefik/pods/p{number}/log": text("x ERR") for number in range(4)})

    logs = await logs_of(kube, a_traefik(pods=pods))

    assert isinstance(logs, ControllerLogs)
    assert len(kube.calls) == 2


async def test_the_log_of_a_controller_that_a_tunnel_passes_by_is_not_read() -> None:
    kube = TableKube({"/api/v1/namespaces/traefik/pods/p/log": text("x ERR")})

    logs = await logs_of(kube, a_traefik(pods=(a_traefik_pod("p"),)), a_route())

    assert isinstance(logs, Unavailable)
    assert kube.calls == []


@pytest.mark.parametrize("pods", [pytest.param((), id="no-pods"), pytest.param((a_traefik_pod("p"),), id="unreadable")])
async def test_no_log_at_all_is_unavailable(pods: tuple[Pod, ...]) -> None:
    logs = await logs_of(TableKube({}), a_traefik(pods=pods))

    assert isinstance(logs, Unavailable)


async def test_without_the_pods_the_service_in_front_is_known() -> None:
    refused = forbidden("pods")
    controller = await found({PODS: refused, SERVICES: a_list(raw(a_traefik_service()))})

    assert isinstance(controller, Controller)
    assert controller.service is not None
    assert (controller.pods, controller.static.entry_points) == ((), ())
    assert controller.pods_unread is not None
    assert "could not be read" in controller.path_of(443).gap


async def test_without_pods_and_without_a_service_in_front_nothing_is_known() -> None:
    controller = await found({PODS: forbidden("pods"), SERVICES: a_list()})

    assert isinstance(controller, Unavailable)


def routing(*classes: str | None, installed: bool = False) -> Any:
    ingresses = tuple(
        msgspec.convert({"metadata": {"name": "x"}, "spec": {"ingressClassName": name}}, Ingress) for name in classes
    )
    none: Any = Loaded()
    return RoutingObjects(
        ingress_routes=Loaded(installed=installed),
        ingresses=Loaded(items=ingresses),
        middlewares=none,
        ingress_classes=none,
        traefik_services=none,
    )


@pytest.mark.parametrize(
    ("objects", "looked"),
    [
        pytest.param(routing("nginx", "haproxy"), False, id="every-ingress-is-anothers"),
        pytest.param(routing("nginx", "traefik-internal"), True, id="a-class-that-speaks-of-traefik"),
        pytest.param(routing("nginx", None), True, id="an-ingress-without-a-class"),
        pytest.param(routing("nginx", installed=True), True, id="its-own-kinds-exist"),
        pytest.param(routing(), True, id="no-ingress-at-all"),
        pytest.param(NO_TUNNEL, True, id="objects-could-not-be-read"),
    ],
)
async def test_traefik_is_looked_for_by_image_where_it_may_have_something_to_do(objects: Any, looked: bool) -> None:
    kube = TableKube({PODS: a_list(), SERVICES: a_list()})

    assert isinstance(await collect_controller.function(kube, later(objects)), Unavailable)
    assert len(kube.calls) == (5 if looked else 2)


MAKERS = "/apis/apps/v1/"
HOST_TEMPLATE = {
    "spec": {
        "hostNetwork": True,
        "containers": [{"name": "traefik", "image": "traefik:v3.6.10", "args": ["--entryPoints.web.address=:80/tcp"]}],
    }
}


def a_maker(kind: str, template: Any = HOST_TEMPLATE) -> dict[str, Any]:
    meta = {"name": "traefik", "namespace": "kube-system"}
    return {"kind": kind, "metadata": meta, "spec": {"template": template}}


async def test_a_traefik_without_pods_is_known_by_its_daemonset() -> None:
    answers = {PODS: a_list(), SERVICES: a_list(), f"{MAKERS}daemonsets": a_list(a_maker("DaemonSet"))}

    controller = await found(answers)

    assert isinstance(controller, Controller)
    assert (controller.pods, controller.made_by, controller.version) == ((), "daemonset/traefik", "3.6.10")
    assert [point.port for point in controller.static.entry_points] == [80]


async def test_a_template_of_an_odd_shape_is_still_a_traefik() -> None:
    odd = a_maker("DaemonSet", {"spec": {"containers": "none"}})

    controller = await found({PODS: a_list(), SERVICES: a_list(), f"{MAKERS}daemonsets": a_list(odd)})

    assert isinstance(controller, Controller)
    assert controller.static.entry_points == ()
