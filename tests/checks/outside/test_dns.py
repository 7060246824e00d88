import pytest

from build.mysql import TARGET as SQL
from build.outside import EDGE, HOST, MISSING, RANGES, TARGET, dns_view, lookup, resolver, zone
from build.tunnel import a_route
from ingressdoctor.api import (
    DnsRecord,
    DnsView,
    NearNames,
    Rcode,
    RecordGoal,
    Status,
    Symptom,
    Target,
    Unavailable,
    ZoneFacts,
    ZoneRecord,
)
from ingressdoctor_checks.dns import no_such_name, resolver_failing
from ingressdoctor_checks.dns_split import split_answers

OWN, PUBLIC = "192.0.2.53:53", "9.9.9.9:53"
GOAL = RecordGoal(balancer=lookup().found)
GONE = resolver(rcode=Rcode.NXDOMAIN)
BROKEN = resolver(rcode=Rcode.SERVFAIL)
SILENT = resolver(rcode=Rcode.TIMEOUT)
GOOD = resolver(*EDGE)


def soa(zone_name: str) -> tuple[DnsRecord, ...]:
    return (DnsRecord(name=zone_name, rdtype="SOA", ttl=1800, data="a. b. 1 2 3 4 1800"),)


@pytest.mark.parametrize(
    ("view", "status"),
    [
        pytest.param(dns_view(), Status.PASS, id="it-exists"),
        pytest.param(dns_view(GONE, GONE), Status.FAIL, id="nxdomain-everywhere"),
        pytest.param(dns_view(resolver(), resolver()), Status.FAIL, id="nodata-everywhere"),
        pytest.param(dns_view(GONE, BROKEN), Status.FAIL, id="nxdomain-at-all-that-answer"),
        pytest.param(dns_view(GONE, GOOD), Status.PASS, id="one-has-it"),
        pytest.param(dns_view(BROKEN, SILENT), Status.SKIP, id="nobody-said"),
    ],
)
def test_no_such_name(view: DnsView, status: Status) -> None:
    [finding] = no_such_name(TARGET, view, MISSING, MISSING, MISSING, MISSING)

    assert finding.status is status
    assert finding.symptom is (Symptom.DNS_NXDOMAIN if status is Status.FAIL else None)


NXNAME = (DnsRecord(name=HOST, rdtype="NSEC", ttl=1, data="\\000.www.shop.example. RRSIG NSEC TYPE128"),)
COMPACT = resolver(authority=NXNAME)


@pytest.mark.parametrize(
    ("view", "held", "words"),
    [
        pytest.param(dns_view(GONE), zone(bare=True), "holds no record", id="zone-exists-without-the-record"),
        pytest.param(dns_view(GONE), zone(), "does hold the record", id="record-exists-so-wait-or-look-at-delegation"),
        pytest.param(dns_view(GONE), MISSING, "Look for a typo", id="no-token"),
        pytest.param(
            dns_view(resolver(rcode=Rcode.NXDOMAIN, authority=soa("example"))),
            MISSING,
            "Nobody holds a zone",
            id="the-top-level-domain-answers",
        ),
        pytest.param(
            dns_view(resolver(rcode=Rcode.NXDOMAIN, authority=soa("shop.example"))),
            MISSING,
            "in the zone shop.example",
            id="the-zone-is-known-by-its-soa",
        ),
    ],
)
def test_a_missing_name_gets_the_advice_that_fits(view: DnsView, held: ZoneFacts | Unavailable, words: str) -> None:
    [finding] = no_such_name(TARGET, view, held, GOAL, MISSING, MISSING)

    assert finding.remedy is not None
    assert words in finding.remedy.text


