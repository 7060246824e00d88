"""What Traefik makes of Kubernetes objects: routers, and the log lines of what it dropped or disabled."""

from __future__ import annotations

import pytest

from ingressdoctor.lab.cluster import Cluster
from ingressdoctor.lab.derive import with_endpoint_slices
from ingressdoctor.lab.serve.traefik.controller import Configuration, configure
from ingressdoctor.lab.serve.traefik.static import StaticError, parse_args
from lab.dataplane.kit import ARGS, HOST, Parts, Patch, Spec, healthy, obj, service

CRD = "traefik.io/v1alpha1"


def configured(parts: Parts) -> Configuration:
    return configure(Cluster(with_endpoint_slices(parts.objects)), tuple(parts.args))


def errors(configuration: Configuration) -> str:
    return "\n".join(
        f"{line.message} {line.fields.get('error', '')}".strip()
        for line in configuration.lines
        if line.level == "error"
    )


def alive(configuration: Configuration, entry_point: str = "websecure") -> list[str]:
    tables = configuration.tables[entry_point]
    routers = (*tables.plain, *tables.secure, *tables.tcp, *tables.tcp_tls)
    return [router.name for router in routers if router.provider != "internal"]


def route(**changes: object) -> Patch:
    return lambda parts: parts.route["routes"][0].update(changes)


def spec(**changes: object) -> Patch:
    return lambda parts: parts.route.update(changes)


def args(*added: str, without: str = "\0") -> Patch:
    return lambda parts: parts.set_args(lambda old: [*(arg for arg in old if without not in arg), *added])


def both(*patches: Patch) -> Patch:
    def patch(parts: Parts) -> None:
        for one in patches:
            one(parts)

    return patch


def dropped(kind: str, name: str) -> Patch:
    return lambda parts: parts.drop(kind, name)


def added(*items: Spec) -> Patch:
    return lambda parts: parts.objects.extend(items)


def middleware(name: str = "mw", namespace: str = "shop", **kinds: object) -> Spec:
    return obj("Middleware", name, namespace, CRD, spec=kinds)


def uses(*names: str, namespace: str = "") -> Patch:
    return route(middlewares=[{"name": n, **({"namespace": namespace} if namespace else {})} for n in names])


def no_endpoints(parts: Parts) -> None:
    parts.get("Service", "shop")["spec"]["selector"] = {"app": "nobody"}


# patch, text in the ERR lines
DROPS = [
    pytest.param(dropped("Service", "shop"), "kubernetes service not found: shop/shop", id="service-missing"),
    pytest.param(route(services=[{"name": "shop", "port": 81}]), "service port not found: 81", id="port-missing"),
    pytest.param(route(services=[{"name": "shop"}]), "ingressRoute service port not defined", id="no-port"),
    pytest.param(
        both(no_endpoints, args(without="allowEmptyServices")), "no servers found for shop/shop", id="no-endpoints"
    ),
    pytest.param(
        route(services=[{"name": "traefik", "namespace": "traefik", "port": 80}]),
        "service traefik/traefik not in the parent resource namespace shop",
        id="service-in-another-namespace",
    ),
    pytest.param(
        route(services=[{"name": "shop", "port": 80}, {"name": "gone", "port": 80}]),
        "kubernetes service not found: shop/gone",
        id="one-bad-service-condemns-the-weighted-route",
    ),
    pytest.param(route(services=[{"name": "shop", "port": 80, "scheme": "ftp"}]), 'invalid scheme "ftp"', id="scheme"),
    pytest.param(route(services=[{"name": "x", "kind": "Job"}]), "unsupported service kind Job", id="service-kind"),
    pytest.param(
        route(services=[{"name": "split", "kind": "TraefikService"}]),
        'the service "shop-split@kubernetescrd" does not exist',
        id="traefikservice-missing",
    ),
    pytest.param(
        route(services=[{"name": "shop", "port": 80, "nativeLB": True}]),
        "no clusterIP on headless service: shop/shop",
        id="native-lb-on-headless",
    ),
    pytest.param(
        both(
            lambda parts: parts.get("Service", "shop")["spec"].update(type="ExternalName", externalName="x.test"),
        ),
        "externalName services not allowed: shop/shop",
        id="external-name",
    ),
    pytest.param(uses("gone"), 'middleware "shop-gone@kubernetescrd" does not exist', id="middleware-missing"),
    pytest.param(
        both(added(middleware("mw", "traefik", compress={})), uses("mw", namespace="traefik")),
        "Failed to create middleware keys invalid reference to middleware mw: allowCrossNamespace is disabled",
        id="middleware-cross-namespace",
    ),
    pytest.param(
        uses("traefik-mw@kubernetescrd"), "@kubernetescrd references are disallowed", id="middleware-with-provider"
    ),
    pytest.param(
        both(added(middleware()), uses("mw")), "invalid middleware type or middleware does not exist", id="empty"
    ),
    pytest.param(
        both(added(middleware(compress={}, retry={})), uses("mw")), "multi-types middleware not supported", id="two"
    ),
    pytest.param(
        both(added(middleware(chain={"middlewares": [{"name": "mw"}]})), uses("mw")), "recursion detected", id="chain"
    ),
    pytest.param(
        both(added(middleware(ipAllowList={"sourceRange": []})), uses("mw")), "sourceRange is empty", id="no-range"
    ),
    pytest.param(
        both(added(middleware(ipAllowList={"sourceRange": ["10.0.0.0/99"]})), uses("mw")),
        "cannot parse CIDRs [10.0.0.0/99]",
        id="bad-cidr",
    ),
    pytest.param(
        both(added(middleware(basicAuth={"secret": "users"})), uses("mw")),
        "Error while reading basic auth middleware secret 'shop/users' not found",
        id="basic-auth-secret",
    ),
    pytest.param(spec(entryPoints=["https"]), "No valid entryPoint for this router", id="entry-point-missing"),
    pytest.param(route(match="Host(`a`, `b`)"), "unexpected number of parameters", id="rule-invalid"),
    pytest.param(route(match=""), "Empty match rule", id="rule-empty"),
    pytest.param(route(kind="Regex"), "Unsupported match kind: Regex", id="match-kind"),
    pytest.param(route(priority=2**63 - 1), "exceeds the max user-defined priority 9223372036854774807", id="priority"),
    pytest.param(
        spec(tls={"secretName": "shop-tls", "options": {"name": "strong"}}),
        "building router handler: unknown TLS options: shop-strong@kubernetescrd",
        id="tls-option-missing",
    ),
    pytest.param(
        route(services=[{"name": "shop", "port": 80, "serversTransport": "st"}]),
        "servers transport not found shop-st@kubernetescrd",
        id="transport-missing",
    ),
]


