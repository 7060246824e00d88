"""The port of the origin at which requests arrive, and the ports that are judged with it."""

import pytest

from build.origin_port import BY_HTTP, BY_HTTPS, BY_SQL, FLEXIBLE
from build.outside import record, zone
from ingressdoctor.api import OriginPort, Target, Unavailable, ZoneFacts
from ingressdoctor.collect.origin_port import collect_origin_port

UNKNOWN = Unavailable(wanted="the zone at Cloudflare", reason="no token")
PROXIED, GREY = record(), record(proxied=False)
PORTS = [
    pytest.param("shop.example", zone(PROXIED, settings={"ssl": "full"}), BY_HTTPS, id="full-asks-443"),
    pytest.param("shop.example", zone(PROXIED, settings={"ssl": "flexible"}), FLEXIBLE, id="flexible-asks-80"),
    pytest.param("shop.example", zone(PROXIED, settings={"ssl": "off"}), FLEXIBLE, id="off-asks-80"),
    pytest.param("shop.example", zone(GREY, settings={"ssl": "flexible"}), BY_HTTPS, id="no-edge-no-mode"),
    pytest.param("shop.example", zone(PROXIED, settings={}), BY_HTTPS, id="mode-not-told"),
    pytest.param("shop.example", UNKNOWN, BY_HTTPS, id="zone-not-known"),
    pytest.param("http://shop.example", zone(PROXIED, settings={"ssl": "full"}), BY_HTTP, id="visitors-of-http"),
    pytest.param(
        "https://shop.example:8443",
        zone(PROXIED, settings={"ssl": "flexible"}),
        OriginPort(number=8443),
        id="another-port-stays-as-it-is",
    ),
    pytest.param("mysql://shop.example", zone(PROXIED, settings={"ssl": "flexible"}), BY_SQL, id="the-edge-has-no-sql"),
]


@pytest.mark.parametrize(("target", "facts", "expected"), PORTS)
async def test_the_port_of_the_origin(target: str, facts: ZoneFacts | Unavailable, expected: OriginPort) -> None:
    assert await collect_origin_port.function(target=Target.parse(target), zone=facts) == expected


@pytest.mark.parametrize(
    ("port", "judged"),
    [
        pytest.param(BY_HTTPS, (443, 80), id="the-asked-one-first"),
        pytest.param(FLEXIBLE, (80, 443), id="80-first-where-the-edge-asks-there"),
        pytest.param(OriginPort(number=8443), (8443, 443, 80), id="another-port-with-both"),
        pytest.param(BY_SQL, (3306,), id="sql-has-no-companion"),
    ],
)
def test_the_ports_that_are_judged(port: OriginPort, judged: tuple[int, ...]) -> None:
    assert port.of_interest == judged
