import pytest

from build.lan import NODE, OTHER, a_node, owned
from build.outside import (
    CLOCK,
    EDGE,
    HOST,
    MISSING,
    RANGES,
    TARGET,
    certificate,
    dns_view,
    exchange,
    failed,
    handshake,
    online,
    redirect,
    resolver,
    visited,
)
from build.values import replace
from ingressdoctor.api import (
    CertificateFacts,
    DnsView,
    HttpExchange,
    LanOwner,
    LanOwners,
    Online,
    OutsideProbe,
    Rcode,
    Reach,
    Status,
    Symptom,
    TcpAttempt,
    Unavailable,
)
from ingressdoctor_checks.edge_certificate import certificate_invalid
from ingressdoctor_checks.outside import offline, unreachable


@pytest.mark.parametrize(
    ("state", "probe", "status", "symptom"),
    [
        pytest.param(online(), visited(), Status.PASS, None, id="online"),
        pytest.param(online(), MISSING, Status.PASS, None, id="online-whatever-the-target-does"),
        pytest.param(online(yes=False), MISSING, Status.FAIL, Symptom.OFFLINE, id="offline"),
        pytest.param(
            online(yes=False), visited(failed(Reach.TIMEOUT)), Status.FAIL, Symptom.OFFLINE, id="offline-and-no-answer"
        ),
        pytest.param(online(yes=False), visited(), Status.PASS, None, id="an-answer-of-the-target-proves-it-too"),
        pytest.param(Online(online=False), MISSING, Status.FAIL, Symptom.OFFLINE, id="offline-without-attempts"),
    ],
)
def test_offline(state: Online, probe: OutsideProbe | Unavailable, status: Status, symptom: Symptom | None) -> None:
    [finding] = offline(state, probe)

    assert (finding.status, finding.symptom) == (status, symptom)


@pytest.mark.parametrize(
    ("reach", "symptom"),
    [
        pytest.param(Reach.REFUSED, Symptom.CONNECT_REFUSED, id="refused"),
        pytest.param(Reach.TIMEOUT, Symptom.CONNECT_TIMEOUT, id="timeout"),
        pytest.param(Reach.UNREACHABLE, Symptom.CONNECT_TIMEOUT, id="no-route"),
        pytest.param(Reach.RESET, Symptom.CONNECT_RESET, id="reset"),
        pytest.param(Reach.CLOSED, Symptom.EMPTY_REPLY, id="closed-without-a-byte"),
        pytest.param(Reach.PROTOCOL, Symptom.EMPTY_REPLY, id="not-http"),
        pytest.param(Reach.TOO_LARGE, Symptom.EMPTY_REPLY, id="headers-without-end"),
        pytest.param(Reach.READ_TIMEOUT, Symptom.RESPONSE_TIMEOUT, id="silence"),
        pytest.param(Reach.TLS_ALERT, Symptom.TLS_HANDSHAKE, id="tls-alert"),
        pytest.param(Reach.TLS_EOF, Symptom.TLS_HANDSHAKE, id="tls-eof"),
        pytest.param(Reach.TLS_NOT_TLS, Symptom.TLS_HANDSHAKE, id="plain-text-on-443"),
        pytest.param(Reach.TLS_OTHER, Symptom.TLS_HANDSHAKE, id="tls-other"),
        pytest.param(Reach.NAME, Symptom.DNS_NXDOMAIN, id="redirected-to-a-name-that-does-not-exist"),
    ],
)
def test_every_way_of_getting_no_answer_has_its_symptom(reach: Reach, symptom: Symptom) -> None:
    [finding] = unreachable(TARGET, dns_view(), visited(failed(reach)), MISSING)

    assert (finding.status, finding.symptom) == (Status.FAIL, symptom)
    assert finding.remedy is not None


