"""What Hetzner, Cloudflare, cert-manager and mariadb-operator tell of the last day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from build.access import facts
from build.backend import CLOCK
from build.certificates import a_certificate, a_chain, a_challenge, a_request, an_order, issuing, ready
from build.changes import DAY, EARLIER, LATELY, LONG_AGO, an_edit, an_item, spec_of
from build.hetzner import a_balancer, a_lookup, a_server, a_target, a_zone
from build.maxscale import a_mariadb, a_maxscale, a_user, the_objects
from build.tunnel import a_route
from build.values import replace
from ingressdoctor.api import Answer, Condition, SourceError, Target
from ingressdoctor.collect.changes_certificates import certificate_changes, collect_certificate_timeline
from ingressdoctor.collect.changes_cloudflare import collect_cloudflare_timeline, record_changes, tunnel_changes
from ingressdoctor.collect.changes_databases import collect_database_timeline, database_changes
from ingressdoctor.collect.changes_hetzner import action_changes, collect_hetzner_timeline, objects_to_ask
from ingressdoctor.evidence.cloudflare import ZoneRecord
from ingressdoctor.evidence.firewalls import Firewall, HetznerFirewalls
from ingressdoctor.evidence.tunnel_api import EdgeConnection, TunnelConnector, TunnelObject
from ingressdoctor.model.needs import Seen

NOTHING: Seen[Any] = Seen(None)


def action(command: str = "update_service", status: str = "success", at: str = LATELY, **more: Any) -> dict[str, Any]:
    return {"id": 1, "command": command, "status": status, "started": at, "error": None, **more}


ACTIONS = [
    pytest.param([action()], [("update service", "")], id="done"),
    pytest.param([action(), action()], [("update service", "2 times")], id="twice"),
    pytest.param([action(at=LONG_AGO)], [], id="long-ago"),
    pytest.param([action(status="running")], [("update service", "running")], id="going-on"),
    pytest.param(
        [action("attach_to_network", "error", error={"code": "ip_not_available", "message": "IP not available"})],
        [("attach to network", "error: IP not available")],
        id="failed",
    ),
    pytest.param([action(), action(status="error")], [("update service", ""), ("update service", "error")], id="both"),
    pytest.param([None, 5, {}, {"started": LATELY}], [("action", "")], id="of-another-shape"),
]


@pytest.mark.parametrize(("actions", "expected"), ACTIONS)
def test_actions(actions: list[Any], expected: list[tuple[str, str]]) -> None:
    found = list(action_changes(tuple(actions), "Load balancer lb", DAY))

    assert [(item.what, item.detail) for item in found] == expected


def test_only_servers_that_are_ill_are_asked_about() -> None:
    servers = (a_server(1), a_server(2, status="off"), a_server(3))
    targets = (
        a_target(servers[0].id),
        a_target(servers[1].id),
        replace(a_target(servers[2].id), health={443: "unhealthy"}),
    )
    lookup = a_lookup(replace(a_balancer(), targets=targets), servers=servers)
    walls = HetznerFirewalls(items=(Firewall(id=7, name="web"), Firewall(id=8, name="ssh")))

    found = [ref.partition(" ")[0] for _, ref in objects_to_ask(lookup, walls)]

    assert found == ["Load", "Server", "Server", "Firewall"]


class Api:
    """A Hetzner project in which everything has the same actions."""

    def __init__(self, answer: Answer | SourceError) -> None:
        self.answer, self.asked = answer, list[str]()

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        if isinstance(self.answer, SourceError):
            raise self.answer
        return self.answer


def an_answer(body: Any, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(body).encode())


async def hetzner(answer: Answer | SourceError, lookup: Any, tunnel: Any = None) -> tuple[Any, Api]:
    api = Api(answer)
    found = await collect_hetzner_timeline.function(api, CLOCK, Seen(lookup), NOTHING, Seen(tunnel))
    return found, api


async def test_the_load_balancer_is_asked_once() -> None:
    found, api = await hetzner(an_answer({"actions": [action()]}), a_lookup(replace(a_balancer(), targets=())))

    assert [(item.object, item.what) for item in found.changes] == [
        (f"Load balancer {a_balancer().name}", "update service")
    ]
    assert api.asked == [f"/load_balancers/{a_balancer().id}/actions"]


@pytest.mark.parametrize(
    ("lookup", "tunnel"),
    [
        pytest.param(None, None, id="no-load-balancer-was-looked-for"),
        pytest.param(replace(a_lookup(), found=None), None, id="none-was-found"),
        pytest.param(a_lookup(a_balancer()), replace(a_route(), by_record=True), id="a-tunnel-passes-it-by"),
    ],
)
async def test_nobody_is_asked_about_what_is_not_on_the_path(lookup: Any, tunnel: Any) -> None:
    found, api = await hetzner(an_answer({"actions": [action()]}), lookup, tunnel)

    assert (found.changes, api.asked) == ((), [])


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(an_answer({"error": {"code": "forbidden"}}, 403), "403", id="forbidden"),
        pytest.param(SourceError("no token"), "no token", id="no-token"),
        pytest.param(an_answer([]), "not the Hetzner API's JSON", id="something-else"),
        pytest.param(Answer(status=200, body=b"[" * 100_000), "not the Hetzner API's JSON", id="nested-without-end"),
    ],
)
async def test_a_refusal_is_one_gap(answer: Answer | SourceError, reason: str) -> None:
    found, _ = await hetzner(answer, a_lookup(a_balancer()))

    assert found.changes == ()
    (gap,) = found.unread
    assert reason in gap.reason


def test_records_that_were_edited() -> None:
    record = ZoneRecord(name="a.example", type="A", content="203.0.113.9", proxied=False, modified_on=LATELY)
    old = replace(record, modified_on=LONG_AGO)
    zone = replace(a_zone(), records=(record, old), wildcards=(replace(record, name="*.example", proxied=True),))

    found = list(record_changes(zone, DAY))

    assert [(item.object, item.detail) for item in found] == [
        ("DNS record A a.example", "now 203.0.113.9, DNS only"),
        ("DNS record A *.example", "now 203.0.113.9, proxied"),
    ]


def connector(run_at: str = LONG_AGO, *opened: str) -> TunnelConnector:
    links = tuple(EdgeConnection(colo=f"fra0{number}", origin_ip="", opened_at=at) for number, at in enumerate(opened))
    return TunnelConnector(id="0123456789ab", version="2026.1.0", run_at=run_at, connections=links)


TUNNELS = [
    pytest.param({}, (connector(),), [], id="stands-for-long"),
    pytest.param({}, (connector(LATELY),), ["connector started"], id="started"),
    pytest.param({}, (connector(LATELY, LATELY),), ["connector started"], id="its-first-connections-are-no-news"),
    pytest.param({}, (connector(LONG_AGO, LONG_AGO, LATELY),), ["connected anew"], id="connected-anew"),
    pytest.param({"created_at": EARLIER}, (), ["created"], id="made"),
    pytest.param({"created_at": LONG_AGO, "deleted_at": LATELY}, (), ["deleted"], id="deleted"),
]


@pytest.mark.parametrize(("parts", "connectors", "what"), TUNNELS)
def test_tunnels(parts: dict[str, Any], connectors: tuple[TunnelConnector, ...], what: list[str]) -> None:
    tunnel = TunnelObject(id="t", name="home", status="healthy", **parts)

    found = list(tunnel_changes(replace(facts(), tunnel=tunnel, connectors=connectors), DAY))

    assert [item.what for item in found] == what
    assert {item.object for item in found} <= {"Tunnel home"}


async def test_what_cloudflare_was_not_asked_for_tells_nothing() -> None:
    found: Any = await collect_cloudflare_timeline.function(CLOCK, NOTHING, NOTHING)

    assert found.changes == ()
    assert list(tunnel_changes(replace(facts(), tunnel=None), DAY)) == []


EDITED = an_item(an_edit(spec_of("issuerRef")), kind="Certificate").metadata
CERTIFICATES = [
    pytest.param(a_chain(a_certificate(ready(when=LONG_AGO))), [], id="long-since-ready"),
    pytest.param(a_chain(a_certificate(ready(when=LONG_AGO), notBefore=LATELY, revision=4)), ["renewed"], id="renewed"),
    pytest.param(
        a_chain(a_certificate(ready(when=LATELY), notBefore=LATELY, revision=1)),
        ["issued", "became ready"],
        id="issued",
    ),
    pytest.param(a_chain(a_certificate(ready("False", message="expired", when=LATELY))), ["not ready"], id="expired"),
    pytest.param(
        a_chain(
            a_certificate(issuing("False", "it failed", when=LATELY), lastFailureTime=LATELY, failedIssuanceAttempts=3)
        ),
        ["issuing failed", "issuing failed"],
        id="failed",
    ),
    pytest.param(
        a_chain(a_certificate(issuing(when=EARLIER)), a_request(), an_order(), a_challenge()),
        ["issuing began"],
        id="under-way",
    ),
    pytest.param(
        a_chain(replace(a_certificate(ready(when=LONG_AGO)), metadata=EDITED)), ["edited"], id="the-issuer-was-misspelt"
    ),
    pytest.param(replace(a_chain(), certificate=None, links=()), [], id="made-by-hand"),
]


@pytest.mark.parametrize(("chain", "what"), CERTIFICATES)
def test_certificates(chain: Any, what: list[str]) -> None:
    # The builder's Certificates were made an hour ago.
    made = ["created"] if chain.certificate is not None and chain.certificate.created != LONG_AGO else []

    assert [item.what for item in certificate_changes(chain, DAY)] == made + what


async def test_no_chain_no_news() -> None:
    found: Any = await collect_certificate_timeline.function(CLOCK, NOTHING)

    assert found.changes == ()


MYSQL = Target.parse("mysql://erp@db.example.org:3306/shop")


def turned(status: str) -> tuple[Condition, ...]:
    return (Condition(type="Ready", status=status, message="said", last_transition_time=LATELY),)


def test_databases() -> None:
    managed = an_item(an_edit(spec_of("maxConnections"))).metadata.managed_fields or ()
    known = the_objects(
        target=a_maxscale(conditions=turned("False")),
        users=(a_user(created=LATELY), a_user("other", created=LATELY)),
        mariadbs=(a_mariadb(conditions=turned("True"), created=LONG_AGO, managed=managed),),
    )

    found = [(item.object.partition(" ")[0], item.what, item.detail) for item in database_changes(known, MYSQL, DAY)]

    assert found == [
        ("MaxScale", "stopped being ready", "said"),
        ("MariaDB", "edited", "spec.maxConnections"),
        ("MariaDB", "became ready", ""),
        ("User", "created", ""),
    ]


async def test_no_databases_no_news() -> None:
    found: Any = await collect_database_timeline.function(MYSQL, CLOCK, NOTHING)

    assert found.changes == ()
