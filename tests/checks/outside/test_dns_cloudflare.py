import pytest

from build.access import at_the_login
from build.hetzner import a_controller, a_service
from build.outside import (
    EDGE,
    MISSING,
    ORIGIN,
    RANGES,
    TARGET,
    dns_view,
    exchange,
    failed,
    handshake,
    lookup,
    record,
    resolver,
    visited,
    zone,
)
from ingressdoctor.api import (
    Controller,
    DnsView,
    LoadBalancerLookup,
    OutsideProbe,
    Reach,
    Status,
    Unavailable,
    ZoneFacts,
)
from ingressdoctor_checks.dns_cloudflare import not_proxied, zone_inactive
from ingressdoctor_checks.dns_origin import origin_mismatch

DIRECT = visited(exchange(headers=()), edge=False)
DEAD = visited(failed(Reach.TIMEOUT), edge=False)
UNTRUSTED = visited(failed(Reach.TLS_OTHER, tls=handshake(trusted=False)), edge=False)
GREY = dns_view(resolver(ORIGIN))


@pytest.mark.parametrize(
    ("view", "probe", "status"),
    [
        pytest.param(dns_view(), visited(), Status.PASS, id="all-in-range"),
        pytest.param(dns_view(), DEAD, Status.PASS, id="in-range-whatever-the-edge-does"),
        pytest.param(dns_view(resolver()), MISSING, Status.SKIP, id="no-address"),
        pytest.param(dns_view(resolver("fd10:aec2:5dae::")), DEAD, Status.FAIL, id="grey-tunnel"),
        pytest.param(GREY, visited(), Status.PASS, id="the-edge-on-addresses-of-a-customer"),
        pytest.param(GREY, DIRECT, Status.WARN, id="grey-and-works"),
        pytest.param(GREY, MISSING, Status.WARN, id="grey-and-not-looked-at"),
        pytest.param(GREY, DEAD, Status.FAIL, id="grey-and-dead"),
        pytest.param(GREY, UNTRUSTED, Status.FAIL, id="grey-and-the-origins-certificate-shows"),
        pytest.param(
            GREY, visited(exchange(404, headers=()), edge=False), Status.WARN, id="grey-and-404-is-another-fault"
        ),
        pytest.param(dns_view(resolver(EDGE[0], ORIGIN)), DIRECT, Status.WARN, id="mixed"),
        pytest.param(dns_view(resolver("10.0.0.7")), DIRECT, Status.WARN, id="private-and-works-from-here"),
        pytest.param(dns_view(resolver("10.0.0.7")), DEAD, Status.FAIL, id="private-and-dead"),
    ],
)
def test_not_proxied(view: DnsView, probe: OutsideProbe | Unavailable, status: Status) -> None:
    [finding] = not_proxied(TARGET, view, RANGES, probe, MISSING)

    assert finding.status is status


def test_what_the_zone_says_about_the_cloud_is_shown() -> None:
    [finding] = not_proxied(TARGET, GREY, RANGES, DIRECT, zone(record(proxied=False)))

    assert ("proxied at Cloudflare", "false") in [(fact.name, fact.value) for fact in finding.facts]


SERVICE = a_controller(service=a_service(ingress=({"ip": ORIGIN},)))
PRIVATE = a_controller(service=a_service(ingress=({"ip": "10.0.0.5"},)))
NOWHERE = a_controller(without_service=True)
OLD = zone(record("203.0.113.7"))
TUNNEL = zone(record("x.cfargotunnel.com", kind="CNAME"), chain=("x.cfargotunnel.com",))
DOWN = visited(error=522)