@pytest.mark.parametrize(("patch", "text"), DROPS)
def test_route_is_gone_and_the_log_says_why(patch: Patch, text: str) -> None:
    parts = healthy()
    patch(parts)
    configuration = configured(parts)

    assert text in errors(configuration)
    assert alive(configuration) == []


SILENT = [
    pytest.param(spec(ingressClassName="nginx"), id="other-class"),
    pytest.param(args("--providers.kubernetescrd.ingressClass=edge"), id="provider-wants-a-class"),
    pytest.param(args("--providers.kubernetescrd.namespaces=traefik"), id="namespace-not-watched"),
    pytest.param(args("--providers.kubernetescrd.labelSelector=team=web"), id="label-selector"),
    pytest.param(args(without="kubernetescrd"), id="provider-off"),
    pytest.param(
        lambda parts: parts.get("IngressRoute", "shop").update(apiVersion="traefik.containo.us/v1alpha1"),
        id="old-group",
    ),
]


@pytest.mark.parametrize("patch", SILENT)
def test_route_is_gone_without_a_word(patch: Patch) -> None:
    parts = healthy()
    patch(parts)
    configuration = configured(parts)

    assert alive(configuration) == []
    assert errors(configuration) == ""


STILL = [
    pytest.param(
        dropped("Secret", "shop-tls"), "Error configuring TLS secret shop/shop-tls does not exist", id="secret"
    ),
    pytest.param(
        lambda parts: parts.get("Secret", "shop-tls")["metadata"].update(annotations={}),
        "is missing the following TLS data entries: tls.crt, tls.key",
        id="secret-without-entries",
    ),
    pytest.param(spec(entryPoints=["websecure", "gone"]), "EntryPoint doesn't exist", id="one-entry-point-missing"),
    pytest.param(no_endpoints, "", id="empty-service-allowed"),
    pytest.param(spec(ingressClassName="traefik"), "", id="class-traefik"),
    pytest.param(uses("auth@file"), 'middleware "auth@file" does not exist', id="other-provider"),
]


@pytest.mark.parametrize(("patch", "text"), STILL[:-1])
def test_route_lives_on(patch: Patch, text: str) -> None:
    parts = healthy()
    patch(parts)
    configuration = configured(parts)

    assert text in errors(configuration)
    assert len(alive(configuration)) == 1


