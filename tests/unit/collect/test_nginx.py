"""Find ingress-nginx, tell whether a rule leads to it, and what its log says."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import NOT_ASKED, a_pod, a_ref
from build.cluster import FakeCluster, later, services_of, workloads_of
from build.controller import a_traefik
from build.nginx import HOST, a_class, a_controller_of_nginx, a_front, a_path, an_ingress, an_origin_rule
from build.outside import exchange, visited
from build.tunnel import CATCH_ALL, a_route, a_rule
from build.values import replace
from ingressdoctor.api import (
    AddressOwner,
    BackendView,
    Inapplicable,
    NginxControllers,
    NginxDecision,
    NginxLogs,
    NginxWay,
    Outcome,
    Target,
    Unavailable,
)
from ingressdoctor.collect.backend import backend_view
from ingressdoctor.collect.destination import behind_nginx
from ingressdoctor.collect.dialler import collect_dialler
from ingressdoctor.collect.nginx_controllers import collect_nginx_controllers
from ingressdoctor.collect.nginx_logs import collect_nginx_logs, parse_nginx_logs
from ingressdoctor.collect.nginx_route import collect_nginx_route
from ingressdoctor.collect.nginx_way import may_lead_to_nginx, way_to
from ingressdoctor.evidence.backend import ChosenBackend
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.evidence.workloads import ClusterServices

TARGET = Target.parse(HOST)
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")
DEPLOYMENTS, DAEMON_SETS = "/apis/apps/v1/deployments", "/apis/apps/v1/daemonsets"
STATEFUL_SETS, SERVICES = "/apis/apps/v1/statefulsets", "/api/v1/services"
PODS, ALL_PODS = "/api/v1/namespaces/nginx/pods", "/api/v1/pods"
CONFIG = "/api/v1/namespaces/nginx/configmaps/settings"
IMAGE = "registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:0f"
LABELS = {"app": "nginx"}
SERVICE = {
    "kind": "Service",
    "metadata": {"name": "front", "namespace": "nginx"},
    "spec": {"type": "LoadBalancer", "selector": LABELS, "ports": [{"port": 443, "targetPort": "https"}]},
    "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.200"}]}},
}
WEBHOOK = {
    "kind": "Service",
    "metadata": {"name": "admission", "namespace": "nginx"},
    "spec": {"type": "ClusterIP", "selector": LABELS, "ports": [{"port": 443, "targetPort": "webhook"}]},
}


def workload(kind: str = "Deployment", image: str = IMAGE, args: Any = None, **spec: Any) -> dict[str, Any]:
    words = ["/nginx-ingress-controller", "--configmap=$(POD_NAMESPACE)/settings"] if args is None else args
    container = {"name": "controller", "image": image, "args": words, "ports": [{"containerPort": 80, "hostPort": 80}]}
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "web", "namespace": "nginx"},
        "spec": {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": template} | spec,
        "status": {"desiredNumberScheduled": 4},
    }


def cluster(more: dict[str, Any] | None = None, statuses: dict[str, int] | None = None) -> FakeCluster:
    pod = {"kind": "Pod", "metadata": {"name": "web-1", "namespace": "nginx", "labels": LABELS}}
    balancer = {"svccontroller.k3s.cattle.io/svcname": "front", "svccontroller.k3s.cattle.io/svcnamespace": "nginx"}
    svclb = {"kind": "Pod", "metadata": {"name": "svclb-1", "namespace": "kube-system", "labels": balancer}}
    objects: dict[str, Any] = {
        DEPLOYMENTS: [workload(), workload(image="nginx:1", args=["run"])],
        DAEMON_SETS: [],
        STATEFUL_SETS: [],
        SERVICES: [SERVICE, WEBHOOK],
        PODS: [pod],
        ALL_PODS: [svclb],
        CONFIG: {"kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"use-http2": "false", "x": None}},
    }
    return FakeCluster(objects | (more or {}), statuses)


async def controllers(kube: FakeCluster) -> Any:
    return await collect_nginx_controllers.function(kube, *workloads_of(kube), services_of(kube))


async def first(kube: FakeCluster) -> Any:
    found = await controllers(kube)
    assert isinstance(found, NginxControllers)
    return found.items[0]


async def test_a_controller_costs_its_pods_and_its_config_map_beside_the_shared_lists() -> None:
    kube = cluster()

    item = await first(kube)

    assert (item.ref, item.version, item.replicas) == ("Deployment nginx/web", "1.15.1", 2)
    assert [pod.name for pod in item.pods] == ["web-1"]
    assert item.config == {"use-http2": "false", "x": ""}
    assert (item.service.name, item.services, item.host_ports) == ("front", ("front",), (80,))
    assert item.balancers is None
    assert sorted(kube.asked) == sorted([DEPLOYMENTS, SERVICES, PODS, CONFIG])


async def test_a_service_without_an_address_makes_the_svclb_pods_worth_a_look() -> None:
    item = await first(cluster({SERVICES: [SERVICE | {"status": None}]}))

    assert [pod.name for pod in item.balancers] == ["svclb-1"]


IMAGES = [
    pytest.param(IMAGE, [], "1.15.1", id="the-projects-own"),
    pytest.param("rancher/nginx-ingress-controller:nginx-1.9.4-rancher1", [], "1.9.4", id="of-rancher"),
    pytest.param("bitnami/nginx-ingress-controller:1.11.2", [], "1.11.2", id="of-bitnami"),
    pytest.param("mirror.example/x:5", ["/usr/bin/nginx-ingress-controller"], "", id="by-its-command"),
    pytest.param("registry.example:5000/ingress-nginx/controller", [], "", id="without-a-tag"),
]


@pytest.mark.parametrize(("image", "args", "version"), IMAGES)
async def test_known_by_what_it_runs(image: str, args: list[str], version: str) -> None:
    assert (await first(cluster({DEPLOYMENTS: [workload(image=image, args=args)]}))).version == version


async def test_a_daemon_set_counts_where_no_deployment_runs_it() -> None:
    item = await first(cluster({DEPLOYMENTS: [], DAEMON_SETS: [workload("DaemonSet")]}))

    assert (item.ref, item.replicas) == ("DaemonSet nginx/web", 4)


@pytest.mark.parametrize(
    "image", [pytest.param("nginx/nginx-ingress:3.4", id="f5s-own-controller"), pytest.param("nginx:1.27", id="nginx")]
)
async def test_other_nginxes_are_none(image: str) -> None:
    assert await controllers(cluster({DEPLOYMENTS: [workload(image=image, args=[])]})) == NginxControllers()


async def test_a_template_of_an_unexpected_shape_is_none() -> None:
    odd = workload(template={"spec": {"containers": "none"}})

    assert await controllers(cluster({DEPLOYMENTS: [odd]})) == NginxControllers()


async def test_workloads_that_may_not_be_listed_are_a_gap() -> None:
    assert isinstance(await controllers(cluster(statuses={DEPLOYMENTS: 403, DAEMON_SETS: 403})), Unavailable)


@pytest.mark.parametrize(
    ("path", "field"),
    [pytest.param(PODS, "pods", id="pods"), pytest.param(CONFIG, "config", id="config-map")],
)
@pytest.mark.parametrize("status", [403, 0])
async def test_what_may_not_be_read_is_a_gap_of_that_part(path: str, field: str, status: int) -> None:
    assert isinstance(getattr(await first(cluster(statuses={path: status})), field), Unavailable)


async def test_a_config_map_that_does_not_exist_is_empty_as_for_the_controller() -> None:
    assert (await first(cluster(statuses={CONFIG: 404}))).config == {}


@pytest.mark.parametrize(
    ("args", "ref"),
    [
        pytest.param(["--configmap", "other/settings"], "other/settings", id="value-apart"),
        pytest.param(["--configmap=settings"], "nginx/settings", id="without-a-namespace"),
        pytest.param(["--configmap"], "", id="no-value"),
        pytest.param([], "", id="none"),
    ],
)
async def test_the_config_map_by_argument(args: list[str], ref: str) -> None:
    assert (await first(cluster({DEPLOYMENTS: [workload(args=args)]}))).config_ref == ref


async def test_pods_without_a_plain_selector_are_told_by_what_they_run() -> None:
    other = {"kind": "Pod", "metadata": {"name": "x", "namespace": "nginx"}, "spec": {"containers": [{"image": "a"}]}}
    mine = other | {"metadata": {"name": "y", "namespace": "nginx"}, "spec": {"containers": [{"image": IMAGE}]}}

    item = await first(cluster({DEPLOYMENTS: [workload(selector={})], PODS: [other, mine]}))

    assert [pod.name for pod in item.pods] == ["y"]


async def test_services_that_may_not_be_listed_leave_the_rest() -> None:
    found = await controllers(cluster(statuses={SERVICES: 403}))

    assert (len(found.items), len(found.unread), found.items[0].service) == (1, 1, None)


NODE = AddressOwner(address="10.0.0.200", owners=("Node pi",))
PUBLISHED = AddressOwner(address="10.0.0.200", owners=("Node pi", "Service nginx/nginx-controller"))
ANOTHERS = AddressOwner(address="10.0.0.200", owners=("Node pi", "Service web/traefik"))
NOBODY = AddressOwner(address="10.0.0.200")
LOOPBACK = Inapplicable(wanted="x", reason="the rule names the connector's own machine")


def ruled(service: str, **given: Any) -> Any:
    return a_route(a_rule(HOST, service), CATCH_ALL, host=HOST, **given)


ADDRESS = ruled("https://10.0.0.200:443")
RULES: list[Any] = [
    pytest.param(NOT_ASKED, NOT_ASKED, "does not lead to a tunnel", id="no-tunnel"),
    pytest.param(ruled("http_status:404"), NOT_ASKED, "no web server", id="no-origin"),
    pytest.param(ruled("ssh://10.0.0.200:22"), NODE, "no web server", id="another-protocol"),
    pytest.param(ruled("http://grafana.monitoring:80"), NOT_ASKED, "straight to a Service", id="another-service"),
    pytest.param(ruled("http://web.ingress-nginx:80"), NOT_ASKED, "", id="a-service-in-its-namespace"),
    pytest.param(ADDRESS, NODE, "", id="an-address-of-the-cluster"),
    pytest.param(ADDRESS, NOBODY, "nobody in the cluster", id="an-address-of-nobody"),
    pytest.param(ADDRESS, LOOPBACK, "out of the cluster", id="a-public-address"),
    pytest.param(ADDRESS, FORBIDDEN, "", id="whose-address-could-not-be-read"),
    pytest.param(ruled("https://localhost:443"), LOOPBACK, "cloudflared's own pod", id="localhost-of-a-pod"),
    pytest.param(ruled("https://127.0.0.1", workloads=()), LOOPBACK, "", id="localhost-of-a-machine"),
]


@pytest.mark.parametrize(("route", "owner", "why"), RULES)
def test_whether_a_rule_may_lead_to_it(route: Any, owner: Any, why: str) -> None:
    said = may_lead_to_nginx(route, owner)

    assert bool(said) is bool(why)
    assert why in said


BARE = a_front(spec={"type": "ClusterIP", "clusterIP": "10.43.0.9", "ports": [{"port": 443}]})
WAYS: list[Any] = [
    pytest.param("https://nginx-controller.nginx:443", NOT_ASKED, {}, NginxWay.SERVICE, id="its-service"),
    pytest.param("https://other.nginx:443", NOT_ASKED, {}, None, id="another-service-of-its-namespace"),
    pytest.param("https://10.43.0.9:443", NODE, {}, NginxWay.CLUSTER_IP, id="the-cluster-address"),
    pytest.param("https://10.0.0.200:443", PUBLISHED, {}, NginxWay.PUBLISHED, id="the-published-address"),
    pytest.param("https://10.0.0.200:31443", NODE, {}, NginxWay.NODE_PORT, id="a-node-port"),
    pytest.param("https://10.0.0.200:443", NODE, {}, NginxWay.HOST_PORT, id="klipper-before-it-is-published"),
    pytest.param("https://10.0.0.200:443", ANOTHERS, {}, None, id="the-address-is-anothers"),
    pytest.param("https://10.0.0.200:8443", NODE, {}, None, id="a-port-that-it-does-not-have"),
    pytest.param("https://10.0.0.200:443", NODE, {"service": BARE}, None, id="no-load-balancer"),
    pytest.param(
        "https://10.0.0.200:443", NODE, {"service": None, "host_network": True}, NginxWay.HOST_PORT, id="host-network"
    ),
    pytest.param(
        "http://10.0.0.200:8080", NODE, {"service": None, "host_ports": (8080,)}, NginxWay.HOST_PORT, id="host-port"
    ),
    pytest.param("https://10.0.0.9:443", NOT_ASKED, {}, None, id="whose-address-is-not-known"),
    pytest.param("https://localhost:443", LOOPBACK, {}, NginxWay.HOST_PORT, id="localhost"),
]


@pytest.mark.parametrize(("service", "owner", "controller", "way"), WAYS)
def test_by_what_a_rule_leads_to_it(service: str, owner: Any, controller: Any, way: Any) -> None:
    known = NginxControllers(items=(a_controller_of_nginx(**controller),))

    found = way_to(an_origin_rule(service), owner, known)

    assert (None if isinstance(found, Unavailable) else found[1]) == way


def test_where_nothing_could_be_listed_nothing_is_ruled_out() -> None:
    gap = way_to(
        an_origin_rule(), NODE, NginxControllers(items=(a_controller_of_nginx(service=None),), unread=(FORBIDDEN,))
    )

    assert gap is FORBIDDEN


def objects(ingresses: Any = None, classes: Any = None) -> RoutingObjects:
    loaded = Loaded(items=(an_ingress(),)) if ingresses is None else ingresses
    none: Any = Loaded()
    return RoutingObjects(
        ingress_routes=none,
        ingresses=loaded,
        middlewares=none,
        ingress_classes=Loaded(items=(a_class(),)) if classes is None else classes,
        traefik_services=none,
    )


KNOWN = NginxControllers(items=(a_controller_of_nginx(),))
NO_LAN = Inapplicable(wanted="x", reason="the name leads to no address of a LAN")


async def decided(route: Any = ADDRESS, owner: Any = PUBLISHED, found: Any = None, known: Any = KNOWN) -> Any:
    given = objects() if found is None else found
    return await collect_nginx_route.function(TARGET, route, owner, given, later(known), NO_LAN)


async def test_the_request_goes_as_cloudflared_sends_it() -> None:
    route = a_route(
        a_rule(
            HOST, "https://10.0.0.200:443", "originRequest: {httpHostHeader: shop.example, originServerName: a.example}"
        ),
        CATCH_ALL,
        host=HOST,
    )

    found = await decided(route)

    request = found.decision.request
    assert (request.host, request.sni, request.tls) == ("shop.example", "a.example", True)
    assert found.decision.outcome is Outcome.NO_ROUTE


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param({"route": ruled("http://grafana.monitoring:80")}, "straight to a Service", id="not-nginx"),
        pytest.param({"known": FORBIDDEN}, "403", id="workloads-forbidden"),
        pytest.param({"known": NginxControllers()}, "no ingress-nginx runs", id="there-is-none"),
        pytest.param({"owner": ANOTHERS}, "does not lead to", id="anothers-address"),
        pytest.param({"found": FORBIDDEN}, "403", id="objects-forbidden"),
        pytest.param({"found": objects(FORBIDDEN)}, "403", id="ingresses-forbidden"),
    ],
)
async def test_what_stands_in_the_way(given: Any, reason: str) -> None:
    gap = await decided(**given)

    assert isinstance(gap, Unavailable)
    assert reason in gap.reason


async def test_classes_and_settings_that_could_not_be_read_are_limits() -> None:
    controller = a_controller_of_nginx(config=FORBIDDEN)

    found = await decided(found=objects(classes=FORBIDDEN), known=NginxControllers(items=(controller,)))

    assert found.decision.outcome is Outcome.ROUTED
    assert [limit.partition(" ")[0] for limit in found.decision.limits] == ["the", "its"]


async def test_the_service_behind_it_is_read_from_the_list_that_was_made_already() -> None:
    found = await decided()
    api = {"kind": "Service", "metadata": {"name": "api", "namespace": "api"}, "spec": {"ports": [{"port": 80}]}}
    kube = FakeCluster({SERVICES: [api], "/apis/discovery.k8s.io/v1/namespaces/api/endpointslices": []})
    listed = await services_of(kube).get()
    assert isinstance(listed, ClusterServices)

    chosen = behind_nginx(found, listed)
    assert isinstance(chosen, ChosenBackend)
    view = await backend_view.function(kube, chosen, NOT_ASKED)

    assert isinstance(view, BackendView)
    assert (view.nginx, view.dialler, view.service is not None) == (True, "ingress-nginx", True)
    assert kube.asked == [SERVICES, "/apis/discovery.k8s.io/v1/namespaces/api/endpointslices"]


async def test_a_service_that_is_not_on_the_list_does_not_exist() -> None:
    found = await decided(found=objects(Loaded(items=(an_ingress(a_path(to="apj")),))))
    api = {"kind": "Service", "metadata": {"name": "api", "namespace": "api"}, "spec": {}}
    kube = FakeCluster({SERVICES: [api], "/apis/discovery.k8s.io/v1/namespaces/api/endpointslices": []})

    chosen = behind_nginx(found, await services_of(kube).get())
    assert isinstance(chosen, ChosenBackend)
    view = await backend_view.function(kube, chosen, NOT_ASKED)

    assert isinstance(view, BackendView)
    assert (view.service, view.siblings) == (None, ("api",))


async def test_no_route_no_backend() -> None:
    found = await decided(found=objects(Loaded()))

    assert isinstance(behind_nginx(found, FORBIDDEN), Inapplicable)


async def pods_for(chosen: ChosenBackend, controller: Any, route: Any, nginx: Any) -> Any:
    found: Any = await collect_dialler.function(chosen, controller, route, nginx)
    return found.pods


async def dialled(*, nginx: bool = False, tunnel: bool = False) -> Any:
    found = ChosenBackend(ref=a_ref(), route="x", nginx=nginx, tunnel=tunnel)
    return await pods_for(found, a_traefik(), ADDRESS, await decided())


async def test_whose_pods_dial_the_backend() -> None:
    assert [pod.name for pod in await dialled(nginx=True, tunnel=True)] == ["nginx-1"]
    assert [pod.name for pod in await dialled(tunnel=True)] == ["cloudflared-1", "cloudflared-2"]
    assert await dialled() == a_traefik().ready_pods


async def test_pods_that_could_not_be_read_dial_as_a_gap() -> None:
    found = ChosenBackend(ref=a_ref(), route="x", nginx=True)
    unread = replace(await decided(), controller=a_controller_of_nginx(pods=FORBIDDEN))

    for nginx in (FORBIDDEN, unread):
        assert await pods_for(found, NOT_ASKED, NOT_ASKED, nginx) is FORBIDDEN
    assert await pods_for(replace(found, nginx=False), NOT_ASKED, NOT_ASKED, unread) is NOT_ASKED


REFUSED = "connect() failed (111: Connection refused) while connecting to upstream"
LINES = f"""
E1121 09:58:00.123456       7 controller.go:205] "Unexpected failure reloading the backend"
2026/11/21 09:59:00 [error] 31#31: *7 {REFUSED}, host: "{HOST}"
2026/11/21 09:59:30 [error] 31#31: *8 {REFUSED}, host: "{HOST}"
2026/11/21 09:59:31 [error] 31#31: *9 connect() failed (113: Host is unreachable) while connecting, host: "b"
10.42.0.1 - - [21/Nov/2026:09:59:30 +0000] "GET / HTTP/1.1" 502 150
"""


def test_lines_are_sorted_by_signature_and_by_whose_they_are() -> None:
    found = parse_nginx_logs(LINES, (HOST,), "nginx-1")

    refused = found.of("upstream-refused")
    assert refused is not None
    assert (refused.count, refused.when, refused.pod) == (2, "2026/11/21 09:59:30", "nginx-1")
    assert found.of("upstream-unreachable") is None
    assert found.of("upstream-unreachable", ours=False) is not None
    reload = found.of("reload-failed", ours=False)
    assert reload is not None
    assert reload.when == "09:58:00"
    assert found.lines_read == 5


async def log_of(probe: Any, nginx: Any = None, log: Any = LINES, status: int = 200) -> Any:
    class Kube(FakeCluster):
        async def get(self, path: str, query: Any) -> Any:
            answer = await super().get(path, query)
            return replace(answer, body=log.encode()) if path.endswith("/log") and answer.status == 200 else answer

    path = "/api/v1/namespaces/nginx/pods/nginx-1/log"
    kube = Kube({path: {}}, {} if status == 200 else {path: status})
    return await collect_nginx_logs.function(kube, await decided() if nginx is None else nginx, probe)


@pytest.mark.parametrize(
    ("probe", "read"),
    [
        pytest.param(visited(error=502), True, id="the-edges-502"),
        pytest.param(visited(exchange(503)), True, id="nginxs-own-503"),
        pytest.param(visited(error=1033), False, id="nothing-came-so-far"),
        pytest.param(visited(), False, id="all-is-well"),
        pytest.param(visited(login="team.example"), False, id="a-login"),
        pytest.param(NOT_ASKED, False, id="nobody-looked"),
    ],
)
async def test_the_log_is_read_where_requests_fail(probe: Any, read: bool) -> None:
    assert isinstance(await log_of(probe), NginxLogs) is read


@pytest.mark.parametrize("status", [403, 0])
async def test_a_log_that_may_not_be_read_is_a_gap(status: int) -> None:
    assert isinstance(await log_of(visited(error=502), status=status), Unavailable)


async def test_without_a_pod_there_is_no_log() -> None:
    found: NginxDecision = await decided()
    for pods in (FORBIDDEN, (), (a_pod("x", phase="Succeeded", ready=False),)):
        bare = replace(found, controller=a_controller_of_nginx(pods=pods))
        assert isinstance(await log_of(visited(error=502), bare), Unavailable)
