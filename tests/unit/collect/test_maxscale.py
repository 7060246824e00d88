"""What MaxScale says of itself: by which way it is asked, and what is made of its answers."""

from __future__ import annotations

import json
from typing import Any

import pytest

from build.backend import a_pod, a_ref, a_view, waiting
from build.kube import TableKube, body, forbidden, text
from build.maxscale import (
    LABELS,
    FakeMaxScale,
    a_maxscale,
    a_maxscale_view,
    raw_listener,
    raw_server,
    raw_service,
    resource,
    rest_bodies,
    the_objects,
)
from build.values import replace
from ingressdoctor.api import (
    Answer,
    ApiTrouble,
    ApiWay,
    Inapplicable,
    MaxScaleInstance,
    MaxScaleState,
    RestReply,
    SourceError,
    Target,
    Unavailable,
)
from ingressdoctor.collect.maxscale import collect_maxscale, runs_maxscale
from ingressdoctor.collect.maxscale_rest import parse_instance
from ingressdoctor.model.needs import Later

BASE = "/api/v1/namespaces/shop/pods/mxs-0:8989/proxy"
NO_OBJECTS = Unavailable(wanted="it", reason="not asked")
UNNAMED = Target(hostname="db.example.org", port=3306)


async def no_login() -> Unavailable:
    raise AssertionError("nobody asked for a login")


async def state_of(
    api: FakeMaxScale | None = None,
    kube: TableKube | None = None,
    *,
    view: Any = None,
    objects: Any = None,
    target: Target = UNNAMED,
    login: Any = None,
) -> MaxScaleState:
    found = await collect_maxscale.function(
        kube or TableKube({}),
        api or FakeMaxScale(),
        view or a_maxscale_view(),
        objects or the_objects(),
        target,
        Later(login or no_login),
    )
    assert isinstance(found, MaxScaleState)
    return found


def parsed(**replaced: Any) -> MaxScaleInstance:
    instance = parse_instance("mxs-0", rest_bodies(**replaced))
    assert instance is not None
    return instance


async def test_a_configured_url_is_asked_and_no_pod() -> None:
    api = FakeMaxScale(url="http://127.0.0.1:8989")
    state = await state_of(api)

    assert api.asked == [None]
    assert (state.way, state.instances[0].place) == (ApiWay.URL, "http://127.0.0.1:8989")


async def test_two_pods_are_asked_by_port_forward() -> None:
    api = FakeMaxScale()
    state = await state_of(api, view=a_maxscale_view(pods=3))

    assert [place.pod for place in api.asked if place] == ["mxs-0", "mxs-1"]
    assert {(place.port, place.tls, place.server_name) for place in api.asked if place} == {
        (8989, None, "mxs.shop.svc")
    }
    assert (state.way, state.port, state.pods, state.unasked) == (ApiWay.FORWARD, 3306, 3, 1)
    assert [item.place for item in state.instances] == ["mxs-0", "mxs-1"]


async def test_a_wrong_login_is_tried_at_one_pod_only() -> None:
    api = FakeMaxScale(first=RestReply(status=401))
    state = await state_of(api)

    assert len(api.asked) == 1
    assert state.unasked == 1


async def test_a_login_to_the_database_comes_first() -> None:
    """What became of it is in the log then."""
    api, order = FakeMaxScale(), []

    async def login() -> Unavailable:
        order.append(len(api.asked))
        return Unavailable(wanted="a login", reason="there is no password")

    await state_of(api, target=replace(UNNAMED, sql_user="erp"), login=login)

    assert order == [0]
    assert len(api.asked) == 2


async def test_pods_that_do_not_run_are_not_asked() -> None:
    view = a_maxscale_view(pods=0)
    crashing = a_pod("mxs-0", labels=LABELS, ready=False, status=waiting("CrashLoopBackOff"))
    api = FakeMaxScale()
    state = await state_of(api, view=replace(view, pods=(crashing,)))

    assert api.asked == []
    assert (state.pods, state.instances, state.unread) == (1, (), ())


