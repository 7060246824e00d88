"""Objects of mariadb-operator: what is read, what is not asked for, and what each says of itself."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.kube import TableKube, a_list, forbidden, text
from build.maxscale import a_maxscale_view
from ingressdoctor.api import DatabaseObjects, SourceError, Target, Unavailable
from ingressdoctor.collect.database_objects import (
    collect_database_objects,
    instances_of,
    parse_connection,
    parse_database,
    parse_grant,
    parse_mariadb,
    parse_maxscale,
    parse_user,
)
from ingressdoctor.evidence.routes import Custom

BASE = "/apis/k8s.mariadb.com/v1alpha1/namespaces/shop/"
NAMED = Target(hostname="db.example.org", port=3306, sql_user="erp", database="shop")
UNNAMED = Target(hostname="db.example.org", port=3306)
READY = {"conditions": [{"type": "Ready", "status": "True", "reason": "Created", "message": "Created"}]}


def raw(name: str, spec: Any = None, status: Any = None) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": spec or {}, "status": status or READY}


def made(name: str, spec: Any = None, status: Any = None) -> Custom:
    return msgspec.convert(raw(name, spec, status), Custom)


KINDS = ("maxscales", "mariadbs", "users", "grants", "databases", "connections")


def answers(**replaced: Any) -> dict[str, Any]:
    full = {kind: a_list(raw("mxs" if kind == "maxscales" else "one")) for kind in KINDS}
    return {BASE + kind: answer for kind, answer in (full | replaced).items()}


async def objects_of(target: Target = NAMED, **replaced: Any) -> tuple[DatabaseObjects, list[str]]:
    kube = TableKube(answers(**replaced))
    found = await collect_database_objects.function(kube, a_maxscale_view(), target)
    assert isinstance(found, DatabaseObjects)
    return found, [path.removeprefix(BASE) for path, _ in kube.calls]


async def test_what_is_named_is_read() -> None:
    found, asked = await objects_of()

    assert found.target is not None
    assert found.target.name == "mxs"
    assert set(asked) == {"maxscales", "mariadbs", "users", "grants", "databases"}


async def test_without_a_name_connections_stand_in() -> None:
    found, asked = await objects_of(UNNAMED)

    assert set(asked) == {"maxscales", "mariadbs", "users", "connections"}
    assert (found.grants, found.databases) == ((), ())


async def test_absent_kinds_cost_one_request() -> None:
    found, asked = await objects_of(maxscales=text("404 page not found\n", status=404))

    assert not found.installed
    assert asked == ["maxscales"]


async def test_a_single_absent_kind_is_an_empty_list() -> None:
    found, _ = await objects_of(grants=text("404 page not found\n", status=404))

    assert found.grants == ()


async def test_what_may_not_be_read_is_a_gap_of_its_own() -> None:
    found, _ = await objects_of(
        users=forbidden('User "u" cannot list resource "users" in API group "k8s.mariadb.com"'),
        grants=SourceError("no answer"),
        maxscales=forbidden("no"),
    )

    assert isinstance(found.users, Unavailable)
    assert "users" in found.users.enable_with
    assert isinstance(found.grants, Unavailable)
    assert found.target is None
    assert isinstance(found.mariadbs, tuple)


async def test_an_api_that_does_not_answer_is_a_gap() -> None:
    kube = TableKube(answers(maxscales=SourceError("no answer", hint="Look.")))
    found = await collect_database_objects.function(kube, a_maxscale_view(), NAMED)

    assert isinstance(found, Unavailable)
    assert found.reason == "no answer"


async def test_a_broken_object_is_not_an_absent_one() -> None:
    found, _ = await objects_of(users=a_list({"metadata": {"name": "x"}, "spec": 5}))

    assert isinstance(found.users, Unavailable)


def test_the_pods_tell_whose_service_it_is() -> None:
    assert instances_of(a_maxscale_view())[0] == "mxs"
    assert instances_of(a_maxscale_view(pods=0)) == ("mxs",)


def test_a_maxscale_with_its_status() -> None:
    spec = {
        "mariaDbRef": {"name": "db"},
        "replicas": 2,
        "admin": {"port": 9999},
        "auth": {"adminUsername": "boss", "adminPasswordSecretKeyRef": {"name": "secret"}},
        "tls": {"enabled": True},
        "kubernetesService": {"type": "LoadBalancer"},
    }
    status = {
        "servers": [{"name": "db-0", "state": "Master, Running"}],
        "services": [{"name": "rw", "state": "Started"}],
        "listeners": [{"name": "l", "state": "Stopped"}],
        "monitor": {"name": "mon", "state": "Running"},
        "conditions": [{"type": "Ready", "status": "False", "reason": "X", "message": "m"}],
    }
    item = parse_maxscale(made("mxs", spec, status))

    assert (item.mariadb, item.replicas, item.admin_port, item.tls) == ("db", 2, 9999, True)
    assert (item.admin_user, item.admin_secret, item.service_type) == ("boss", "secret", "LoadBalancer")
    assert (item.servers, item.listeners) == ((("db-0", "Master, Running"),), (("l", "Stopped"),))
    assert item.monitor == ("mon", "Running")
    assert not item.is_ready


def test_defaults_of_the_operator() -> None:
    mxs, user, grant = parse_maxscale(made("mxs")), parse_user(made("erp")), parse_grant(made("g"))

    assert (mxs.admin_port, mxs.admin_user, mxs.admin_secret, mxs.tls) == (8989, "mariadb-operator", "mxs-admin", None)
    assert (user.user, user.host, user.max_connections, user.limit_set) == ("erp", "%", 10, False)
    assert (user.has_password, user.needs_tls) == (False, False)
    assert (grant.host, grant.database, grant.table) == ("%", "*", "*")
    assert parse_database(made("shop")).database == "shop"
    assert parse_mariadb(made("db")).port == 3306


@pytest.mark.parametrize(
    "spec",
    [
        {"passwordSecretKeyRef": {"name": "s", "key": "password"}},
        {"passwordHashSecretKeyRef": {"name": "s", "key": "hash"}},
        {"passwordPlugin": {"pluginNameSecretKeyRef": {"name": "s", "key": "p"}}},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_every_kind_of_password_counts(spec: dict[str, Any]) -> None:
    assert parse_user(made("erp", spec)).has_password


def test_fields_of_accounts_and_connections() -> None:
    user = parse_user(
        made("erp", {"name": "erp-db", "host": "10.%", "maxUserConnections": 40, "require": {"ssl": True}})
    )
    connection = parse_connection(
        made("c", {"username": "erp", "maxScaleRef": {"name": "mxs"}, "healthCheck": {"a": 1}})
    )
    grant = parse_grant(made("g", {"username": "erp", "host": "10.%", "privileges": ["SELECT", 5]}))

    assert (user.user, user.host, user.max_connections, user.limit_set, user.needs_tls) == (
        "erp-db",
        "10.%",
        40,
        True,
        True,
    )
    assert (connection.user, connection.maxscale, connection.checked) == ("erp", "mxs", True)
    assert (grant.user, grant.host, grant.privileges) == ("erp", "10.%", ("SELECT", ""))


@pytest.mark.parametrize("odd", [None, 5, "x", [1], [None]])
def test_nothing_odd_raises(odd: Any) -> None:
    keys = ("mariaDbRef", "auth", "tls", "admin", "replicas", "require", "passwordPlugin", "privileges", "name")
    item = made("x", dict.fromkeys(keys, odd), {"conditions": odd, "servers": odd, "monitor": odd})
    for parse in (parse_maxscale, parse_mariadb, parse_user, parse_grant, parse_database, parse_connection):
        assert parse(item).ready is None
