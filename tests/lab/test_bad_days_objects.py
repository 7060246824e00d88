"""Objects with nulls and wrong types: nothing crashes, what does not decode is named, and the rest is judged.

Only the API server shows the broken objects; behind it the site works, so what fails must follow from the object.
"""

from __future__ import annotations

import copy
from fnmatch import fnmatchcase
from functools import cache
from typing import Any, Final

import pytest

from build.badday import Seen, calm, see
from build.values import replace
from ingressdoctor.lab import World, load_world, running
from ingressdoctor.lab.dataplane import DataPlane
from ingressdoctor.lab.paths import set_at

SHOP: Final = "ecommercen-clients-wecare"
ROUTE: Final = ("IngressRoute", SHOP, "adveshop4")
SERVICE: Final = ("Service", SHOP, "adveshop4")
PODS: Final = ("Pod", SHOP, "adveshop4-ecaffc285a-*")
FRONT: Final = ("Service", "traefik", "traefik")
TRAEFIK: Final = ("Pod", "traefik", "traefik-*")
POLICY: Final = ("NetworkPolicy", SHOP, "allow-traefik")
CERTIFICATE: Final = ("Certificate", SHOP, "wecare-gr")
MIDDLEWARE: Final = ("Middleware", SHOP, "*")
INGRESS: Final = ("Ingress", None, "*")

Which = tuple[str, str | None, str]


def is_meant(item: Any, which: Which) -> bool:
    kind, namespace, pattern = which
    meta = item["metadata"]
    return item["kind"] == kind and namespace in (None, meta.get("namespace")) and fnmatchcase(meta["name"], pattern)


@cache
def healthy() -> World:
    """The world without a flaw; read once, never changed."""
    return calm(load_world("wecare"))


def with_broken(world: World, which: Which, changes: dict[str, Any]) -> World:
    """The world with fields of all objects meant set to something else."""
    objects = [copy.deepcopy(item) if is_meant(item, which) else item for item in world.objects]
    meant = [item for item in objects if is_meant(item, which)]
    assert meant, which
    for item in meant:
        for path, value in changes.items():
            set_at(item, path, value)
    return replace(world, objects=tuple(objects))


def seen_with(world: World) -> Seen:
    """A diagnosis where the API server shows *world* and everything else works as in the healthy one."""
    with running(world, plane=lambda _: DataPlane(healthy())) as lab:
        return see(lab)


