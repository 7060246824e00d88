"""What the edge answers, by what really happened between it and the pods. Nothing scripts a status."""

from __future__ import annotations

import pytest

from lab.dataplane.kit import HOST, LB, Parts, Patch, ask, healthy, issue, obj, running


def lb_refuses_443(parts: Parts) -> None:
    parts.balancer["services"].pop()


def lb_is_gone(parts: Parts) -> None:
    parts.hetzner["load_balancers"].clear()


def lb_is_private(parts: Parts) -> None:
    parts.balancer["public_net"]["enabled"] = False


def no_route(parts: Parts) -> None:
    parts.settings["no_route"] = [LB]


def no_targets(parts: Parts) -> None:
    parts.balancer["targets"].clear()


def no_targets_flexible(parts: Parts) -> None:
    no_targets(parts)
    parts.zone["settings"]["ssl"] = "flexible"


def detached(parts: Parts) -> None:
    parts.balancer["private_net"].clear()


def stale_node_port(parts: Parts) -> None:
    for service in parts.balancer["services"]:
        service["destination_port"] = service["health_check"]["port"] = 31999


def plain_http_behind_443(parts: Parts) -> None:
    parts.balancer["services"][1]["destination_port"] = 30080


def proxy_unexpected(parts: Parts) -> None:
    parts.set_args(lambda args: [arg for arg in args if "proxyProtocol" not in arg])


def proxy_v2_unexpected(parts: Parts) -> None:
    proxy_unexpected(parts)
    parts.settings["proxy_version"] = 2


def proxy_missing(parts: Parts) -> None:
    for service in parts.balancer["services"]:
        service["proxyprotocol"] = False


def proxy_v2(parts: Parts) -> None:
    parts.settings["proxy_version"] = 2


def proxy_untrusted(parts: Parts) -> None:
    parts.set_args(lambda args: [arg.replace("10.0.0.0/8", "192.168.0.0/16") for arg in args])


def certificate(issuer: str = "letsencrypt", names: tuple[str, ...] = (HOST,), **days: float) -> Patch:
    def patch(parts: Parts) -> None:
        parts.get("Secret", "shop-tls")["metadata"]["annotations"] = issue(issuer, names, **days)

    return patch


def secret_missing(parts: Parts) -> None:
    parts.drop("Secret", "shop-tls")


def secret_missing_full(parts: Parts) -> None:
    secret_missing(parts)
    parts.zone["settings"]["ssl"] = "full"


def backend(**spec: object) -> Patch:
    return lambda parts: parts.answer(**spec)


def target_port_closed(parts: Parts) -> None:
    parts.get("Service", "shop")["spec"]["ports"][0]["targetPort"] = 9999