@pytest.mark.parametrize(
    ("view", "probe", "status", "symptom"),
    [
        pytest.param(dns_view(), visited(), Status.PASS, None, id="answered"),
        pytest.param(dns_view(), visited(error=522), Status.PASS, None, id="an-error-page-is-an-answer"),
        pytest.param(
            dns_view(), visited(exchange(reach=Reach.READ_TIMEOUT)), Status.PASS, None, id="a-stream-that-does-not-end"
        ),
        pytest.param(
            dns_view(), visited(exchange(reach=Reach.RESET)), Status.FAIL, Symptom.CONNECT_RESET, id="cut-in-the-middle"
        ),
        pytest.param(
            dns_view(),
            visited(failed(Reach.TLS_OTHER, tls=handshake(trusted=False))),
            Status.SKIP,
            None,
            id="the-certificate-is-another-check",
        ),
        pytest.param(
            dns_view(resolver(rcode=Rcode.NXDOMAIN)), MISSING, Status.FAIL, Symptom.DNS_NXDOMAIN, id="no-such-name"
        ),
        pytest.param(dns_view(resolver()), MISSING, Status.FAIL, Symptom.DNS_NXDOMAIN, id="no-data"),
        pytest.param(
            dns_view(resolver(rcode=Rcode.SERVFAIL)), MISSING, Status.FAIL, Symptom.DNS_SERVFAIL, id="servfail"
        ),
        pytest.param(
            dns_view(resolver(rcode=Rcode.TIMEOUT)), MISSING, Status.FAIL, Symptom.DNS_TIMEOUT, id="resolvers-silent"
        ),
        pytest.param(dns_view(), MISSING, Status.UNKNOWN, None, id="an-address-but-no-probe"),
        pytest.param(MISSING, MISSING, Status.UNKNOWN, None, id="offline-blames-nobody"),
    ],
)
def test_unreachable(
    view: DnsView | Unavailable, probe: OutsideProbe | Unavailable, status: Status, symptom: Symptom | None
) -> None:
    [finding] = unreachable(TARGET, view, probe, MISSING)

    assert (finding.status, finding.symptom) == (status, symptom)


@pytest.mark.parametrize(
    ("reach", "status"),
    [
        pytest.param(Reach.TIMEOUT, Status.WARN, id="one-address-is-dead"),
        pytest.param(Reach.REFUSED, Status.WARN, id="one-address-refuses"),
        pytest.param(Reach.UNREACHABLE, Status.PASS, id="this-machine-has-no-ipv6"),
    ],
)
def test_some_addresses_dead(reach: Reach, status: Status) -> None:
    dead = TcpAttempt(address="203.0.113.9", port=443, reach=reach)

    [finding] = unreachable(TARGET, dns_view(), visited(unanswered=(dead,)), MISSING)

    assert finding.status is status


def served(leaf: CertificateFacts) -> OutsideProbe:
    return visited(exchange(tls=handshake(chain=(leaf,))))


def ninety_days(not_after: str) -> CertificateFacts:
    return certificate(not_after, "2026-09-05T12:00:00Z")


def refused_with(code: int, text: str, leaf: CertificateFacts | None = None) -> HttpExchange:
    chain = () if leaf is None else (leaf,)
    return failed(Reach.TLS_OTHER, tls=handshake(trusted=False, code=code, text=text, chain=chain))


EXPIRED = certificate("2026-11-19T00:00:00Z")


