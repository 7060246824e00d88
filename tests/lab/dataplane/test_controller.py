"""Traefik's own answers, middlewares, logs and TCP routers, asked over real connections."""

from __future__ import annotations

import asyncio
import contextlib
import ssl

import httpx
import pytest

from ingressdoctor.lab.dataplane import DataPlane
from lab.dataplane.kit import (
    HOST,
    LB,
    Parts,
    Spec,
    access_log,
    ask,
    healthy,
    obj,
    process_log,
    real_port,
    running,
    service,
)

CRD = "traefik.io/v1alpha1"


async def direct(plane: DataPlane, url: str = f"https://{HOST}/", *, authorization: str = "") -> httpx.Response:
    """Ask the balancer itself, past the edge."""
    return await ask(plane, url, at=LB, authorization=authorization)


async def test_404_is_gos_to_the_byte() -> None:
    async with running(healthy()) as plane:
        response = await direct(plane, f"http://{HOST}/")
        (entry,) = access_log(plane)

    assert (response.status_code, response.content) == (404, b"404 page not found\n")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert "server" not in response.headers
    assert "RouterName" not in entry
    assert (entry["OriginStatus"], entry["DownstreamStatus"]) == (0, 404)


async def test_access_log_of_an_answer_from_a_pod() -> None:
    async with running(healthy()) as plane:
        await direct(plane, f"https://{HOST}/a?b=1")
        (entry,) = access_log(plane)

    assert entry["RouterName"].startswith("shop-shop-")
    assert entry["ServiceURL"] == "http://10.42.1.20:8080"
    assert (entry["OriginStatus"], entry["DownstreamStatus"]) == (200, 200)
    assert (entry["RequestPath"], entry["RequestHost"], entry["ClientHost"]) == ("/a?b=1", HOST, "198.51.100.23")
    assert (entry["entryPointName"], entry["TLSVersion"]) == ("websecure", "1.3")


async def test_common_format_ends_with_router_server_and_time() -> None:
    parts = healthy()
    parts.set_args(lambda args: [arg for arg in args if "format" not in arg])
    async with running(parts) as plane:
        await direct(plane)
        log = process_log(plane)

    assert '"GET / HTTP/1.1" 200 4 "-" "python-httpx' in log
    assert '@kubernetescrd" "http://10.42.1.20:8080" ' in log
    assert log.rstrip().endswith("ms")


async def test_503_body() -> None:
    parts = healthy()
    parts.drop("Pod", "shop-1")
    async with running(parts) as plane:
        response = await direct(plane)

    assert (response.status_code, response.content) == (503, b"no available server\n")


async def test_502_and_504_bodies_and_debug_lines() -> None:
    parts = healthy()
    parts.get("Service", "shop")["spec"]["ports"][0]["targetPort"] = 9999
    async with running(parts) as plane:
        refused = await direct(plane)
        log = process_log(plane)
    silent = healthy()
    silent.objects.append(
        obj(
            "NetworkPolicy",
            "deny",
            "shop",
            "networking.k8s.io/v1",
            spec={"podSelector": {}, "policyTypes": ["Ingress"]},
        )
    )
    async with running(silent) as plane:
        dropped = await direct(plane)

    assert (refused.status_code, refused.content) == (502, b"Bad Gateway")
    assert "content-type" not in refused.headers
    assert 'DBG 502 Bad Gateway error="dial tcp 10.42.1.20:9999: connect: connection refused"' in log
    assert (dropped.status_code, dropped.content) == (504, b"Gateway Timeout")


async def test_client_that_leaves_is_499_in_the_log() -> None:
    parts = healthy()
    parts.answer(delay_s=30)
    async with running(parts) as plane:
        with contextlib.suppress(httpx.HTTPError, TimeoutError):
            async with asyncio.timeout(2):
                await direct(plane)
        for _ in range(3_000):
            if access_log(plane):
                break
            await asyncio.sleep(0.02)
        (entry,) = access_log(plane)

    assert (entry["DownstreamStatus"], entry["OriginStatus"]) == (499, 499)


