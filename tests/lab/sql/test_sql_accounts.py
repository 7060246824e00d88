"""Which account a client is, who may announce another address, and what the operator's objects come to."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ingressdoctor.lab.cluster import Cluster
from ingressdoctor.lab.serve.sql.accounts import Passwords, Plan, plan_of
from ingressdoctor.lab.serve.sql.headers import Header
from ingressdoctor.lab.serve.sql.hosts import best_match, fits
from ingressdoctor.lab.serve.sql.networks import Networks

DATABASE = {
    "kind": "MariaDB",
    "apiVersion": "k8s.mariadb.com/v1alpha1",
    "metadata": {"name": "mariadb", "namespace": "shop"},
    "spec": {"image": "mariadb:11.4.8"},
}


@pytest.mark.parametrize(
    ("pattern", "ip", "fitting"),
    [
        pytest.param("%", "10.42.1.17", True, id="everybody"),
        pytest.param("10.42.%", "10.42.1.17", True, id="a-prefix"),
        pytest.param("10.42.%", "10.43.1.17", False, id="another-prefix"),
        pytest.param("10.42.1._", "10.42.1.7", True, id="one-character"),
        pytest.param("10.42.1._", "10.42.1.17", False, id="one-character-is-one"),
        pytest.param("10.42.0.0/255.255.0.0", "10.42.9.9", True, id="a-netmask"),
        pytest.param("10.42.0.0/255.255.0.0", "10.43.9.9", False, id="outside-of-a-netmask"),
        pytest.param("10.42.0.0/nonsense", "10.42.9.9", False, id="a-broken-netmask"),
        pytest.param("localhost", "127.0.0.1", False, id="names-are-never-resolved"),
    ],
)
def test_host_patterns_match_as_in_mysql(pattern: str, ip: str, fitting: bool) -> None:
    assert fits(pattern, ip) is fitting


@dataclasses.dataclass
class Named:
    user: str
    host: str


@pytest.mark.parametrize(
    ("hosts", "chosen"),
    [
        pytest.param(("%", "10.42.%"), "10.42.%", id="the-longer-prefix"),
        pytest.param(("10.42.%", "10.42.1.17"), "10.42.1.17", id="the-exact-address"),
        pytest.param(("192.0.2.%",), None, id="none"),
    ],
)
def test_the_most_specific_account_wins(hosts: tuple[str, ...], chosen: str | None) -> None:
    found = best_match([Named("erp", host) for host in hosts], "erp", "10.42.1.17")

    assert (found.host if found else None) == chosen


@pytest.mark.parametrize(
    ("listed", "peer", "answer"),
    [
        pytest.param("10.42.0.0/16", "10.42.1.17", None, id="listed"),
        pytest.param("10.42.0.0/16, 10.43.0.0/16", "10.43.1.1", None, id="listed-second"),
        pytest.param("*", "192.0.2.1", None, id="everybody"),
        pytest.param("localhost", "127.0.0.1", None, id="localhost"),
        pytest.param("", "10.42.1.17", 1130, id="nobody"),
        pytest.param("10.43.0.0/16", "10.42.1.17", 1130, id="somebody-else"),
        pytest.param("not a network", "10.42.1.17", 1130, id="nonsense"),
    ],
)
def test_a_header_is_accepted_from_listed_peers_only(listed: str, peer: str, answer: int | None) -> None:
    refused = Networks(listed).refusal(peer, Header(raw=b""))

    assert (int.from_bytes(refused[1:3], "little") if refused else None) == answer


def test_a_header_that_cannot_be_read_is_1105() -> None:
    refused = Networks("*").refusal("10.42.1.17", Header(raw=b"PROXY TCP4 999", broken=True))

    assert refused is not None
    assert int.from_bytes(refused[1:3], "little") == 1105
    assert b"Failed to parse proxy header" in refused


def made(kind: str, name: str, status: str = "True", **spec: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "apiVersion": "k8s.mariadb.com/v1alpha1",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {"mariaDbRef": {"name": "mariadb"}, **spec},
        "status": {"conditions": [{"type": "Ready", "status": status}]},
    }


def planned(*objects: dict[str, Any], my_cnf: str = "", **settings: Any) -> Plan:
    database = {**DATABASE, "spec": {"image": "mariadb:11.4.8", "myCnf": my_cnf}}
    return plan_of(Cluster((database, *objects)), database, Passwords({"erp": "it's\\secret"}), settings)


def test_a_user_with_its_grant_becomes_an_account() -> None:
    plan = planned(
        made("User", "erp", passwordSecretKeyRef={"name": "erp"}, host="10.42.%", maxUserConnections=7),
        made("Grant", "erp", username="erp", host="10.42.%", database="shop", privileges=["SELECT", "INSERT"]),
        made("Database", "shop"),
    )

    script = plan.script()

    assert "CREATE DATABASE IF NOT EXISTS `shop`;" in script
    assert "CREATE USER 'erp'@'10.42.%' IDENTIFIED BY PASSWORD '*" in script
    assert "WITH MAX_USER_CONNECTIONS 7;" in script
    assert "GRANT SELECT, INSERT ON `shop`.* TO 'erp'@'10.42.%';" in script
    assert "secret" not in script


@pytest.mark.parametrize(
    ("objects", "words"),
    [
        pytest.param((made("User", "erp"),), "ACCOUNT LOCK PASSWORD EXPIRE;", id="without-a-password-locked"),
        pytest.param(
            (made("User", "erp", passwordSecretKeyRef={"name": "erp"}),),
            "MAX_USER_CONNECTIONS 10;",
            id="ten-by-default",
        ),
        pytest.param(
            (made("User", "erp", passwordSecretKeyRef={"name": "erp"}, require={"ssl": True}),), "REQUIRE SSL", id="tls"
        ),
        pytest.param((made("User", "o'neil"),), "'o''neil'@'%'", id="quotes-are-doubled"),
        pytest.param((made("Database", "a`b"),), "`a``b`", id="backticks-are-doubled"),
    ],
)
def test_what_an_object_says_is_in_the_statements(objects: tuple[dict[str, Any], ...], words: str) -> None:
    assert words in planned(*objects).script()


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param((made("User", "erp", "False", passwordSecretKeyRef={"name": "erp"}),), id="the-operator-failed"),
        pytest.param((made("User", "erp", mariaDbRef={"name": "other"}),), id="of-another-database"),
        pytest.param(
            (made("User", "erp", mariaDbRef={"name": "mariadb", "namespace": "b"}),), id="of-another-namespace"
        ),
    ],
)
def test_an_account_that_was_not_made_is_not_there(objects: tuple[dict[str, Any], ...]) -> None:
    assert planned(*objects).accounts == ()


def test_a_grant_for_another_host_goes_to_nobody() -> None:
    plan = planned(
        made("User", "erp", passwordSecretKeyRef={"name": "erp"}),
        made("Grant", "erp", username="erp", host="10.42.%", database="shop", privileges=["SELECT"]),
    )

    assert plan.accounts[0].grants == ()


def test_variables_come_from_the_servers_section_of_my_cnf() -> None:
    plan = planned(
        my_cnf="[client]\nmax_connections=1\n[mariadb]\nmax-connections=5\nproxy_protocol_networks=10.0.0.0/8\n"
    )

    assert plan.variables == {"max_connections": "5"}
    assert plan.proxies == "10.0.0.0/8"


def test_my_cnf_that_cannot_be_read_says_nothing() -> None:
    assert planned(my_cnf="no section\n[mariadb").variables == {}


def test_passwords_stay_out_of_representations() -> None:
    plan = planned(made("User", "erp", passwordSecretKeyRef={"name": "erp"}))

    assert plan.accounts[0].password == "it's\\secret"
    assert "secret" not in repr(plan)
