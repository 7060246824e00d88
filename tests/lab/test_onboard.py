"""``ingressdoctor onboard`` against the lab: names with nothing, half and all done, and with doors shut."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import jsonschema
import pytest

from build.program import environment
from ingressdoctor.config import load_settings
from ingressdoctor.evidence.onboarding import ManagementOnboarding, Onboarding, OnboardItem, Progress, PublicOnboarding
from ingressdoctor.lab import Fault, apply_fault, load_fault, load_world
from ingressdoctor.lab.faults import Expectation
from ingressdoctor.lab.lab import running
from ingressdoctor.model.target import Target
from ingressdoctor.render.onboard import OnboardV1, exit_code_of, onboard_to_json, onboard_to_terminal
from ingressdoctor.render.page import Page
from ingressdoctor.render.schema_v1 import schema_of
from ingressdoctor.wiring import open_session

GRAFANA = "grafana-ecnv4-mgmt.ecommercen.com"
FRESH = "grafana2-ecnv4-mgmt.ecommercen.com"
DONE, MISSING, UNSEEN = Progress.DONE, Progress.MISSING, Progress.UNSEEN
TUNNEL = "8f2c1d5e-3b7a-4e6f-9a10-2c4d6e8f0a1b"


def world_of(name: str, *faults: str, patch: tuple[dict[str, Any], ...] = ()) -> Any:
    world = load_world(name)
    for fault in faults:
        world = apply_fault(world, load_fault(name, fault))
    if patch:
        own = Fault(
            name="test",
            world=name,
            title="",
            kind="fault",
            host="",
            patch=patch,
            expect=Expectation(status="fail"),
        )
        world = apply_fault(world, own)
    return world


def onboard(
    host: str, *faults: str, world: str = "wecare", management: bool = False, patch: tuple[dict[str, Any], ...] = ()
) -> Onboarding:
    with running(world_of(world, *faults, patch=patch)) as lab:
        settings = load_settings(str(lab.handout.config))
        wanted = ManagementOnboarding if management else PublicOnboarding

        async def ask() -> object:
            async with open_session(settings, environ=lab.handout.environment) as session:
                (found,) = await session.evidence((wanted,), Target.parse(host))
                return found

        found = asyncio.run(ask())
    assert isinstance(found, Onboarding)
    return found


def states(view: Onboarding) -> list[Progress]:
    return [item.progress for item in view.items]


MANAGEMENT = [
    pytest.param(FRESH, (), [MISSING] * 4, "tunnel-rule", id="a-fresh-name-has-nothing"),
    pytest.param(GRAFANA, (), [DONE] * 4, None, id="a-name-that-is-served-has-all"),
    pytest.param(
        GRAFANA,
        ("tunnel-host-not-in-rules",),
        [MISSING, DONE, DONE, MISSING],
        "tunnel-rule",
        id="record-and-login-but-no-rule",
    ),
    pytest.param(GRAFANA, ("tunnel-cname-missing",), [DONE, MISSING, DONE, DONE], "cname", id="no-record"),
    pytest.param(GRAFANA, ("tunnel-cname-other",), [DONE, MISSING, DONE, DONE], "cname", id="record-to-another-tunnel"),
    pytest.param(GRAFANA, ("tunnel-cname-grey",), [DONE, MISSING, DONE, DONE], "cname", id="grey-record"),
    pytest.param(
        GRAFANA, ("tunnel-access-missing",), [DONE, DONE, MISSING, DONE], "access-application", id="no-application"
    ),
    pytest.param(
        GRAFANA, ("tunnel-config-edited",), [DONE, DONE, DONE, MISSING], "synced-and-reloaded", id="pods-not-restarted"
    ),
]


@pytest.mark.lab
@pytest.mark.parametrize(("host", "faults", "expected", "first"), MANAGEMENT)
def test_a_management_hostname(host: str, faults: tuple[str, ...], expected: list[Progress], first: str | None) -> None:
    view = onboard(host, *faults, management=True)

    assert states(view) == expected
    assert (view.next.id if view.next else None) == first
    assert exit_code_of(view) == (0 if first is None else 1)


@pytest.mark.lab
def test_the_rule_to_paste_is_made_from_the_neighbours() -> None:
    view = onboard(GRAFANA, "tunnel-host-not-in-rules", management=True)

    assert view.next is not None
    action = view.next.action
    assert action is not None
    assert action.paste == f"- hostname: {GRAFANA}\n  service: http://grafana.monitoring.svc.cluster.local:80"
    assert "above rule 8" in action.text
    assert [command.shell() for command in action.commands][-1] == "argocd app sync cloudflared"


@pytest.mark.lab
def test_a_slip_of_the_name_is_answered_with_the_one_that_exists() -> None:
    view = onboard("phpmyadmin-wecare-ecnv4-mgmt.ecommercen.com", management=True)

    assert view.near == ("wecare-phpmyadmin-ecnv4-mgmt.ecommercen.com",)


@pytest.mark.lab
def test_the_record_to_paste_names_the_tunnel_of_the_rules() -> None:
    view = onboard(GRAFANA, "tunnel-cname-missing", management=True)

    assert view.next is not None
    assert view.next.action is not None
    assert view.next.action.paste.startswith(f"{GRAFANA}. 1 IN CNAME {TUNNEL}.cfargotunnel.com.")


@pytest.mark.lab
def test_a_rule_in_git_only_is_to_be_synced_and_not_written_again() -> None:
    out_of_sync = {
        "object": {"kind": "Application", "namespace": "argocd", "name": "cloudflared"},
        "set": {"status.resources[kind=ConfigMap].status": "OutOfSync", "status.sync.status": "OutOfSync"},
    }
    view = onboard(GRAFANA, "tunnel-host-not-in-rules", management=True, patch=(out_of_sync,))

    assert view.next is not None
    assert view.next.action is not None
    assert view.next.action.paste == ""
    assert view.next.action.commands[0].shell() == "argocd app sync cloudflared"


PUBLIC = [
    pytest.param("shop.wecare.gr", (), [MISSING] * 5, "dns-record", id="a-fresh-name-has-nothing"),
    pytest.param("www.wecare.gr", (), [DONE] * 5, None, id="a-name-that-is-served-has-all"),
    pytest.param(
        "www.wecare.gr", ("route-deleted",), [DONE, MISSING, DONE, MISSING, MISSING], "route-object", id="no-route"
    ),
    pytest.param(
        "www.wecare.gr", ("dns-grey-cloud",), [MISSING, DONE, DONE, DONE, DONE], "dns-record", id="grey-record"
    ),
    pytest.param(
        "www.wecare.gr", ("cert-challenge-token",), [DONE, DONE, MISSING, DONE, DONE], "certificate", id="not-issued"
    ),
    pytest.param(
        "www.wecare.gr", ("route-wrong-class",), [DONE, DONE, DONE, DONE, MISSING], "controller-routes", id="dropped"
    ),
    pytest.param(
        "www.wecare.gr",
        ("argocd-out-of-sync",),
        [DONE, MISSING, DONE, MISSING, MISSING],
        "route-object",
        id="route-in-git-only",
    ),
]


@pytest.mark.lab
@pytest.mark.parametrize(("host", "faults", "expected", "first"), PUBLIC)
def test_a_public_hostname(host: str, faults: tuple[str, ...], expected: list[Progress], first: str | None) -> None:
    view = onboard(host, *faults)

    assert states(view) == expected
    assert (view.next.id if view.next else None) == first


@pytest.mark.lab
def test_the_record_is_that_of_the_other_names() -> None:
    view = onboard("shop.wecare.gr")

    assert view.next is not None
    assert view.next.action is not None
    assert view.next.action.paste == "shop.wecare.gr. 1 IN A 203.0.113.10 ; cf_tags=cf-proxied:true"


@pytest.mark.lab
def test_the_route_is_made_from_the_nearest_one_and_takes_the_certificate_that_is_there() -> None:
    view = onboard("www.wecare.gr", "route-deleted")

    action = view.items[1].action
    assert action is not None
    assert "host: www.wecare.gr" in action.paste
    assert "secretName: wecare-gr-tls" in action.paste
    assert "cert-manager.io" not in action.paste


@pytest.mark.lab
def test_a_route_that_git_holds_is_to_be_synced() -> None:
    view = onboard("www.wecare.gr", "argocd-out-of-sync")

    assert view.next is not None
    assert view.next.action is not None
    assert view.next.action.commands[0].shell() == "argocd app sync wecare-adveshop4-prod"


@pytest.mark.lab
def test_another_world_copies_its_own_kind_of_route() -> None:
    view = onboard("new.el-jefe.me", world="el-jefe")

    action = view.items[1].action
    assert action is not None
    assert "kind: Ingress" in action.paste
    assert "host: new.el-jefe.me" in action.paste


DOORS = [
    pytest.param(
        GRAFANA,
        True,
        {"settings": {"set": {"cloudflare.deny": ["zone", "tunnel", "access_apps"]}}},
        {"tunnel-rule": DONE, "cname": UNSEEN, "access-application": DONE, "synced-and-reloaded": DONE},
        id="without-the-api-a-login-is-seen-and-a-record-is-not",
    ),
    pytest.param(
        GRAFANA,
        True,
        {
            "settings": {
                "set": {"rbac.deny": ["deployments.apps", "daemonsets.apps", "statefulsets.apps", "configmaps"]}
            }
        },
        {"tunnel-rule": DONE, "cname": DONE, "access-application": DONE, "synced-and-reloaded": DONE},
        id="without-the-cluster-the-api-shows-the-rules",
    ),
    pytest.param(
        GRAFANA,
        True,
        {
            "settings": {
                "set": {
                    "rbac.deny": ["deployments.apps", "daemonsets.apps", "statefulsets.apps"],
                    "cloudflare.deny": ["tunnel"],
                }
            }
        },
        {"tunnel-rule": UNSEEN, "cname": DONE, "access-application": DONE, "synced-and-reloaded": UNSEEN},
        id="without-cluster-and-tunnel-api-rules-are-not-seen",
    ),
    pytest.param(
        GRAFANA,
        True,
        {"settings": {"set": {"rbac.deny": ["applications.argoproj.io"]}}},
        {"tunnel-rule": DONE, "cname": DONE, "access-application": DONE, "synced-and-reloaded": UNSEEN},
        id="without-applications-the-sync-is-not-seen",
    ),
    pytest.param(
        "www.wecare.gr",
        False,
        {"settings": {"set": {"rbac.deny": ["certificates.cert-manager.io", "applications.argoproj.io"]}}},
        {"dns-record": DONE, "route-object": DONE, "certificate": UNSEEN, "argocd-synced": UNSEEN},
        id="public-without-certificates-and-applications",
    ),
    pytest.param(
        "www.wecare.gr",
        False,
        {"settings": {"set": {"rbac.deny": ["ingressroutes.traefik.io", "ingresses.networking.k8s.io"]}}},
        {"dns-record": DONE, "route-object": UNSEEN, "controller-routes": UNSEEN},
        id="public-without-routes",
    ),
    pytest.param(
        "www.wecare.gr",
        False,
        {"settings": {"set": {"cloudflare.deny": ["zone"]}}},
        {"dns-record": DONE, "route-object": DONE, "controller-routes": DONE},
        id="public-without-the-api-by-the-addresses-of-the-edge",
    ),
]


@pytest.mark.lab
@pytest.mark.parametrize(("host", "management", "patch", "expected"), DOORS)
def test_a_403_is_never_taken_for_absence(
    host: str, management: bool, patch: dict[str, Any], expected: dict[str, Progress]
) -> None:
    view = onboard(host, management=management, patch=(patch,))

    found = {item.id: item.progress for item in view.items}
    assert {name: found[name] for name in expected} == expected
    assert MISSING not in found.values()
    assert all(item.enable_with for item in view.items if item.progress is UNSEEN)
    assert exit_code_of(view) == (3 if UNSEEN in found.values() else 0)


@pytest.mark.lab
def test_the_terminal_page_is_80_columns_but_for_what_is_to_be_copied() -> None:
    view = onboard(FRESH, management=True)
    text = onboard_to_terminal(view, Page(width=80))

    long = [line for line in text.splitlines() if len(line) > 80]
    assert long == []
    assert text.count("Next: ") == 1
    plain = onboard_to_terminal(view, Page(width=80, unicode=False))
    assert plain.isascii()


@pytest.mark.lab
@pytest.mark.parametrize(
    ("host", "words", "code"),
    [
        pytest.param(FRESH, ("--management",), 1, id="management"),
        pytest.param("www.wecare.gr", (), 0, id="public"),
    ],
)
def test_the_json_fits_its_schema_and_the_exit_code(host: str, words: tuple[str, ...], code: int) -> None:
    with running(load_world("wecare")) as lab:
        done = subprocess.run(
            [sys.executable, "-m", "ingressdoctor", "onboard", host, "--json", *words],
            env=environment(**lab.handout.environment),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    found = json.loads(done.stdout)

    jsonschema.validate(found, schema_of(OnboardV1, "ingressdoctor.onboard/v1"))
    assert done.returncode == code == found["exit_code"]
    assert found["schema"] == "ingressdoctor.onboard/v1"


def test_what_could_not_be_seen_alone_is_no_success() -> None:
    item = OnboardItem(id="cname", title="A CNAME", progress=UNSEEN, detail="no token", enable_with="Set a token.")
    view = ManagementOnboarding(hostname=FRESH, management=True, items=(item,))

    assert exit_code_of(view) == 3
    assert json.loads(onboard_to_json(view))["next"] == "cname"
    assert "to look: Set a token." in onboard_to_terminal(view, Page(width=80))