@pytest.mark.parametrize(
    ("held", "balancer", "controller", "probe", "status"),
    [
        pytest.param(zone(), lookup(), SERVICE, visited(), Status.PASS, id="the-same"),
        pytest.param(zone(), MISSING, SERVICE, visited(), Status.PASS, id="by-the-services-status"),
        pytest.param(
            zone(record("2001:DB8:4C1:22:0::1", kind="AAAA")),
            lookup(),
            MISSING,
            DOWN,
            Status.PASS,
            id="ipv6-spelt-long",
        ),
        pytest.param(OLD, lookup(), SERVICE, DOWN, Status.FAIL, id="old-address-and-down"),
        pytest.param(OLD, MISSING, SERVICE, DOWN, Status.FAIL, id="old-address-by-the-services-status"),
        pytest.param(OLD, lookup(found=False), SERVICE, DOWN, Status.FAIL, id="no-balancer-but-a-published-address"),
        pytest.param(OLD, lookup(public=False), SERVICE, DOWN, Status.FAIL, id="a-balancer-without-a-public-side"),
        pytest.param(OLD, lookup(), SERVICE, visited(exchange(404)), Status.FAIL, id="a-404-of-somebody-else"),
        pytest.param(OLD, lookup(), SERVICE, visited(), Status.WARN, id="another-origin-serves-it-well"),
        pytest.param(
            zone(record(), record("203.0.113.7")), lookup(), SERVICE, DOWN, Status.WARN, id="one-of-two-is-right"
        ),
        pytest.param(MISSING, lookup(), SERVICE, DOWN, Status.UNKNOWN, id="no-token"),
        pytest.param(MISSING, lookup(), SERVICE, at_the_login(), Status.SKIP, id="no-token-and-a-login-of-access"),
        pytest.param(OLD, MISSING, MISSING, DOWN, Status.UNKNOWN, id="nothing-to-compare-with"),
        pytest.param(OLD, lookup(found=False), NOWHERE, DOWN, Status.SKIP, id="no-balancer-and-no-service"),
        pytest.param(OLD, MISSING, PRIVATE, DOWN, Status.UNKNOWN, id="only-a-private-address-is-published"),
        pytest.param(TUNNEL, lookup(), SERVICE, DOWN, Status.SKIP, id="tunnel"),
        pytest.param(zone(record("192.0.2.0")), lookup(), SERVICE, DOWN, Status.SKIP, id="no-origin-by-design"),
        pytest.param(zone(bare=True), lookup(), SERVICE, visited(), Status.UNKNOWN, id="answers-without-a-record"),
        pytest.param(
            zone(record("lb.gone.example", kind="CNAME"), chain=("lb.gone.example",)),
            lookup(),
            SERVICE,
            DOWN,
            Status.UNKNOWN,
            id="a-cname-that-our-resolver-cannot-follow",
        ),
        pytest.param(
            zone(record("lb.gone.example", kind="CNAME"), chain=("lb.gone.example",)),
            lookup(),
            SERVICE,
            visited(error=1016, http_status=530),
            Status.FAIL,
            id="a-cname-that-the-edge-cannot-follow-either",
        ),
    ],
)
def test_origin_mismatch(
    held: ZoneFacts | Unavailable,
    balancer: LoadBalancerLookup | Unavailable,
    controller: Controller | Unavailable,
    probe: OutsideProbe,
    status: Status,
) -> None:
    [finding] = origin_mismatch(dns_view(), RANGES, held, balancer, controller, probe)

    assert finding.status is status


@pytest.mark.parametrize(
    ("view", "status"),
    [
        pytest.param(GREY, Status.PASS, id="dns-itself-names-the-balancer"),
        pytest.param(dns_view(resolver("203.0.113.7")), Status.FAIL, id="dns-itself-names-another"),
        pytest.param(dns_view(resolver("10.0.0.7")), Status.UNKNOWN, id="a-private-answer-is-not-compared"),
        pytest.param(dns_view(resolver()), Status.SKIP, id="no-address"),
    ],
)
def test_without_token_an_unproxied_name_shows_its_origin(view: DnsView, status: Status) -> None:
    [finding] = origin_mismatch(view, RANGES, MISSING, lookup(), MISSING, DEAD)

    assert finding.status is status


def test_the_remedy_names_the_right_address() -> None:
    [finding] = origin_mismatch(dns_view(), RANGES, OLD, lookup(), SERVICE, DOWN)

    assert "203.0.113.7" in finding.summary
    assert finding.remedy is not None
    assert f"to {ORIGIN}" in finding.remedy.text


@pytest.mark.parametrize(
    ("held", "probe", "status"),
    [
        pytest.param(zone(), DOWN, Status.PASS, id="active"),
        pytest.param(zone(status="pending"), MISSING, Status.FAIL, id="pending"),
        pytest.param(zone(status="moved"), DEAD, Status.FAIL, id="moved-away"),
        pytest.param(zone(status=""), DEAD, Status.FAIL, id="no-status"),
        pytest.param(zone(paused=True), DEAD, Status.FAIL, id="paused-and-down"),
        pytest.param(zone(paused=True), DIRECT, Status.WARN, id="paused-and-works-without-the-edge"),
        pytest.param(zone(status="pending"), DIRECT, Status.WARN, id="pending-and-served-by-others"),
    ],
)
def test_zone_inactive(held: ZoneFacts, probe: OutsideProbe | Unavailable, status: Status) -> None:
    [finding] = zone_inactive(TARGET, held, probe)

    assert finding.status is status
