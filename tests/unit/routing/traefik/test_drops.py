"""Every way in which Traefik drops or disables an HTTP route, with its reason and its own words."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_route, a_service, a_table, an_ingress_of, only_drop, routers, thing
from ingressdoctor.api import DropReason, Unavailable

UNREAD = Unavailable(wanted="the cluster's Services", reason="403")
CRD, INGRESS = "--providers.kubernetescrd.", "--providers.kubernetesingress."
CROSS = CRD + "allowcrossnamespace=true"
FOREIGN = {"name": "shop", "namespace": "other", "port": 80}


def service(**parts: Any) -> dict[str, Any]:
    return {"name": "shop", "port": 80, **parts}


def named(name: str, **parts: Any) -> dict[str, Any]:
    return {"name": name, "kind": "TraefikService", **parts}


def split(name: str, *services: dict[str, Any], kind: str = "weighted") -> dict[str, Any]:
    return thing("TraefikService", name, {kind: {"services": list(services)}})


ROUTES = [
    pytest.param(a_route(kind="Other"), (), (), DropReason.KIND, "Unsupported match kind: Other.", id="kind"),
    pytest.param(a_route(rule=""), (), (), DropReason.RULE, "Empty match rule", id="empty-match"),
    pytest.param(
        *(a_route(), (), (CRD + "namespaces=other",), DropReason.NAMESPACE, "watches only the namespaces other"),
        id="namespace-not-watched",
    ),
    pytest.param(
        *(a_route(), (), (CRD + "labelselector=app in (x)",), DropReason.LABEL, "leaves it out"), id="label-selector"
    ),
    pytest.param(
        a_route({"name": "gone", "port": 80}),
        *((), (), DropReason.SERVICE_MISSING, "kubernetes service not found: ns/gone"),
        id="service-not-found",
    ),
    pytest.param(
        a_route(service(port=81)), (), (), DropReason.SERVICE_PORT, "service port not found: 81", id="service-port"
    ),
    pytest.param(
        a_route({"name": "shop"}),
        *((), (), DropReason.SERVICE_PORT, "ingressRoute service port not defined"),
        id="service-port-not-defined",
    ),
    pytest.param(
        a_route({"name": "idle", "port": 80}),
        *(a_service("idle", endpoints=0), (), DropReason.SERVICE_EMPTY, "no servers found for ns/idle"),
        id="no-servers",
    ),
    pytest.param(
        a_route({"name": "out", "port": 80}),
        a_service("out", type="ExternalName", externalName="x.org")[:1],
        *((), DropReason.EXTERNAL_NAME, "externalName services not allowed: ns/out"),
        id="external-name",
    ),
    pytest.param(
        a_route(FOREIGN),
        *((), (), DropReason.SERVICE_CROSS_NAMESPACE, "service other/shop not in the parent resource namespace ns"),
        id="service-in-another-namespace",
    ),
    pytest.param(
        a_route(FOREIGN),
        *((), (CROSS, CRD + "namespaces=ns"), DropReason.NAMESPACE, "namespace is not within watched namespaces"),
        id="service-in-a-namespace-not-watched",
    ),
    pytest.param(
        a_route(service(healthCheck={"path": "/"})),
        *((), (), DropReason.SERVICE_OPTION, "healthCheck allowed only for ExternalName services: ns/shop"),
        id="health-check",
    ),
    pytest.param(
        a_route(service(scheme="ftp")), (), (), DropReason.SERVICE_OPTION, 'invalid scheme "ftp" specified', id="scheme"
    ),
    pytest.param(
        a_route(service(strategy="luck")),
        *((), (), DropReason.SERVICE_OPTION, "load-balancer strategy luck is not supported"),
        id="strategy",
    ),
    pytest.param(
        a_route(service(kind="Pod")), (), (), DropReason.KIND, "unsupported service kind Pod", id="service-kind"
    ),
    pytest.param(
        a_route({"name": "head", "port": 80, "nativeLB": True}),
        a_service("head", clusterIP="None"),
        *((), DropReason.SERVICE_OPTION, "no clusterIP on headless service: ns/head"),
        id="native-lb-of-a-headless-service",
    ),
    pytest.param(
        a_route({"name": "np", "port": 80, "nodePortLB": True}),
        a_service("np", type="NodePort"),
        *((CRD + "disableclusterscoperesources=true",), DropReason.SERVICE_OPTION, "nodes lookup is disabled"),
        id="node-ports-without-nodes-lookup",
    ),
    pytest.param(
        a_route({"name": "np", "port": 80, "nodePortLB": True}),
        a_service("np", type="NodePort"),
        *((), DropReason.SERVICE_EMPTY, "nodes not found for NodePort service ns/np"),
        id="node-ports-without-nodes",
    ),
    pytest.param(
        a_route(service(serversTransport="other-t@kubernetescrd")),
        *((), (), DropReason.SERVERS_TRANSPORT, "namespace-name@kubernetescrd format is not allowed"),
        id="transport-with-the-provider-in-its-name",
    ),
    pytest.param(
        a_route(service(serversTransport="t@file")),
        *(
            (),
            (CRD + "crossprovidernamespaces=x",),
            DropReason.SERVERS_TRANSPORT,
            'serversTransport "t@file" reference',
        ),
        id="transport-of-another-provider",
    ),
    pytest.param(
        a_route(service(serversTransport="gone")),
        *((), (), DropReason.SERVERS_TRANSPORT, "servers transport not found ns-gone@kubernetescrd"),
        id="transport-missing",
    ),
    pytest.param(
        a_route(service(middlewares=[{"name": "m", "namespace": "other"}])),
        *((), (), DropReason.MIDDLEWARE_CROSS_NAMESPACE, "could not create middleware keys"),
        id="middleware-of-a-service-elsewhere",
    ),
    pytest.param(
        a_route(service(middlewares=[{"name": "gone"}])),
        *((), (), DropReason.MIDDLEWARE_MISSING, 'middleware "ns-gone@kubernetescrd" does not exist'),
        id="middleware-of-a-service-missing",
    ),
    pytest.param(
        a_route(named("x@file")),
        *((), (CRD + "crossprovidernamespaces=x",), DropReason.SERVICE_CROSS_NAMESPACE, 'service "x@file" reference'),
        id="service-of-another-provider",
    ),
    pytest.param(
        a_route(named("x@file")),
        *((), (), DropReason.SERVICE_MISSING, 'the service "x@file" does not exist'),
        id="service-of-a-provider-that-is-off",
    ),
    pytest.param(
        a_route({"name": "api@internal", "port": 80}),
        *((), (), DropReason.SERVICE_MISSING, "kubernetes service not found: /api@internal"),
        id="internal-service-without-its-kind",
    ),
    pytest.param(
        a_route(named("gone")),
        *((), (), DropReason.SERVICE_MISSING, 'the service "ns-gone@kubernetescrd" does not exist'),
        id="traefik-service-missing",
    ),
    pytest.param(
        a_route(named("none")),
        (thing("TraefikService", "none", {}),),
        *((), DropReason.SERVICE_MISSING, "unspecified service type"),
        id="traefik-service-without-type",
    ),
    pytest.param(
        a_route(named("w")),
        (split("w", {"name": "gone", "port": 80}),),
        *((), DropReason.SERVICE_MISSING, "kubernetes service not found: ns/gone"),
        id="child-of-a-traefik-service-missing",
    ),
    pytest.param(
        a_route(named("w")),
        (split("w", named("w")),),
        *(
            (),
            DropReason.SERVICE_OPTION,
            "recursion detected in service:ns-w@kubernetescrd->service:ns-w@kubernetescrd",
        ),
        id="traefik-service-of-itself",
    ),
    pytest.param(
        a_route(named("f")),
        (thing("TraefikService", "f", {"failover": {"service": service(), "fallback": {"name": "no", "port": 1}}}),),
        *((), DropReason.SERVICE_MISSING, "getting fallback service: kubernetes service not found: ns/no"),
        id="fallback-missing",
    ),
    pytest.param(
        a_route(named("f")),
        (thing("TraefikService", "f", {"failover": {"service": service(strategy="p2c"), "fallback": service()}}),),
        (),
        DropReason.SERVICE_OPTION,
        "cannot register ns-shop-80 as updater for ns-f@kubernetescrd: "
        "healthCheck not enabled in config for this P2C service",
        id="failover-without-statuses-or-health-check",
    ),
    pytest.param(
        a_route(named("f")),
        (
            thing("TraefikService", "f", {"failover": {"service": named("m"), "fallback": service()}}),
            thing("TraefikService", "m", {"mirroring": service()}),
        ),
        *((), DropReason.SERVICE_OPTION, "healthCheck not enabled in config for this mirroring service"),
        id="failover-of-a-mirror-without-statuses",
    ),
    pytest.param(
        a_route(named("m")),
        (thing("TraefikService", "m", {"mirroring": {**service(), "mirrors": [{"name": "no", "port": 1}]}}),),
        *((), DropReason.SERVICE_MISSING, "kubernetes service not found: ns/no"),
        id="mirror-missing",
    ),
    pytest.param(
        a_route(service(), {"name": "gone", "port": 80}),
        *((), (), DropReason.SERVICE_MISSING, "kubernetes service not found: ns/gone"),
        id="one-bad-service-of-several",
    ),
    pytest.param(
        a_route(service(), named("gone")),
        *((), (), DropReason.SERVICE_MISSING, 'building HTTP service "ns-gone": the service "ns-gone@kubernetescrd"'),
        id="one-missing-traefik-service-of-several",
    ),
    pytest.param(
        a_route(named("api@internal")), (), (), DropReason.SERVICE_MISSING, "api is not enabled", id="api-not-enabled"
    ),
    pytest.param(
        a_route(named("dashboard@internal")),
        *((), ("--api=true", "--api.dashboard=false"), DropReason.SERVICE_MISSING, "dashboard is not enabled"),
        id="dashboard-not-enabled",
    ),
    pytest.param(
        a_route(named("ping@internal")),
        (),
        (),
        DropReason.SERVICE_MISSING,
        "ping is not enabled",
        id="ping-not-enabled",
    ),
    pytest.param(
        a_route(named("odd@internal")),
        *((), (), DropReason.SERVICE_MISSING, "unknown internal service odd@internal"),
        id="internal-service-unknown",
    ),
    pytest.param(
        a_route(middlewares=[{"name": "m", "namespace": "other"}]),
        *((), (), DropReason.MIDDLEWARE_CROSS_NAMESPACE, "invalid reference to middleware m: allowCrossNamespace is"),
        id="middleware-elsewhere",
    ),
    pytest.param(
        a_route(middlewares=[{"name": "m@file"}]),
        *((), (CRD + "crossprovidernamespaces=x",)),
        *(DropReason.MIDDLEWARE_CROSS_NAMESPACE, 'namespace "ns" is not in crossProviderNamespaces'),
        id="middleware-of-another-provider",
    ),
    pytest.param(
        a_route(spec={"tls": {"options": {"name": "gone"}}}),
        *((), (), DropReason.TLS_OPTION, "unknown TLS options: ns-gone@kubernetescrd"),
        id="tls-option-missing",
    ),
    pytest.param(
        a_route(spec={"tls": {"options": {"name": "gone@file"}}}),
        *((), (), DropReason.TLS_OPTION, "unknown TLS options: gone@file"),
        id="tls-option-of-a-provider-that-is-off",
    ),
    pytest.param(
        a_route(spec={"tls": {"options": {"name": "o", "namespace": "other"}}}),
        *((), (), DropReason.TLS_OPTION, 'Invalid reference to TLSOption "o": allowCrossNamespace is disabled'),
        id="tls-option-elsewhere",
    ),
    pytest.param(
        a_route(spec={"parentRefs": [{"name": "gone"}]}),
        *((), (), DropReason.PARENT, "parent IngressRoute ns/gone does not exist"),
        id="parent-missing",
    ),
    pytest.param(
        a_route(spec={"parentRefs": [{"name": "up", "namespace": "other"}]}),
        *((), (), DropReason.PARENT, "cross-namespace reference to parent IngressRoute other/up not allowed"),
        id="parent-elsewhere",
    ),
    pytest.param(
        a_route(spec={"entryPoints": ["Web"]}),
        (),
        (),
        DropReason.ENTRY_POINT,
        "Web do not exist",
        id="entry-point-case",
    ),
    pytest.param(
        a_route(spec={"entryPoints": ["dns"]}),
        *((), ("--entrypoints.dns.address=:53/udp",), DropReason.ENTRY_POINT, "dns do not exist"),
        id="entry-point-of-udp",
    ),
]


@pytest.mark.parametrize(("route", "others", "args", "reason", "words"), ROUTES)
def test_ingress_routes(
    route: dict[str, Any], others: tuple[dict[str, Any], ...], args: tuple[str, ...], reason: DropReason, words: str
) -> None:
    dropped = only_drop(a_table(route, *a_service(), *others, args=args))

    assert dropped.reason is reason
    assert words in dropped.detail
    assert bool(dropped.log_line) is (reason not in (DropReason.NAMESPACE, DropReason.LABEL) or "within" in words)


SOUND = [
    pytest.param(
        a_route({"name": "idle", "port": 80, "serversTransport": "gone"}),
        *(a_service("idle", endpoints=0), "allowemptyservices"),
        id="transport-missing-without-servers-is-never-looked-for",
    ),
    pytest.param(
        a_route(named("f")),
        (
            thing(
                "TraefikService",
                "f",
                {"failover": {"service": service(), "fallback": service(), "errors": {"status": ["500-599"]}}},
            ),
        ),
        "",
        id="failover-with-statuses",
    ),
    pytest.param(
        a_route(named("f")),
        (
            *a_service("out", type="ExternalName", externalName="x.org")[:1],
            thing(
                "TraefikService",
                "f",
                {
                    "failover": {
                        "service": {"name": "out", "port": 80, "healthCheck": {"path": "/"}},
                        "fallback": service(),
                    }
                },
            ),
        ),
        "allowexternalnameservices",
        id="failover-with-a-health-check",
    ),
    pytest.param(
        a_route({"name": "idle", "port": 80}), a_service("idle", endpoints=0), "allowemptyservices", id="empty"
    ),
    pytest.param(
        a_route({"name": "out", "port": 80}),
        *(a_service("out", type="ExternalName", externalName="x.org")[:1], "allowexternalnameservices"),
        id="external-name",
    ),
    pytest.param(a_route(named("h")), (split("h", service(), kind="highestRandomWeight"),), "", id="hashed"),
    pytest.param(a_route(named("w")), (split("w", service(), named("w2")), split("w2", service())), "", id="weighted"),
    pytest.param(
        a_route(named("ns-w@kubernetescrd")), (split("w", service()),), "", id="traefik-service-by-its-whole-name"
    ),
    pytest.param(a_route(named("noop@internal")), (), "", id="internal-noop"),
    pytest.param(
        a_route({"name": "np", "port": 80, "nodePortLB": True}),
        (
            *a_service("np", type="NodePort"),
            thing("Node", "n1", status={"addresses": [{"type": "InternalIP", "address": "10.9.0.1"}]}),
        ),
        *("",),
        id="node-ports",
    ),
    pytest.param(
        a_route(service(serversTransport="t", middlewares=[{"name": "m"}])),
        (thing("ServersTransport", "t", {}), thing("Middleware", "m", {"stripPrefix": {"prefixes": ["/x"]}})),
        *("",),
        id="transport-and-middleware-of-a-service",
    ),
]


@pytest.mark.parametrize(("route", "others", "option"), SOUND)
def test_sound_references(route: dict[str, Any], others: tuple[dict[str, Any], ...], option: str) -> None:
    args = (f"{CRD}{option}=true",) if option else ()

    table = a_table(route, *a_service(), *others, args=args)

    assert [item.draft.ref for item in routers(table)] == ["IngressRoute ns/shop"]
    assert table.all_dropped == ()


def test_the_api_is_served_where_it_is_on() -> None:
    api, dashboard = a_route(named("api@internal")), a_route(named("dashboard@internal"), name="ui", rule="Host(`b.c`)")

    table = a_table(api, dashboard, args=("--api.insecure=true",))

    assert len(routers(table)) == 2


OLD = [
    pytest.param("v3.6.10", {"name": "m", "namespace": "x"}, "middleware x/m is not in the IngressRoute namespace ns"),
    pytest.param("v3.6.10", {"name": "x-m@kubernetescrd"}, "with crossnamespace disallowed, the namespace field needs"),
    pytest.param("v3.7.9", {"name": "x-m@kubernetescrd"}, "@kubernetescrd references are disallowed"),
]


@pytest.mark.parametrize(("version", "reference", "words"), OLD)
def test_wording_of_releases(version: str, reference: dict[str, Any], words: str) -> None:
    assert words in only_drop(a_table(a_route(middlewares=[reference]), *a_service(), version=version)).detail


def test_older_words_for_a_tls_option() -> None:
    route = a_route(spec={"tls": {"options": {"name": "o", "namespace": "x"}}})

    dropped = only_drop(a_table(route, *a_service(), version="v3.6.10"))

    assert (dropped.reason, dropped.detail) == (
        DropReason.TLS_OPTION,
        "TLSOption x/o is not in the IngressRoute namespace ns",
    )


def test_kind_was_required_before_3_3() -> None:
    assert only_drop(a_table(a_route(kind=""), *a_service(), version="v3.2.5")).reason is DropReason.KIND


def backend(name: str = "shop", **port: Any) -> dict[str, Any]:
    return {"backend": {"service": {"name": name, "port": port or {"number": 80}}}}


INGRESSES = [
    pytest.param(
        an_ingress_of(annotations={"router.middleware": "x"}),
        *((), (), DropReason.ANNOTATION, "Failed to parse annotations: field not found, node: middleware"),
        id="annotation-misspelt",
    ),
    pytest.param(
        an_ingress_of(annotations={"router.middlewares": "m@file"}),
        *((), (INGRESS + "crossprovidernamespaces=x",), DropReason.MIDDLEWARE_CROSS_NAMESPACE),
        "Skipping Ingress: cross-provider middleware reference is not allowed from namespace",
        id="cross-provider-middleware",
    ),
    pytest.param(
        an_ingress_of(annotations={"router.tls.options": "o@file"}),
        *((), (INGRESS + "crossprovidernamespaces=x",), DropReason.TLS_OPTION),
        "Skipping Ingress: cross-provider TLS option reference is not allowed from namespace",
        id="cross-provider-tls-option",
    ),
    pytest.param(
        an_ingress_of(backend("gone")),
        *((), (), DropReason.SERVICE_MISSING, "Cannot create service: service not found"),
        id="service-not-found",
    ),
    pytest.param(
        an_ingress_of(backend(name="shop", number=81)),
        *((), (), DropReason.SERVICE_PORT, "Cannot create service: service port not found"),
        id="service-port-not-found",
    ),
    pytest.param(
        an_ingress_of(backend("out")),
        a_service("out", type="ExternalName", externalName="x.org")[:1],
        *((), DropReason.EXTERNAL_NAME, "externalName services not allowed: ns/out"),
        id="external-name",
    ),
    pytest.param(
        an_ingress_of(backend("idle")),
        *(a_service("idle", endpoints=0), (), DropReason.SERVICE_EMPTY, "Skipping service: no endpoints found"),
        id="no-endpoints",
    ),
    pytest.param(
        an_ingress_of(backend("odd")),
        a_service("odd", annotations={"traefik.ingress.kubernetes.io/service.typo": "1"}),
        *((), DropReason.ANNOTATION, "Cannot create service: field not found, node: typo"),
        id="annotation-of-the-service-misspelt",
    ),
    pytest.param(
        an_ingress_of(backend("head")),
        a_service("head", clusterIP="None", annotations={"traefik.ingress.kubernetes.io/service.nativelb": "true"}),
        *((), DropReason.SERVICE_OPTION, "getting native Kubernetes Service address: no clusterIP on headless service"),
        id="native-lb-of-a-headless-service",
    ),
    pytest.param(
        an_ingress_of(backend("np")),
        a_service("np", type="NodePort", annotations={"traefik.ingress.kubernetes.io/service.nodeportlb": "true"}),
        (INGRESS + "disableclusterscoperesources=true",),
        *(DropReason.SERVICE_OPTION, "Cannot create service: nodes lookup is disabled"),
        id="node-ports-without-nodes-lookup",
    ),
    pytest.param(
        an_ingress_of(backend("np")),
        (
            *a_service("np", type="NodePort", annotations={"traefik.ingress.kubernetes.io/service.nodeportlb": "true"}),
            thing("Node", "n1", status={"addresses": [{"type": "ExternalIP", "address": "192.0.2.1"}]}),
        ),
        *((), DropReason.SERVICE_EMPTY, "Cannot create service: no servers were generated for service np in namespace"),
        id="node-ports-of-nodes-without-internal-address",
    ),
    pytest.param(
        an_ingress_of(backend("np")),
        a_service("np", type="NodePort", annotations={"traefik.ingress.kubernetes.io/service.nodeportlb": "true"}),
        *((), DropReason.SERVICE_EMPTY, "Cannot create service: nodes not found in namespace ns"),
        id="node-ports-without-nodes",
    ),
    pytest.param(
        an_ingress_of(backend("t")),
        a_service("t", annotations={"traefik.ingress.kubernetes.io/service.serverstransport": "x@file"}),
        *((INGRESS + "crossprovidernamespaces=x",), DropReason.SERVERS_TRANSPORT),
        "cross-provider serversTransport reference is not allowed from namespace",
        id="cross-provider-transport",
    ),
    pytest.param(
        an_ingress_of(backend("t")),
        a_service("t", annotations={"traefik.ingress.kubernetes.io/service.serverstransport": "ns-x@kubernetescrd"}),
        *((), DropReason.SERVERS_TRANSPORT, "servers transport not found ns-x@kubernetescrd"),
        id="transport-missing",
    ),
    pytest.param(
        an_ingress_of(backend("t")),
        a_service("t", annotations={"traefik.ingress.kubernetes.io/service.middlewares": "m"}),
        *((), DropReason.MIDDLEWARE_MISSING, 'middleware "m@kubernetes" does not exist'),
        id="middleware-of-the-service-missing",
    ),
    pytest.param(
        an_ingress_of({"pathType": None}, annotations={"router.pathmatcher": "Regex"}),
        *((), (), DropReason.ANNOTATION, 'Skipping path. invalid router path matcher "Regex": must be one of'),
        id="path-matcher",
    ),
    pytest.param(
        an_ingress_of({"backend": {"resource": {"kind": "X"}}}),
        *((), (), DropReason.KIND, "Resource backends are not supported"),
        id="resource-backend",
    ),
    pytest.param(
        an_ingress_of({"backend": {}}),
        (),
        (),
        DropReason.SERVICE_MISSING,
        "Missing service definition",
        id="no-service",
    ),
    pytest.param(
        an_ingress_of(spec={"rules": None, "defaultBackend": {"resource": {"kind": "X"}}}),
        *((), (), DropReason.KIND, "Resource is not supported for default backend"),
        id="resource-as-default-backend",
    ),
    pytest.param(
        an_ingress_of(spec={"rules": None, "defaultBackend": {}}),
        *((), (), DropReason.SERVICE_MISSING, "Default backend is missing service definition"),
        id="default-backend-without-service",
    ),
    pytest.param(
        an_ingress_of({"path": ""}, host=None),
        *((), (), DropReason.RULE, "expected operand, found 'EOF'"),
        id="no-host-and-no-path",
    ),
    pytest.param(
        an_ingress_of(annotations={"router.middlewares": "ns-gone@kubernetescrd"}),
        *((), (), DropReason.MIDDLEWARE_MISSING, 'middleware "ns-gone@kubernetescrd" does not exist'),
        id="middleware-missing",
    ),
    pytest.param(
        an_ingress_of(annotations={"router.middlewares": ",ns-gone@kubernetescrd,"}),
        *((), (), DropReason.MIDDLEWARE_MISSING, 'middleware "@kubernetes" does not exist'),
        id="empty-word-in-a-list",
    ),
    pytest.param(
        an_ingress_of(annotations={"router.tls.options": "plain"}),
        *((), (), DropReason.TLS_OPTION, "unknown TLS options: plain@kubernetes"),
        id="tls-option-without-provider",
    ),
]


@pytest.mark.parametrize(("ingress", "others", "args", "reason", "words"), INGRESSES)
def test_ingresses(
    ingress: dict[str, Any], others: tuple[dict[str, Any], ...], args: tuple[str, ...], reason: DropReason, words: str
) -> None:
    dropped = only_drop(a_table(ingress, *a_service(), *others, args=args))

    assert dropped.reason is reason
    assert words in dropped.detail


def test_a_scheme_is_refused_also_where_endpoints_were_not_read() -> None:
    route = a_route({"name": "shop", "port": 80, "scheme": "ftp"})
    dropped = only_drop(a_table(route, *a_service(), endpoint_slices=UNREAD))

    assert (dropped.reason, dropped.detail) == (DropReason.SERVICE_OPTION, 'invalid scheme "ftp" specified')


def test_a_port_in_quotes_is_a_name() -> None:
    dropped = only_drop(a_table(a_route({"name": "shop", "port": "80"}), *a_service()))

    assert (dropped.reason, dropped.detail) == (DropReason.SERVICE_PORT, "service port not found: 80")


def test_a_second_default_backend_is_skipped() -> None:
    spec = {"rules": None, "defaultBackend": backend()["backend"]}
    first, second = an_ingress_of(name="one", spec=spec), an_ingress_of(name="two", spec=spec)

    table = a_table(first, second, *a_service())

    assert [item.draft.ref for item in routers(table)] == ["Ingress ns/one"]
    assert [(item.ref, item.reason) for item in table.all_dropped] == [("Ingress ns/two", DropReason.DEFAULT_BACKEND)]


def test_a_default_backend_beside_rules_is_ignored_in_silence() -> None:
    table = a_table(an_ingress_of(spec={"defaultBackend": backend()["backend"]}), *a_service())

    (dropped,) = table.all_dropped
    assert (dropped.reason, dropped.log_line) == (DropReason.DEFAULT_BACKEND, "")
    assert len(routers(table)) == 1


def test_routers_of_the_same_name_lose_all_but_one() -> None:
    table = a_table(a_route(namespace="a", name="b-c"), a_route(namespace="a-b", name="c"), services=UNREAD)

    (dropped,) = table.all_dropped
    assert (dropped.ref, dropped.reason, dropped.related) == (
        "IngressRoute a/b-c",
        DropReason.COLLISION,
        "IngressRoute a-b/c",
    )
    assert dropped.log_line == ""


def test_the_same_match_twice_in_one_object() -> None:
    route = {"kind": "Rule", "match": "Host(`a.com`)", "services": [{"name": "shop", "port": 80}]}

    table = a_table(a_route(spec={"routes": [route, route]}), *a_service())

    assert [item.reason for item in table.all_dropped] == [DropReason.COLLISION]
    assert "the same rule twice in one object" in table.all_dropped[0].detail


def test_paths_of_one_ingress_that_share_a_name_get_a_hash() -> None:
    table = a_table(an_ingress_of({"path": "/a-b"}, {"path": "/a/b"}), *a_service())

    names = sorted(item.draft.name for item in routers(table))
    assert [name[:17] for name in names] == ["ns-shop-a-com-a-b"] * 2
    assert names[0] != names[1]


def test_ingresses_that_share_a_router_name() -> None:
    table = a_table(an_ingress_of(name="x-a", host="b.com"), an_ingress_of(name="x", host="a.b.com"), *a_service())

    assert [(item.ref, item.reason) for item in table.all_dropped] == [("Ingress ns/x-a", DropReason.COLLISION)]


def test_of_several_annotations_the_refused_one_is_named() -> None:
    annotations = {"router.entrypoints": "web", "router.middleware": "x", "router.priority": "5"}
    dropped = only_drop(a_table(an_ingress_of(annotations=annotations), *a_service()))

    assert dropped.reason is DropReason.ANNOTATION
    assert dropped.related.endswith("router.middleware")


def test_a_missing_transport_counts_where_endpoints_were_not_read() -> None:
    table = a_table(a_route(service(serversTransport="gone")), *a_service(), endpoint_slices=UNREAD)

    assert only_drop(table).reason is DropReason.SERVERS_TRANSPORT


def test_equal_keys_within_one_ingress_get_hashes() -> None:
    table = a_table(an_ingress_of({"path": "/a/b"}, {"path": "/a-b"}), *a_service())

    assert len({router.draft.name for router in routers(table)}) == 2


def test_equal_keys_of_two_ingresses_overwrite_each_other_silently() -> None:
    table = a_table(an_ingress_of(name="a-b", host="c.com"), an_ingress_of(name="a", host="b-c.com"), *a_service())

    assert len(routers(table)) == 1
    assert [item.reason for item in table.all_dropped] == [DropReason.COLLISION]