async def test_default_certificate_names_itself() -> None:
    parts = healthy()
    parts.drop("Secret", "shop-tls")
    async with running(parts) as plane:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        _, writer = await asyncio.open_connection(
            "127.0.0.1", real_port(plane, LB, 443), ssl=context, server_hostname=HOST
        )
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        await writer.wait_closed()
        log = process_log(plane)

    assert b"TRAEFIK DEFAULT CERT" in der
    assert b".traefik.default" in der
    assert 'ERR Error configuring TLS error="secret shop/shop-tls does not exist" ingress=shop' in log
    assert "Serving default certificate for request" in log


async def test_http_bytes_on_the_tls_port_get_a_404() -> None:
    async with running(healthy()) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", real_port(plane, LB, 443))
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 404 Not Found\r\n")


async def test_unexpected_proxy_header_is_400_in_plain_text() -> None:
    parts = healthy()
    parts.set_args(lambda args: [arg for arg in args if "proxyProtocol" not in arg])
    async with running(parts) as plane:
        reader, writer = await asyncio.open_connection("127.0.0.1", real_port(plane, LB, 443))
        writer.write(b"\x16\x03\x01")
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\n")


async def test_missing_tls_option_closes_after_the_hello() -> None:
    parts = healthy()
    parts.route["tls"]["options"] = {"name": "gone"}
    async with running(parts) as plane:
        with pytest.raises(httpx.ConnectError):
            await direct(plane)


def with_middleware(**kinds: object) -> Parts:
    parts = healthy()
    parts.objects.append(obj("Middleware", "mw", "shop", CRD, spec=kinds))
    parts.route["routes"][0]["middlewares"] = [{"name": "mw"}]
    return parts


MIDDLEWARES = [
    pytest.param({"ipAllowList": {"sourceRange": ["198.51.100.0/24"]}}, 200, b"shop", id="listed-client"),
    pytest.param({"ipAllowList": {"sourceRange": ["203.0.113.9"]}}, 403, b"Forbidden", id="client-not-listed"),
    pytest.param(
        {"ipAllowList": {"sourceRange": ["1.1.1.1"], "rejectStatusCode": 404}}, 404, b"Not Found", id="status"
    ),
    pytest.param(
        {"ipAllowList": {"sourceRange": ["198.51.100.23"], "ipStrategy": {"depth": 1}}}, 403, b"Forbidden", id="depth"
    ),
    pytest.param({"redirectScheme": {"scheme": "https"}}, 200, b"shop", id="scheme-already-right"),
    pytest.param({"redirectScheme": {"scheme": "http"}}, 302, b"Found", id="scheme-redirect"),
    pytest.param(
        {"redirectRegex": {"regex": "^https://www[.](.*)", "replacement": "https://${1}", "permanent": True}},
        301,
        b"Moved Permanently",
        id="regex-redirect",
    ),
    pytest.param({"stripPrefix": {"prefixes": ["/deep"]}}, 200, b"shop", id="strip-prefix"),
    pytest.param({"replacePath": {"path": "/deep"}}, 418, b"deep", id="replace-path"),
    pytest.param({"addPrefix": {"prefix": "/deep"}}, 418, b"deep", id="add-prefix"),
    pytest.param({"compress": {}}, 200, b"shop", id="passing-through"),
]


@pytest.mark.parametrize(("kinds", "status", "body"), MIDDLEWARES)
async def test_middleware(kinds: dict[str, object], status: int, body: bytes) -> None:
    parts = with_middleware(**kinds)
    parts.backends[0]["listen"][0]["paths"].append({"prefix": "/deep", "status": 418, "body": "deep"})
    path = "/deep" if "stripPrefix" in kinds else "/"
    async with running(parts) as plane:
        response = await direct(plane, f"https://{HOST}{path}")

    assert (response.status_code, response.content) == (status, body)


