"""Each grant missing in turn: the verdict names it, is silent about what it did not see, and right about the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from build.badday import Seen, calm, see
from build.values import replace
from ingressdoctor.lab import Lab, World, apply_fault, load_fault, load_world, running
from ingressdoctor.lab.world import merged

KINDS = (
    "applications.argoproj.io",
    "certificates.cert-manager.io",
    "endpointslices.discovery.k8s.io",
    "events",
    "ingressclasses.networking.k8s.io",
    "ingresses.networking.k8s.io",
    "ingressroutes.traefik.io",
    "middlewares.traefik.io",
    "namespaces",
    "networkpolicies.networking.k8s.io",
    "nodes",
    "pods",
    "pods/log",
    "services",
)
# Classes are read because some Ingress names one, and no Ingress of this world is about the shop.
BESIDE_THE_POINT = {"ingressclasses.networking.k8s.io"}
WORLDS = ("healthy", "lb-no-443", "pods-crashing-oom", "route-host-misspelt")
_ABSENT = re.compile(r"does not exist|no such|not found|there is no|has no pods|not installed", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A running lab whose role is changed between runs; ``deny`` and ``only`` are what the API server goes by."""

    lab: Lab
    deny: list[str]
    only: list[str]
    whole: Seen

    def refused(self, kind: str, since: int) -> bool:
        """Whether the role was asked for *kind* since that many requests."""
        plural, _, sub = kind.partition(".")[0].partition("/")
        paths = (path for _, path, _ in self.lab.requests["kube"][since:])
        return any(_plural(path) == (plural, sub) for path in paths)


def _plural(path: str) -> tuple[str, str]:
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if not rest:  # discovery, which needs no grant
        return "", ""
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    return rest[0], (*rest, "", "", "")[2]


def guarded(world: World) -> Iterator[Guarded]:
    deny: list[str] = []
    only: list[str] = []
    role = {**world.settings["rbac"], "deny": deny, "namespaces": only}
    with running(calm(replace(world, settings=merged(world.settings, {"rbac": role})))) as lab:
        yield Guarded(lab=lab, deny=deny, only=only, whole=see(lab))


@pytest.fixture(scope="module", params=WORLDS)
def place(request: pytest.FixtureRequest) -> Iterator[Guarded]:
    world = load_world("wecare")
    yield from guarded(world if request.param == "healthy" else apply_fault(world, load_fault("wecare", request.param)))


def absent(seen: Seen) -> set[str]:
    """What is said not to be there."""
    return {finding.summary for _, finding in seen.findings if _ABSENT.search(finding.summary)}


@pytest.mark.lab
@pytest.mark.parametrize("kind", KINDS)
def test_one_missing_grant(place: Guarded, kind: str) -> None:
    place.deny[:], place.only[:] = [kind], []
    since = len(place.lab.requests["kube"])
    seen, whole = see(place.lab), place.whole
    plural = kind.partition(".")[0]

    # An empty Service may be judged by its EndpointSlices alone where the pods, which say more, may not be read.
    assert seen.failing - {"backend.no-endpoints"} <= whole.failing
    assert seen.symptoms == whole.symptoms
    # Discovery tells which APIs there are, whatever may be read of them; it is asked only where no route is known.
    assert absent(seen) - {"The Gateway API is not installed."} <= absent(whole)
    assert seen.code == whole.code
    if place.refused(kind, since) and kind not in BESIDE_THE_POINT:
        said = f"{seen.gaps} {seen.facts} {seen.unread}"
        assert re.search(rf"'(list|get)' on {plural}|Allow list on .*{plural}", said)
        assert plural in seen.terminal or plural not in seen.gaps
    if whole.causes and whole.causes[0] in seen.failing:
        assert seen.causes == whole.causes
    elif whole.causes:
        diagnosis = seen.report.diagnosis
        assert seen.causes or diagnosis.unexplained
        assert plural in " ".join(diagnosis.next_steps) or seen.causes


@pytest.mark.lab
def test_a_role_for_one_namespace_only(place: Guarded) -> None:
    place.deny[:], place.only[:] = [], ["ecommercen-clients-wecare"]
    seen = see(place.lab)

    assert seen.failing <= place.whole.failing
    assert seen.symptoms == place.whole.symptoms
    assert absent(seen) <= absent(place.whole)
    assert seen.code == place.whole.code
    assert seen.says("in all namespaces (a ClusterRole)")


def patched(name: str, *patch: dict[str, Any]) -> World:
    """The healthy world, or one of its faults, with further operations."""
    world = load_world("wecare")
    fault = load_fault("wecare", name)
    return apply_fault(apply_fault(world, fault), replace(fault, patch=patch))


@pytest.mark.lab
def test_namespaces_when_a_policy_selects_by_their_labels() -> None:
    """Without the labels nobody can tell whether the policy lets Traefik in, and the packets are dropped."""
    rule = "spec.ingress[0].from[0].namespaceSelector.matchLabels"
    policy = {"kind": "NetworkPolicy", "namespace": "ecommercen-clients-wecare", "name": "allow-traefik"}
    pods = "spec.ingress[0].from[0].podSelector.matchLabels"
    world = patched(
        "netpol-denies-traefik",
        {"object": policy, "set": {rule: {"team": "platform"}, pods: {"app.kubernetes.io/name": "traefik"}}},
    )
    for place in guarded(world):
        place.deny[:] = ["namespaces"]
        seen = see(place.lab)

        assert place.whole.causes == ("netpol.controller-denied",)
        assert seen.symptoms == place.whole.symptoms
        assert "netpol.controller-denied" in seen.unknown
        assert "'get' on namespaces" in seen.gaps
        assert seen.code == 1


@pytest.mark.lab
def test_nodes_when_a_target_is_no_server_of_the_project() -> None:
    for place in guarded(patched("lb-all-unhealthy", {"hetzner": {"remove": ["servers[0]"]}})):
        place.deny[:] = ["nodes"]
        since = len(place.lab.requests["kube"])
        seen = see(place.lab)

        assert place.refused("nodes", since)
        assert seen.causes == place.whole.causes == ("lb.targets-unhealthy",)
        assert "'list' on nodes" in f"{seen.gaps} {seen.facts}"
        assert seen.code == 1