def test_router_name_holds_the_digest_of_the_rule() -> None:
    parts = healthy()
    parts.route["routes"][0]["match"] = "Host(`foo.com`) && PathPrefix(`/bar`)"

    assert alive(configured(parts)) == ["shop-shop-6b204d94623b3df4370c@kubernetescrd"]


def ingress(name: str, *, path: str = "/", path_type: str = "Prefix", host: str = HOST, **meta: str) -> Spec:
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    rule = {"host": host, "http": {"paths": [{"path": path, "pathType": path_type, "backend": backend}]}}
    annotations = {f"traefik.ingress.kubernetes.io/{key.replace('_', '.')}": value for key, value in meta.items()}
    return obj(
        "Ingress", name, "shop", "networking.k8s.io/v1", metadata={"annotations": annotations}, spec={"rules": [rule]}
    )


def ingress_world(*items: Spec) -> Parts:
    parts = healthy()
    parts.drop("IngressRoute", "shop")
    parts.objects += items
    return parts


def rules_of(parts: Parts, entry_point: str = "websecure") -> list[tuple[int, str]]:
    configuration = configured(parts)
    tables = configuration.tables[entry_point]
    texts = {router.name: router.rule for router in configuration.dynamic.routers.values()}
    routers = (r for r in (*tables.plain, *tables.secure) if r.provider != "internal")
    return [(router.priority, texts[router.name]) for router in routers]


INGRESS_RULES = [
    pytest.param(ingress("i"), 'Host("www.shop.test") && PathPrefix("/")', 40, id="prefix"),
    pytest.param(ingress("i", path="/api", path_type="Exact"), 'Host("www.shop.test") && Path("/api")', 37, id="exact"),
    pytest.param(ingress("i", host="*.shop.test"), 'Host("*.shop.test") && PathPrefix("/")', 38, id="wildcard"),
    pytest.param(ingress("i", host=""), 'PathPrefix("/")', 15, id="no-host"),
    pytest.param(ingress("i", router_priority="500"), 'Host("www.shop.test") && PathPrefix("/")', 500, id="priority"),
    pytest.param(
        ingress("i", path_type="ImplementationSpecific", router_pathmatcher="PathRegexp"),
        'Host("www.shop.test") && PathRegexp("/")',
        40,
        id="path-matcher",
    ),
]


@pytest.mark.parametrize(("item", "rule", "priority"), INGRESS_RULES)
def test_ingress_becomes_a_rule(item: Spec, rule: str, priority: int) -> None:
    assert rules_of(ingress_world(item)) == [(priority, rule)]


def test_exact_loses_to_prefix_on_the_same_path() -> None:
    parts = ingress_world(ingress("a", path="/x", path_type="Exact"), ingress("b", path="/x"))

    assert [rule.partition("&& ")[2] for _, rule in rules_of(parts)] == ['PathPrefix("/x")', 'Path("/x")']


INGRESS_DROPS = [
    pytest.param(
        ingress("i", router_middleware="x"), "Failed to parse annotations field not found, node: middleware", id="typo"
    ),
    pytest.param(
        ingress("i", path_type="ImplementationSpecific", router_pathmatcher="Glob"),
        'Skipping path. invalid router path matcher "Glob"',
        id="path-matcher",
    ),
    pytest.param(ingress("i", router_middlewares="mw"), 'middleware "mw@kubernetes" does not exist', id="bare-name"),
]


@pytest.mark.parametrize(("item", "text"), INGRESS_DROPS)
def test_ingress_is_dropped(item: Spec, text: str) -> None:
    configuration = configured(ingress_world(item))

    assert text in errors(configuration)
    assert alive(configuration) == []


CLASSES = [
    pytest.param("", None, None, True, id="classless-is-taken"),
    pytest.param("", None, "traefik", True, id="annotation-traefik"),
    pytest.param("", None, "nginx", False, id="annotation-other"),
    pytest.param("", "known", None, True, id="class-with-traefiks-controller"),
    pytest.param("", "foreign", None, False, id="class-of-another-controller"),
    pytest.param("", "absent", None, False, id="class-that-does-not-exist"),
    pytest.param("known", "known", None, True, id="option-and-class"),
    pytest.param("known", None, None, False, id="option-without-class"),
    pytest.param("known", None, "known", True, id="option-and-annotation"),
    pytest.param("other", "known", None, False, id="option-differs"),
]


