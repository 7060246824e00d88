"""Worlds as files, and faults as patches to them."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from ingressdoctor.errors import LabError
from ingressdoctor.lab import Expectation, Fault, World, apply_fault, list_worlds, load_fault, load_world
from ingressdoctor.lab.derive import with_endpoint_slices
from ingressdoctor.lab.paths import get_at
from ingressdoctor.lab.serve.kube.resources import Catalogue
from ingressdoctor.model.target import Target
from scenarios import faults_of

FAULTS = tuple(each for world in list_worlds() for each in faults_of(world))
NAMESPACE = "ecommercen-clients-wecare"


def fault(*patch: dict[str, Any]) -> Fault:
    return Fault(
        name="made-up",
        world="wecare",
        title="made up",
        kind="fault",
        host="www.wecare.gr",
        patch=patch,
        expect=Expectation(status="fail"),
    )


def test_every_shipped_world_loads_and_names_its_walk() -> None:
    assert "wecare" in list_worlds()
    for name in list_worlds():
        world = load_world(name)
        assert world.title
        assert world.walk
        assert world.settings["host"]
        Catalogue(with_endpoint_slices(world.objects))


def test_an_unknown_world_names_the_known_ones() -> None:
    with pytest.raises(LabError) as caught:
        load_world("wecair")
    assert "wecare" in caught.value.hint


def test_times_are_relative_to_the_moment_of_loading() -> None:
    world = load_world("wecare", now=datetime(2030, 5, 1, 12, 0, tzinfo=UTC))
    (certificate,) = world.select("Certificate", NAMESPACE, "wecare-gr")
    assert certificate["status"]["notAfter"] == "2030-06-20T12:00:00Z"
    assert "$now" not in json.dumps([*world.objects, world.hetzner, world.cloudflare]) + "".join(world.logs.values())


@pytest.mark.parametrize(
    ("now", "version"),
    [
        pytest.param(datetime(2030, 5, 1, tzinfo=UTC), "2030.4.0", id="last-month"),
        pytest.param(datetime(2030, 1, 31, tzinfo=UTC), "2029.12.0", id="last-year"),
    ],
)
def test_versions_that_are_dates_do_not_grow_old(now: datetime, version: str) -> None:
    (deployment,) = load_world("wecare", now=now).select("Deployment", "cloudflared")

    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"].endswith(f"cloudflared:{version}")


def test_times_written_out_stay_the_texts_they_are(wecare: World) -> None:
    (node,) = wecare.select("Node", name="ecnv4-node-1")
    assert node["metadata"]["creationTimestamp"] == "2026-03-04T09:12:37Z"


def test_the_nodes_are_the_servers_of_the_project(wecare: World) -> None:
    by_id = {f"hcloud://{server['id']}": server for server in wecare.hetzner["servers"]}
    for node in wecare.select("Node"):
        server = by_id[node["spec"]["providerID"]]
        assert server["name"] == node["metadata"]["name"]
        addresses = {item["type"]: item["address"] for item in node["status"]["addresses"]}
        assert addresses["InternalIP"] == server["private_net"][0]["ip"]
        assert addresses["ExternalIP"] == server["public_net"]["ipv4"]["ip"]


def test_the_balancer_is_the_one_the_service_made(wecare: World) -> None:
    (service,) = wecare.select("Service", "traefik", "traefik")
    (balancer,) = wecare.hetzner["load_balancers"]
    assert balancer["labels"]["hcloud-ccm/service-uid"] == service["metadata"]["uid"]
    assert {item["listen_port"]: item["destination_port"] for item in balancer["services"]} == {
        port["port"]: port["nodePort"] for port in service["spec"]["ports"]
    }
    assert [item["ip"] for item in service["status"]["loadBalancer"]["ingress"]] == [
        balancer["public_net"]["ipv4"]["ip"],
        balancer["public_net"]["ipv6"]["ip"],
    ]


@pytest.mark.parametrize("name", list_worlds())
def test_every_object_argo_cd_lists_exists(name: str) -> None:
    world = load_world(name)
    for application in world.select("Application"):
        for item in application["status"]["resources"]:
            assert world.select(item["kind"], item.get("namespace"), item["name"]), item


@pytest.mark.parametrize("name", list_worlds())
def test_owners_exist_with_the_uid_they_are_named_by(name: str) -> None:
    world = load_world(name)
    uids = {item["metadata"]["uid"]: (item["kind"], item["metadata"]["name"]) for item in world.objects}
    assert len(uids) == len(world.objects)
    for item in world.objects:
        for owner in item["metadata"].get("ownerReferences", ()):
            assert uids.get(owner["uid"]) == (owner["kind"], owner["name"]), item["metadata"]["name"]


@cache
def described(name: str) -> tuple[World, str]:
    """A world, the same one for every fault, since each is to leave it alone; and all that it holds, as a text."""
    world = load_world(name)
    return world, repr(world)


@pytest.mark.parametrize("each", FAULTS, ids=lambda item: f"{item.world}-{item.name}")
def test_every_fault_applies_changes_the_world_and_leaves_the_original_alone(each: Fault) -> None:
    world, before = described(each.world)
    broken = apply_fault(world, each)
    # A state without a patch is the world as it is, asked about another of its hosts: one that
    # is none, or one that the documentation itself gets wrong.
    assert (broken != world) is bool(each.patch)
    documented = each.title.startswith("As documented: ")
    assert each.patch or each.kind == "unusual" or each.expect.symptom == "dns-nxdomain" or documented
    assert repr(world) == before
    Catalogue(with_endpoint_slices(broken.objects))


@pytest.mark.parametrize("each", FAULTS, ids=lambda item: f"{item.world}-{item.name}")
def test_every_fault_says_what_it_must_lead_to(each: Fault) -> None:
    if each.kind == "unusual":
        assert each.expect.status in {"pass", "warn"}
        assert each.expect.cause is None
    else:
        assert each.expect.cause
        # What answers 200 in the right one's place, or an empty 200, is broken without a symptom, and so is what only
        # a browser asks for.
        silent = each.expect.status == "warn" or each.name.endswith(("-single-page", "-tcp", "-in-browsers"))
        # So is what breaks behind clients that still get in, on a node that this visitor was not sent to, or in the
        # links of a page that is answered.
        partial = ("op.", "mxs.", "node.", "k3s.", "traefik.forwarded-proto", "traefik.trusted-ips")
        silent = silent or each.expect.cause.startswith(partial)
        assert each.expect.symptom or silent


@pytest.mark.parametrize("each", FAULTS, ids=lambda item: f"{item.world}-{item.name}")
def test_every_fault_asks_about_something_that_can_be_asked(each: Fault) -> None:
    target = Target.parse(each.host)
    assert target.hostname
    assert target.path.startswith("/")


@pytest.mark.parametrize(
    ("patch", "part"),
    [
        pytest.param(
            {"object": {"kind": "IngressRoute", "namespace": NAMESPACE, "name": "adveshop"}, "delete": True},
            f"nearest: IngressRoute {NAMESPACE}/adveshop4",
            id="no-such-object-names-the-nearest",
        ),
        pytest.param(
            {
                "object": {"kind": "IngressRoute", "namespace": NAMESPACE, "name": "adveshop4"},
                "set": {"spec.rutes[0].match": "x"},
            },
            "nearest: routes",
            id="no-such-field-names-the-nearest",
        ),
        pytest.param(
            {
                "object": {"kind": "IngressRoute", "namespace": NAMESPACE, "name": "adveshop4"},
                "set": {"spec.entryPoints": ["websecure"]},
            },
            "changes nothing",
            id="a-value-it-has-already",
        ),
        pytest.param({"zone": {"origin": "example.org", "append": "x"}}, "no zone file", id="no-such-zone-file"),
        pytest.param({"hetzner": {"delete": True}}, "needs 'set' or 'remove'", id="an-unknown-verb"),
        pytest.param({"kubernetes": {"set": {}}}, "not an operation", id="an-unknown-place"),
        pytest.param({"add": {"kind": "Service"}}, "needs apiVersion", id="an-object-without-a-name"),
    ],
)
def test_a_patch_that_matches_nothing_names_fault_and_operation(
    patch: dict[str, Any], part: str, wecare: World
) -> None:
    with pytest.raises(LabError, match="fault made-up, operation 1") as caught:
        apply_fault(wecare, fault(patch))
    assert part in str(caught.value)


def test_an_object_that_exists_cannot_be_added_again(wecare: World) -> None:
    (service,) = wecare.select("Service", NAMESPACE, "adveshop4")
    with pytest.raises(LabError, match="exists already"):
        apply_fault(wecare, fault({"add": dict(service)}))


def test_zone_files_can_be_set_extended_and_edited(wecare: World) -> None:
    zone = {
        "zone": {"origin": "cfargotunnel.com", "replace": {"fd10:aec2:5dae::": "fd10::1"}, "append": "x IN A 192.0.2.1"}
    }
    changed = apply_fault(wecare, fault(zone, {"zone": {"origin": "example.lan", "set": "@ IN A 192.0.2.9"}}))
    assert "fd10::1" in changed.zone_files["cfargotunnel.com"]
    assert changed.zone_files["cfargotunnel.com"].endswith("x IN A 192.0.2.1\n")
    assert changed.zone_files["example.lan"] == "@ IN A 192.0.2.9"


def test_an_unknown_fault_names_the_nearest() -> None:
    with pytest.raises(LabError) as caught:
        load_fault("wecare", "route-delete")
    assert "route-deleted" in caught.value.hint


def test_a_kind_without_a_definition_is_refused(wecare: World) -> None:
    stranger = {"apiVersion": "example.org/v1", "kind": "Gadget", "metadata": {"name": "x"}}
    with pytest.raises(LabError, match="no CustomResourceDefinition"):
        Catalogue((*wecare.objects, stranger))


def test_a_world_is_a_value(wecare: World) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        wecare.name = "other"  # type: ignore[misc]
    assert get_at(wecare.hetzner, "load_balancers[0].name") == ("ecnv4-lb",)