async def test_the_resource_tells_port_and_tls() -> None:
    api = FakeMaxScale()
    await state_of(api, objects=the_objects(target=a_maxscale(admin_port=9999, tls=True)))

    assert {(place.port, place.tls) for place in api.asked if place} == {(9999, True)}


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        pytest.param(
            RestReply(status=401, body=b'{"errors": [{"detail": "Access denied"}]}'),
            ApiTrouble.UNAUTHORISED,
            id="wrong-login",
        ),
        pytest.param(RestReply(status=401, body=b"\xff"), ApiTrouble.UNAUTHORISED, id="wrong-login-in-other-words"),
        pytest.param(RestReply(trouble=ApiTrouble.CLOSED), ApiTrouble.CLOSED, id="http-to-https"),
        pytest.param(RestReply(trouble=ApiTrouble.UNTRUSTED), ApiTrouble.UNTRUSTED, id="private-ca"),
        pytest.param(RestReply(status=200, body=b"<html>"), ApiTrouble.NOT_MAXSCALE, id="a-web-page"),
        pytest.param(RestReply(status=200, body=b"[]"), ApiTrouble.NOT_MAXSCALE, id="another-json"),
        pytest.param(RestReply(status=404, body=b""), ApiTrouble.NOT_MAXSCALE, id="no-such-path"),
    ],
)
async def test_why_nothing_was_read_is_kept(reply: RestReply, trouble: ApiTrouble) -> None:
    state = await state_of(FakeMaxScale(first=reply))

    assert state.instances == ()
    assert {gap.trouble for gap in state.unread} == {trouble}
    assert all(gap.reason and gap.logged_in for gap in state.unread)


async def test_a_password_that_cannot_be_had_costs_this_evidence_only() -> None:
    state = await state_of(FakeMaxScale(broken=True))

    assert state.unread[0].reason == "no token: the file secret is empty"


async def test_without_a_password_the_proxy_is_asked_once_and_told_apart() -> None:
    kube = TableKube({f"{BASE}/v1/servers": body({"errors": [{"detail": "Access denied"}]}, status=401)})
    state = await state_of(FakeMaxScale(has_login=False), kube)

    assert state.unread[0].trouble is ApiTrouble.NO_LOGIN
    assert "[maxscale]" in state.unread[0].enable_with
    assert [path for path, _ in kube.calls] == [f"{BASE}/v1/servers"]


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        pytest.param(forbidden("no"), ApiTrouble.NOT_GRANTED, id="not-granted"),
        pytest.param(text("error trying to reach service", status=503), ApiTrouble.NOT_MAXSCALE, id="not-reached"),
        pytest.param(text("<html>"), ApiTrouble.NOT_MAXSCALE, id="a-page"),
        pytest.param(SourceError("The API did not answer."), ApiTrouble.OTHER, id="no-answer"),
    ],
)
async def test_what_the_proxy_says_is_kept(answer: Answer | SourceError, trouble: ApiTrouble) -> None:
    state = await state_of(FakeMaxScale(has_login=False), TableKube({f"{BASE}/v1/servers": answer}))

    assert state.unread[0].trouble is trouble


async def test_an_api_that_wants_no_login_is_read_by_the_proxy() -> None:
    answers = {BASE + path: Answer(status=200, body=raw) for path, raw in rest_bodies().items()}
    state = await state_of(FakeMaxScale(has_login=False), TableKube(answers))

    assert state.way is ApiWay.PROXY
    assert state.instances == (parsed(),)


async def test_tls_is_named_to_the_proxy() -> None:
    kube = TableKube({})
    await state_of(FakeMaxScale(has_login=False), kube, objects=the_objects(target=a_maxscale(tls=True)))

    assert kube.calls[0][0] == "/api/v1/namespaces/shop/pods/https:mxs-0:8989/proxy/v1/servers"


async def test_what_is_no_maxscale_is_not_asked() -> None:
    view = a_view(ref=a_ref())
    found = await collect_maxscale.function(TableKube({}), FakeMaxScale(), view, NO_OBJECTS, UNNAMED, Later(no_login))

    assert isinstance(found, Inapplicable)
    assert not runs_maxscale(view)


async def test_no_pods_are_no_gap() -> None:
    state = await state_of(view=a_maxscale_view(pods=0))

    assert (state.pods, state.instances, state.unread) == (0, (), ())


def test_a_healthy_instance() -> None:
    item = parsed()

    assert item.version == "23.08.8"
    assert [(server.name, server.master, server.usable) for server in item.servers] == [
        ("db-0", True, True),
        ("db-1", False, True),
    ]
    assert (item.listeners[0].port, item.listeners[0].running, item.listeners[0].service) == (3306, True, "rw")
    assert item.services[0].users is not None
    assert [(user.user, user.host) for user in item.services[0].users] == [("erp", "%")]
    assert (item.services[0].connections, item.services[0].servers, item.strikes) == (3, ("db-0",), 10)
    assert item.monitors[0].running
    assert item.log == ()