@pytest.mark.parametrize(
    ("target", "words"),
    [pytest.param(TARGET, ", proxied.", id="web"), pytest.param(SQL, ", DNS only, since", id="mysql-is-not-proxied")],
)
def test_the_record_to_create_suits_what_is_spoken(target: Target, words: str) -> None:
    [finding] = no_such_name(target, dns_view(GONE), zone(bare=True), GOAL, MISSING, MISSING)

    assert finding.remedy is not None
    assert words in finding.remedy.text


def test_a_slip_of_the_pen_is_corrected() -> None:
    near = NearNames(names=("erp.shop.example", "era.shop.example"))
    [finding] = no_such_name(SQL, dns_view(GONE), zone(bare=True), GOAL, MISSING, near)

    assert finding.summary.endswith("Did you mean erp.shop.example?")
    assert "erp.shop.example, era.shop.example" in [fact.value for fact in finding.facts]


def test_the_record_to_create_names_the_load_balancers_address() -> None:
    [finding] = no_such_name(TARGET, dns_view(GONE), zone(bare=True), GOAL, MISSING, MISSING)

    assert finding.remedy is not None
    assert "203.0.113.10 (load balancer shop-lb)" in finding.remedy.text


@pytest.mark.parametrize(
    ("view", "words"),
    [
        pytest.param(dns_view(GONE), "There is no DNS record", id="nxdomain"),
        pytest.param(dns_view(resolver()), "has no address record.", id="nodata"),
        pytest.param(dns_view(COMPACT), "signed zone", id="compact-denial"),
        pytest.param(dns_view(GONE, chain=("lb.gone.example",)), "leads to lb.gone.example", id="dangling-cname"),
    ],
)
def test_how_it_is_missing_is_said(view: DnsView, words: str) -> None:
    [finding] = no_such_name(TARGET, view, MISSING, MISSING, MISSING, MISSING)

    assert words in finding.summary


@pytest.mark.parametrize(
    ("view", "status", "symptom"),
    [
        pytest.param(dns_view(), Status.PASS, None, id="all-answer"),
        pytest.param(dns_view(GONE, GONE), Status.PASS, None, id="nxdomain-is-an-answer"),
        pytest.param(dns_view(BROKEN, BROKEN), Status.FAIL, Symptom.DNS_SERVFAIL, id="servfail-everywhere"),
        pytest.param(dns_view(SILENT, SILENT), Status.FAIL, Symptom.DNS_TIMEOUT, id="silence-everywhere"),
        pytest.param(dns_view(SILENT, BROKEN), Status.FAIL, Symptom.DNS_SERVFAIL, id="silence-and-servfail"),
        pytest.param(
            dns_view(resolver(rcode=Rcode.REFUSED)), Status.FAIL, Symptom.DNS_SERVFAIL, id="refused-everywhere"
        ),
        pytest.param(dns_view(BROKEN, GOOD), Status.FAIL, Symptom.DNS_SERVFAIL, id="this-machines-own-fails"),
        pytest.param(dns_view(SILENT, GOOD), Status.FAIL, Symptom.DNS_TIMEOUT, id="this-machines-own-is-silent"),
        pytest.param(dns_view(GOOD, BROKEN), Status.WARN, None, id="another-one-fails"),
        pytest.param(dns_view(GOOD, GONE), Status.PASS, None, id="disagreement-is-another-check"),
    ],
)
def test_resolver_failing(view: DnsView, status: Status, symptom: Symptom | None) -> None:
    [finding] = resolver_failing(view)

    assert (finding.status, finding.symptom) == (status, symptom)


def test_servfail_is_asked_again_without_validation() -> None:
    [finding] = resolver_failing(dns_view(BROKEN))

    assert finding.remedy is not None
    assert any("+cd" in command.argv for command in finding.remedy.commands)


