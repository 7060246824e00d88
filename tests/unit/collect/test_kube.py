"""Listing and reading over the raw Kubernetes source: what each way of failing becomes."""

from __future__ import annotations

import json

import pytest

from build.controller import a_traefik_pod
from build.kube import TableKube, a_list, an_object, body, forbidden, text
from ingressdoctor.api import Answer, Loaded, Unavailable
from ingressdoctor.collect.kinds import INGRESS_CLASSES, INGRESS_ROUTES, KINDS, PODS, SERVICES, Kind
from ingressdoctor.collect.kube import get_object, list_kind, pod_log

ROUTES = "/apis/traefik.io/v1alpha1/ingressroutes"
DENIED = (
    'ingressroutes.traefik.io is forbidden: User "system:serviceaccount:ops:reader" cannot list resource '
    '"ingressroutes" in API group "traefik.io" at the cluster scope'
)


async def test_pages_are_joined() -> None:
    kube = TableKube({"/api/v1/pods": [a_list(an_object("a"), token="t"), a_list(an_object("b"))]})

    loaded = await list_kind(kube, PODS, labels="app=x")

    assert isinstance(loaded, Loaded)
    assert [item.name for item in loaded.items] == ["a", "b"]
    assert [query.get("continue") for _, query in kube.calls] == [None, "t"]
    assert all(query["labelSelector"] == "app=x" and query["limit"] == "500" for _, query in kube.calls)


async def test_expired_token_restarts_without_doubles() -> None:
    gone = body({"kind": "Status", "reason": "Expired"}, status=410)
    pages = [a_list(an_object("a"), token="t"), gone, a_list(an_object("a")), text("never asked for")]

    loaded = await list_kind(TableKube({"/api/v1/pods": pages}), PODS)

    assert isinstance(loaded, Loaded)
    assert [item.name for item in loaded.items] == ["a"]


async def test_list_that_keeps_expiring_is_given_up() -> None:
    gone = body({"kind": "Status"}, status=410)
    page = a_list(an_object("a"), token="t")

    loaded = await list_kind(TableKube({"/api/v1/pods": [page, gone, page, gone, page, gone]}), PODS)

    assert isinstance(loaded, Unavailable)
    assert "410" in loaded.reason


async def test_endless_list_is_given_up() -> None:
    loaded = await list_kind(TableKube({"/api/v1/pods": a_list(token="t")}), PODS)

    assert isinstance(loaded, Unavailable)


REFUSALS = [
    pytest.param(forbidden(DENIED), "cannot list resource", "system:serviceaccount:ops:reader 'list'", id="forbidden"),
    pytest.param(text("no", status=403), "403", "'list' on ingressroutes", id="forbidden-without-a-status"),
    pytest.param(
        forbidden(
            'x is forbidden: User "system:anonymous" cannot list resource "x" in API group "" at the cluster scope'
        ),
        *("no credentials", "Log in"),
        id="anonymous",
    ),
    pytest.param(body({}, status=401), "401", "whoami", id="unauthorized"),
    pytest.param(body({}, status=429), "too busy", "", id="too-many-requests"),
    pytest.param(body({"message": "etcd"}, status=500), "500: etcd", "", id="server-error"),
    pytest.param(text("<html>login</html>"), "not a JSON list", "login page", id="html-with-200"),
    pytest.param(text('{"kind":"List","items":[{"meta'), "not a JSON list", "", id="half-a-body"),
    pytest.param(body({"kind": "Status", "items": None}), "not a JSON list", "", id="json-but-no-list"),
    pytest.param(text("<html>", status=404), "404", "", id="html-404-is-no-missing-crd"),
    pytest.param(text("\x1b[2J\x07", status=500), "500", "", id="escapes-in-the-body"),
    pytest.param(text("[" * 100_000), "not a JSON list", "", id="too-deep"),
]


@pytest.mark.parametrize(("answer", "reason", "enable"), REFUSALS)
async def test_refusals_say_why(answer: Answer, reason: str, enable: str) -> None:
    loaded = await list_kind(TableKube({ROUTES: answer}), INGRESS_ROUTES)

    assert isinstance(loaded, Unavailable)
    assert reason in loaded.reason
    assert enable in loaded.enable_with
    assert "\x1b" not in loaded.reason


async def test_namespace_of_a_missing_grant_is_named() -> None:
    kube = TableKube({"/api/v1/namespaces/shop/services": text("", status=403)})

    loaded = await list_kind(kube, SERVICES, namespace="shop")

    assert isinstance(loaded, Unavailable)
    assert "in namespace shop" in loaded.enable_with


async def test_missing_crd_is_told_from_an_empty_list() -> None:
    missing = await list_kind(TableKube({}), INGRESS_ROUTES)
    empty = await list_kind(TableKube({ROUTES: a_list()}), INGRESS_ROUTES)

    assert missing == Loaded(installed=False)
    assert empty == Loaded(installed=True)


