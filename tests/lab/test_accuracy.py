"""Every scenario of every world: the right cause first, the right symptom, no false alarm, few requests."""

from __future__ import annotations

import pytest

from ingressdoctor.lab import Fault
from scenarios import run_scenario, scenarios

MAX_KUBE_REQUESTS = 15
# A name may be a tunnel's and a route's, until both were looked at: cloudflared is read beside the routes.
MAX_BEHIND_A_TUNNEL = 18
# Nodes, ingress-nginx with its log, and Traefik's kinds, which a LAN may serve too.
MAX_IN_THE_LAN = 20
# Routes of the Gateway API, their Gateways and classes, and what those refer to, beside Traefik's other kinds.
MAX_WITH_GATEWAYS = MAX_KUBE_REQUESTS + 5
# The nodes, Traefik's HelmChart, its configuration and the job that installs it, and who else may have a node's ports.
MAX_OF_NODES = 20
# mariadb-operator's objects, and MaxScale's API in two pods; without a greeting, each hop is asked for one besides.
MAX_OF_MYSQL = 20
MAX_WITHOUT_GREETING = 24
# What changed is asked for once something has failed: events, ReplicaSets, what makes the pods, Application or node.
MAX_LOOKING_BACK = 4


@pytest.mark.lab
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda item: f"{item.world}-{item.name}")
def test_scenario(scenario: Fault) -> None:
    outcome = run_scenario(scenario)

    assert outcome.right, str(outcome)
    mysql = MAX_WITHOUT_GREETING if outcome.symptoms else MAX_OF_MYSQL
    limits = {"tunnel": MAX_BEHIND_A_TUNNEL, "lan": MAX_IN_THE_LAN, "sql": mysql, "nodes": MAX_OF_NODES}
    looking_back = MAX_LOOKING_BACK if outcome.failing else 0
    usual = MAX_WITH_GATEWAYS if scenario.name.startswith("gateway-") else MAX_KUBE_REQUESTS
    assert outcome.kube_requests <= limits.get(outcome.walk, usual) + looking_back
