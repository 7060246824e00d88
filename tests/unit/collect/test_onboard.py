"""The checklists of a new hostname, judged without sources: what is done, what is not, and what is pasted."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from build.access import BYPASS, FORBIDDEN, application, at_the_login
from build.certificates import a_certificate, a_resource, an_application, ready
from build.controller import a_traefik
from build.outside import RANGES, dns_view, exchange, record, resolver, visited, zone
from build.routes import an_ingress, an_ingress_route, decided, objects
from build.tunnel import HOST, OTHER, TUNNEL, UNSEEN, a_cloudflared, a_config, a_connector_pod, a_rule, route_for
from build.values import replace
from ingressdoctor.api import Rcode, Unavailable, ZoneFacts, ZoneRecord
from ingressdoctor.collect.onboard_certificate import Certificates, certificate_item
from ingressdoctor.collect.onboard_common import Applications, as_yaml, nearest, origin_guess, slug_of
from ingressdoctor.collect.onboard_management import access_item
from ingressdoctor.collect.onboard_record import cname_item, record_item
from ingressdoctor.collect.onboard_route import Neighbour, Routing, named_item, neighbour_of, route_yaml, routed_item
from ingressdoctor.collect.onboard_rule import Ruling, rule_item, ruling_of
from ingressdoctor.collect.onboard_sides import NameSide, TunnelSide
from ingressdoctor.collect.onboard_sync import argo_item, sync_item
from ingressdoctor.evidence.kube import Loaded, Meta, Service, ServicePort
from ingressdoctor.evidence.kube.service import ServiceSpec
from ingressdoctor.evidence.onboarding import NextAction, OnboardItem, Progress, PublicOnboarding
from ingressdoctor.evidence.routes import KnownHosts
from ingressdoctor.evidence.tunnel import Cloudflareds
from ingressdoctor.evidence.tunnel_rules import ConfigHome, ConfigSource

DONE, MISSING, NOT_SEEN = Progress.DONE, Progress.MISSING, Progress.UNSEEN
GAP = Unavailable(wanted="the zone at Cloudflare", reason="no token", enable_with="Set CLOUDFLARE_API_TOKEN.")
NEW = "www.shop.example"
NO_ARGO = Applications(installed=False)
SUFFIX = ".cfargotunnel.com"


def a_service(name: str, namespace: str = "monitoring", *ports: ServicePort) -> Service:
    spec = ServiceSpec(ports=ports or (ServicePort(port=80, name="http"),))
    return Service(kind="Service", metadata=Meta(name=name, namespace=namespace), spec=spec)


def a_ruling(*rules: str, host: str = HOST, workload: Any = None) -> Ruling:
    item = workload or a_cloudflared(*rules)
    side = TunnelSide(cloudflareds=Cloudflareds(items=(item,)), route=route_for(host, items=(item,)), facts=UNSEEN)
    return ruling_of(host, side)


def name_side(found: ZoneFacts | Unavailable = GAP, view: Any = GAP) -> NameSide:
    return NameSide(zone=found, dns=view, ranges=RANGES)


def zone_to(tunnel: str, *, proxied: bool = True) -> ZoneFacts:
    target = f"{tunnel}{SUFFIX}"
    return zone(record(target, kind="CNAME", proxied=proxied), chain=(target,))


WORDS = [
    pytest.param(
        "grafana-mgmt.example.com", ("argocd-mgmt.example.com",), ["grafana", "argocd-server"], "grafana", id="by-name"
    ),
    pytest.param(
        "shop-phpmyadmin-mgmt.example.com",
        ("argocd-mgmt.example.com",),
        ["phpmyadmin", "grafana"],
        "phpmyadmin",
        id="by-part",
    ),
    pytest.param("prometheus-mgmt.example.com", ("argocd-mgmt.example.com",), ["grafana"], "", id="nothing-like-it"),
    pytest.param(
        "mgmt.example.com", ("argocd-mgmt.example.com",), ["mgmt-a", "mgmt-b"], "", id="two-alike-are-no-guess"
    ),
]


@pytest.mark.parametrize(("host", "kin", "services", "expected"), WORDS)
def test_the_service_is_guessed_by_the_words_of_the_name(
    host: str, kin: tuple[str, ...], services: list[str], expected: str
) -> None:
    url, ref = origin_guess(host, kin, [a_service(name) for name in services])

    assert ref == (f"Service monitoring/{expected}" if expected else "")
    assert (f"{expected}.monitoring.svc" in url) if expected else ("SERVICE.NAMESPACE" in url)


def test_a_service_with_tls_is_asked_by_https() -> None:
    service = a_service("longhorn", "longhorn", ServicePort(port=443, name="https"))

    assert (
        origin_guess("longhorn-mgmt.example.com", (), [service])[0] == "https://longhorn.longhorn.svc.cluster.local:443"
    )


RULES = [
    pytest.param(a_ruling(), DONE, "Rule 2", id="named"),
    pytest.param(
        a_ruling(a_rule("other-mgmt.example.com"), "- service: http_status:404"),
        MISSING,
        "none of the 2",
        id="not-named",
    ),
    pytest.param(
        a_ruling(a_rule("*.example.com"), a_rule(), "- service: http_status:404"), MISSING, "comes first", id="shadowed"
    ),
    pytest.param(a_ruling(a_rule("*.example.com"), "- service: http_status:404"), DONE, "Rule 1", id="by-a-wildcard"),
    pytest.param(a_ruling(a_rule()), MISSING, "refuses", id="a-configuration-that-cloudflared-refuses"),
    pytest.param(Ruling(gap=GAP), NOT_SEEN, "no token", id="no-rules-readable"),
]


@pytest.mark.parametrize(("ruling", "expected", "words"), RULES)
def test_the_rule(ruling: Ruling, expected: Progress, words: str) -> None:
    item = rule_item(HOST, ruling, NO_ARGO, ())

    assert item.progress is expected
    assert words in item.detail


def test_a_new_rule_goes_above_a_wildcard_that_would_take_the_name() -> None:
    path = a_rule("*.example.com", more="path: ^/health$")
    ruling = a_ruling(path, "- service: http_status:404", host=HOST)
    item = rule_item(HOST, ruling, NO_ARGO, ())

    assert item.action is not None
    assert yaml.safe_load(item.action.paste)[0]["hostname"] == HOST


CNAMES = [
    pytest.param(name_side(zone_to(TUNNEL)), DONE, "", id="to-the-tunnel"),
    pytest.param(name_side(zone_to(TUNNEL, proxied=False)), MISSING, "", id="grey"),
    pytest.param(name_side(zone_to(OTHER)), MISSING, "--overwrite-dns", id="to-another-tunnel"),
    pytest.param(name_side(zone()), MISSING, "--overwrite-dns", id="an-address-instead"),
    pytest.param(name_side(zone(bare=True)), MISSING, f"cloudflared tunnel route dns {TUNNEL} {HOST}", id="no-record"),
    pytest.param(name_side(GAP, dns_view(chain=(f"{TUNNEL}{SUFFIX}",))), MISSING, "", id="grey-seen-by-dns"),
    pytest.param(name_side(GAP, dns_view(resolver(rcode=Rcode.NXDOMAIN))), MISSING, "route dns", id="absent-by-dns"),
    pytest.param(name_side(GAP, dns_view()), NOT_SEEN, "", id="a-proxied-name-hides-it"),
    pytest.param(name_side(GAP, dns_view(resolver(rcode=Rcode.SERVFAIL))), NOT_SEEN, "", id="dns-fails"),
    pytest.param(name_side(), NOT_SEEN, "", id="neither-api-nor-dns"),
]


@pytest.mark.parametrize(("name", "expected", "command"), CNAMES)
def test_the_cname(name: NameSide, expected: Progress, command: str) -> None:
    item = cname_item(HOST, a_ruling(), name)

    assert item.progress is expected
    typed = " ; ".join(entry.shell() for entry in item.action.commands) if item.action else ""
    assert command in typed
    assert item.enable_with == (GAP.enable_with if expected is NOT_SEEN else "")


OTHERS = (
    ZoneRecord(name="api.shop.example", type="A", content="203.0.113.10", proxied=True),
    ZoneRecord(name="shop.example", type="A", content="203.0.113.10", proxied=True),
    ZoneRecord(name="old.shop.example", type="A", content="203.0.113.99", proxied=True),
    ZoneRecord(name="grey.shop.example", type="A", content="203.0.113.1", proxied=False),
    ZoneRecord(name="panel.shop.example", type="CNAME", content=f"{TUNNEL}{SUFFIX}", proxied=True),
)
RECORDS = [
    pytest.param(name_side(zone()), OTHERS, DONE, "", id="proxied"),
    pytest.param(name_side(zone(record(proxied=False))), OTHERS, MISSING, "", id="grey"),
    pytest.param(name_side(zone(bare=True)), OTHERS, MISSING, f"{NEW}. 1 IN A 203.0.113.10", id="as-most-others"),
    pytest.param(name_side(zone(bare=True)), (), MISSING, "ADDRESS-OF-THE-LOAD-BALANCER", id="no-neighbours"),
    pytest.param(name_side(zone(bare=True)), GAP, MISSING, "ADDRESS-OF-THE-LOAD-BALANCER", id="neighbours-unread"),
    pytest.param(name_side(GAP, dns_view()), (), DONE, "", id="the-edge-answers"),
    pytest.param(name_side(GAP, dns_view(resolver("203.0.113.10"))), (), MISSING, "", id="an-origin-answers"),
    pytest.param(name_side(GAP, dns_view(resolver(rcode=Rcode.NXDOMAIN))), (), MISSING, "IN A", id="absent"),
    pytest.param(name_side(GAP, dns_view(resolver(rcode=Rcode.TIMEOUT))), (), NOT_SEEN, "", id="dns-silent"),
]


@pytest.mark.parametrize(("name", "others", "expected", "paste"), RECORDS)
def test_the_record(name: NameSide, others: Any, expected: Progress, paste: str) -> None:
    item = record_item(NEW, name, others)

    assert item.progress is expected
    assert paste in (item.action.paste if item.action else "")


MANAGED = application(HOST, "argocd-mgmt.example.com")
APPS = [
    pytest.param((MANAGED,), None, DONE, "", id="listed"),
    pytest.param((application("*.example.com"),), None, DONE, "", id="by-a-wildcard"),
    pytest.param((application(HOST, policies=(BYPASS,)),), None, MISSING, "bypass", id="open-to-everyone"),
    pytest.param(
        (application("x.example.com", name="other"), application("argocd-mgmt.example.com")),
        None,
        MISSING,
        "management, which covers 1 names like it",
        id="the-application-of-the-neighbours",
    ),
    pytest.param((), None, MISSING, "Create a self-hosted application", id="no-application-at-all"),
    pytest.param((application(HOST, type="bookmark"),), None, MISSING, "Create", id="a-bookmark-protects-nothing"),
    pytest.param(FORBIDDEN, at_the_login(), DONE, "", id="unread-but-a-login-is-seen"),
    pytest.param(FORBIDDEN, visited(exchange(200)), MISSING, "Add", id="unread-but-it-answers-everybody"),
    pytest.param(FORBIDDEN, visited(exchange(530), error=1033), NOT_SEEN, "", id="unread-and-an-error-of-the-edge"),
    pytest.param(FORBIDDEN, None, NOT_SEEN, "", id="unread-and-not-visited"),
]


@pytest.mark.parametrize(("apps", "visit", "expected", "words"), APPS)
def test_the_application(apps: Any, visit: Any, expected: Progress, words: str) -> None:
    item = access_item(HOST, apps, visit, a_ruling())

    assert item.progress is expected
    assert words in (item.action.text if item.action else "")


def argo(status: str = "Synced") -> Applications:
    entry = {"kind": "ConfigMap", "namespace": "cloudflared", "name": "cloudflared-config", "status": status}
    return Applications(items=(an_application("cloudflared", resources=[entry]),))


def outdated() -> Any:
    source = replace(a_config().source, edited_at="2026-11-20T10:00:00Z")
    return a_cloudflared(config=a_config(source=source), pods=(a_connector_pod(),))


SYNCED = [
    pytest.param(a_ruling(), argo(), None, DONE, id="in-sync"),
    pytest.param(a_ruling(), NO_ARGO, None, DONE, id="no-argo-cd"),
    pytest.param(a_ruling(), argo("OutOfSync"), None, MISSING, id="out-of-sync"),
    pytest.param(a_ruling(workload=outdated()), argo(), None, MISSING, id="pods-older-than-the-edit"),
    pytest.param(a_ruling(workload=a_cloudflared(pods=())), argo(), None, MISSING, id="no-pod-runs"),
    pytest.param(a_ruling(), GAP, None, NOT_SEEN, id="applications-unread"),
    pytest.param(a_ruling(workload=a_cloudflared(pods=GAP)), argo(), None, NOT_SEEN, id="pods-unread"),
    pytest.param(Ruling(), argo(), None, DONE, id="rules-of-the-running-connectors"),
]


@pytest.mark.parametrize(("ruling", "applications", "visit", "expected"), SYNCED)
def test_sync_and_reload(ruling: Ruling, applications: Any, visit: Any, expected: Progress) -> None:
    assert sync_item(HOST, ruling, applications, visit, ruled=True).progress is expected


ON_A_MACHINE = Ruling(config=a_config(source=ConfigSource(home=ConfigHome.FILE, ref="file config.yml")))


@pytest.mark.parametrize(
    ("visit", "expected"),
    [
        pytest.param(visited(exchange(200)), DONE, id="it-answers"),
        pytest.param(visited(exchange(404, headers=())), MISSING, id="as-the-catch-all-answers"),
        pytest.param(visited(exchange(530), error=1033), NOT_SEEN, id="no-connector"),
        pytest.param(at_the_login(), NOT_SEEN, id="a-login-hides-it"),
        pytest.param(None, NOT_SEEN, id="not-visited"),
    ],
)
def test_a_cloudflared_outside_of_the_cluster_is_judged_by_a_visit(visit: Any, expected: Progress) -> None:
    assert sync_item(HOST, ON_A_MACHINE, NO_ARGO, visit, ruled=True).progress is expected


def test_without_a_rule_nothing_can_have_arrived() -> None:
    assert sync_item(HOST, a_ruling(), argo(), None, ruled=False).progress is MISSING
    assert sync_item(HOST, Ruling(gap=GAP), argo(), None, ruled=False).progress is NOT_SEEN


ROUTE = "IngressRoute shop/web"
TRACKED = [
    pytest.param(
        (ROUTE,), Applications(items=(an_application(resources=[a_resource(status="Synced")]),)), DONE, id="in-sync"
    ),
    pytest.param((ROUTE,), Applications(items=(an_application(resources=[a_resource()]),)), MISSING, id="out-of-sync"),
    pytest.param((ROUTE,), Applications(), DONE, id="tracked-by-nobody"),
    pytest.param((ROUTE,), NO_ARGO, DONE, id="no-argo-cd"),
    pytest.param((), Applications(), MISSING, id="nothing-to-sync-yet"),
    pytest.param((), NO_ARGO, DONE, id="nothing-and-no-argo-cd"),
    pytest.param((ROUTE,), GAP, NOT_SEEN, id="applications-unread"),
    pytest.param(GAP, Applications(), NOT_SEEN, id="routes-unread"),
]


@pytest.mark.parametrize(("refs", "applications", "expected"), TRACKED)
def test_argo_cd(refs: Any, applications: Any, expected: Progress) -> None:
    assert argo_item(refs, applications, None).progress is expected


def certificates(*items: Any, decision: Any = None, installed: bool = True) -> Certificates:
    listed = Loaded(items=items, installed=installed)
    return Certificates(listed=listed, chain=GAP, winner=decision.winner if decision else None)


SERVED = decided(
    objects(
        an_ingress_route("Host(`www.shop.example.org`)", namespace="shop", spec={"tls": {"secretName": "web-tls"}})
    ),
    host="www.shop.example.org",
)
CERTIFIED = "www.shop.example.org"


def cert(*conditions: Any, **given: Any) -> Any:
    return a_certificate(*conditions, **given)


CERTIFICATES = [
    pytest.param(certificates(cert(), decision=SERVED), DONE, id="ready-and-served"),
    pytest.param(certificates(cert()), DONE, id="ready-before-there-is-a-route"),
    pytest.param(certificates(cert(secret="other"), decision=SERVED), MISSING, id="fills-another-secret"),
    pytest.param(certificates(cert(ready("False", message="waiting"))), MISSING, id="not-ready"),
    pytest.param(certificates(), MISSING, id="none"),
    pytest.param(certificates(installed=False), NOT_SEEN, id="no-cert-manager"),
    pytest.param(Certificates(listed=GAP, chain=GAP), NOT_SEEN, id="unread"),
]


@pytest.mark.parametrize(("found", "expected"), CERTIFICATES)
def test_the_certificate(found: Certificates, expected: Progress) -> None:
    assert certificate_item(CERTIFIED, found, None).progress is expected


def test_a_certificate_to_paste_has_the_neighbours_issuer() -> None:
    route = an_ingress_route("Host(`www.shop.example.org`)", namespace="shop", spec={"tls": {"secretName": "web-tls"}})
    item = certificate_item("new.shop.example.org", certificates(cert()), Neighbour(hostname=CERTIFIED, item=route))

    assert item.action is not None
    made = yaml.safe_load(item.action.paste)
    assert made["spec"]["issuerRef"] == {"kind": "ClusterIssuer", "name": "letsencrypt"}
    assert (made["metadata"]["namespace"], made["spec"]["dnsNames"]) == ("shop", ["new.shop.example.org"])


def test_a_wildcard_certificate_covers_one_label_only() -> None:
    wildcard = a_certificate()
    wildcard.spec["dnsNames"] = ["*.shop.example.org"]

    assert certificate_item("a.shop.example.org", certificates(wildcard), None).progress is DONE
    assert certificate_item("a.b.shop.example.org", certificates(wildcard), None).progress is MISSING


def known(*pairs: tuple[str, str], unread: tuple[Unavailable, ...] = ()) -> KnownHosts:
    return KnownHosts(hosts={host: (ref,) for host, ref in pairs}, unread=unread)


def test_a_route_is_copied_with_its_own_name_host_and_secret() -> None:
    item = an_ingress_route(metadata={"annotations": {"argocd.argoproj.io/tracking-id": "x", "team": "shop"}})
    neighbour = neighbour_of("new.example.com", known(("www.example.com", "IngressRoute ns/shop")), objects(item))
    assert neighbour is not None
    made = yaml.safe_load(route_yaml("new.example.com", neighbour))

    assert made["metadata"] == {"name": "new-example-com", "namespace": "ns", "annotations": {"team": "shop"}}
    assert made["spec"]["routes"][0]["match"] == "Host(`new.example.com`)"
    assert made["spec"]["tls"]["secretName"] == "new-example-com-tls"
    assert item.spec["tls"]["secretName"] == "example-tls"


def test_an_ingress_is_copied_for_the_host_alone() -> None:
    item = an_ingress(annotations={"cert-manager.io/cluster-issuer": "letsencrypt"})
    neighbour = Neighbour(hostname="www.example.com", item=item)
    made = yaml.safe_load(route_yaml("new.example.com", neighbour))
    reused = yaml.safe_load(route_yaml("new.example.com", neighbour, "wild-tls"))

    assert [rule["host"] for rule in made["spec"]["rules"]] == ["new.example.com"]
    assert made["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt"}
    assert "annotations" not in reused["metadata"]


def test_a_route_that_only_redirects_is_no_example() -> None:
    redirecting = an_ingress_route(
        "Host(`example.com`)", name="apex", route={"middlewares": [{"name": "redirect-to-www"}]}
    )
    hosts = known(("example.com", "IngressRoute ns/apex"), ("api.example.com", "Ingress ns/shop"))
    found = neighbour_of("www.example.com", hosts, objects(redirecting, ingresses=(an_ingress("api.example.com"),)))

    assert found is not None
    assert found.hostname == "api.example.com"


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        pytest.param(known((NEW, ROUTE)), DONE, id="named"),
        pytest.param(known(("*.shop.example", ROUTE)), DONE, id="by-a-wildcard"),
        pytest.param(known(), MISSING, id="named-by-nothing"),
        pytest.param(known(unread=(GAP,)), NOT_SEEN, id="a-kind-unread"),
        pytest.param(GAP, NOT_SEEN, id="unread"),
    ],
)
def test_the_route_object(hosts: Any, expected: Progress) -> None:
    assert named_item(NEW, hosts, None, None).progress is expected


ROUTED = [
    pytest.param(decided(objects(an_ingress_route()), host="www.example.com"), DONE, id="routed"),
    pytest.param(decided(objects(), host="www.example.com"), MISSING, id="no-route"),
    pytest.param(
        decided(objects(an_ingress_route(spec={"entryPoints": ["nope"]})), host="www.example.com"),
        MISSING,
        id="dropped",
    ),
    pytest.param(
        decided(objects(an_ingress_route("Host(")), host="www.example.com"), MISSING, id="rule-does-not-parse"
    ),
    pytest.param(GAP, NOT_SEEN, id="unread"),
]


@pytest.mark.parametrize(("decision", "expected"), ROUTED)
def test_traefik(decision: Any, expected: Progress) -> None:
    routing = Routing(decision=decision, controller=a_traefik(), nginx=GAP)
    item = routed_item("www.example.com", routing, named=None if expected is NOT_SEEN else True)

    assert item.progress is expected


def test_without_a_traefik_its_model_decides_nothing() -> None:
    dropped = decided(objects(an_ingress_route(spec={"entryPoints": ["nope"]})), host="www.example.com")
    item = routed_item("www.example.com", Routing(decision=dropped, controller=GAP, nginx=GAP), named=True)

    assert (item.progress, item.title) == (NOT_SEEN, "The controller routes it")


def test_names_of_the_same_domain_come_first() -> None:
    names = ("api.example.com", "www.other.org", "*.example.com", "wwww.example.com")

    assert nearest("www.example.com", names) == ("wwww.example.com", "api.example.com")
    assert nearest("new.lonely.net", ("a.example.com",)) == ("a.example.com",)


def test_yaml_leaves_out_what_is_empty_and_keeps_the_order() -> None:
    assert as_yaml({"b": 1, "a": {"c": None, "d": []}, "e": (1, {"f": "x"})}) == "b: 1\ne:\n- 1\n- f: x"
    assert slug_of("A_b.Example.org") == "a-b-example-org"


def test_an_item_that_is_missing_without_an_action_is_not_the_next_step() -> None:
    waits = OnboardItem(id="a", title="A", progress=MISSING, detail="waits")
    acts = OnboardItem(id="b", title="B", progress=MISSING, detail="acts", action=NextAction(text="Do it."))
    view = PublicOnboarding(hostname=NEW, management=False, items=(waits, acts))

    assert view.next is acts


def test_a_configuration_that_is_not_there_is_named() -> None:
    gone = replace(a_config(), missing=True, rules=())
    item = rule_item(HOST, Ruling(config=gone, workload=a_cloudflared()), NO_ARGO, ())

    assert item.progress is MISSING
    assert "does not exist" in item.detail
