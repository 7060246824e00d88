import pytest

from build.outside import (
    HOST,
    MISSING,
    ORIGIN,
    TARGET,
    asked,
    exchange,
    failed,
    handshake,
    record,
    visited,
    zone,
)
from build.values import replace
from ingressdoctor.api import HttpExchange, OriginProbe, OutsideProbe, Reach, Status, Target, Unavailable, ZoneFacts
from ingressdoctor_checks.origin import origin_unreachable

PLAIN = f"http://{HOST}/"


def down(reach: Reach) -> OriginProbe:
    return asked(failed(reach, address=ORIGIN))


SHAKEN: HttpExchange = failed(Reach.READ_TIMEOUT, address=ORIGIN, tls=handshake())
TUNNEL = zone(record("x.cfargotunnel.com", kind="CNAME"), chain=("x.cfargotunnel.com",))


@pytest.mark.parametrize(
    ("origin", "probe", "status"),
    [
        pytest.param(asked(), visited(), Status.PASS, id="answers"),
        pytest.param(asked(exchange(503)), visited(exchange(503)), Status.PASS, id="a-503-is-an-answer"),
        pytest.param(asked(), visited(error=522), Status.PASS, id="answers-us-but-not-the-edge"),
        pytest.param(asked(), visited(error=526), Status.PASS, id="answers-but-its-certificate-is-refused"),
        pytest.param(asked(), MISSING, Status.PASS, id="answers-and-nobody-looked-outside"),
        *(
            pytest.param(down(reach), visited(error=code), Status.FAIL, id=f"{code}-and-{reach.value}")
            for code, reach in (
                (520, Reach.CLOSED),
                (521, Reach.REFUSED),
                (522, Reach.TIMEOUT),
                (523, Reach.UNREACHABLE),
                (525, Reach.TLS_EOF),
                (525, Reach.TLS_ALERT),
                (525, Reach.TLS_NOT_TLS),
                (525, Reach.READ_TIMEOUT),
            )
        ),
        pytest.param(down(Reach.REFUSED), MISSING, Status.FAIL, id="refused-and-nobody-looked-outside"),
        pytest.param(down(Reach.TIMEOUT), MISSING, Status.WARN, id="silence-alone-may-be-a-firewall"),
        pytest.param(down(Reach.TIMEOUT), visited(), Status.PASS, id="it-admits-cloudflare-only"),
        pytest.param(down(Reach.REFUSED), visited(exchange(404)), Status.PASS, id="it-rejects-all-but-cloudflare"),
        pytest.param(down(Reach.TIMEOUT), visited(error=502), Status.PASS, id="a-502-came-from-somebody-behind"),
        pytest.param(
            down(Reach.TIMEOUT),
            visited(error=1020, http_status=403),
            Status.WARN,
            id="a-blocked-visitor-proves-nothing",
        ),
        pytest.param(
            down(Reach.TIMEOUT), visited(exchange(403), challenge=True), Status.WARN, id="a-challenge-proves-nothing"
        ),
        pytest.param(
            down(Reach.TIMEOUT), visited(failed(Reach.TIMEOUT), edge=False), Status.FAIL, id="grey-and-both-silent"
        ),
        pytest.param(asked(SHAKEN), visited(), Status.PASS, id="slow-for-us-only"),
        pytest.param(asked(SHAKEN), visited(error=524), Status.WARN, id="slow-for-the-edge-too"),
    ],
)
def test_origin_unreachable(origin: OriginProbe, probe: OutsideProbe | Unavailable, status: Status) -> None:
    [finding] = origin_unreachable(TARGET, origin, probe, zone())

    assert finding.status is status
    assert finding.symptom is None


@pytest.mark.parametrize(
    ("held", "target", "status"),
    [
        pytest.param(zone(), TARGET, Status.FAIL, id="strict-asks-443"),
        pytest.param(zone(settings={"ssl": "flexible"}), TARGET, Status.PASS, id="flexible-asks-80"),
        pytest.param(MISSING, TARGET, Status.FAIL, id="mode-unknown-asks-443"),
        pytest.param(
            zone(record(proxied=False), settings={"ssl": "flexible"}), TARGET, Status.FAIL, id="grey-has-no-mode"
        ),
        pytest.param(zone(), Target(hostname=HOST, scheme="http", port=80), Status.PASS, id="plain-visitor"),
        pytest.param(TUNNEL, TARGET, Status.SKIP, id="tunnel"),
    ],
)
def test_the_port_that_the_edge_asks_is_judged(held: ZoneFacts | Unavailable, target: Target, status: Status) -> None:
    origin = asked(failed(Reach.REFUSED, address=ORIGIN), exchange(url=PLAIN, address=ORIGIN))

    [finding] = origin_unreachable(target, origin, visited(error=521), held)

    assert finding.status is status


@pytest.mark.parametrize(
    ("address", "word"),
    [
        pytest.param(ORIGIN, f"{HOST}:443:{ORIGIN}", id="ipv4"),
        pytest.param("2001:db8::1", f"{HOST}:443:[2001:db8::1]", id="ipv6-in-brackets"),
    ],
)
def test_the_command_repeats_the_direct_request(address: str, word: str) -> None:
    origin = asked(failed(Reach.REFUSED, address=address), address=address)

    [finding] = origin_unreachable(TARGET, origin, visited(error=521), zone())

    assert finding.remedy is not None
    assert word in finding.remedy.commands[0].argv


def test_an_edge_error_beside_a_healthy_origin_is_told_apart() -> None:
    [finding] = origin_unreachable(TARGET, asked(), visited(error=522), zone())

    assert "while the edge says 522" in finding.summary


SOURCES = [
    pytest.param("load balancer shop-lb", "the load balancer's services", "whatever holds it", id="a-load-balancer"),
    pytest.param("its DNS record", "whatever holds it", "load balancer", id="an-address-of-the-record"),
    pytest.param("the nodes' own addresses", "whatever holds it", "load balancer", id="a-node"),
]


@pytest.mark.parametrize(("source", "says", "never"), SOURCES)
def test_the_advice_speaks_of_what_was_seen(source: str, says: str, never: str) -> None:
    dead = replace(asked(failed(Reach.REFUSED), failed(Reach.REFUSED)), source=source)

    [finding] = origin_unreachable(TARGET, dead, visited(error=521), zone())

    assert finding.remedy is not None
    assert says in finding.remedy.text
    assert never not in finding.remedy.text