@pytest.mark.parametrize(
    ("probe", "status", "words"),
    [
        pytest.param(served(certificate()), Status.PASS, "trusted", id="good"),
        pytest.param(served(ninety_days("2026-12-04T12:00:00Z")), Status.PASS, "", id="exactly-14-days"),
        pytest.param(served(ninety_days("2026-12-04T11:00:00Z")), Status.WARN, "expires in", id="less-than-14-days"),
        pytest.param(
            served(certificate("2026-11-30T12:00:00Z", "2026-10-14T12:00:00Z")), Status.PASS, "", id="47-days-on-plan"
        ),
        pytest.param(
            served(certificate("2026-11-28T12:00:00Z", "2026-10-12T12:00:00Z")), Status.WARN, "8 day", id="47-days-late"
        ),
        pytest.param(
            served(certificate("2026-11-25T12:00:00Z", "2026-11-19T12:00:00Z")), Status.PASS, "", id="six-day-fresh"
        ),
        pytest.param(
            served(certificate("2026-11-21T12:00:00Z", "2026-11-15T12:00:00Z")), Status.WARN, "", id="six-day-late"
        ),
        pytest.param(served(certificate("not a time")), Status.PASS, "", id="a-time-that-cannot-be-read"),
        pytest.param(
            visited(refused_with(10, "certificate has expired", EXPIRED)), Status.FAIL, "has expired", id="expired"
        ),
        pytest.param(visited(refused_with(18, "self-signed")), Status.FAIL, "self-signed", id="self-signed"),
        pytest.param(
            visited(refused_with(20, "unable to get")), Status.FAIL, "intermediate", id="missing-intermediate"
        ),
        pytest.param(visited(refused_with(62, "Hostname mismatch")), Status.FAIL, "another name", id="another-name"),
        pytest.param(visited(refused_with(77, "odd \x1b[1m")), Status.FAIL, "odd \\x1b[1m", id="openssls-own-words"),
        pytest.param(
            visited(redirect("https://x/"), refused_with(62, "no")), Status.FAIL, "another name", id="after-a-redirect"
        ),
        pytest.param(visited(failed(Reach.REFUSED)), Status.SKIP, "No certificate", id="nothing-served"),
        pytest.param(visited(exchange(url=f"http://{HOST}/")), Status.SKIP, "No certificate", id="plain-http"),
    ],
)
def test_certificate_invalid(probe: OutsideProbe, status: Status, words: str) -> None:
    [finding] = certificate_invalid(TARGET, probe, RANGES, CLOCK)

    assert finding.status is status
    assert words in finding.summary
    assert finding.symptom is (Symptom.TLS_UNTRUSTED if status is Status.FAIL else None)


@pytest.mark.parametrize(
    ("last", "status"),
    [
        pytest.param(failed(Reach.TLS_ALERT), Status.FAIL, id="an-alert-of-the-edge"),
        pytest.param(failed(Reach.TLS_ALERT, address="203.0.113.10"), Status.SKIP, id="an-alert-of-an-origin"),
        pytest.param(failed(Reach.TLS_EOF), Status.SKIP, id="a-closed-handshake-names-no-certificate"),
    ],
)
def test_an_edge_without_a_certificate(last: HttpExchange, status: Status) -> None:
    [finding] = certificate_invalid(TARGET, visited(last), RANGES, CLOCK)

    assert finding.status is status
    assert finding.symptom is (Symptom.TLS_HANDSHAKE if status is Status.FAIL else None)


def test_a_hostile_url_is_made_harmless() -> None:
    last = replace(failed(Reach.TIMEOUT), url="https://www.shop.example/\x1b]0;x\x07[red]" + "a" * 9000)

    [finding] = unreachable(TARGET, dns_view(), visited(last), MISSING)

    assert "\x1b" not in finding.summary
    assert len(finding.summary) < 400
    assert finding.remedy is not None
    assert all("\x1b" not in word for command in finding.remedy.commands for word in command.argv)


def test_the_address_that_answered_is_told() -> None:
    [finding] = unreachable(TARGET, dns_view(), visited(), MISSING)

    assert [fact.value for fact in finding.facts if fact.name == "address"] == [EDGE[0]]


@pytest.mark.parametrize(
    ("reach", "owners", "status"),
    [
        pytest.param(Reach.TIMEOUT, owned(), Status.UNKNOWN, id="silence-of-a-living-node"),
        pytest.param(Reach.REFUSED, owned(), Status.FAIL, id="a-refusal-comes-from-there"),
        pytest.param(Reach.TIMEOUT, owned(LanOwner(address=NODE)), Status.FAIL, id="nobodys-address"),
        pytest.param(
            Reach.TIMEOUT, owned(LanOwner(address=OTHER, node=a_node("n3", OTHER))), Status.FAIL, id="another-address"
        ),
    ],
)
def test_silence_in_the_lan_may_be_ours(reach: Reach, owners: LanOwners, status: Status) -> None:
    [finding] = unreachable(TARGET, dns_view(), visited(failed(reach, address=NODE)), owners)

    assert finding.status is status
