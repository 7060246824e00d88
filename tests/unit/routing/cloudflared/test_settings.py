from __future__ import annotations

import pytest

from build.cloudflared import configuration, rule
from ingressdoctor.routing.cloudflared import Access, IpRule, OriginSettings, WarpRouting
from ingressdoctor.routing.cloudflared.settings import Routing, warp_settings


def test_cloudflareds_own_defaults() -> None:
    assert rule("hostname: a, service: 'http://x'").settings == OriginSettings()
    assert OriginSettings().connect_timeout == 30.0
    assert OriginSettings().keep_alive_connections == 100


def test_a_rule_overrides_key_by_key_what_the_top_sets() -> None:
    found = rule(
        "hostname: a, service: 'http://x', originRequest: {connectTimeout: 1s, noTLSVerify: false, caPool: ''}",
        "originRequest: {connectTimeout: 9s, noTLSVerify: true, caPool: /a, tlsTimeout: 2s, proxyAddress: 0.0.0.0}",
    ).settings

    assert (found.connect_timeout, found.no_tls_verify, found.ca_pool) == (1.0, False, "")
    assert (found.tls_timeout, found.proxy_address) == (2.0, "0.0.0.0")
    assert found.given == ("connect_timeout", "ca_pool", "no_tls_verify")
    assert found.inherited == ("tls_timeout", "proxy_address")


def test_access_at_the_top_is_not_enforced() -> None:
    top = "originRequest: {access: {required: true, teamName: t, audTag: [a]}}"

    assert rule("hostname: a, service: 'http://x'", top).settings.access is None
    assert rule(
        "hostname: a, service: 'http://x', originRequest: {access: {required: true}}", top
    ).settings.access == Access(required=True)


def test_ip_rules_are_replaced_as_a_whole() -> None:
    top = "originRequest: {ipRules: [{prefix: 10.0.0.0/8}]}"
    own = "hostname: a, service: 'http://x', originRequest: {ipRules: [{prefix: 11.0.0.0/8}]}"

    assert rule("hostname: a, service: 'http://x'", top).settings.ip_rules == (IpRule(prefix="10.0.0.0/8"),)
    assert rule(own, top).settings.ip_rules == (IpRule(prefix="11.0.0.0/8"),)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("", Routing(), id="defaults"),
        pytest.param(
            "warp-routing: {connectTimeout: 1s, maxActiveFlows: 5}",
            Routing(connect_timeout=1.0, max_active_flows=5),
            id="set",
        ),
        pytest.param("warp-routing: {enabled: true}", Routing(), id="enabled-is-ignored"),
    ],
)
def test_warp_routing(text: str, expected: Routing) -> None:
    assert warp_settings(configuration(text).warp_routing if text else WarpRouting()) == expected