@pytest.mark.parametrize(
    ("server", "words"),
    [
        pytest.param("9.9.9.9:53", ("@9.9.9.9",), id="ipv4"),
        pytest.param("[2620:fe::fe]:53", ("@2620:fe::fe",), id="ipv6"),
        pytest.param("127.0.0.1:5353", ("@127.0.0.1", "-p", "5353"), id="another-port"),
    ],
)
def test_the_dig_asks_the_server_that_failed(server: str, words: tuple[str, ...]) -> None:
    [finding] = resolver_failing(dns_view(resolver(rcode=Rcode.TIMEOUT, server=server)))

    assert finding.remedy is not None
    assert set(words) <= set(finding.remedy.commands[0].argv)


@pytest.mark.parametrize(
    ("view", "status"),
    [
        pytest.param(dns_view(), Status.PASS, id="the-same"),
        pytest.param(
            dns_view(resolver("104.16.0.1"), resolver("172.64.0.1", "2606:4700::1")), Status.PASS, id="anycast-rotates"
        ),
        pytest.param(
            dns_view(resolver("203.0.113.1", "203.0.113.2"), resolver("203.0.113.2")), Status.PASS, id="they-overlap"
        ),
        pytest.param(dns_view(GOOD, resolver("203.0.113.7")), Status.WARN, id="edge-here-and-an-origin-there"),
        pytest.param(dns_view(resolver("203.0.113.1"), resolver("203.0.113.2")), Status.WARN, id="two-origins"),
        pytest.param(dns_view(resolver("10.0.0.1"), resolver("203.0.113.2")), Status.WARN, id="split-horizon"),
        pytest.param(dns_view(GONE, GOOD), Status.FAIL, id="this-machines-own-does-not-have-it"),
        pytest.param(dns_view(GOOD, GONE), Status.WARN, id="another-does-not-have-it"),
        pytest.param(dns_view(GONE, GONE), Status.SKIP, id="nobody-has-it"),
        pytest.param(dns_view(GOOD), Status.SKIP, id="one-resolver-cannot-disagree"),
        pytest.param(dns_view(GOOD, BROKEN), Status.SKIP, id="the-other-failed"),
    ],
)
def test_split_answers(view: DnsView, status: Status) -> None:
    [finding] = split_answers(view, RANGES)

    assert finding.status is status


def test_hostile_record_data_is_made_harmless() -> None:
    [finding] = split_answers(dns_view(GOOD, resolver("203.0.113.7\x1b[31m" + "x" * 5_000)), RANGES)

    assert "\x1b" not in "".join(fact.value for fact in finding.facts)
    assert max(len(fact.value) for fact in finding.facts) <= 300


def test_a_refusal_is_told_as_a_policy() -> None:
    [finding] = resolver_failing(dns_view(resolver(rcode=Rcode.REFUSED)))

    assert "refuses to answer" in finding.summary
    assert finding.remedy is not None
    assert "a policy, not a breakdown" in finding.remedy.text


def beside(*ways: str) -> NearNames:
    """The records of neighbours, the first called a, the second b, and so on."""
    return NearNames(
        beside=tuple(
            ZoneRecord(
                name=f"{chr(97 + number)}.shop.example",
                type="CNAME" if way.endswith(".com") else "A",
                content=way,
                proxied=True,
            )
            for number, way in enumerate(ways)
        )
    )


TUNNEL = "6ff42ae2.cfargotunnel.com"


