"""What changed, against real labs: the edit that broke it is on the timeline, and a healthy run asks nobody."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from build.values import replace
from ingressdoctor.config import load_settings
from ingressdoctor.lab import Lab, World, apply_fault, list_worlds, load_fault, load_world, made_ready, running
from ingressdoctor.lab.edits import as_edited
from ingressdoctor.lab.world import merged
from ingressdoctor.model.report import Report, Verdict
from ingressdoctor.model.target import Target
from ingressdoctor.wiring import RunOptions, open_session
from scenarios import PATIENCE

SHOP = "ecommercen-clients-wecare"
WARNINGS_ONLY = "fieldSelector=type%21%3DNormal"


def report_of(lab: Lab, host: str, client_ip: str = "") -> Report:
    settings = load_settings(str(lab.handout.config))

    async def diagnose() -> Report:
        async with open_session(settings, environ=lab.handout.environment) as session:
            return await session.diagnose(Target.parse(host, client_ip=client_ip), RunOptions())

    return asyncio.run(diagnose())


def patient(world: World) -> World:
    return replace(world, settings=merged(world.settings, PATIENCE))


def broken(world: str, name: str, **settings: Any) -> Report:
    fault = load_fault(world, name)
    made = made_ready(apply_fault(load_world(world), fault), fault.host)
    with running(patient(replace(made, settings=merged(made.settings, settings)))) as lab:
        return report_of(lab, fault.host, fault.client_ip)


def told(report: Report) -> set[tuple[str, str, str]]:
    return {(item.object, item.what, item.by) for item in report.timeline.changes}


EDITED = [
    pytest.param("wecare", "service-port-missing", f"IngressRoute {SHOP}/adveshop4", id="a-route"),
    pytest.param("wecare", "route-host-misspelt", f"IngressRoute {SHOP}/adveshop4", id="a-route-of-another-name-now"),
    pytest.param("wecare", "netpol-denies-traefik", f"NetworkPolicy {SHOP}/allow-traefik", id="a-policy"),
    pytest.param("argo-lan", "nginx-wrong-class", "Ingress monitoring/grafana", id="an-ingress"),
]


@pytest.mark.lab
@pytest.mark.parametrize(("world", "name", "edited"), EDITED)
def test_the_edit_that_broke_it_is_told(world: str, name: str, edited: str) -> None:
    report = broken(world, name)

    assert report.timeline.looked
    assert {ref for ref, what, by in told(report) if (what, by) == ("edited", "kubectl-edit")} == {edited}


@pytest.mark.lab
def test_a_release_and_what_came_of_it() -> None:
    report = broken("wecare", "readiness-failing")

    assert told(report) >= {
        (f"Deployment {SHOP}/adveshop4", "rolled out", ""),
        (f"Deployment {SHOP}/adveshop4", "edited", "argocd-controller"),
        ("Application argocd/wecare-adveshop4-prod", "synced", "automated sync"),
        (f"Deployment {SHOP}/adveshop4", "lost availability", ""),
    }
    rollout = next(item for item in report.timeline.changes if item.what == "rolled out")
    assert rollout.detail == "adveshop4:4.18.1 → 4.18.2 (revision 7)"
    assert rollout.at < report.timeline.broke_at
    assert [item.at for item in report.timeline.changes] == sorted(
        (item.at for item in report.timeline.changes), reverse=True
    )


@pytest.mark.lab
@pytest.mark.parametrize(
    ("world", "name", "change"),
    [
        pytest.param("wecare", "lb-no-443", ("Load balancer ecnv4-lb", "update service", ""), id="the-load-balancer"),
        pytest.param(
            "wecare",
            "tunnel-config-edited",
            ("ConfigMap cloudflared/cloudflared-config, key config.yaml", "edited", "argocd-controller"),
            id="cloudflareds-rules",
        ),
        pytest.param(
            "wecare", "sql-no-master", (f"MaxScale {SHOP}/maxscale", "stopped being ready", ""), id="a-database"
        ),
    ],
)
def test_other_sources_tell_their_part(world: str, name: str, change: tuple[str, str, str]) -> None:
    assert change in told(broken(world, name))


@pytest.mark.lab
def test_behind_a_tunnel_the_load_balancer_is_not_on_the_path() -> None:
    report = broken("wecare", "tunnel-service-misspelt")

    assert report.timeline.looked
    assert not any(item.object.startswith("Load balancer") for item in report.timeline.changes)


@pytest.mark.lab
def test_what_may_not_be_read_is_named_and_costs_no_diagnosis() -> None:
    rules = load_world("wecare").settings["rbac"]
    report = broken("wecare", "lb-no-443", rbac={**rules, "deny": ["events", "replicasets.apps"]})

    assert [cause.check_id for cause in report.diagnosis.causes][:1] == ["lb.service-missing"]
    assert {"403" in gap.reason for gap in report.timeline.unread} == {True}
    assert len(report.timeline.unread) == 2


@pytest.mark.lab
@pytest.mark.parametrize("name", list_worlds())
def test_a_run_in_which_nothing_fails_asks_nobody(name: str) -> None:
    with running(patient(load_world(name))) as lab:
        report = report_of(lab, str(lab.world.settings["host"]))
        asked = [(path, query) for _, path, query in lab.requests["kube"]]

    assert report.diagnosis.verdict is not Verdict.BROKEN
    assert not report.timeline.looked
    assert report.timeline.changes == ()
    assert [query for _, query in asked if WARNINGS_ONLY in query] == []
    assert [path for path, _ in asked if path.endswith("/replicasets")] == []


def an_object(kind: str = "Service", **parts: Any) -> dict[str, Any]:
    meta = {"name": "web", "namespace": "shop", **parts.pop("meta", {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, **parts}


PLAIN = an_object(spec={"ports": [80], "type": "ClusterIP"})
STAMPS = [
    pytest.param(PLAIN, PLAIN, None, id="unchanged"),
    pytest.param(
        PLAIN, an_object(spec={"ports": [81], "type": "ClusterIP"}), {"f:spec": {"f:ports": {}}}, id="a-field"
    ),
    pytest.param(PLAIN, an_object(spec={"ports": [80]}), {"f:spec": {"f:type": {}}}, id="a-field-less"),
    pytest.param(
        PLAIN, an_object(spec=PLAIN["spec"], meta={"labels": {"a": "b"}}), {"f:metadata": {"f:labels": {}}}, id="labels"
    ),
    pytest.param(PLAIN, an_object(spec=PLAIN["spec"], status={"x": 1}), None, id="status-is-no-edit"),
    pytest.param(PLAIN, an_object(spec=PLAIN["spec"], type="Opaque"), {"f:type": {}}, id="a-field-without-fields"),
    pytest.param(
        PLAIN, an_object(spec={}, meta={"managedFields": [{"manager": "me"}]}), None, id="the-fault-says-it-itself"
    ),
    pytest.param(an_object("Pod", spec={}), an_object("Pod", spec={"a": 1}), None, id="pods-are-made-by-controllers"),
    pytest.param(
        an_object("ConfigMap"), an_object("ConfigMap", data={"a": "b"}), None, id="config-maps-say-it-themselves"
    ),
    pytest.param(an_object("Ingress"), PLAIN, {"f:spec": {"f:ports": {}, "f:type": {}}}, id="a-new-object"),
]


@pytest.mark.parametrize(("before", "after", "fields"), STAMPS)
def test_the_lab_writes_down_who_edited_what(before: Any, after: Any, fields: Any) -> None:
    (found,) = as_edited([before], [after])

    entries = found["metadata"].get("managedFields") or [{}]
    assert entries[-1].get("fieldsV1") == fields
    new = before["kind"] != after["kind"]
    if fields is not None:
        assert entries[-1]["manager"] == ("kubectl-create" if new else "kubectl-edit")


def test_an_object_that_was_made_long_ago_was_not_made_now() -> None:
    (found,) = as_edited([], [an_object(spec={"a": 1}, meta={"creationTimestamp": "2026-01-01T00:00:00Z"})])

    assert found["metadata"]["managedFields"][0]["time"] == "2026-01-01T00:00:00Z"
