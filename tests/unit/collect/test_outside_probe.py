import pytest

from build.outside import EDGE, HOST, RAY, URL, dns_view, exchange, failed, online, redirect, resolver
from build.sources import FakeAccessToken, ScriptedNet, TableDns
from build.values import replace
from ingressdoctor.api import HttpExchange, HttpRequest, OutsideProbe, Protocol, Reach, Target, TokenUse, Unavailable
from ingressdoctor.collect.outside import collect_outside, dial_order

SAME = "https://WWW.shop.example:443"
NO_DNS = TableDns({})
TARGET = Target(hostname=HOST)
NO_TOKEN = FakeAccessToken()


async def visit(
    net: ScriptedNet,
    *,
    dns: TableDns = NO_DNS,
    target: Target = TARGET,
    up: bool = True,
    addresses: tuple[str, ...] = EDGE,
    token: FakeAccessToken = NO_TOKEN,
) -> OutsideProbe:
    probe = await collect_outside.function(
        target=TARGET, view=dns_view(), dns=dns, net=net, token=token, online=online()
    )
    assert isinstance(probe, OutsideProbe)
    return probe


def by_url(table: dict[str, HttpExchange]) -> ScriptedNet:
    return ScriptedNet(lambda request: table[request.url.replace(SAME, URL)])


async def test_a_good_answer_is_one_request_to_the_first_address() -> None:
    net = by_url({URL: exchange()})

    probe = await visit(net)

    assert (probe.last.status, probe.edge, probe.edge_error, probe.left_host) == (200, True, None, "")
    assert [request.address for request in net.requests] == [EDGE[0]]
    assert net.requests[0].verify


async def test_redirects_are_followed_on_the_same_host() -> None:
    probe = await visit(by_url({URL: redirect("/shop"), f"{URL}shop": exchange()}))

    assert [hop.status for hop in probe.hops] == [301, 200]
    assert (probe.loop, probe.too_many_redirects, probe.left_host) == (False, False, "")


@pytest.mark.parametrize(
    "table",
    [
        pytest.param({URL: redirect(URL)}, id="to-itself"),
        pytest.param({URL: redirect(SAME)}, id="to-itself-in-other-words"),
        pytest.param(
            {URL: redirect(f"http://{HOST}/"), f"http://{HOST}/": redirect(URL)}, id="http-and-https-take-turns"
        ),
        pytest.param({URL: redirect("/a"), f"{URL}a": redirect("/b"), f"{URL}b": redirect("/a")}, id="circle-of-two"),
    ],
)
async def test_a_request_that_repeats_is_a_loop(table: dict[str, HttpExchange]) -> None:
    probe = await visit(by_url(table))

    assert probe.loop
    assert not probe.too_many_redirects
    assert len(probe.hops) <= 4


async def test_a_redirect_that_sets_a_cookie_is_no_loop() -> None:
    def answer(request: HttpRequest) -> HttpExchange:
        if ("Cookie", "seen=1") in request.headers:
            return exchange()
        return exchange(302, headers=(("location", "/"), ("set-cookie", "seen=1; Path=/")))

    probe = await visit(ScriptedNet(answer))

    assert [hop.status for hop in probe.hops] == [302, 200]
    assert not probe.loop


async def test_a_url_that_recovers_at_the_second_try_is_no_loop() -> None:
    answers = iter((redirect(URL), exchange()))

    probe = await visit(ScriptedNet(lambda _: next(answers)))

    assert probe.last.status == 200
    assert not probe.loop


async def test_a_query_that_grows_ends_after_ten_redirects() -> None:
    net = ScriptedNet(lambda request: redirect(f"{request.url}x" if "?" in request.url else f"{request.url}?x"))

    probe = await visit(net)

    assert len(probe.hops) == 11
    assert probe.too_many_redirects
    assert not probe.loop


async def test_a_sibling_is_resolved_and_asked() -> None:
    dns = TableDns({("shop.example", "A"): ("203.0.113.9",)})
    net = by_url({URL: redirect("https://shop.example/"), "https://shop.example/": exchange(headers=())})

    probe = await visit(net, dns=dns)

    assert net.requests[-1].address == "203.0.113.9"
    assert (probe.last.status, probe.left_host, probe.edge) == (200, "shop.example", False)


async def test_a_sibling_without_an_address_is_where_the_visitor_ends() -> None:
    probe = await visit(by_url({URL: redirect("https://shop.example/")}))

    assert probe.last.reach is Reach.NAME
    assert probe.left_host == "shop.example"