async def test_missing_core_kind_is_no_empty_list() -> None:
    assert isinstance(await list_kind(TableKube({}), PODS), Unavailable)


ODD = [
    pytest.param({"metadata": {"name": "a", "labels": None}, "spec": {"containers": None}}, True, id="nulls"),
    pytest.param(
        {"metadata": {"name": "a"}, "spec": {"containers": [{"name": None, "ports": [{"containerPort": None}]}]}},
        True,
        id="nulls-where-a-value-must-be",
    ),
    pytest.param(
        {"metadata": {"name": "a"}, "status": {"containerStatuses": [{"restartCount": "3"}]}}, True, id="text"
    ),
    pytest.param({"metadata": {"name": "a"}, "spec": 7}, False, id="wrong-type"),
    pytest.param(7, False, id="no-object"),
    pytest.param({}, True, id="nothing"),
]


@pytest.mark.parametrize(("item", "decodes"), ODD)
async def test_broken_item_is_named_and_skipped(item: object, decodes: bool) -> None:
    kube = TableKube({"/api/v1/pods": a_list(an_object("sound"), item)})

    loaded = await list_kind(kube, PODS)

    assert isinstance(loaded, Loaded)
    assert len(loaded.items) == (2 if decodes else 1)
    assert len(loaded.broken) == (0 if decodes else 1)


async def test_invalid_utf_8_costs_one_item() -> None:
    raw = json.dumps(an_object("BAD")).encode().replace(b"BAD", b"\xff\xfe")
    page = b'{"kind":"PodList","items":[' + raw + b"," + json.dumps(an_object("ok")).encode() + b"]}"

    loaded = await list_kind(TableKube({"/api/v1/pods": Answer(status=200, body=page)}), PODS)

    assert isinstance(loaded, Loaded)
    assert [item.name for item in loaded.items] == ["ok"]
    assert len(loaded.broken) == 1


async def test_kind_is_filled_in() -> None:
    loaded = await list_kind(TableKube({ROUTES: a_list(an_object("shop"))}), INGRESS_ROUTES)

    assert isinstance(loaded, Loaded)
    assert loaded.items[0].ref == "IngressRoute ns/shop"


GETS = [
    pytest.param(body(an_object("one")), "one", id="there"),
    pytest.param(body({"kind": "Status", "reason": "NotFound"}, status=404), None, id="not-there"),
    pytest.param(text("<html>", status=404), Unavailable, id="not-the-api"),
    pytest.param(forbidden("no"), Unavailable, id="forbidden"),
    pytest.param(text("{"), Unavailable, id="half-a-body"),
    pytest.param(body({"metadata": 5}), Unavailable, id="wrong-shape"),
]


@pytest.mark.parametrize(("answer", "expected"), GETS)
async def test_get(answer: Answer, expected: object) -> None:
    found = await get_object(TableKube({"/api/v1/namespaces/ns/services/one": answer}), SERVICES, "ns", "one")

    if expected is Unavailable:
        assert isinstance(found, Unavailable)
    else:
        assert (found.name if found is not None and not isinstance(found, Unavailable) else None) == expected


async def test_names_cannot_leave_their_path() -> None:
    kube = TableKube({})

    await get_object(kube, SERVICES, "../..", "a/../b?x=1")

    assert kube.calls[0][0] == "/api/v1/namespaces/..%2F../services/a%2F..%2Fb%3Fx%3D1"


async def test_pod_log_is_capped() -> None:
    pod = a_traefik_pod("p")
    kube = TableKube({"/api/v1/namespaces/traefik/pods/p/log": text("x" * 50)})

    log = await pod_log(kube, pod, "traefik", tail_lines=5, since_s=60, limit_bytes=10)

    assert log == "x" * 10
    assert kube.calls[0][1] == {"tailLines": "5", "sinceSeconds": "60", "limitBytes": "10", "container": "traefik"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(body({"message": "container is waiting to start"}, status=400), "waiting to start", id="waiting"),
        pytest.param(text("", status=403), "403", id="forbidden"),
    ],
)
async def test_unreadable_log_says_why(answer: Answer, reason: str) -> None:
    kube = TableKube({"/api/v1/namespaces/traefik/pods/p/log": answer})

    log = await pod_log(kube, a_traefik_pod("p"), "", tail_lines=5, since_s=0, limit_bytes=10)

    assert isinstance(log, Unavailable)
    assert reason in log.reason


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind.group or 'core'}/{kind.name}")
def test_paths_are_those_of_the_api(kind: Kind[object]) -> None:  # type: ignore[type-var]
    assert kind.path().endswith(f"/{kind.version}/{kind.plural}")
    assert kind.path("ns").count("/namespaces/") == int(kind.namespaced)


def test_cluster_scoped_kinds_ignore_a_namespace() -> None:
    assert INGRESS_CLASSES.path("ns", "traefik") == "/apis/networking.k8s.io/v1/ingressclasses/traefik"
