"""World argo-lan: what its documentation promises, over sockets, and what comes about when a part of it is gone."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import dns.message
import dns.query
import dns.rcode
import h11
import pytest

from build.values import replace
from ingressdoctor.errors import LabError
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, load_world, running
from ingressdoctor.lab.faults import load_faults
from ingressdoctor.lab.world import merged
from lab.test_symptoms import Visitor

GRAFANA, ECHO, ARGOCD = (f"{name}.argo-lan.example" for name in ("grafana", "echo", "argocd"))
WORKER = "192.168.1.82"
pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def world() -> World:
    return load_world("argo-lan")


@pytest.fixture(scope="module")
def lab(world: World) -> Iterator[Lab]:
    with running(world) as lab:
        yield lab


def broken(world: World, name: str) -> World:
    return apply_fault(world, load_fault("argo-lan", name))


def with_settings(world: World, settings: Mapping[str, Any]) -> World:
    return replace(world, settings=merged(world.settings, settings))


def log_of(lab: Lab, namespace: str, workload: str, container: str) -> str:
    pods = (item["metadata"]["name"] for item in lab.world.select("Pod", namespace))
    return lab.container_log(namespace, next(name for name in pods if name.startswith(workload)), container)


def asked(lab: Lab, name: str, kind: str, view: int = 0) -> tuple[str, list[str]]:
    """Response code and the records of that type that a resolver answers."""
    host, _, port = lab.handout.resolvers[view].rpartition(":")
    reply = dns.query.udp(dns.message.make_query(name, kind), host, port=int(port), timeout=20)
    texts = [item.to_text() for rrset in reply.answer for item in rrset if item.rdtype == reply.question[0].rdtype]
    return dns.rcode.to_text(reply.rcode()), texts


def post(lab: Lab, host: str, path: str, size: int) -> int:
    """The status of a POST with a body of *size* bytes, over TLS."""
    visitor = Visitor(lab)
    plain = socket.create_connection(("127.0.0.1", visitor.real_port(visitor.resolve(host), 443)), timeout=5)
    tls = ssl.create_default_context(cafile=str(lab.handout.ca_file))
    with tls.wrap_socket(plain, server_hostname=host) as sock:
        peer = h11.Connection(h11.CLIENT)
        headers = [("Host", host), ("Content-Length", str(size)), ("Connection", "close")]
        sock.sendall(peer.send(h11.Request(method="POST", target=path, headers=headers)) or b"")
        sock.sendall(peer.send(h11.Data(data=b"x" * size)) or b"")
        sock.sendall(peer.send(h11.EndOfMessage()) or b"")
        while not isinstance(event := peer.next_event(), h11.Response):
            assert event is h11.NEED_DATA
            peer.receive_data(sock.recv(65536))
    return event.status_code


@pytest.mark.parametrize(
    ("url", "symptom"),
    [
        pytest.param(f"https://{GRAFANA}/", None, id="grafana-on-the-lan-behind-its-login-page"),
        pytest.param(f"http://{GRAFANA}/", None, id="http-is-sent-to-https"),
        pytest.param(f"https://{ECHO}/anything", None, id="echo-through-the-tunnel"),
        pytest.param(f"https://{ARGOCD}/", None, id="argo-cd-behind-access"),
        pytest.param(f"https://{GRAFANA}/nope", "app-404", id="grafanas-own-404"),
        pytest.param("https://nope.argo-lan.example/", "dns-nxdomain", id="without-a-wildcard-there-is-no-other-name"),
    ],
)
def test_what_visitors_get(url: str, symptom: str | None, lab: Lab) -> None:
    assert Visitor(lab).symptom(url) == symptom


def test_public_names_have_proxied_records_of_their_own_and_the_lan_a_grey_one(world: World) -> None:
    (zone,) = world.cloudflare["zones"]
    records = {item["name"]: item for item in zone["dns_records"] if item["type"] != "CAA"}

    assert not any(name.startswith("*") for name in records)
    assert {name for name, item in records.items() if item["proxied"]} == {ECHO, ARGOCD}
    assert (records[GRAFANA]["type"], records[GRAFANA]["content"]) == ("A", WORKER)


def test_every_node_serves_the_webs_ports_to_the_lan_and_refuses_where_nginx_is_gone(world: World, lab: Lab) -> None:
    nodes = {item["status"]["addresses"][0]["address"] for item in world.select("Node")}
    served = {entry.split(":")[0] for entry in lab.handout.connect_to if entry.startswith("192.168.")}
    assert served == nodes
    with running(broken(world, "nginx-not-ready")) as empty:
        for node in nodes:
            with pytest.raises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", Visitor(empty).real_port(node, 443)), timeout=3)


def test_from_outside_private_addresses_are_out_of_reach(world: World) -> None:
    with running(with_settings(world, {"client_lan_ip": ""})) as outside:
        assert not any(entry.startswith("192.168.") for entry in outside.handout.connect_to)
        assert Visitor(outside).symptom(f"https://{ECHO}/") is None


def test_a_node_that_is_off_answers_nothing_and_the_others_go_on(world: World) -> None:
    with running(broken(world, "lan-node-down")) as lab:
        assert not any(entry.startswith(f"{WORKER}:") for entry in lab.handout.connect_to)
        assert any(entry.startswith("192.168.1.83:443:") for entry in lab.handout.connect_to)


def test_klipper_hides_the_client_and_the_tunnel_tells_it(lab: Lab) -> None:
    visitor = Visitor(lab)
    visitor.symptom(f"https://{GRAFANA}/api/health")
    visitor.symptom(f"https://{ECHO}/by-the-tunnel")
    lines = log_of(lab, "ingress-nginx", "ingress-nginx-controller-", "controller").splitlines()

    assert any(re.match(r"10\.42\.1\.\d+ - - .*GET /api/health", line) for line in lines)
    assert any(line.startswith("203.0.113.77 - - ") and "/by-the-tunnel" in line for line in lines)


def test_proxied_names_have_an_https_record_with_ech_and_the_lan_has_none(lab: Lab) -> None:
    rcode, [record] = asked(lab, ECHO, "HTTPS")
    assert (rcode, 'alpn="h3,h2"' in record, "ech=" in record) == ("NOERROR", True, True)
    assert asked(lab, GRAFANA, "HTTPS") == ("NOERROR", [])


def test_a_zone_without_ech_publishes_none(world: World) -> None:
    off = dict(world.cloudflare)
    off["zones"] = [{**off["zones"][0], "settings": {**off["zones"][0]["settings"], "ech": "off"}}]
    with running(replace(world, cloudflare=off)) as lab:
        assert "ech=" not in asked(lab, ECHO, "HTTPS")[1][0]


@pytest.mark.parametrize("name", ["lan-wildcard-ech-in-browsers", "lan-name-proxied-in-browsers"])
def test_a_router_that_overrides_the_address_alone_lets_the_ech_record_through(name: str, world: World) -> None:
    with running(broken(world, name)) as lab:
        assert asked(lab, GRAFANA, "A") == ("NOERROR", [WORKER])
        assert "ech=" in asked(lab, GRAFANA, "HTTPS")[1][0]
        assert WORKER not in asked(lab, GRAFANA, "A", view=1)[1]


def test_a_wildcard_does_not_answer_for_a_name_with_a_record_of_its_own(world: World) -> None:
    with running(broken(world, "lan-wildcard-in-browsers")) as lab:
        assert asked(lab, GRAFANA, "HTTPS") == ("NOERROR", [])
        assert "ech=" in asked(lab, "any.argo-lan.example", "HTTPS")[1][0]


def test_rebinding_protection_hides_private_addresses_of_one_view_alone(world: World) -> None:
    with running(broken(world, "lan-rebinding-filtered")) as lab:
        assert asked(lab, GRAFANA, "A") == ("NOERROR", [])
        assert asked(lab, GRAFANA, "A", view=1) == ("NOERROR", [WORKER])
        assert asked(lab, ECHO, "A")[1]


def test_a_challenge_that_is_presented_is_in_the_zone_and_one_that_is_not_is_not(world: World) -> None:
    name = f"_acme-challenge.{GRAFANA}"
    for fault, found in (("cert-challenge-propagation", 1), ("cert-challenge-token", 0)):
        changed = broken(world, fault)
        [challenge] = changed.select("Challenge")
        with running(changed) as lab:
            assert asked(lab, name, "TXT")[1] == [f'"{challenge["spec"]["key"]}"'] * found
        assert challenge["status"]["presented"] is bool(found)


@pytest.mark.parametrize(
    ("size", "status"),
    [pytest.param(900_000, 404, id="below-1m-it-reaches-grafana"), pytest.param(1_100_000, 413, id="above-it-nginx")],
)
def test_bodies_above_1m_are_refused(size: int, status: int, lab: Lab) -> None:
    assert post(lab, GRAFANA, "/api/dashboards/import", size) == status
    refused = "client intended to send too large body: 1100000 bytes" in log_of(
        lab, "ingress-nginx", "ingress-nginx-controller-", "controller"
    )
    assert refused or status != 413


@pytest.mark.parametrize(
    ("name", "words"),
    [
        pytest.param("cert-wrong-host", "x509: certificate is valid for graphs.argo-lan.example, not", id="other-name"),
        pytest.param("cert-secret-missing", 'Error getting SSL certificate "monitoring/grafana-tls"', id="no-secret"),
        pytest.param("cert-expired", f'SSL certificate for server "{GRAFANA}" expired', id="expired-and-still-served"),
        pytest.param("nginx-wrong-class", 'no object matching key "traefik" in local store', id="another-class"),
        pytest.param("backend-service-renamed", 'Endpoints for Service "monitoring/grafana"', id="no-service"),
    ],
)
def test_nginx_logs_what_it_would(name: str, words: str, world: World) -> None:
    with running(broken(world, name)) as lab:
        assert words in log_of(lab, "ingress-nginx", "ingress-nginx-controller-", "controller")


def test_without_server_insecure_argo_cd_redirects_what_nginx_asks(world: World) -> None:
    with running(broken(world, "backend-argocd-not-insecure")) as lab:
        visitor = Visitor(lab)
        status, headers, _ = visitor.get(visitor.resolve(ARGOCD), ARGOCD, "/x", https=True, more=visitor._token)
        assert (status, headers["location"]) == (307, f"https://{ARGOCD}/x")


def test_parts_are_shared_and_a_missing_one_is_named(world: World, tmp_path: Any, monkeypatch: Any) -> None:
    names = {item.name: item for item in load_faults("argo-lan")}
    token, zone = names["cert-challenge-token"], names["cert-challenge-zone"]
    assert token.patch[: len(token.patch) - 3] == zone.patch[: len(zone.patch) - 2]
    (tmp_path / "faults").mkdir()
    (tmp_path / "world.yaml").write_text("title: t\nwalk: lan\n")
    (tmp_path / "faults" / "x.yaml").write_text("title: t\nparts: [gone]\nexpect: {status: fail}\n")
    monkeypatch.setattr("ingressdoctor.lab.faults.world_folder", lambda _: tmp_path)
    with pytest.raises(LabError, match=r"gone\.yaml"):
        load_faults("argo-lan")
