"""What mariadb-operator says: of MaxScale, MariaDB, accounts, grants, schemas and Connections."""

from __future__ import annotations

from typing import Any

import pytest

from build.maxscale import NAMESPACE, a_mariadb, a_maxscale, a_maxscale_view, a_user, ready, the_objects
from ingressdoctor.api import (
    ConnectionObject,
    DatabaseObject,
    DatabaseObjects,
    GrantObject,
    Inapplicable,
    Status,
    Target,
    Unavailable,
)
from ingressdoctor_checks.database_accounts import grant_host, user_limit, user_locked, user_not_ready
from ingressdoctor_checks.database_objects import connection_unproven, mariadb_not_ready, maxscale_not_ready

GONE = Unavailable(wanted="it", reason="403: may not look", enable_with="Grant it.")
ABSENT = DatabaseObjects(namespace=NAMESPACE, installed=False)
ELSEWHERE = Inapplicable(wanted="it", reason="no TCP route leads to a Service")
NAMED = Target(hostname="db.example.org", port=3306, sql_user="erp", database="shop")
UNNAMED = Target(hostname="db.example.org", port=3306)
FAILED = ready("False", "Failed", "Error creating erp: error creating User: refused.")
NOWHERE = [
    pytest.param(GONE, Status.UNKNOWN, id="not-readable"),
    pytest.param(ABSENT, Status.SKIP, id="not-installed"),
    pytest.param(ELSEWHERE, Status.SKIP, id="no-namespace"),
]


def a_grant(host: str = "%", **more: Any) -> GrantObject:
    parts: dict[str, Any] = {"conditions": ready(), "user": "erp", "host": host, **more}
    return GrantObject(kind="Grant", namespace=NAMESPACE, name="g", **parts)


def a_schema(**more: Any) -> DatabaseObject:
    return DatabaseObject(kind="Database", namespace=NAMESPACE, name="s", database="shop", **more)


def a_connection(**more: Any) -> ConnectionObject:
    parts: dict[str, Any] = {"conditions": ready(reason="Healthy"), "maxscale": "mxs", "checked": True, **more}
    return ConnectionObject(kind="Connection", namespace=NAMESPACE, name="c", **parts)


def mxs(*conditions: Any, **more: Any) -> DatabaseObjects:
    return the_objects(target=a_maxscale(conditions=conditions, **more))