async def test_basic_auth_asks_and_headers_are_set() -> None:
    parts = with_middleware(basicAuth={"secret": "users"})
    parts.objects.append(obj("Secret", "users", "shop"))
    parts.objects.append(obj("Middleware", "h", "shop", CRD, spec={"headers": {"customResponseHeaders": {"X-A": "1"}}}))
    parts.route["routes"][0]["middlewares"].insert(0, {"name": "h"})
    async with running(parts) as plane:
        asked = await direct(plane)
        passed = await direct(plane, authorization="Basic eDp5")

    assert (asked.status_code, asked.headers["www-authenticate"]) == (401, 'Basic realm="traefik"')
    assert (passed.status_code, asked.headers["x-a"], passed.headers["x-a"]) == (200, "1", "1")


async def test_entry_point_redirect_leaves_no_access_log() -> None:
    parts = healthy()
    parts.set_args(lambda args: [*args, "--entryPoints.web.http.redirections.entryPoint.to=websecure"])
    async with running(parts) as plane:
        response = await direct(plane, f"http://{HOST}/a")
        entries = access_log(plane)

    assert (response.status_code, response.headers["location"]) == (301, f"https://{HOST}:8443/a")
    assert entries == []


async def test_shadowing_route_wins_by_priority() -> None:
    parts = healthy()
    parts.objects.append(service("empty", "shop", {"app": "nobody"}, [{"port": 80}]))
    parts.route["routes"].append(
        {"match": "PathPrefix(`/`)", "kind": "Rule", "priority": 1000, "services": [{"name": "empty", "port": 80}]}
    )
    async with running(parts) as plane:
        response = await direct(plane)

    assert response.status_code == 503


async def test_weighted_services_take_turns() -> None:
    parts = healthy()
    parts.objects.append(service("empty", "shop", {"app": "nobody"}, [{"port": 80}]))
    parts.objects.append(
        obj(
            "TraefikService",
            "split",
            "shop",
            CRD,
            spec={
                "weighted": {
                    "services": [{"name": "shop", "port": 80, "weight": 3}, {"name": "empty", "port": 80, "weight": 1}]
                }
            },
        )
    )
    parts.route["routes"][0]["services"] = [{"name": "split", "kind": "TraefikService"}]
    async with running(parts) as plane:
        assert {(await direct(plane)).status_code for _ in range(4)} == {200}


async def test_https_backend_with_an_unknown_certificate_is_500() -> None:
    parts = healthy()
    parts.route["routes"][0]["services"][0]["scheme"] = "https"
    parts.backends[0]["listen"][0]["tls"] = {"issuer": "self", "names": ["shop"]}
    async with running(parts) as plane:
        refused = await direct(plane)
    parts.objects.append(obj("ServersTransport", "st", "shop", CRD, spec={"insecureSkipVerify": True}))
    parts.route["routes"][0]["services"][0]["serversTransport"] = "st"
    async with running(parts) as plane:
        accepted = await direct(plane)

    assert (refused.status_code, refused.content) == (500, b"Internal Server Error")
    assert accepted.status_code == 200


