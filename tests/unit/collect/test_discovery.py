"""Which names an installation holds, what names each, and what was left out or not looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from build.controller import a_traefik, a_traefik_service
from build.hetzner import a_balancer, a_lookup
from build.routes import an_ingress, an_ingress_route, objects
from build.tunnel import a_cloudflared, a_rule
from build.values import replace
from ingressdoctor.collect.discovery import collect_discovered
from ingressdoctor.collect.discovery_paths import paths_to_ask
from ingressdoctor.collect.tcp_entry import TcpObjects
from ingressdoctor.evidence.discovery import Discovered, FoundName, ZoneName, ZoneNames
from ingressdoctor.evidence.hetzner import ClusterBalancer
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.kube.service import LoadBalancerIngress, LoadBalancerStatus, ServiceStatus
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.evidence.routes import Custom, KnownHosts, RoutingObjects
from ingressdoctor.evidence.tunnel import Cloudflareds
from ingressdoctor.model.evidence import Inapplicable, Unavailable

GAP = Unavailable(wanted="it", reason="403: not allowed")
TUNNEL = "8f2c1d5e-3b7a-4e6f-9a10-2c4d6e8f0a1b.cfargotunnel.com"
SHOP = KnownHosts(hosts={"shop.example.org": ("IngressRoute ns/shop",), "*.example.org": ("Ingress ns/any",)})


def a_name(name: str, *contents: str, proxied: bool = True) -> ZoneName:
    return ZoneName(name=name, contents=contents, proxied=proxied)


def a_tcp_route(match: str) -> Custom:
    raw = {
        "kind": "IngressRouteTCP",
        "metadata": {"name": "db", "namespace": "sql"},
        "spec": {"routes": [{"match": match}]},
    }
    return msgspec.convert(raw, Custom)


async def discovered(*names: ZoneName, tcp: tuple[str, ...] = (), tcp_routes: Any = None, **over: Any) -> Discovered:
    """Look for names where nothing is found but what is given."""
    given: dict[str, Any] = {
        "hosts": SHOP,
        "objects": objects(),
        "gateways": Inapplicable(wanted="routes of the Gateway API", reason="there are none"),
        "tunnels": Cloudflareds(items=(a_cloudflared(a_rule("grafana.example.org")),)),
        "tcp": tcp_routes
        or TcpObjects(routes=Loaded(items=tuple(map(a_tcp_route, tcp))), middlewares=Loaded(items=())),
        "zones": ZoneNames(names=names),
        "balancer": ClusterBalancer(lookup=a_lookup(a_balancer())),
        "controller": a_traefik(),
        "preferences": Preferences(),
        **over,
    }
    found = await collect_discovered.function(**given)
    assert isinstance(found, Discovered)
    return found


def named(found: Discovered) -> dict[str, FoundName]:
    return {item.text: item for item in found.names}


async def test_each_name_once_with_all_that_names_it() -> None:
    found = await discovered(a_name("shop.example.org", "203.0.113.9"), a_name("grafana.example.org", TUNNEL))
    names = named(found)

    assert set(names) == {"shop.example.org", "grafana.example.org"}
    assert names["shop.example.org"].sources == ("IngressRoute ns/shop", "DNS record shop.example.org")
    assert names["shop.example.org"].namespaces == ("ns",)
    assert names["grafana.example.org"].sources[0].startswith("cloudflared ")
    assert not any(item.only_record for item in found.names)
    assert found.left_out == ("wildcards, which nobody can ask for: *.example.org",)
    assert found.gaps == ()


async def test_records_count_where_they_lead_to_us() -> None:
    own = a_balancer().addresses[0]
    found = await discovered(
        a_name("edge.example.org", "198.51.100.7"),
        a_name("ours.example.org", own, proxied=False),
        a_name("tunnel.example.org", TUNNEL),
        a_name("mail.example.org", "198.51.100.8", proxied=False),
        a_name("parked.example.org", "192.0.2.1"),
    )
    names = named(found)

    assert {"edge.example.org", "ours.example.org", "tunnel.example.org"} <= set(names)
    assert all(names[f"{word}.example.org"].only_record for word in ("edge", "ours", "tunnel"))
    assert any("mail.example.org" in line for line in found.left_out)


async def test_a_grey_record_to_a_port_that_takes_any_name_is_a_database() -> None:
    own = a_balancer().addresses[0]
    found = await discovered(
        a_name("db.example.org", own, proxied=False), tcp=("HostSNI(`*`)", "HostSNI(`sql.example.org`)")
    )
    names = named(found)

    assert {"mysql://db.example.org", "mysql://sql.example.org"} <= set(names)
    assert names["mysql://db.example.org"].sources == ("DNS record db.example.org", "IngressRouteTCP sql/db")


async def test_a_balancer_that_was_deleted_is_still_where_our_records_lead() -> None:
    service = a_traefik_service()
    status = ServiceStatus(load_balancer=LoadBalancerStatus(ingress=(LoadBalancerIngress(ip="203.0.113.77"),)))
    gone = a_traefik(service=replace(service, status=status))
    found = await discovered(
        a_name("db.example.org", "203.0.113.77", proxied=False),
        tcp=("HostSNI(`*`)",),
        balancer=ClusterBalancer(lookup=a_lookup()),
        controller=gone,
    )

    assert "mysql://db.example.org" in named(found)


@pytest.mark.parametrize(
    "over",
    [
        pytest.param({"hosts": GAP}, id="routes"),
        pytest.param({"hosts": replace(SHOP, unread=(GAP,))}, id="a-kind-of-route"),
        pytest.param({"tunnels": GAP}, id="connectors"),
        pytest.param({"tcp_routes": GAP}, id="tcp-routes"),
    ],
)
async def test_where_something_is_not_known_no_name_is_only_a_records(over: dict[str, Any]) -> None:
    found = await discovered(a_name("edge.example.org", "198.51.100.7"), **over)

    assert not named(found)["edge.example.org"].only_record
    assert found.gaps == (GAP,)


async def test_what_does_not_apply_is_no_gap() -> None:
    nothing = Inapplicable(wanted="the cluster's TCP routes", reason="there are none")
    found = await discovered(a_name("edge.example.org", "198.51.100.7"), tcp_routes=nothing)

    assert found.gaps == ()
    assert named(found)["edge.example.org"].only_record


async def test_a_tunnel_whose_rules_nobody_reads_may_well_name_it() -> None:
    found = await discovered(a_name("far.example.org", TUNNEL), tunnels=Cloudflareds())
    item = named(found)["far.example.org"]

    assert not item.only_record
    assert item.sources[1] == f"tunnel {TUNNEL.partition('.')[0]}, whose rules were not read"


async def test_a_file_holds_rules_of_a_connector_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "config.yml"
    path.write_text("ingress:\n- hostname: nas.example.org\n  service: http://10.0.0.9\n- service: http_status:404\n")
    found = await discovered(tunnels=Cloudflareds(), preferences=Preferences(cloudflared_config=str(path)))

    assert named(found)["nas.example.org"].sources == (f"cloudflared file {path}",)


async def test_a_file_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    found = await discovered(preferences=Preferences(cloudflared_config=str(tmp_path / "missing.yml")))

    assert [gap.reason for gap in found.gaps] == ["No such file or directory"]


async def test_zones_that_may_not_be_read_are_said() -> None:
    found = await discovered(zones=ZoneNames(unread=("example.net",)))

    assert [gap.wanted for gap in found.gaps] == ["the records of the zone example.net"]


def asked(*routes: str, paths: tuple[str, ...] = (), **ingress: Any) -> dict[str, str]:
    made = tuple(an_ingress_route(match) for match in routes)
    found: RoutingObjects = objects(
        *made, ingresses=tuple(an_ingress("h.example", path=path, **ingress) for path in paths)
    )
    return dict(paths_to_ask(found))


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(asked("Host(`h.example`)"), {}, id="the-whole-host"),
        pytest.param(asked("Host(`h.example`) && PathPrefix(`/api`)"), {"h.example": "/api"}, id="a-prefix"),
        pytest.param(asked("Host(`h.example`) && Path(`/a`)", "Host(`h.example`)"), {}, id="something-takes-the-root"),
        pytest.param(
            asked("Host(`h.example`) && (Path(`/long`) || Path(`/b`))"), {"h.example": "/b"}, id="the-shortest"
        ),
        pytest.param(asked("Host(`h.example`) && !PathPrefix(`/api`)"), {}, id="everything-but"),
        pytest.param(asked("Host(`h.example`) && PathRegexp(`^/a.*`)"), {}, id="a-regular-expression"),
        pytest.param(asked("Host(`h.example`) && Path(`/a b`)"), {}, id="no-plain-path"),
        pytest.param(asked("Host(`h.example`) && PathPrefix(`/\x1b[2J`)"), {}, id="hostile"),
        pytest.param(asked(paths=("/app",)), {"h.example": "/app"}, id="an-ingress"),
        pytest.param(asked(paths=("/app", "/")), {}, id="an-ingress-with-the-root"),
        pytest.param(asked(paths=("",)), {}, id="an-ingress-without-a-path"),
        pytest.param(
            asked(paths=("/(.*)",), annotations={"nginx.ingress.kubernetes.io/use-regex": "true"}), {}, id="nginx-regex"
        ),
    ],
)
def test_paths(found: dict[str, str], expected: dict[str, str]) -> None:
    assert found == expected