HARMLESS = [
    pytest.param(ROUTE, {"metadata.labels": None, "metadata.annotations": None}, id="route-without-labels"),
    pytest.param(ROUTE, {"metadata.ownerReferences": None, "status": None}, id="route-without-status"),
    pytest.param(ROUTE, {"spec.tls": None, "spec.entryPoints": ["web", "websecure"]}, id="route-with-null-tls"),
    pytest.param(ROUTE, {"spec.routes[0].middlewares": None}, id="route-with-null-middlewares"),
    pytest.param(ROUTE, {"spec.routes[0].priority": None}, id="route-with-null-priority"),
    pytest.param(SERVICE, {"metadata.labels": None, "status": None}, id="service-without-labels-and-status"),
    pytest.param(SERVICE, {"spec.ports[0].nodePort": None, "spec.type": None}, id="service-port-with-nulls"),
    pytest.param(PODS, {"metadata.annotations": None, "metadata.ownerReferences": None}, id="pods-without-owner"),
    pytest.param(PODS, {"spec.initContainers": None, "spec.nodeName": None}, id="pods-with-null-init-containers"),
    pytest.param(PODS, {"spec.containers[0].env": None, "spec.containers[0].args": None}, id="container-without-env"),
    pytest.param(PODS, {"status.containerStatuses": None}, id="pods-without-container-statuses"),
    pytest.param(PODS, {"status.containerStatuses[0].state": None}, id="container-status-without-state"),
    pytest.param(PODS, {"status.containerStatuses[0]": None}, id="null-among-container-statuses"),
    pytest.param(FRONT, {"metadata.annotations": None}, id="front-without-annotations"),
    pytest.param(FRONT, {"metadata.labels": None}, id="front-without-labels"),
    pytest.param(FRONT, {"status": None}, id="front-without-status"),
    pytest.param(FRONT, {"status.loadBalancer.ingress": None}, id="front-without-addresses"),
    pytest.param(FRONT, {"status.loadBalancer.ingress[0]": None}, id="null-among-addresses"),
    pytest.param(TRAEFIK, {"metadata.ownerReferences": None}, id="controller-pods-without-owner"),
    pytest.param(TRAEFIK, {"spec.containers[0].env": None}, id="controller-without-env"),
    pytest.param(TRAEFIK, {"spec.containers[0].image": None}, id="controller-without-image"),
    pytest.param(POLICY, {"spec.ingress[0].ports": None}, id="policy-without-ports"),
    pytest.param(POLICY, {"spec.policyTypes": None}, id="policy-without-types"),
    pytest.param(CERTIFICATE, {"status": None}, id="certificate-without-status"),
    pytest.param(CERTIFICATE, {"spec": None}, id="certificate-without-spec"),
    pytest.param(CERTIFICATE, {"status.conditions": [None]}, id="null-among-conditions"),
    pytest.param(INGRESS, {"spec": None}, id="ingresses-without-spec"),
    pytest.param(INGRESS, {"spec.rules": None}, id="ingresses-without-rules"),
    pytest.param(INGRESS, {"spec.rules[0].http": None}, id="ingress-rules-without-http"),
    pytest.param(INGRESS, {"spec.rules[0].http.paths[0].backend": None}, id="ingress-paths-without-backend"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("which", "changes"), HARMLESS)
def test_a_null_means_absent(which: Which, changes: dict[str, Any]) -> None:
    seen = seen_with(with_broken(healthy(), which, changes))

    assert seen.failing == frozenset()
    assert seen.code == 0


HARMFUL = [
    pytest.param(ROUTE, {"spec": None}, {"traefik.route-missing"}, id="route-without-spec"),
    pytest.param(ROUTE, {"spec.routes": None}, {"traefik.route-missing"}, id="null-routes"),
    pytest.param(ROUTE, {"spec.routes": "all"}, {"traefik.route-missing"}, id="routes-that-are-a-text"),
    pytest.param(ROUTE, {"spec.routes[0]": None}, {"traefik.route-missing"}, id="null-among-routes"),
    pytest.param(ROUTE, {"spec.routes[0].match": None}, {"traefik.route-missing"}, id="null-match"),
    pytest.param(
        ROUTE, {"spec.routes[0].services": None}, {"traefik.route-missing", "traefik.rule-invalid"}, id="null-services"
    ),
    pytest.param(ROUTE, {"spec.routes[0].services[0]": None}, {"backend.port-missing"}, id="null-among-services"),
    pytest.param(SERVICE, {"spec": None}, {"backend.port-missing"}, id="service-without-spec"),
    pytest.param(SERVICE, {"spec.ports": None}, {"backend.port-missing"}, id="null-ports"),
    pytest.param(SERVICE, {"spec.selector": None}, {"backend.no-endpoints"}, id="null-selector"),
    pytest.param(PODS, {"spec.containers[0].ports": None}, {"backend.no-endpoints"}, id="no-port-of-the-name"),
    pytest.param(FRONT, {"spec.selector": None}, {"traefik.port-not-exposed"}, id="front-without-selector"),
    pytest.param(TRAEFIK, {"spec.containers": None}, {"traefik.port-not-exposed"}, id="controller-without-containers"),
    pytest.param(
        MIDDLEWARE, {"spec": None}, {"traefik.middleware-missing", "traefik.route-missing"}, id="empty-middlewares"
    ),
]


@pytest.mark.lab
@pytest.mark.parametrize(("which", "changes", "failing"), HARMFUL)
def test_a_null_that_breaks_the_way(which: Which, changes: dict[str, Any], failing: set[str]) -> None:
    seen = seen_with(with_broken(healthy(), which, changes))

    assert seen.failing == failing
    assert seen.code == 1
    assert seen.report.diagnosis.latent


UNDECODABLE = [
    pytest.param(ROUTE, {"spec": ["x"]}, f"IngressRoute {SHOP}/adveshop4", id="route"),
    pytest.param(ROUTE, {"metadata.labels": [1]}, f"IngressRoute {SHOP}/adveshop4", id="route-labels"),
    pytest.param(SERVICE, {"spec.ports": "80"}, f"Service {SHOP}/adveshop4", id="service"),
    pytest.param(PODS, {"spec.initContainers": {"a": 1}}, f"Pod {SHOP}/adveshop4", id="pods"),
    pytest.param(PODS, {"status.phase": 7}, f"Pod {SHOP}/adveshop4", id="pod-status"),
    pytest.param(FRONT, {"spec.ports": {"80": 443}}, "Service traefik/traefik", id="front"),
    pytest.param(TRAEFIK, {"spec.containers[0].args": "--ping"}, "Pod traefik/traefik-", id="controller-pods"),
    pytest.param(POLICY, {"spec": [{}]}, f"NetworkPolicy {SHOP}/allow-traefik", id="policy"),
    pytest.param(MIDDLEWARE, {"spec": "headers"}, f"Middleware {SHOP}/", id="middleware"),
    pytest.param(INGRESS, {"spec.rules": {"host": 1}}, "Ingress ", id="ingresses"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("which", "changes", "name"), UNDECODABLE)
def test_what_does_not_decode_is_named_and_not_taken_for_absent(
    which: Which, changes: dict[str, Any], name: str
) -> None:
    seen = seen_with(with_broken(healthy(), which, changes))

    assert seen.failing == frozenset()
    assert name in seen.gaps
    assert seen.code == 0


@pytest.mark.lab
def test_broken_strangers_do_not_stand_in_the_way() -> None:
    """Copies of every object on the way, each broken in its own manner, beside the sound ones."""
    world = healthy()
    strangers = []
    for number, shape in enumerate((None, "x", 7, [None], {"a": None})):
        for which in (ROUTE, SERVICE, POLICY, CERTIFICATE, MIDDLEWARE, INGRESS):
            item: dict[str, Any] = copy.deepcopy(dict(next(item for item in world.objects if is_meant(item, which))))
            item["metadata"] = {"name": f"stranger-{number}", "namespace": item["metadata"]["namespace"]}
            item["spec"] = item["status"] = shape
            strangers.append(item)
    seen = seen_with(replace(world, objects=(*world.objects, *strangers)))

    assert seen.failing == frozenset()
    policies = {"netpol.controller-denied", "netpol.host-network"}
    assert seen.unknown <= {"traefik.route-shadowed", "traefik.middleware-missing", *policies}
    assert "stranger-" in seen.gaps
    assert seen.code == 0
