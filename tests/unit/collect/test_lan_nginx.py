"""ingress-nginx for a visitor in the LAN: whether the address leads to it, and what it does then."""

from __future__ import annotations

from typing import Any

import pytest

from build.backend import NOT_ASKED
from build.cluster import later
from build.lan import a_lan_name, a_node, owned
from build.nginx import HOST, a_class, a_controller_of_nginx, an_ingress
from build.tunnel import CATCH_ALL, a_route, a_rule
from ingressdoctor.api import Inapplicable, LanOwner, NginxControllers, NginxDecision, NginxWay, Target, Unavailable
from ingressdoctor.collect.destination import collect_destination
from ingressdoctor.collect.nginx_route import collect_nginx_route
from ingressdoctor.collect.routes import build_answer_model, build_routes, collect_decision
from ingressdoctor.evidence.backend import ChosenBackend
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Outcome, RouteDecision, RoutingObjects

ADDRESS = "10.0.0.200"
FORBIDDEN = Unavailable(wanted="x", reason="403", enable_with="grant it")
NODE = LanOwner(address=ADDRESS, node=a_node("n1", ADDRESS))
PUBLISHED = LanOwner(address=ADDRESS, services=("Service nginx/nginx-controller",))
ANOTHERS = LanOwner(address=ADDRESS, services=("Service web/other",))
KNOWN = NginxControllers(items=(a_controller_of_nginx(),))
TWO = NginxControllers(items=(a_controller_of_nginx(), a_controller_of_nginx(name="b")))
TUNNEL = a_route(a_rule(HOST, "https://10.0.0.9:443"), CATCH_ALL, host=HOST)


def objects(*ingresses: Any) -> RoutingObjects:
    none: Any = Loaded()
    return RoutingObjects(
        ingress_routes=none,
        ingresses=Loaded(items=ingresses or (an_ingress(),)),
        middlewares=none,
        ingress_classes=Loaded(items=(a_class(),)),
        traefik_services=none,
    )


async def decided(
    owner: LanOwner = PUBLISHED, *, url: str = HOST, mixed: bool = False, known: Any = KNOWN, **given: Any
) -> Any:
    lan = owned(owner, name=a_lan_name(ADDRESS, mixed=mixed))
    found = {"route": NOT_ASKED, "objects": objects()} | given
    return await collect_nginx_route.function(
        Target.parse(url), found["route"], NOT_ASKED, found["objects"], later(known), lan
    )


@pytest.mark.parametrize(
    ("owner", "way"),
    [
        pytest.param(PUBLISHED, NginxWay.PUBLISHED, id="its-services-address"),
        pytest.param(NODE, NginxWay.HOST_PORT, id="a-nodes-address-and-klipper"),
        pytest.param(LanOwner(address=ADDRESS), NginxWay.HOST_PORT, id="nobodys-address-is-judged-elsewhere"),
    ],
)
async def test_by_what_the_address_leads_to_it(owner: LanOwner, way: NginxWay) -> None:
    found = await decided(owner)

    assert isinstance(found, NginxDecision)
    assert (found.direct, found.visitor, found.way) == (True, "a visitor", way)
    assert (found.decision.outcome, found.decision.request.sni) == (Outcome.ROUTED, HOST)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        pytest.param({"owner": ANOTHERS}, "does not lead to", id="anothers-address"),
        pytest.param({"owner": LanOwner(address=ADDRESS), "known": TWO}, "does not lead to", id="which-of-two"),
        pytest.param({"known": NginxControllers()}, "no ingress-nginx runs", id="there-is-none"),
        pytest.param({"known": FORBIDDEN}, "403", id="workloads-forbidden"),
        pytest.param({"objects": FORBIDDEN}, "403", id="objects-forbidden"),
        pytest.param({"mixed": True}, "does not lead to a tunnel", id="split-horizon-is-public"),
        pytest.param({"route": TUNNEL}, "https://10.0.0.9:443 does not", id="a-tunnel-comes-first"),
    ],
)
async def test_what_stands_in_the_way(given: Any, reason: str) -> None:
    found = await decided(**given)

    assert isinstance(found, Unavailable)
    assert reason in found.reason


async def test_plain_http_is_redirected_and_that_is_no_loop() -> None:
    found = await decided(url=f"http://{HOST}")

    assert isinstance(found, NginxDecision)
    assert (found.decision.outcome, found.loops) == (Outcome.REDIRECT, False)


async def test_the_backend_is_that_of_the_ingress() -> None:
    nginx = await decided()
    chosen = await collect_destination.function(
        Target.parse(HOST), NOT_ASKED, NOT_ASKED, NOT_ASKED, nginx, later(FORBIDDEN)
    )

    assert isinstance(chosen, ChosenBackend)
    assert (chosen.ref.name, chosen.dialler, chosen.tunnel, chosen.nginx) == ("api", "ingress-nginx", False, True)


@pytest.mark.parametrize(
    ("nginx", "provider"),
    [pytest.param(True, "ingress-nginx", id="in-the-lan"), pytest.param(False, "ingress", id="elsewhere")],
)
async def test_without_traefik_it_decides_on_names_of_the_lan(nginx: bool, provider: str) -> None:
    gone = Inapplicable(wanted="x", reason="no Traefik runs in the cluster")
    found = objects(an_ingress(ingressClassName=None))
    table = await build_routes.function(gone, found, later(FORBIDDEN))
    model = await build_answer_model.function(found, table, later(FORBIDDEN))
    seen = await decided() if nginx else FORBIDDEN

    decision = await collect_decision.function(table, model, gone, Target.parse(HOST), later(seen), later(FORBIDDEN))

    assert isinstance(decision, RouteDecision)
    assert (decision.winner.provider if decision.winner else "") == (provider if nginx else "kubernetes")