def container_waiting(parts: Parts) -> None:
    pod = parts.get("Pod", "shop-1")["status"]
    pod["containerStatuses"][0]["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
    pod["conditions"][0]["status"] = "False"


def not_ready(parts: Parts) -> None:
    parts.get("Pod", "shop-1")["status"]["conditions"][0]["status"] = "False"


def not_ready_and_empty_forbidden(parts: Parts) -> None:
    not_ready(parts)
    parts.set_args(lambda args: [arg for arg in args if "allowEmptyServices" not in arg])


def traefik_not_ready(parts: Parts) -> None:
    for number in (1, 2):
        parts.get("Pod", f"traefik-{number}")["status"]["conditions"][0]["status"] = "False"


def policy_denies(parts: Parts) -> None:
    parts.objects.append(
        obj(
            "NetworkPolicy",
            "deny",
            "shop",
            "networking.k8s.io/v1",
            spec={"podSelector": {}, "policyTypes": ["Ingress"]},
        )
    )


def policy_rejects(parts: Parts) -> None:
    policy_denies(parts)
    parts.settings["policy_deny"] = "reject"


def policy_is_not_enforced(parts: Parts) -> None:
    policy_denies(parts)
    parts.settings["network_policy"] = "ignore"


def nodes_off(parts: Parts) -> None:
    for server in parts.hetzner["servers"]:
        server["status"] = "off"


def route_gone(parts: Parts) -> None:
    parts.drop("IngressRoute", "shop")


def route_gone_full(parts: Parts) -> None:
    route_gone(parts)
    parts.zone["settings"]["ssl"] = "full"


def record(**changes: object) -> Patch:
    return lambda parts: parts.zone["dns_records"][0].update(changes)


def fails_over(parts: Parts) -> None:
    parts.zone["dns_records"].insert(0, {"type": "A", "name": HOST, "content": "203.0.113.99", "proxied": True})


def waf(action: str) -> Patch:
    def patch(parts: Parts) -> None:
        parts.zone["waf"] = [{"host": HOST, "path": "/", "action": action}]

    return patch


def pass_thru(parts: Parts) -> None:
    target_port_closed(parts)
    parts.zone["settings"]["origin_error_page_pass_thru"] = "on"


# patch, HTTP status, code in the edge's own page (0: the origin's answer passed through)
CASES = [
    pytest.param(lambda parts: None, 200, 0, id="healthy"),
    pytest.param(lb_refuses_443, 521, 521, id="refused-is-521"),
    pytest.param(lb_is_gone, 522, 522, id="nobody-at-the-address-is-522"),
    pytest.param(lb_is_private, 522, 522, id="public-interface-off-is-522"),
    pytest.param(no_route, 523, 523, id="no-route-is-523"),
    pytest.param(no_targets, 525, 525, id="accept-then-close-in-tls-is-525"),
    pytest.param(no_targets_flexible, 520, 520, id="accept-then-close-in-plain-http-is-520"),
    pytest.param(detached, 525, 525, id="detached-from-the-private-network"),
    pytest.param(stale_node_port, 525, 525, id="stale-node-port"),
    pytest.param(nodes_off, 525, 525, id="nodes-switched-off"),
    pytest.param(traefik_not_ready, 525, 525, id="no-ready-controller"),
    pytest.param(plain_http_behind_443, 404, 0, id="tls-on-the-plain-entry-point-finds-no-router"),
    pytest.param(proxy_unexpected, 525, 525, id="proxy-v1-header-unexpected"),
    pytest.param(proxy_v2_unexpected, 525, 525, id="proxy-v2-header-unexpected"),
    pytest.param(proxy_missing, 200, 0, id="proxy-header-missing-works"),
    pytest.param(proxy_v2, 200, 0, id="proxy-v2-works"),
    pytest.param(proxy_untrusted, 200, 0, id="proxy-header-of-an-untrusted-peer-is-dropped"),
    pytest.param(certificate(not_after_days=-1), 526, 526, id="expired"),
    pytest.param(certificate(not_before_days=1, not_after_days=9), 526, 526, id="not-yet-valid"),
    pytest.param(certificate(names=("other.test",)), 526, 526, id="other-name-so-default-certificate"),
    pytest.param(certificate("self"), 526, 526, id="self-signed"),
    pytest.param(certificate("cloudflare-origin"), 200, 0, id="origin-ca-is-trusted-by-the-edge"),
    pytest.param(certificate(names=("*.shop.test",)), 200, 0, id="wildcard"),
    pytest.param(secret_missing, 526, 526, id="default-certificate-in-strict"),
    pytest.param(secret_missing_full, 200, 0, id="default-certificate-in-full"),
    pytest.param(backend(delay_s=3), 524, 524, id="slow-is-524"),
    pytest.param(backend(header_bytes=20_000), 520, 520, id="huge-header-is-520"),
    pytest.param(backend(status=502), 502, 502, id="origins-own-502-is-replaced"),
    pytest.param(backend(status=504), 504, 504, id="origins-own-504-is-replaced"),
    pytest.param(backend(status=500), 500, 0, id="origins-own-500-passes"),
    pytest.param(backend(status=403), 403, 0, id="origins-own-403-passes"),
    pytest.param(backend(close=True), 502, 502, id="backend-closes"),
    pytest.param(backend(raw="garbage\r\n\r\n"), 500, 0, id="backend-talks-garbage-so-traefik-says-500"),
    pytest.param(target_port_closed, 502, 502, id="target-port-nobody-listens-on"),
    pytest.param(pass_thru, 502, 0, id="origin-error-pages-passed-through"),
    pytest.param(container_waiting, 503, 0, id="crashed-container"),
    pytest.param(not_ready, 503, 0, id="not-ready"),
    pytest.param(not_ready_and_empty_forbidden, 404, 0, id="not-ready-without-allowEmptyServices"),
    pytest.param(policy_denies, 504, 504, id="network-policy-drops"),
    pytest.param(policy_rejects, 502, 502, id="network-policy-rejects"),
    pytest.param(policy_is_not_enforced, 200, 0, id="network-policy-on-a-cni-without-enforcement"),
    pytest.param(route_gone_full, 404, 0, id="no-router"),
    pytest.param(route_gone, 526, 526, id="no-router-and-its-certificate-is-gone-with-it"),
    pytest.param(record(type="CNAME", content="9f1c.cfargotunnel.com"), 530, 1033, id="tunnel-without-connector"),
    pytest.param(record(type="CNAME", content="gone.elsewhere.test"), 530, 1016, id="alias-that-does-not-resolve"),
    pytest.param(record(content="104.21.32.11"), 403, 1000, id="record-points-at-the-edge"),
    pytest.param(record(content="127.0.0.1"), 403, 1002, id="record-points-at-loopback"),
    pytest.param(record(proxied=False), 409, 1001, id="record-is-not-proxied"),
    pytest.param(fails_over, 200, 0, id="second-address-is-tried"),
    pytest.param(waf("block"), 403, 1020, id="blocked"),
    pytest.param(waf("ratelimit"), 429, 1015, id="rate-limited"),
]


@pytest.mark.parametrize(("patch", "status", "code"), CASES)
async def test_edge_answers_by_what_happened(patch: Patch, status: int, code: int) -> None:
    parts = healthy()
    patch(parts)
    async with running(parts) as plane:
        response = await ask(plane, accept="application/json")

    assert response.status_code == status
    assert response.headers["server"] == "cloudflare"
    if code:
        body = response.json()
        assert (body["error_code"], body["cloudflare_error"], body["status"]) == (code, True, status)
        assert response.headers["cf-error-type"] == str(code)
        assert "cf-cache-status" not in response.headers
    else:
        assert response.headers["cf-cache-status"] == "DYNAMIC"
        assert "cf-error-type" not in response.headers


async def test_flexible_with_a_redirect_to_https_loops() -> None:
    parts = healthy()
    parts.zone["settings"]["ssl"] = "flexible"
    parts.set_args(lambda args: [*args, "--entryPoints.web.http.redirections.entryPoint.to=:443"])
    async with running(parts) as plane:
        response = await ask(plane)

    assert response.status_code == 301
    assert response.headers["location"] == f"https://{HOST}/"
    assert response.headers["cf-cache-status"] == "DYNAMIC"


async def test_trusted_forwarded_proto_turns_the_redirect_into_a_teapot() -> None:
    parts = healthy()
    parts.zone["settings"]["ssl"] = "flexible"
    parts.set_args(
        lambda args: [
            *args,
            "--entryPoints.web.http.redirections.entryPoint.to=:443",
            "--entryPoints.web.forwardedHeaders.insecure=true",
        ]
    )
    async with running(parts) as plane:
        response = await ask(plane)

    assert (response.status_code, response.content) == (418, b"")
