"""The lab's ingress-nginx over its own sockets: who owns a request, what nginx answers itself, what pods do to it."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from ingressdoctor.lab.dataplane import DataPlane
from lab.dataplane.kit import issue, obj, running
from lab.dataplane.nginxkit import HOST, Shop, ask, log_of, path, port_of, shop
from lab.grpc_visitor import call

Patch = Callable[[Shop], object]
PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


def configured(**data: str) -> Patch:
    return lambda world: world.settings_of_nginx.update({key.replace("_", "-"): value for key, value in data.items()})


def annotated(**values: str) -> Patch:
    return lambda world: world.annotate(**values)


def without_tls(world: Shop) -> None:
    del world.ingress["spec"]["tls"]


def all_of(*patches: Patch) -> Patch:
    def patch(world: Shop) -> None:
        for each in patches:
            each(world)

    return patch


async def asked(patch: Patch, url: str, **options: Any) -> tuple[int, str, dict[str, str], str]:
    world = shop()
    patch(world)
    async with running(world) as plane:
        answer = await ask(plane, url, **options)
        return answer.status_code, answer.text, dict(answer.headers), log_of(plane)


def nothing(_: Shop) -> None:
    """The world as it is."""


async def test_a_request_reaches_its_pod_with_nginxs_headers_and_a_line_in_the_log() -> None:
    status, body, headers, log = await asked(nothing, f"https://{HOST}/a?b=c")
    assert (status, body) == (200, "shop")
    assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert "server" not in headers
    assert '"GET /a?b=c HTTP/1.1" 200 4 "-"' in log
    assert "[shop-shop-80] [] 10.42.0.20:8080 4 " in log


async def test_http_2_comes_by_alpn_and_with_prior_knowledge_on_the_plain_port() -> None:
    world = shop()
    without_tls(world)
    async with running(world) as plane:
        secure = await ask(plane, http2=True)
        plain = await ask(plane, f"http://{HOST}/", http2=True)
    assert (secure.http_version, secure.text) == ("HTTP/2", "shop")
    assert (plain.http_version, plain.text) == ("HTTP/2", "shop")


CLASSES = [
    pytest.param({"ingressClassName": "nginx"}, {}, True, id="the-class-by-name"),
    pytest.param({"ingressClassName": "traefik"}, {}, False, id="another-controllers-class"),
    pytest.param({"ingressClassName": "public"}, {}, False, id="a-class-that-does-not-exist"),
    pytest.param({}, {"kubernetes.io/ingress.class": "nginx"}, True, id="the-annotation-needs-no-object"),
    pytest.param({}, {"kubernetes.io/ingress.class": "traefik"}, False, id="another-annotation"),
    pytest.param({}, {}, False, id="no-class-at-all"),
    pytest.param({"ingressClassName": "traefik"}, {"kubernetes.io/ingress.class": "nginx"}, False, id="the-name-wins"),
]


@pytest.mark.parametrize(("spec", "annotations", "taken"), CLASSES)
async def test_which_ingresses_are_taken(spec: dict[str, str], annotations: dict[str, str], taken: bool) -> None:
    def patch(world: Shop) -> None:
        world.objects.append(
            obj("IngressClass", "traefik", api="networking.k8s.io/v1", spec={"controller": "traefik.io/x"})
        )
        del world.ingress["spec"]["ingressClassName"]
        world.ingress["spec"].update(spec)
        world.ingress["metadata"]["annotations"].update(annotations)

    status, body, _, log = await asked(patch, f"https://{HOST}/")
    assert (status, body) == ((200, "shop") if taken else (404, PAGE.format("404 Not Found")))
    assert ("Ignoring ingress because of error while validating ingress class" in log) is not taken


@pytest.mark.parametrize("flag", ["--watch-ingress-without-class=true", "--watch-ingress-without-class"])
async def test_an_ingress_without_class_is_taken_when_a_flag_says_so(flag: str) -> None:
    def patch(world: Shop) -> None:
        del world.ingress["spec"]["ingressClassName"]
        world.get("Pod", "ingress-nginx-controller-1")["spec"]["containers"][0]["args"].append(flag)

    assert (await asked(patch, f"https://{HOST}/"))[0] == 200


def hosts(world: Shop) -> None:
    for name, ip in (("wild", "10.42.0.21"), ("deep", "10.42.0.22"), ("exact", "10.42.0.23")):
        world.add_app(name, ip)
    world.add("wild", path(to="wild"), host="*.shop.test")
    world.add("deep", path(to="deep"), host="*.eu.shop.test")
    world.add("exact", path(to="exact"), host="a.shop.test")


@pytest.mark.parametrize(
    ("host", "body"),
    [
        pytest.param("shop.test", "shop", id="exact"),
        pytest.param("a.shop.test", "exact", id="exact-before-wildcard"),
        pytest.param("b.shop.test", "wild", id="wildcard"),
        pytest.param("b.eu.shop.test", "deep", id="wildcard-covers-one-label-only"),
        pytest.param("b.c.shop.test", None, id="two-labels-are-nobodys"),
        pytest.param("B.Shop.Test", "wild", id="case-does-not-matter"),
        pytest.param("other.test", None, id="unknown-host"),
    ],
)
async def test_the_server_of_a_host(host: str, body: str | None) -> None:
    status, text, _, _ = await asked(hosts, f"https://{host}/")
    assert (status, text) == ((200, body) if body else (404, PAGE.format("404 Not Found")))


def paths(*items: tuple[str, str, str], **annotations: str) -> Patch:
    def patch(world: Shop) -> None:
        for number, name in enumerate(sorted({item[2] for item in items} - {"shop"})):
            world.add_app(name, f"10.42.0.{30 + number}")
        rule = world.ingress["spec"]["rules"][0]
        rule["http"]["paths"] = [path(where, kind, to) for where, kind, to in items]
        world.annotate(**annotations)

    return patch


TYPES = (
    ("/a", "Prefix", "pre"),
    ("/a", "Exact", "exact"),
    ("/a/b", "Prefix", "long"),
    ("/i", "ImplementationSpecific", "impl"),
)


@pytest.mark.parametrize(
    ("patch", "where", "body"),
    [
        pytest.param(paths(*TYPES), "/a", "exact", id="exact-beats-the-prefix-of-its-path"),
        pytest.param(paths(*TYPES), "/a/", "pre", id="prefix-with-slash"),
        pytest.param(paths(*TYPES), "/a/c", "pre", id="prefix-below"),
        pytest.param(paths(*TYPES), "/a/b/c", "long", id="longest-prefix"),
        pytest.param(paths(*TYPES), "/ab", None, id="a-prefix-ends-at-a-slash"),
        pytest.param(paths(*TYPES), "/i/x", "impl", id="implementation-specific-is-a-prefix"),
        pytest.param(paths(*TYPES), "/", None, id="no-root-leads-to-the-default-backend"),
        pytest.param(paths(("/a", "Exact", "exact")), "/a/", None, id="exact-is-exact"),
        pytest.param(paths(*TYPES), "/x/../a//b/%63", "long", id="the-path-is-normalised"),
        pytest.param(paths(("/a", "Exact", "exact"), use_regex="true"), "/abc", "exact", id="regex-makes-exact-loose"),
        pytest.param(paths(("/A", "Prefix", "pre"), use_regex="true"), "/abc", "pre", id="regex-ignores-case"),
        pytest.param(
            paths(("/v[0-9]+", "ImplementationSpecific", "impl"), use_regex="true"), "/v12/x", "impl", id="a-pattern"
        ),
        pytest.param(paths(("/a(", "Prefix", "pre"), use_regex="true"), "/a", None, id="a-broken-pattern"),
    ],
)
async def test_the_location_of_a_path(patch: Patch, where: str, body: str | None) -> None:
    world = shop()
    patch(world)
    async with running(world) as plane:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port_of(plane, 443), ssl=relaxed(), server_hostname=HOST
        )
        writer.write(f"GET {where} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(5):
            answer = (await reader.read()).decode()
        writer.close()
    assert answer.endswith(body or PAGE.format("404 Not Found"))


def relaxed() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


async def test_one_regex_makes_every_path_of_the_host_a_regex() -> None:
    def patch(world: Shop) -> None:
        world.add_app("other", "10.42.0.31")
        world.add("other", path("/other", "Exact", "other"))
        world.annotate("other", use_regex="true")
        world.ingress["spec"]["rules"][0]["http"]["paths"] = [path("/shop", "Exact")]

    assert (await asked(patch, f"https://{HOST}/shopping"))[1] == "shop"


async def test_a_path_is_rewritten_with_its_groups() -> None:
    patch = paths(("/api(/|$)(.*)", "ImplementationSpecific", "shop"), rewrite_target="/$2")
    world = shop()
    patch(world)
    world.backends[0]["listen"][0]["paths"] = [{"prefix": "/", "status": 200, "body": "{path}"}]
    async with running(world) as plane:
        assert (await ask(plane, f"https://{HOST}/api/v1/x?y=1")).text == "/v1/x"


async def test_the_oldest_ingress_keeps_a_path_and_brings_the_certificate() -> None:
    def patch(world: Shop) -> None:
        world.add_app("young", "10.42.0.31")
        world.add("young", path(to="young"), path("/young", to="young"), age=0)

    assert (await asked(patch, f"https://{HOST}/"))[1] == "shop"
    assert (await asked(patch, f"https://{HOST}/young"))[1] == "young"


REDIRECTS = [
    pytest.param(nothing, f"http://{HOST}/a?b=c", {}, f"https://{HOST}/a?b=c", id="a-host-with-a-certificate"),
    pytest.param(nothing, f"http://{HOST}/dir/", {}, f"https://{HOST}/dir", id="a-slash-at-the-end-is-lost"),
    pytest.param(
        annotated(preserve_trailing_slash="true"), f"http://{HOST}/dir/", {}, f"https://{HOST}/dir/", id="or-kept"
    ),
    pytest.param(without_tls, f"http://{HOST}/", {}, None, id="no-tls-no-redirect"),
    pytest.param(
        all_of(without_tls, annotated(force_ssl_redirect="true")),
        f"http://{HOST}/",
        {},
        f"https://{HOST}",
        id="unless-forced",
    ),
    pytest.param(annotated(ssl_redirect="false"), f"http://{HOST}/", {}, None, id="switched-off-for-the-ingress"),
    pytest.param(configured(ssl_redirect="false"), f"http://{HOST}/", {}, None, id="switched-off-for-all"),
    pytest.param(
        nothing,
        f"http://{HOST}/.well-known/acme-challenge/x",
        {},
        f"https://{HOST}/.well-known/acme-challenge/x",
        id="a-challenge-below-the-root-is-redirected",
    ),
    pytest.param(
        lambda world: world.add("solver", path("/.well-known/acme-challenge/x", "Exact")),
        f"http://{HOST}/.well-known/acme-challenge/x",
        {},
        None,
        id="a-solvers-own-path-is-not",
    ),
    pytest.param(
        configured(use_forwarded_headers="true"),
        f"http://{HOST}/",
        {"X-Forwarded-Proto": "https,http"},
        None,
        id="a-scheme-that-is-not-http-is-no-http",
    ),
    pytest.param(
        nothing,
        f"http://{HOST}/",
        {"X-Forwarded-Proto": "https"},
        f"https://{HOST}",
        id="a-forwarded-scheme-is-not-believed",
    ),
    pytest.param(
        configured(use_forwarded_headers="true"),
        f"http://{HOST}/",
        {"X-Forwarded-Proto": "https"},
        None,
        id="unless-use-forwarded-headers",
    ),
    pytest.param(
        configured(use_forwarded_headers="true"),
        f"https://{HOST}/",
        {"X-Forwarded-Proto": "http"},
        f"https://{HOST}",
        id="which-also-believes-http-on-tls",
    ),
]


@pytest.mark.parametrize(("patch", "url", "headers", "location"), REDIRECTS)
async def test_the_redirect_to_https(patch: Patch, url: str, headers: dict[str, str], location: str | None) -> None:
    status, _, got, _ = await asked(patch, url, headers=headers)
    assert (status, got.get("location")) == ((308, location) if location else (200, None))


async def test_forwarded_headers_reach_the_pod_as_nginx_believes_them() -> None:
    world = shop()
    configured(use_forwarded_headers="true", proxy_real_ip_cidr="198.51.100.0/24", compute_full_forwarded_for="true")(
        world
    )
    annotated(allowlist_source_range="203.0.113.9")(world)
    async with running(world) as plane:
        allowed = await ask(plane, headers={"X-Forwarded-For": "203.0.113.9"})
        refused = await ask(plane, headers={"X-Forwarded-For": "203.0.113.10"})
        log = log_of(plane)
    assert (allowed.status_code, refused.status_code) == (200, 403)
    assert refused.text == PAGE.format("403 Forbidden")
    assert "access forbidden by rule, client: 203.0.113.10" in log


OWN = [
    pytest.param(annotated(whitelist_source_range="nonsense"), 503, "503 Service Temporarily Unavailable", id="denied"),
    pytest.param(annotated(configuration_snippet="x"), 404, "404 Not Found", id="a-snippet-costs-the-ingress"),
    pytest.param(
        all_of(annotated(configuration_snippet="x"), configured(annotations_risk_level="Critical")),
        200,
        "",
        id="allowed",
    ),
    pytest.param(annotated(permanent_redirect="https://x.test"), 301, "301 Moved Permanently", id="permanent-redirect"),
    pytest.param(annotated(temporal_redirect="https://x.test"), 302, "302 Found", id="temporal-redirect"),
    pytest.param(annotated(app_root="/app"), 302, "302 Found", id="app-root"),
    pytest.param(
        lambda world: world.drop("Service", "shop"), 503, "503 Service Temporarily Unavailable", id="no-service"
    ),
    pytest.param(
        lambda world: world.get("Service", "shop")["spec"].update(selector={"app": "x"}),
        503,
        "503 Service Temporarily Unavailable",
        id="no-endpoints",
    ),
    pytest.param(
        lambda world: world.ingress["spec"]["rules"][0]["http"].update(paths=[path(port=81)]),
        503,
        "503 Service Temporarily Unavailable",
        id="no-such-port",
    ),
    pytest.param(
        lambda world: world.ingress["spec"]["rules"][0]["http"].update(paths=[path(port=8080)]),
        200,
        "",
        id="a-target-port-works-too",
    ),
]


@pytest.mark.parametrize(("patch", "status", "title"), OWN)
async def test_what_nginx_answers_itself(patch: Patch, status: int, title: str) -> None:
    got, body, _, _ = await asked(patch, f"https://{HOST}/")
    assert (got, body) == (status, PAGE.format(title) if title else "shop")


async def test_a_websocket_is_opened_and_echoes() -> None:
    world = shop()
    world.answer(websocket=True)
    async with running(world) as plane:
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", port_of(plane, 443), ssl=relaxed(), server_hostname=HOST
        )
        writer.write(
            f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        async with asyncio.timeout(5):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(b"\x81\x82\0\0\0\0hi")
            echoed = await reader.readexactly(4)
        writer.close()
    assert head.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head
    assert echoed == b"\x81\x02hi"


@pytest.mark.parametrize(
    ("limit", "size", "status"),
    [
        pytest.param(None, 1_048_576, 200, id="a-megabyte"),
        pytest.param(None, 1_048_577, 413, id="one-byte-more"),
        pytest.param("1k", 1_025, 413, id="a-limit-of-its-own"),
        pytest.param("2m", 1_048_577, 200, id="a-higher-one"),
        pytest.param("0", 1_048_577, 200, id="none-at-all"),
    ],
)
@pytest.mark.parametrize("http2", [False, True], ids=["http-1", "http-2"])
async def test_the_size_of_a_body(limit: str | None, size: int, status: int, http2: bool) -> None:
    patch = annotated(proxy_body_size=limit) if limit is not None else nothing
    got, body, _, log = await asked(patch, f"https://{HOST}/", method="POST", content=b"x" * size, http2=http2)
    assert got == status
    assert (f"client intended to send too large body: {size} bytes" in log) is (status == 413)
    assert body == ("shop" if status == 200 else PAGE.format("413 Request Entity Too Large"))


TROUBLES = [
    pytest.param({"port": 9999}, 502, "connect() failed (111: Connection refused)", 3, id="refused-thrice"),
    pytest.param({"path": {"close": True}}, 502, "upstream prematurely closed connection", 3, id="closed"),
    pytest.param({"path": {"header_bytes": 5000}}, 502, "upstream sent too big header", 1, id="big-header"),
    pytest.param({"path": {"status": 404, "body": "app"}}, 404, "", 1, id="the-apps-own-404"),
]


@pytest.mark.parametrize(("listen", "status", "words", "tries"), TROUBLES)
async def test_what_pods_do_to_a_request(listen: dict[str, Any], status: int, words: str, tries: int) -> None:
    def patch(world: Shop) -> None:
        world.answer(**listen.get("path", {}))
        world.backends[0]["listen"][0].update({key: value for key, value in listen.items() if key == "port"})

    got, body, _, log = await asked(patch, f"https://{HOST}/")
    assert got == status
    assert body == (PAGE.format("502 Bad Gateway") if status == 502 else "app")
    assert log.count(words) >= tries
    assert ", ".join(["10.42.0.20:8080"] * tries) in log


async def test_silence_is_a_gateway_timeout() -> None:
    def patch(world: Shop) -> None:
        world.settings["no_route"] = []
        world.objects.append(
            obj(
                "NetworkPolicy",
                "deny",
                "shop",
                "networking.k8s.io/v1",
                spec={"podSelector": {}, "policyTypes": ["Ingress"]},
            )
        )
        world.get("Pod", "ingress-nginx-controller-1")["status"]["hostIP"] = "10.0.0.201"
        world.get("Pod", "shop-1")["status"]["hostIP"] = "10.0.0.202"

    got, body, _, log = await asked(patch, f"https://{HOST}/")
    assert (got, body) == (504, PAGE.format("504 Gateway Time-out"))
    assert log.count("upstream timed out (110: Operation timed out) while connecting to upstream") == 3


async def test_a_slow_pod_is_a_gateway_timeout_and_not_asked_twice_with_a_post() -> None:
    def patch(world: Shop) -> None:
        world.settings["nginx_read_s"] = 0.3
        world.answer(delay_s=3)

    got, _, _, log = await asked(patch, f"https://{HOST}/", method="POST", content=b"x")
    assert got == 504
    assert log.count("while reading response header from upstream") == 1


def tls_backend(world: Shop) -> None:
    world.backends[0]["listen"][0]["tls"] = {"issuer": "self", "names": ["shop.internal"]}


def grpc_backend(world: Shop) -> None:
    world.backends[0]["listen"][0] = {"port": 8080, "protocol": "grpc", "services": ["grpc.health.v1.Health"]}


async def test_https_to_a_pod_with_any_certificate() -> None:
    patch = all_of(tls_backend, annotated(backend_protocol="HTTPS"))
    assert (await asked(patch, f"https://{HOST}/"))[1] == "shop"


async def test_https_to_a_plain_pod_is_a_bad_gateway() -> None:
    got, _, _, log = await asked(annotated(backend_protocol="HTTPS"), f"https://{HOST}/")
    assert got == 502
    assert "SSL_do_handshake() failed" in log


@pytest.mark.parametrize("protocol", ["GRPC", "grpc"])
async def test_grpc_keeps_its_trailers_over_http_2(protocol: str) -> None:
    world = shop()
    all_of(grpc_backend, annotated(backend_protocol=protocol))(world)
    async with running(world) as plane:
        good = await asyncio.to_thread(call, port_of(plane, 443), HOST, relaxed())
        unknown = await asyncio.to_thread(call, port_of(plane, 443), HOST, relaxed(), path="/shop.Cart/Add")
    assert (good.status, good.grpc_status, good.body) == (200, "0", b"\0\0\0\0\x02\x08\x01")
    assert (unknown.status, unknown.grpc_status) == (200, "12")


async def test_grpcs_speaks_tls_to_the_pod() -> None:
    world = shop()
    all_of(grpc_backend, tls_backend, annotated(backend_protocol="GRPCS"))(world)
    async with running(world) as plane:
        assert (await asyncio.to_thread(call, port_of(plane, 443), HOST, relaxed())).grpc_status == "0"


async def test_grpc_to_a_pod_that_speaks_http_1_is_a_frame_of_4740180_bytes() -> None:
    got, _, _, log = await asked(annotated(backend_protocol="GRPC"), f"https://{HOST}/", http2=True, method="POST")
    assert got == 502
    assert "upstream sent too large http2 frame: 4740180 while reading response header from upstream" in log


async def test_http_1_to_a_grpc_pod_passes_on_what_is_no_http() -> None:
    world = shop()
    grpc_backend(world)
    async with running(world) as plane:
        answer = await asyncio.to_thread(call, port_of(plane, 443), HOST, relaxed())
        log = log_of(plane)
    assert (answer.status, answer.grpc_status) == (200, None)
    assert answer.body[3:9] == b"\x04\0\0\0\0\0"
    assert "upstream sent no valid HTTP/1.0 header" in log
    assert " 009 " in log


def subject(certificate: bytes) -> str:
    found = x509.load_der_x509_certificate(certificate)
    return str(found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


FAKE = "Kubernetes Ingress Controller Fake Certificate"


def certificate_of(plane: DataPlane, name: str) -> bytes:
    raw = socket.create_connection(("127.0.0.1", port_of(plane, 443)), timeout=5)
    with raw, relaxed().wrap_socket(raw, server_hostname=name) as secured:
        return secured.getpeercert(binary_form=True) or b""


CERTIFICATES = [
    pytest.param(nothing, HOST, HOST, id="the-secret"),
    pytest.param(nothing, "other.test", FAKE, id="an-unknown-name"),
    pytest.param(lambda world: world.drop("Secret", "shop-tls"), HOST, FAKE, id="no-secret"),
    pytest.param(without_tls, HOST, FAKE, id="no-tls-section"),
    pytest.param(
        lambda world: world.get("Secret", "shop-tls")["metadata"].update(annotations=issue(names=("x.test",))),
        HOST,
        FAKE,
        id="the-secret-does-not-name-the-host",
    ),
    pytest.param(
        lambda world: world.get("Secret", "shop-tls")["metadata"].update(
            annotations=issue(names=(HOST,), not_after_days=-2)
        ),
        HOST,
        HOST,
        id="an-expired-one-is-served",
    ),
    pytest.param(
        lambda world: world.ingress["spec"].update(tls=[{"secretName": "shop-tls"}]), HOST, HOST, id="found-by-its-name"
    ),
]


@pytest.mark.parametrize(("patch", "name", "shown"), CERTIFICATES)
async def test_the_certificate_of_a_name(patch: Patch, name: str, shown: str) -> None:
    world = shop()
    patch(world)
    async with running(world) as plane:
        assert subject(await asyncio.to_thread(certificate_of, plane, name)) == shown


async def test_a_name_without_certificate_is_refused_when_the_config_map_says_so() -> None:
    world = shop()
    configured(ssl_reject_handshake="true")(world)
    async with running(world) as plane:
        assert subject(await asyncio.to_thread(certificate_of, plane, HOST)) == HOST
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            await asyncio.to_thread(certificate_of, plane, "other.test")


async def test_plain_http_on_443_is_told_so() -> None:
    world = shop()
    async with running(world) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(plane, 443))
        writer.write(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
        async with asyncio.timeout(5):
            answer = (await reader.read()).decode()
        writer.close()
    assert answer.startswith("HTTP/1.1 400 Bad Request\r\n")
    assert "<center>The plain HTTP request was sent to HTTPS port</center>" in answer


@pytest.mark.parametrize(
    ("header", "status"),
    [
        pytest.param(b"PROXY TCP4 203.0.113.9 10.0.0.5 1234 80\r\n", b"308", id="with-a-header"),
        pytest.param(b"PROXY TCP4 203.0.113.9 10.0.0.5 1234 443\r\n", b"200", id="whose-port-443-counts-as-https"),
        pytest.param(b"", b"", id="without-one-the-connection-closes"),
    ],
)
async def test_proxy_protocol_is_demanded(header: bytes, status: bytes) -> None:
    world = shop()
    configured(use_proxy_protocol="true")(world)
    async with running(world) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(plane, 80))
        writer.write(header + f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        async with asyncio.timeout(5):
            answer = await reader.read()
        writer.close()
        log = log_of(plane)
    assert answer[9:12] == status
    assert ("while reading PROXY protocol" in log) is not bool(status)
    assert ("203.0.113.9 - -" in log) is bool(status)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        pytest.param({}, "shop", id="no-header"),
        pytest.param({"X-Canary": "always"}, "canary", id="always"),
        pytest.param({"X-Canary": "never"}, "shop", id="never"),
    ],
)
async def test_a_canary_takes_what_its_header_says(headers: dict[str, str], body: str) -> None:
    def patch(world: Shop) -> None:
        world.add_app("canary", "10.42.0.31")
        world.add("canary", path(to="canary"))
        world.annotate("canary", canary="true", canary_by_header="X-Canary")

    assert (await asked(patch, f"https://{HOST}/", headers=headers))[1] == body


async def test_a_canary_without_its_twin_is_dropped() -> None:
    def patch(world: Shop) -> None:
        world.add_app("canary", "10.42.0.31")
        world.add("canary", path("/x", to="canary"))
        world.annotate("canary", canary="true", canary_weight="100")

    status, body, _, log = await asked(patch, f"https://{HOST}/x")
    assert (status, body) == (200, "shop")
    assert "unable to find real backend for alternative backend shop-canary-80. Deleting." in log


async def test_the_default_backend_of_an_ingress_and_of_the_controller() -> None:
    def patch(world: Shop) -> None:
        world.add_app("rest", "10.42.0.31")
        made = world.add("rest", host="", defaultBackend={"service": {"name": "rest", "port": {"number": 80}}})
        del made["spec"]["rules"]

    assert (await asked(patch, "https://other.test/"))[1] == "rest"

    def flag(world: Shop) -> None:
        world.add_app("pages", "10.42.0.32", paths=[{"prefix": "/", "status": 404, "body": "default backend - 404"}])
        args = world.get("Pod", "ingress-nginx-controller-1")["spec"]["containers"][0]["args"]
        args.append("--default-backend-service=shop/pages")

    assert (await asked(flag, "https://other.test/"))[:2] == (404, "default backend - 404")


async def test_www_is_redirected_to_the_name_that_asks_for_it() -> None:
    status, _, headers, _ = await asked(annotated(from_to_www_redirect="true"), f"https://www.{HOST}/a")
    assert (status, headers["location"]) == (308, f"https://{HOST}/a")