@pytest.mark.parametrize(("option", "given", "marked", "taken"), CLASSES)
def test_ingress_class(option: str, given: str | None, marked: str | None, *, taken: bool) -> None:
    item = ingress("i")
    if given:
        item["spec"]["ingressClassName"] = given
    if marked:
        item["metadata"]["annotations"]["kubernetes.io/ingress.class"] = marked
    parts = ingress_world(
        item,
        obj("IngressClass", "known", api="networking.k8s.io/v1", spec={"controller": "traefik.io/ingress-controller"}),
        obj("IngressClass", "foreign", api="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"}),
    )
    parts.set_args(lambda old: [*old, f"--providers.kubernetesIngress.ingressClass={option}"])

    assert bool(alive(configured(parts))) is taken


def test_default_backend_counts_only_without_rules() -> None:
    backend = {"service": {"name": "shop", "port": {"name": "http"}}}
    alone = obj("Ingress", "d", "shop", "networking.k8s.io/v1", spec={"defaultBackend": backend})
    beside = ingress("i")
    beside["spec"]["defaultBackend"] = backend

    assert rules_of(ingress_world(alone)) == [(-(2**31), 'PathPrefix("/")')]
    assert len(rules_of(ingress_world(beside))) == 1


def test_explicit_priority_beats_length_and_redirects_beat_both() -> None:
    parts = healthy()
    first = dict(parts.route["routes"][0])
    parts.route["routes"].append({**first, "match": "PathPrefix(`/`)", "priority": 1000})
    parts.set_args(lambda old: [*old, "--entryPoints.websecure.http.redirections.entryPoint.to=:8443"])
    tables = configured(parts).tables["websecure"]

    assert [router.priority for router in tables.secure] == [1000, len(f"Host(`{HOST}`)")]
    assert tables.plain[0].name == "websecure-to-8443@internal"


def tcp_route(match: str, **extra: object) -> Spec:
    routes = [{"match": match, "services": [{"name": "db", "port": 3306}]}]
    return obj("IngressRouteTCP", "db", "shop", CRD, spec={"entryPoints": ["mysql"], "routes": routes, **extra})


TCP = [
    pytest.param(tcp_route("HostSNI(`*`)"), 1, "", id="catch-all"),
    pytest.param(
        tcp_route("HostSNI(`db.test`)"), 0, "has HostSNI matcher, but no TLS on router", id="name-without-tls"
    ),
    pytest.param(tcp_route("HostSNI(`db.test`)", tls={"passthrough": True}), 1, "", id="name-with-tls"),
]


@pytest.mark.parametrize(("item", "count", "text"), TCP)
def test_tcp_route(item: Spec, count: int, text: str) -> None:
    parts = healthy()
    parts.objects += [item, service("db", "shop", {"app": "shop"}, [{"port": 3306, "targetPort": 8080}])]
    parts.set_args(lambda old: [*old, "--entryPoints.mysql.address=:3306/tcp"])
    configuration = configured(parts)

    assert len(alive(configuration, "mysql")) == count
    assert text in errors(configuration)


BAD_ARGS = [
    pytest.param(
        ("--entryPoints.web.address=:80", "--entryPoints.web.proxyProtocol=true"), "no trusted IPs provided", id="proxy"
    ),
    pytest.param(("--entryPoints.web.address=80",), "invalid address", id="address"),
    pytest.param(("--entrypoint.web.address=:80",), "field not found, node: entrypoint", id="unknown"),
    pytest.param(("--pilot.token=x",), "incompatible deprecated", id="removed"),
    pytest.param(("--log.level=LOUD",), "Unknown Level", id="level"),
    pytest.param(
        ("--entryPoints.web.address=:80", "--entryPoints.web.proxyProtocol.trustedIPs=x"), "invalid CIDR", id="cidr"
    ),
]


@pytest.mark.parametrize(("arguments", "text"), BAD_ARGS)
def test_traefik_does_not_start(arguments: tuple[str, ...], text: str) -> None:
    with pytest.raises(StaticError, match=text):
        parse_args(arguments)


def test_flags_are_case_insensitive_and_names_keep_their_spelling() -> None:
    static = parse_args(
        ("--ENTRYPOINTS.webSecure.Address=:8443/tcp", "--entrypoints.websecure.http.tls", "--accesslog")
    )
    point = static.entry_point("webSecure")

    assert point is not None
    assert (point.port, point.tls, static.access_log, static.log_level) == (8443, True, "common", 3)


def test_defaults_are_all_tcp_entry_points_but_traefiks() -> None:
    assert parse_args(ARGS).defaults == ("web", "websecure")
    assert parse_args((*ARGS, "--entryPoints.web.asDefault=true")).defaults == ("web",)
    assert [point.name for point in parse_args(("--ping",)).entry_points] == ["http", "traefik"]