@pytest.mark.parametrize(
    ("state", "master", "running", "rejected", "resting"),
    [
        pytest.param("Master, Running", True, True, False, False, id="primary"),
        pytest.param("Primary, Running", True, True, False, False, id="primary-by-its-newer-name"),
        pytest.param("Slave, Synced, Running", False, True, False, False, id="galera"),
        pytest.param("Auth Error, Down", False, False, True, False, id="monitor-refused"),
        pytest.param("Master, Auth Error, Running", True, True, True, False, id="monitor-without-privileges"),
        pytest.param("Maintenance, Running", False, True, False, True, id="maintenance"),
        pytest.param("Maintenance, Down", False, False, False, True, id="maintenance-and-down"),
        pytest.param("Running", False, True, False, False, id="no-role"),
        pytest.param("Down", False, False, False, False, id="down"),
        pytest.param("", False, False, False, False, id="no-state"),
    ],
)
def test_states_are_words(state: str, master: bool, running: bool, rejected: bool, resting: bool) -> None:
    server = parsed(servers=[raw_server("db-0", state)]).servers[0]

    assert (server.master, server.running, server.rejects_monitor, server.resting) == (
        master,
        running,
        rejected,
        resting,
    )


def test_listeners_within_services_stand_in() -> None:
    """The listing of listeners may be missing; each service embeds its own, related by id where no name stands."""
    listener = raw_listener() | {"relationships": {"services": {"data": [{"id": "rw"}]}}}
    item = parsed(listeners=None, services=[raw_service(listeners=[listener])])

    assert item.service_of(item.listener_on(3306)) == item.services[0]


def test_older_releases_tell_accounts_with_the_listener() -> None:
    """Before 6 the accounts are authenticator_diagnostics of each listener."""
    listener = raw_listener()
    listener["attributes"]["authenticator_diagnostics"] = [{"user": "erp", "host": "10.%"}]
    item = parsed(services=[raw_service(users=None)], listeners=[listener])

    assert item.services[0].users is not None
    assert [(user.user, user.host) for user in item.services[0].users] == [("erp", "10.%")]


def test_accounts_that_are_not_told_are_not_taken_for_none() -> None:
    assert parsed(services=[raw_service(users=None)]).services[0].users is None
    assert parsed(services=[raw_service(users=[])]).services[0].users == ()


def test_numbers_may_come_as_text_and_synchronisation_may_fail() -> None:
    about = resource(
        "maxscale",
        "maxscale",
        version="24.02.4",
        config_sync={"status": "OK", "version": 7, "nodes": {"mxs-0": "OK", "mxs-1": "cannot connect"}},
        parameters={"max_auth_errors_until_block": "5", "skip_name_resolve": True},
    )
    item = parsed(maxscale=about)

    assert (item.strikes, item.skips_names) == (5, True)
    assert (item.config_version, item.config_trouble) == (7, "mxs-1: cannot connect")


@pytest.mark.parametrize("odd", [None, 7, "x", [], {}, [None], [[]], {"attributes": None}, [{"attributes": [1]}]])
@pytest.mark.parametrize("where", ["services", "listeners", "monitors", "maxscale", "logs/data"])
def test_nothing_odd_raises(where: str, odd: Any) -> None:
    bodies = rest_bodies(**{where: odd if odd is not None else [{"id": None, "attributes": {"users": 5, "log": [3]}}]})

    assert parse_instance("mxs-0", bodies) is not None


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b"null", b'{"data": 5}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_answer_is_none(raw: bytes) -> None:
    assert parse_instance("mxs-0", {"/v1/servers": raw}) is None


def test_replication_errors_are_kept() -> None:
    link = {"last_io_error": "", "last_sql_error": "Duplicate entry"}
    server = parsed(servers=[raw_server("db-1", slave_connections=[link, 3], state_details="lag")]).servers[0]

    assert server.errors == ("Duplicate entry", "lag")
    assert replace(server, states=()).running is False


def test_secrets_and_controls_do_not_pass() -> None:
    server = parsed(servers=[raw_server("db\x1b[31m\nx")]).servers[0]

    assert "\x1b" not in server.name
    assert json.dumps(server.name)