@pytest.mark.parametrize(
    ("target", "near", "words"),
    [
        pytest.param(
            TARGET,
            beside(TUNNEL, TUNNEL),
            "(a.shop.example, b.shop.example) lead to the tunnel 6ff42ae2: create a proxied CNAME to " + TUNNEL,
            id="to-the-tunnel",
        ),
        pytest.param(
            TARGET,
            beside("192.168.7.20", "192.168.7.21", "192.168.7.21"),
            "create an A record to 192.168.7.21, DNS only: it is an address of the LAN",
            id="into-the-lan",
        ),
        pytest.param(
            TARGET,
            beside("203.0.113.10"),
            "create an A record to 203.0.113.10 (load balancer shop-lb), proxied",
            id="to-the-load-balancer",
        ),
        pytest.param(
            TARGET,
            beside("198.51.100.7", "198.51.100.7", "198.51.100.7", "192.168.7.20"),
            "create an A record to 198.51.100.7, proxied",
            id="most-of-them-decide",
        ),
        pytest.param(
            TARGET,
            beside(TUNNEL, "192.168.7.20"),
            "go different ways (b.shop.example to 192.168.7.20 in the LAN; a.shop.example to the tunnel 6ff42ae2)",
            id="different-ways",
        ),
        pytest.param(
            TARGET, beside("mail.other.com"), "203.0.113.10 (load balancer shop-lb)", id="they-lead-elsewhere"
        ),
        pytest.param(SQL, beside(TUNNEL), "DNS only, since Cloudflare does not carry MySQL", id="no-tunnel-for-mysql"),
        pytest.param(SQL, beside("203.0.113.10"), "(load balancer shop-lb), DNS only", id="mysql-like-its-neighbours"),
    ],
)
def test_the_record_to_create_is_like_its_neighbours(target: Target, near: NearNames, words: str) -> None:
    [finding] = no_such_name(target, dns_view(GONE), zone(bare=True), GOAL, MISSING, near)

    assert finding.remedy is not None
    assert words in finding.remedy.text


def test_names_with_several_addresses_make_one_more_of_them() -> None:
    records = [("a", "203.0.113.21"), ("a", "203.0.113.22"), ("b", "203.0.113.22"), ("b", "203.0.113.21")]
    near = NearNames(
        beside=tuple(
            ZoneRecord(name=f"{name}.shop.example", type="A", content=content, proxied=True)
            for name, content in records
        )
    )

    [finding] = no_such_name(TARGET, dns_view(GONE), zone(bare=True), MISSING, MISSING, near)

    assert finding.remedy is not None
    assert "lead to 203.0.113.21, 203.0.113.22: create A records to all of them, proxied." in finding.remedy.text


IN_THE_LAN = RecordGoal(address="192.168.7.20", owner="Node worker-1", told_by="the status of Ingress shop/web")


@pytest.mark.parametrize(
    ("near", "also"),
    [
        pytest.param(MISSING, "a proxied CNAME to a tunnel and a rule", id="nothing-is-known-of-names-beside-it"),
        pytest.param(beside("192.168.7.21"), "a proxied CNAME to a tunnel and a rule", id="others-are-of-the-lan"),
        pytest.param(
            beside(TUNNEL), "as a.shop.example, it needs a proxied CNAME to 6ff42ae2.cfargotunnel.com", id="of-a-tunnel"
        ),
    ],
)
def test_an_ingress_at_private_addresses_speaks_for_the_lan(near: NearNames | Unavailable, also: str) -> None:
    [finding] = no_such_name(TARGET, dns_view(GONE), zone(bare=True), IN_THE_LAN, MISSING, near)

    assert finding.remedy is not None
    assert "create an A record to 192.168.7.20 (Node worker-1), DNS only, for the LAN" in finding.remedy.text
    assert also in finding.remedy.text


def test_where_nothing_is_known_every_choice_is_told() -> None:
    [finding] = no_such_name(TARGET, dns_view(GONE), MISSING, MISSING, MISSING, MISSING)

    assert finding.remedy is not None
    for words in ("a proxied CNAME to <tunnel id>.cfargotunnel.com", "its public address", "private address, DNS only"):
        assert words in finding.remedy.text


def test_rules_of_cloudflared_that_list_names_like_it_speak_for_the_tunnel() -> None:
    route = a_route(named="", pattern=("erp.shop.example",))
    [finding] = no_such_name(TARGET, dns_view(GONE), MISSING, MISSING, route, MISSING)

    assert finding.remedy is not None
    assert (
        "Rules of cloudflared list names like it (erp.shop.example): create a proxied CNAME to" in finding.remedy.text
    )
