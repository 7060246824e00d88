import pytest

from build.cluster import later
from build.outside import EDGE, HOST, MISSING, TARGET, online, resolver
from build.sources import TableDns
from ingressdoctor.api import DnsView, Rcode, Unavailable
from ingressdoctor.collect.dns import ask_addresses, collect_dns, in_doubt

A, B = "192.0.2.53:53", "9.9.9.9:53"
ZONE = {
    ("shop.example", "SOA"): ("ada.ns.cloudflare.com. dns.cloudflare.com. 1 2 3 4 1800",),
    ("shop.example", "NS"): ("ada.ns.cloudflare.com.",),
    ("ada.ns.cloudflare.com", "A"): ("173.245.58.100",),
}
GOOD = {**ZONE, (HOST, "A"): EDGE, (HOST, "AAAA"): ("2606:4700:3031::1",)}


async def look(dns: TableDns, *, up: bool = True) -> DnsView | Unavailable:
    view = await collect_dns.function(target=TARGET, dns=dns, online=later(online(yes=up)))
    assert isinstance(view, DnsView | Unavailable)
    return view


async def view_of(dns: TableDns) -> DnsView:
    view = await look(dns)
    assert isinstance(view, DnsView)
    return view


async def test_agreement_asks_each_resolver_two_questions_and_nobody_else() -> None:
    dns = TableDns(GOOD)

    view = await view_of(dns)

    assert view.addresses == (*EDGE, "2606:4700:3031::1")
    assert view.authoritative is None
    assert sorted(dns.asked) == sorted((HOST, kind, server) for server in (A, B) for kind in ("A", "AAAA"))


async def test_a_configured_authoritative_server_is_always_asked() -> None:
    view = await view_of(TableDns(GOOD, authoritative="192.0.2.99:5455"))

    assert view.authoritative is not None
    assert view.authoritative.server == "192.0.2.99:5455"


async def test_a_missing_name_is_taken_to_the_zones_own_server() -> None:
    view = await view_of(TableDns(ZONE))

    assert view.addresses == ()
    assert view.authoritative is not None
    assert view.authoritative.server == "173.245.58.100:53"


async def test_disagreement_is_taken_to_the_zones_own_server() -> None:
    other = {**GOOD, (HOST, "A"): ("203.0.113.7",), (HOST, "AAAA"): ()}

    view = await view_of(TableDns(GOOD, by_server={B: other}))

    assert view.authoritative is not None


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({}, id="nobody-knows-the-zone"),
        pytest.param({("example", "SOA"): ("a. b. 1 2 3 4 5",)}, id="only-the-top-level-domain-answers"),
        pytest.param({("shop.example", "SOA"): ("a. b. 1 2 3 4 5",)}, id="a-zone-without-servers"),
        pytest.param({k: v for k, v in ZONE.items() if k[1] != "A"}, id="a-server-without-an-address"),
    ],
)
async def test_an_authority_that_cannot_be_found_is_left_out(table: dict[tuple[str, str], tuple[str, ...]]) -> None:
    assert (await view_of(TableDns(table))).authoritative is None


async def test_an_authority_that_is_silent_is_left_out() -> None:
    dns = TableDns(ZONE, broken={"173.245.58.100:53": Rcode.TIMEOUT})

    assert (await view_of(dns)).authoritative is None


async def test_no_resolver_works_so_nobody_is_asked_for_the_authority() -> None:
    view = await view_of(TableDns(GOOD, broken={A: Rcode.TIMEOUT, B: Rcode.UNREACHABLE}))

    assert view.authoritative is None
    assert view.addresses == ()


@pytest.mark.parametrize(
    ("broken", "table"),
    [
        pytest.param({A: Rcode.TIMEOUT, B: Rcode.UNREACHABLE}, GOOD, id="silence"),
        pytest.param({A: Rcode.SERVFAIL, B: Rcode.TIMEOUT}, GOOD, id="a-local-resolver-that-fails"),
        pytest.param({B: Rcode.TIMEOUT}, {}, id="a-cached-missing-name"),
    ],
)
async def test_offline_nothing_is_said_about_the_name(
    broken: dict[str, Rcode], table: dict[tuple[str, str], tuple[str, ...]]
) -> None:
    missing = await look(TableDns(table, broken=broken), up=False)

    assert isinstance(missing, Unavailable)
    assert "offline" in missing.reason


async def test_offline_a_cached_address_is_still_an_address() -> None:
    assert isinstance(await look(TableDns(GOOD, broken={B: Rcode.TIMEOUT}), up=False), DnsView)


async def test_not_knowing_whether_we_are_online_changes_nothing() -> None:
    view = await collect_dns.function(target=TARGET, dns=TableDns({}), online=later(MISSING))

    assert isinstance(view, DnsView)


async def test_no_resolver_configured() -> None:
    assert isinstance(await look(TableDns(GOOD, resolvers=())), Unavailable)
    assert await ask_addresses(TableDns(GOOD, resolvers=()), HOST) == ()


async def test_cnames_are_kept_in_order() -> None:
    table = {(HOST, "CNAME"): ("lb.shop.example.",), ("lb.shop.example", "CNAME"): ("lb.host.example.",)}
    view = await view_of(TableDns({**table, ("lb.host.example", "A"): ("203.0.113.10",)}))

    assert view.cname_chain == ("lb.shop.example", "lb.host.example")
    assert view.addresses == ("203.0.113.10",)


def test_rotation_of_shared_addresses_is_no_doubt() -> None:
    assert not in_doubt((resolver("104.16.0.1", "104.16.0.2"), resolver("104.16.0.2", "104.16.0.3")))
    assert in_doubt((resolver("104.16.0.1"), resolver("104.16.0.2")))
    assert in_doubt((resolver("104.16.0.1"), resolver()))
