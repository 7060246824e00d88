import pytest

from build.outside import HOST, MISSING, TARGET, URL, asked, exchange, failed, record, redirect, visited, zone
from ingressdoctor.api import OriginProbe, OutsideProbe, Reach, Status, Symptom, Unavailable, ZoneFacts
from ingressdoctor_checks.edge_loops import redirect_loop, ssl_mode_flexible

LOOP = visited(redirect(URL), redirect(URL), loop=True)
PLAIN = f"http://{HOST}/"
FLEXIBLE = zone(settings={"ssl": "flexible"})
SETTINGS_403 = zone(settings=MISSING)
TUNNEL = zone(record("x.cfargotunnel.com", kind="CNAME"), chain=("x.cfargotunnel.com",), settings={"ssl": "flexible"})
GREY = zone(record(proxied=False), settings={"ssl": "flexible"})
NO_REDIRECT = asked(http=exchange(200, url=PLAIN))


@pytest.mark.parametrize(
    ("probe", "status", "symptom"),
    [
        pytest.param(LOOP, Status.FAIL, Symptom.REDIRECT_LOOP, id="loop"),
        pytest.param(visited(redirect(URL), too_many=True), Status.FAIL, Symptom.REDIRECT_LOOP, id="more-than-ten"),
        pytest.param(visited(redirect("/x"), exchange()), Status.PASS, None, id="a-redirect-that-arrives"),
        pytest.param(visited(), Status.PASS, None, id="no-redirect"),
        pytest.param(visited(failed(Reach.TIMEOUT)), Status.SKIP, None, id="no-answer"),
    ],
)
def test_redirect_loop(probe: OutsideProbe, status: Status, symptom: Symptom | None) -> None:
    [finding] = redirect_loop(TARGET, probe)

    assert (finding.status, finding.symptom) == (status, symptom)


@pytest.mark.parametrize(
    ("probe", "held", "origin", "status"),
    [
        pytest.param(LOOP, FLEXIBLE, asked(), Status.FAIL, id="flexible-and-the-origin-redirects"),
        pytest.param(LOOP, FLEXIBLE, MISSING, Status.FAIL, id="flexible-and-a-loop"),
        pytest.param(MISSING, FLEXIBLE, asked(), Status.FAIL, id="flexible-and-the-origin-would-loop"),
        pytest.param(visited(), FLEXIBLE, NO_REDIRECT, Status.WARN, id="flexible-on-purpose"),
        pytest.param(LOOP, zone(settings={"ssl": "off"}), asked(), Status.FAIL, id="off-loops-too"),
        pytest.param(LOOP, zone(), asked(), Status.PASS, id="strict-is-not-the-reason"),
        pytest.param(visited(), zone(settings={"ssl": "full"}), asked(), Status.PASS, id="full"),
        pytest.param(LOOP, MISSING, asked(), Status.UNKNOWN, id="no-token-but-it-fits"),
        pytest.param(visited(), MISSING, asked(), Status.UNKNOWN, id="no-token-and-no-loop"),
        pytest.param(LOOP, SETTINGS_403, asked(), Status.UNKNOWN, id="403-on-settings"),
        pytest.param(LOOP, zone(settings={}), asked(), Status.UNKNOWN, id="the-api-does-not-tell-the-mode"),
        pytest.param(LOOP, TUNNEL, asked(), Status.SKIP, id="tunnel"),
        pytest.param(LOOP, GREY, asked(), Status.SKIP, id="not-proxied"),
    ],
)
def test_ssl_mode_flexible(
    probe: OutsideProbe | Unavailable,
    held: ZoneFacts | Unavailable,
    origin: OriginProbe | Unavailable,
    status: Status,
) -> None:
    [finding] = ssl_mode_flexible(TARGET, probe, held, origin, MISSING)

    assert finding.status is status


@pytest.mark.parametrize(
    ("location", "status"),
    [
        pytest.param(URL, Status.FAIL, id="same-url-over-https"),
        pytest.param(f"https://{HOST}:443/", Status.FAIL, id="default-port-spelt-out"),
        pytest.param(f"https://{HOST}:8443/", Status.WARN, id="another-port"),
        pytest.param(f"https://{HOST}/other", Status.WARN, id="another-path"),
        pytest.param("https://other.example/", Status.WARN, id="another-host"),
        pytest.param(f"http://{HOST}/", Status.WARN, id="not-https"),
        pytest.param("https://[::bad", Status.WARN, id="no-url"),
    ],
)
def test_which_redirects_of_the_origin_would_loop(location: str, status: Status) -> None:
    origin = asked(http=redirect(location, url=PLAIN))

    [finding] = ssl_mode_flexible(TARGET, visited(), FLEXIBLE, origin, MISSING)

    assert finding.status is status


def test_what_was_inferred_without_the_token_is_said() -> None:
    [finding] = ssl_mode_flexible(TARGET, LOOP, MISSING, asked(), MISSING)

    assert "fits SSL mode Flexible" in finding.summary
    assert finding.enable_with == MISSING.enable_with


def test_the_trip_is_shown_hop_by_hop() -> None:
    [finding] = redirect_loop(TARGET, LOOP)

    assert [fact.name for fact in finding.facts] == ["request 1", "request 2"]
    assert "301" in finding.facts[0].value