@pytest.mark.parametrize(
    ("objects", "status"),
    [
        pytest.param(the_objects(), Status.PASS, id="ready"),
        pytest.param(mxs(*ready("False", "MaxScaleNotReady", "Server db-0 not ready")), Status.FAIL, id="not-ready"),
        pytest.param(mxs(*ready("False", "Suspended", "Suspended")), Status.WARN, id="suspended-by-its-condition"),
        pytest.param(mxs(*ready(), suspended=True), Status.WARN, id="suspended-by-its-spec"),
        pytest.param(mxs(*ready("False", "Cordoned", "")), Status.WARN, id="cordoned"),
        pytest.param(mxs(), Status.UNKNOWN, id="no-condition-yet"),
        pytest.param(mxs(*ready(), replicas=3), Status.WARN, id="ready-and-a-pod-is-missing"),
        pytest.param(
            mxs(*ready("False", "StatefulSetNotReady", "Not ready"), replicas=3),
            Status.SKIP,
            id="its-pods-are-said-elsewhere",
        ),
        pytest.param(
            mxs(*ready("False", "StatefulSetNotReady", "Not ready")), Status.FAIL, id="not-ready-and-all-pods-are"
        ),
        pytest.param(the_objects(target=None), Status.SKIP, id="no-resource-of-this-service"),
        pytest.param(the_objects(target=None, maxscales=GONE), Status.UNKNOWN, id="resources-not-readable"),
        *NOWHERE,
    ],
)
def test_maxscale_not_ready(objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = maxscale_not_ready(objects, a_maxscale_view())

    assert finding.status is status


def databases(*items: Any, **more: Any) -> DatabaseObjects:
    return the_objects(mariadbs=items, **more)


@pytest.mark.parametrize(
    ("objects", "status"),
    [
        pytest.param(the_objects(), Status.PASS, id="ready"),
        pytest.param(databases(a_mariadb(conditions=FAILED)), Status.FAIL, id="not-ready"),
        pytest.param(databases(a_mariadb(conditions=ready("False", "Suspended", ""))), Status.WARN, id="suspended"),
        pytest.param(databases(a_mariadb(conditions=())), Status.UNKNOWN, id="no-condition-yet"),
        pytest.param(
            databases(a_mariadb("x", conditions=FAILED), a_mariadb()), Status.PASS, id="the-one-that-is-referred-to"
        ),
        pytest.param(databases(a_mariadb("x"), target=None), Status.PASS, id="the-only-one"),
        pytest.param(databases(a_mariadb("x"), a_mariadb("y")), Status.SKIP, id="which-is-not-known"),
        pytest.param(the_objects(mariadbs=GONE), Status.UNKNOWN, id="they-may-not-be-read"),
        *NOWHERE,
    ],
)
def test_mariadb_not_ready(objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = mariadb_not_ready(objects)

    assert finding.status is status


@pytest.mark.parametrize(
    ("target", "objects", "status"),
    [
        pytest.param(NAMED, the_objects(), Status.PASS, id="made"),
        pytest.param(NAMED, the_objects(users=(a_user(conditions=FAILED),)), Status.FAIL, id="the-account-failed"),
        pytest.param(NAMED, the_objects(users=(a_user(conditions=()),)), Status.FAIL, id="no-condition-yet"),
        pytest.param(NAMED, the_objects(grants=(a_grant(conditions=FAILED),)), Status.FAIL, id="its-grant-failed"),
        pytest.param(
            NAMED, the_objects(grants=(a_grant(conditions=FAILED, user="x"),)), Status.PASS, id="the-grant-of-another"
        ),
        pytest.param(NAMED, the_objects(databases=(a_schema(conditions=FAILED),)), Status.FAIL, id="its-schema-failed"),
        pytest.param(UNNAMED, the_objects(users=(a_user(conditions=FAILED),)), Status.WARN, id="nobody-was-named"),
        pytest.param(NAMED, the_objects(users=(a_user("x", conditions=FAILED),)), Status.SKIP, id="not-the-operators"),
        pytest.param(UNNAMED, the_objects(users=()), Status.SKIP, id="no-accounts"),
        pytest.param(NAMED, the_objects(users=GONE), Status.UNKNOWN, id="they-may-not-be-read"),
        pytest.param(NAMED, the_objects(grants=GONE, databases=GONE), Status.PASS, id="what-else-may-not-be-read"),
        *(pytest.param(NAMED, *item.values, id=item.id) for item in NOWHERE),
    ],
)
def test_user_not_ready(target: Target, objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = user_not_ready(target, objects)

    assert finding.status is status


@pytest.mark.parametrize(
    ("target", "objects", "status"),
    [
        pytest.param(NAMED, the_objects(), Status.PASS, id="a-password"),
        pytest.param(NAMED, the_objects(users=(a_user(has_password=False),)), Status.FAIL, id="none"),
        pytest.param(UNNAMED, the_objects(users=(a_user(has_password=False),)), Status.WARN, id="nobody-was-named"),
        *(pytest.param(NAMED, *item.values, id=item.id) for item in NOWHERE),
    ],
)
def test_user_locked(target: Target, objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = user_locked(target, objects)

    assert finding.status is status


@pytest.mark.parametrize(
    ("target", "objects", "status"),
    [
        pytest.param(NAMED, the_objects(), Status.PASS, id="set"),
        pytest.param(
            NAMED, the_objects(users=(a_user(limit_set=False, max_connections=10),)), Status.WARN, id="the-default"
        ),
        pytest.param(NAMED, the_objects(users=(a_user(max_connections=5),)), Status.PASS, id="few-on-purpose"),
        pytest.param(UNNAMED, the_objects(), Status.SKIP, id="nobody-was-named"),
        *(pytest.param(NAMED, *item.values, id=item.id) for item in NOWHERE),
    ],
)
def test_user_limit(target: Target, objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = user_limit(target, objects)

    assert finding.status is status


@pytest.mark.parametrize(
    ("target", "objects", "status"),
    [
        pytest.param(NAMED, the_objects(grants=(a_grant(),)), Status.PASS, id="the-same-host"),
        pytest.param(NAMED, the_objects(grants=(a_grant("10.%"),)), Status.FAIL, id="another-host"),
        pytest.param(
            NAMED, the_objects(grants=(a_grant("10.%"), a_grant())), Status.WARN, id="another-host-beside-the-right-one"
        ),
        pytest.param(
            NAMED,
            the_objects(users=(a_user(), a_user(host="10.%")), grants=(a_grant("10.%"),)),
            Status.PASS,
            id="two-accounts-of-that-name",
        ),
        pytest.param(NAMED, the_objects(grants=(a_grant("x", user="other"),)), Status.PASS, id="of-somebody-else"),
        pytest.param(NAMED, the_objects(grants=GONE), Status.UNKNOWN, id="they-may-not-be-read"),
        pytest.param(UNNAMED, the_objects(), Status.SKIP, id="nobody-was-named"),
        *(pytest.param(NAMED, *item.values, id=item.id) for item in NOWHERE),
    ],
)
def test_grant_host(target: Target, objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = grant_host(target, objects)

    assert finding.status is status


@pytest.mark.parametrize(
    ("target", "objects", "status"),
    [
        pytest.param(UNNAMED, the_objects(connections=(a_connection(),)), Status.PASS, id="tried"),
        pytest.param(UNNAMED, the_objects(connections=(a_connection(checked=False),)), Status.SKIP, id="never-tried"),
        pytest.param(
            UNNAMED,
            the_objects(connections=(a_connection(conditions=ready("False", "Healthy", "failed to connect: 1045")),)),
            Status.WARN,
            id="tried-in-vain",
        ),
        pytest.param(
            UNNAMED,
            the_objects(connections=(a_connection(maxscale="x", conditions=FAILED),)),
            Status.SKIP,
            id="to-another-maxscale",
        ),
        pytest.param(UNNAMED, the_objects(connections=GONE), Status.UNKNOWN, id="they-may-not-be-read"),
        pytest.param(NAMED, the_objects(), Status.SKIP, id="a-login-proves-more"),
        *(pytest.param(UNNAMED, *item.values, id=item.id) for item in NOWHERE),
    ],
)
def test_connection_unproven(target: Target, objects: DatabaseObjects | Unavailable, status: Status) -> None:
    (finding,) = connection_unproven(target, objects)

    assert finding.status is status