async def test_a_stranger_is_named_and_not_asked() -> None:
    net = by_url({URL: redirect("https://login.example.org/x")})

    probe = await visit(net)

    assert (probe.last.status, probe.left_host) == (301, "login.example.org")
    assert len(net.requests) == 1


async def test_an_access_login_is_never_followed() -> None:
    login = "https://team.cloudflareaccess.com/cdn-cgi/access/login/www.shop.example?kid=1"
    net = by_url({URL: redirect(login, status=302)})

    probe = await visit(net)

    assert probe.access_login == "team.cloudflareaccess.com"
    assert probe.left_host == ""
    assert len(net.requests) == 1


async def test_a_location_that_leads_nowhere_ends_the_trip() -> None:
    probe = await visit(by_url({URL: redirect("javascript:alert(1)")}))

    assert probe.last.status == 301
    assert (probe.loop, probe.left_host) == (False, "")


async def test_the_second_address_is_tried_when_the_first_is_dead() -> None:
    net = ScriptedNet(lambda _: exchange(), tcp={EDGE[0]: Reach.TIMEOUT})

    probe = await visit(net)

    assert probe.last.address == EDGE[1]
    assert [(attempt.address, attempt.reach) for attempt in probe.unanswered] == [(EDGE[0], Reach.TIMEOUT)]


async def test_all_addresses_dead_is_an_exchange_that_says_how() -> None:
    net = ScriptedNet(lambda _: exchange(), tcp={EDGE[0]: Reach.REFUSED, EDGE[1]: Reach.TIMEOUT})

    probe = await visit(net)

    assert (probe.last.reach, probe.last.status, probe.last.address) == (Reach.REFUSED, 0, EDGE[0])
    assert [attempt.address for attempt in probe.unanswered] == [EDGE[1]]


async def test_a_failed_handshake_is_told_without_waiting_for_other_addresses() -> None:
    net = by_url({URL: failed(Reach.TLS_ALERT)})

    probe = await visit(net)

    assert probe.last.reach is Reach.TLS_ALERT
    assert len(net.requests) == 1


async def test_an_error_page_without_a_code_is_asked_again_for_json() -> None:
    json_headers = (("server", "cloudflare"), ("cf-ray", RAY), ("content-type", "application/problem+json"))

    def answer(request: HttpRequest) -> HttpExchange:
        if any(name == "Accept" for name, _ in request.headers):
            return exchange(530, headers=json_headers, body=b'{"cloudflare_error": true, "error_code": 1033}')
        return exchange(530)

    probe = await visit(ScriptedNet(answer))

    assert probe.edge_error is not None
    assert probe.edge_error.code == 1033
    assert len(probe.hops) == 1


async def test_a_403_of_the_application_stays_the_applications() -> None:
    probe = await visit(ScriptedNet(lambda _: exchange(403, body=b"no")))

    assert probe.edge
    assert probe.edge_error is None


async def ask(**given: object) -> object:
    plain: dict[str, object] = {
        "target": TARGET,
        "view": dns_view(),
        "dns": NO_DNS,
        "net": ScriptedNet(lambda _: exchange()),
        "online": online(),
        "token": NO_TOKEN,
    }
    return await collect_outside.function(**plain | given)


async def test_offline_and_no_answer_is_no_evidence() -> None:
    dead = ScriptedNet(lambda _: exchange(), tcp=dict.fromkeys(EDGE, Reach.UNREACHABLE))

    missing = await ask(net=dead, online=online(yes=False))

    assert isinstance(missing, Unavailable)
    assert "offline" in missing.reason


async def test_an_answer_counts_even_if_the_anchors_are_silent() -> None:
    assert isinstance(await ask(online=online(yes=False)), OutsideProbe)


async def test_without_anchors_the_failure_is_evidence() -> None:
    dead = ScriptedNet(lambda _: exchange(), tcp=dict.fromkeys(EDGE, Reach.REFUSED))

    assert isinstance(await ask(net=dead, online=Unavailable(wanted="x", reason="y")), OutsideProbe)


async def test_a_name_without_addresses_cannot_be_visited() -> None:
    missing = await ask(view=dns_view(resolver()))

    assert isinstance(missing, Unavailable)
    assert HOST in missing.reason


async def test_mysql_is_not_visited() -> None:
    assert isinstance(await ask(target=replace(TARGET, protocol=Protocol.MYSQL)), Unavailable)


