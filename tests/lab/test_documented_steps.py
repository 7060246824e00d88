"""Each architecture documents the steps of its debugging: every report shows them, by name and in that order."""

from __future__ import annotations

import json

import pytest

from build.program import run

pytestmark = pytest.mark.lab

# The documentation's own words, and what they are called in the report where that differs.
PUBLIC = (
    "Is it up from outside?",
    "Does DNS resolve to Cloudflare anycast?",
    "Is the load balancer healthy?",
    "Has Traefik the route, and do requests arrive?",
    "Is the backend healthy?",
)
TUNNEL = (
    "Does the Access login page answer?",
    "Is the tunnel healthy?",
    "Do cloudflared's rules list the hostname?",  # does the ConfigMap list the hostname?
    "Are the target Service and its pods healthy?",
)
SQL = (
    "Is the client's address let through?",  # is the client IP allowed?
    "Does the load balancer listen on 3306?",
    "Does Traefik's mysql entry point take the connection?",  # does Traefik's mysql entry point get the traffic?
    "Is MaxScale healthy?",
    "Does the login work?",  # MySQL authentication: does the user exist, can MaxScale see it?
)
LAN = (
    "Does the name answer with a private address of a node?",
    "Does no wildcard or HTTPS/ECH record get in the way?",
    "Does ingress-nginx route it?",
    "Is the certificate the right one?",
    "Is the backend healthy?",
)
NODES = (*PUBLIC[:2], "Does every node answer on its own address?", *PUBLIC[3:])
ROWS = [
    pytest.param("wecare", "www.wecare.gr", "public", PUBLIC, id="wecare-customers"),
    pytest.param("wecare", "grafana-ecnv4-mgmt.ecommercen.com", "tunnel", TUNNEL, id="wecare-operators"),
    pytest.param("wecare", "mysql://erp-db-user@erp.wecare.gr:3306/wecare", "sql", SQL, id="wecare-erp"),
    pytest.param("el-jefe", "code-talk-k8s.el-jefe.me", "public", PUBLIC, id="el-jefe"),
    pytest.param("argo-lan", "grafana.argo-lan.example", "lan", LAN, id="argo-lan-at-home"),
    pytest.param(
        "argo-lan", "echo.argo-lan.example", "tunnel", (*TUNNEL[1:3], LAN[2], TUNNEL[3]), id="argo-lan-public"
    ),
    pytest.param(
        "spitikos", "grpcs://api.taehoonlee.cloud", "tunnel", (*TUNNEL, "Does HTTP/2 survive every hop?"), id="spitikos"
    ),
    pytest.param("honeydue", "api.myhoneydue.com", "nodes", NODES, id="honeydue"),
]


@pytest.mark.parametrize(("world", "host", "walk", "documented"), ROWS)
def test_the_documented_steps_are_those_of_the_report(
    world: str, host: str, walk: str, documented: tuple[str, ...]
) -> None:
    report = json.loads(run("lab", "run", world, host, "--json").stdout)

    looked_at = [step["question"] for step in report["steps"] if step["status"] != "skip"]
    assert report["walk"]["id"] == walk
    assert [question for question in looked_at if question in documented] == list(documented)