async def test_ingress_routes_too_and_ping_answers() -> None:
    parts = healthy()
    parts.drop("IngressRoute", "shop")
    backend = {"service": {"name": "shop", "port": {"number": 80}}}
    rule = {"host": HOST, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
    parts.objects.append(
        obj(
            "Ingress",
            "shop",
            "shop",
            "networking.k8s.io/v1",
            spec={"rules": [rule], "tls": [{"hosts": [HOST], "secretName": "shop-tls"}]},
        )
    )
    async with running(parts) as plane:
        response = await direct(plane)
        stream = await plane._running().connect("10.42.1.5", 8080, source_ip="10.0.1.11", timeout_s=1)
        await stream.write(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")
        ping = await stream.read()

    assert response.text == "shop"
    assert ping.startswith(b"HTTP/1.1 200 OK")
    assert ping.endswith(b"OK")


def mysql(parts: Parts, *, allowed: list[str] | None = None, **route: object) -> Spec:
    """Add a raw TCP service on 3306 that greets."""
    parts.set_args(
        lambda args: [*args, "--entryPoints.mysql.address=:3306/tcp", "--entryPoints.mysql.proxyProtocol.insecure=true"]
    )
    parts.backends[0]["listen"].append({"port": 3306, "protocol": "tcp", "greeting": "hello"})
    parts.get("Service", "traefik")["spec"]["ports"].append(
        {"name": "mysql", "port": 3306, "targetPort": 3306, "nodePort": 30306}
    )
    parts.balancer["services"].append(
        {"protocol": "tcp", "listen_port": 3306, "destination_port": 30306, "proxyprotocol": True, "health_check": {}}
    )
    routes = [{"match": "HostSNI(`*`)", "services": [{"name": "db", "port": 3306}], **route}]
    item = obj("IngressRouteTCP", "db", "shop", CRD, spec={"entryPoints": ["mysql"], "routes": routes})
    if allowed is not None:
        routes[0]["middlewares"] = [{"name": "list"}]
        parts.objects.append(obj("MiddlewareTCP", "list", "shop", CRD, spec={"ipAllowList": {"sourceRange": allowed}}))
    parts.objects += [item, service("db", "shop", {"app": "shop"}, [{"port": 3306}])]
    return item


async def hear(plane: DataPlane, port: int = 3306, *, within_s: float = 60.0) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", real_port(plane, LB, port))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            heard = await reader.read(100)
            writer.close()
            await writer.wait_closed()
            return heard
    writer.close()
    await writer.wait_closed()
    return b"(silence)"


async def test_server_first_protocol_is_greeted_at_once() -> None:
    parts = healthy()
    mysql(parts)
    async with running(parts) as plane:
        assert await hear(plane) == b"hello"


async def test_tls_router_on_the_entry_point_silences_a_server_first_protocol() -> None:
    parts = healthy()
    mysql(parts)
    parts.route["entryPoints"].append("mysql")
    async with running(parts) as plane:
        assert await hear(plane, within_s=1.0) == b"(silence)"


async def test_allow_list_judges_the_client_of_the_proxy_header() -> None:
    listed, unlisted = healthy(), healthy()
    mysql(listed, allowed=["198.51.100.0/24"])
    mysql(unlisted, allowed=["10.0.0.0/8"])
    async with running(listed) as plane:
        assert await hear(plane) == b"hello"
    async with running(unlisted) as plane:
        assert await hear(plane) == b""
        log = process_log(plane)

    assert "Connection from 198.51.100.23:" in log
    assert "matched none of the trusted IPs" in log


async def test_tcp_backend_that_refuses_is_logged() -> None:
    parts = healthy()
    mysql(parts)
    parts.backends[0]["listen"].pop()
    async with running(parts) as plane:
        assert await hear(plane) == b""
        log = process_log(plane)

    assert 'ERR Error while dialing backend error="dial tcp 10.42.1.20:3306: connect: connection refused"' in log


async def test_default_store_replaces_the_self_signed_certificate() -> None:
    parts = healthy()
    del parts.route["tls"]["secretName"]
    parts.objects.append(
        obj("TLSStore", "default", "shop", CRD, spec={"defaultCertificate": {"secretName": "shop-tls"}})
    )
    async with running(parts) as plane:
        assert (await direct(plane)).text == "shop"


async def test_default_store_without_its_secret_is_noted() -> None:
    parts = healthy()
    parts.objects.append(obj("TLSStore", "default", "shop", CRD, spec={"defaultCertificate": {"secretName": "gone"}}))
    async with running(parts) as plane:
        assert "WRN Secret shop/gone does not exist TLSStore=default" in process_log(plane)