def test_ipv4_is_dialled_first_and_at_most_four() -> None:
    assert dial_order(("2606:4700::1", "104.16.0.1", "104.16.0.1")) == ("104.16.0.1", "2606:4700::1")
    assert len(dial_order(tuple(f"104.16.0.{n}" for n in range(9)))) == 4


LOGIN = exchange(
    302,
    headers=(
        ("server", "cloudflare"),
        ("location", f"https://shop.cloudflareaccess.com/cdn-cgi/access/login/{HOST}?kid=a1b2c3&meta=x"),
    ),
)


def behind_a_login(inside: HttpExchange, *, refuse: bool = False) -> ScriptedNet:
    """A site whose login lets requests with the service token through to *inside*."""
    return ScriptedNet(lambda request: inside if request.service_token and not refuse else LOGIN)


async def test_a_login_without_a_token_is_the_view_and_the_gate() -> None:
    net = behind_a_login(exchange())

    probe = await visit(net)

    assert probe.gate is not None
    assert (probe.access_login, probe.gate.login) == ("shop.cloudflareaccess.com", "shop.cloudflareaccess.com")
    assert (probe.gate.token, probe.gate.aud) == (TokenUse.NONE, "a1b2c3")
    assert not any(request.service_token for request in net.requests)


async def test_with_a_token_that_is_accepted_the_view_is_the_one_behind_the_login() -> None:
    probe = await visit(behind_a_login(exchange(530, body=b"error code: 1033")), token=FakeAccessToken("id.access"))

    assert probe.gate is not None
    assert probe.gate.token is TokenUse.ACCEPTED
    assert (probe.access_login, probe.gate.login) == ("", "shop.cloudflareaccess.com")
    assert probe.edge_error is not None
    assert probe.edge_error.code == 1033


REFUSALS = [
    pytest.param(LOGIN, id="the-login-again"),
    pytest.param(exchange(403, headers=(("server", "cloudflare"), ("cf-access-aud", "a1b2c3"))), id="403-with-aud"),
    pytest.param(
        exchange(
            403,
            headers=(("server", "cloudflare"), ("content-type", "application/json")),
            body=b'{"message":"Forbidden. You don\'t have permission.","aud":"a1b2c3"}',
        ),
        id="403-as-json",
    ),
]


@pytest.mark.parametrize("answer", REFUSALS)
async def test_a_token_that_is_refused_leaves_the_login_as_the_view(answer: HttpExchange) -> None:
    net = ScriptedNet(lambda request: answer if request.service_token else LOGIN)

    probe = await visit(net, token=FakeAccessToken("id.access"))

    assert probe.gate is not None
    assert (probe.gate.token, probe.access_login) == (TokenUse.REFUSED, "shop.cloudflareaccess.com")
    assert probe.gate.refusal is not None
    assert probe.gate.refusal.status == answer.status
    assert probe.last.status == 302


@pytest.mark.parametrize(
    ("token", "use"),
    [
        pytest.param(FakeAccessToken("id.access", broken=True), TokenUse.UNREADABLE, id="that-cannot-be-read"),
        pytest.param(FakeAccessToken("id.access", hosts=("other.example",)), TokenUse.NONE, id="for-another-host"),
    ],
)
async def test_a_token_that_does_not_count_is_not_sent(token: FakeAccessToken, use: TokenUse) -> None:
    net = behind_a_login(exchange())

    probe = await visit(net, token=token)

    assert probe.gate is not None
    assert probe.gate.token is use
    assert not any(request.service_token for request in net.requests)


async def test_the_token_never_leaves_the_host_that_was_asked_about() -> None:
    sibling = "https://login.shop.example/"

    def answer(request: HttpRequest) -> HttpExchange:
        if request.url == sibling:
            return exchange(url=sibling)
        return redirect(sibling) if request.service_token else LOGIN

    net = ScriptedNet(answer)
    await visit(net, dns=TableDns({("login.shop.example", "A"): EDGE}), token=FakeAccessToken("id.access"))

    assert {request.url for request in net.requests if request.service_token} == {URL}
    assert sibling in {request.url for request in net.requests}


async def test_a_site_without_a_login_never_sees_the_token() -> None:
    net = by_url({URL: exchange()})

    probe = await visit(net, token=FakeAccessToken("id.access"))

    assert probe.gate is None
    assert not any(request.service_token for request in net.requests)
