"""What single objects tell of their last day: edits, rollouts, pods, nodes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from build.backend import NOW, a_pod
from build.changes import (
    DAY,
    EARLIER,
    LATELY,
    LONG_AGO,
    a_condition,
    a_node,
    a_replica_set,
    an_edit,
    an_item,
    spec_of,
)
from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.collect.changes_edits import edits
from ingressdoctor.collect.changes_pods import node_changes, pod_changes, unready_since
from ingressdoctor.collect.changes_rollouts import rollouts, turns, unavailable_since, without_starts
from ingressdoctor.model.timeline import Change

TIMES = [
    pytest.param(LATELY, LATELY, id="lately"),
    pytest.param("2026-11-21T12:45:00+01:00", LATELY, id="another-zone"),
    pytest.param("2026-11-21T11:45:00.987654Z", LATELY, id="microseconds"),
    pytest.param("2026-11-20T12:00:00Z", "2026-11-20T12:00:00Z", id="a-day-ago"),
    pytest.param("2026-11-20T11:59:59Z", "", id="more-than-a-day-ago"),
    pytest.param("2026-11-21T12:04:00Z", "2026-11-21T12:00:00Z", id="a-clock-ahead-is-now"),
    pytest.param("2026-11-21T12:06:00Z", "", id="the-future"),
    pytest.param("9999-12-31T23:59:59-14:00", "", id="beyond-the-last-day"),
    pytest.param("0001-01-01T00:00:00+14:00", "", id="before-the-first-day"),
    pytest.param("", "", id="empty"),
    pytest.param(None, "", id="null"),
    pytest.param(1763726400, "", id="a-number"),
    pytest.param("yesterday", "", id="no-time"),
]


@pytest.mark.parametrize(("text", "at"), TIMES)
def test_a_time_of_the_last_day(text: object, at: str) -> None:
    assert DAY.at(text) == at


def test_the_day_ends_with_the_run() -> None:
    assert Day(NOW + timedelta(days=1)).at(LATELY) == ""


def test_texts_from_outside_become_one_short_harmless_line() -> None:
    made = change(LATELY, "a\nb", "x\x1b[31m", by="y" * 500, detail="z\t" * 5000)

    assert made.what == "a b"
    assert "\x1b" not in made.object
    assert len(made.by) == 80
    assert len(made.detail) == 300


def told(changes: Any) -> list[tuple[str, str, str]]:
    return [(item.what, item.by, item.detail) for item in changes]


EDITS = [
    pytest.param([an_edit(spec_of("routes"))], [("edited", "kubectl-edit", "spec.routes")], id="one-field"),
    pytest.param(
        [an_edit(spec_of("a", "b", "c", "d", "e", "f"))],
        [("edited", "kubectl-edit", "spec.a, spec.b, spec.c, spec.d and 2 more")],
        id="many-fields",
    ),
    pytest.param(
        [an_edit({"f:metadata": {"f:annotations": {"f:x": {}}, "f:finalizers": {}}})],
        [("edited", "kubectl-edit", "metadata.annotations")],
        id="annotations-but-not-finalizers",
    ),
    pytest.param([an_edit({"f:metadata": {"f:finalizers": {}}})], [], id="a-controller's-own-metadata"),
    pytest.param([an_edit({"f:data": {"f:a.yaml": {}}})], [("edited", "kubectl-edit", "data.a.yaml")], id="data"),
    pytest.param([an_edit({"f:type": {}})], [("edited", "kubectl-edit", "type")], id="a-field-without-fields"),
    pytest.param([an_edit({"f:status": {"f:x": {}}}, by="traefik")], [], id="status-is-no-edit"),
    pytest.param([an_edit(spec_of("x"), subresource="status")], [], id="nor-is-its-subresource"),
    pytest.param(
        [an_edit(spec_of("replicas"), by="kubectl", subresource="scale")],
        [("scaled", "kubectl", "spec.replicas")],
        id="scaled",
    ),
    pytest.param([an_edit(spec_of("routes"), at=LONG_AGO)], [], id="long-ago"),
    pytest.param([an_edit(spec_of("routes"), at=None)], [], id="nobody-knows-when"),
    pytest.param([an_edit(None)], [], id="no-fields"),
    pytest.param([an_edit({})], [], id="empty-fields"),
    pytest.param([{}], [], id="an-empty-entry"),
    pytest.param(
        [an_edit(spec_of("routes"), at=EARLIER), an_edit(spec_of("tls"), by="helm")],
        [("edited", "kubectl-edit", "spec.routes"), ("edited", "helm", "spec.tls")],
        id="two-managers",
    ),
]


@pytest.mark.parametrize(("entries", "expected"), EDITS)
def test_who_edited_which_fields(entries: list[dict[str, Any]], expected: list[tuple[str, str, str]]) -> None:
    assert told(edits(an_item(*entries), DAY)) == expected


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        pytest.param([], [("created", "", "")], id="by-nobody-knows-whom"),
        pytest.param([an_edit(spec_of("routes"), by="argocd")], [("created", "argocd", "")], id="by-its-manager"),
        pytest.param(
            [an_edit(spec_of("routes"), by="argocd"), an_edit(spec_of("tls"), at="2026-11-21T11:50:00Z")],
            [("edited", "kubectl-edit", "spec.tls"), ("created", "argocd", "")],
            id="and-edited-since",
        ),
    ],
)
def test_a_new_object(entries: list[dict[str, Any]], expected: list[tuple[str, str, str]]) -> None:
    assert told(edits(an_item(*entries, created=LATELY), DAY)) == expected


def test_only_some_fields_may_count() -> None:
    item = an_item(an_edit(spec_of("routes")), an_edit({"f:metadata": {"f:labels": {}}}), created=LATELY)

    assert told(edits(item, DAY, only="spec.nothing")) == []


ROLLOUTS = [
    pytest.param(
        [
            a_replica_set("web-1", "r.example.com/shop:1.4", revision="6"),
            a_replica_set("web-2", "r.example.com/shop:1.5", revision="7", created=LATELY),
        ],
        ["shop:1.4 → 1.5 (revision 7)"],
        id="another-tag",
    ),
    pytest.param(
        [
            a_replica_set("web-1", "r.example.com/shop:1.4", revision="6"),
            a_replica_set("web-2", "elsewhere.example.com/shop:1.4", revision="7", created=LATELY),
        ],
        ["shop:1.4 → shop:1.4 (revision 7)"],
        id="another-registry",
    ),
    pytest.param(
        [
            a_replica_set("web-1", "shop@sha256:aaaaaaaaaaaabbbb", revision="6"),
            a_replica_set("web-2", "shop@sha256:ccccccccccccdddd", revision="7", created=LATELY),
        ],
        ["shop:sha256:aaaaaaaaaaaa → sha256:cccccccccccc (revision 7)"],
        id="by-digest",
    ),
    pytest.param(
        [a_replica_set("web-1", "shop:1", "side:1"), a_replica_set("web-2", "shop:2", revision="2", created=LATELY)],
        ["shop:1 → 2, - side:1 (revision 2)"],
        id="a-container-less",
    ),
    pytest.param(
        [a_replica_set("web-1", "shop:1"), a_replica_set("web-2", "shop:1", "side:1", revision="2", created=LATELY)],
        ["+ side:1 (revision 2)"],
        id="a-container-more",
    ),
    pytest.param(
        [
            a_replica_set("web-1", "shop:1"),
            a_replica_set("web-2", "shop:1", revision="2", created=LATELY, restarted=LATELY),
        ],
        ["restarted by hand, the same images (revision 2)"],
        id="restarted-by-hand",
    ),
    pytest.param(
        [a_replica_set("web-1", "shop:1"), a_replica_set("web-2", "shop:1", revision="2", created=LATELY)],
        ["the same images, something else of the pods (revision 2)"],
        id="the-same-images",
    ),
    pytest.param([a_replica_set("web-1", "shop:1", created=LATELY)], ["shop:1 (revision 1)"], id="the-first"),
    pytest.param(
        [a_replica_set("web-1", "shop:1", created=LATELY, revision="many")], ["shop:1"], id="no-revision-to-read"
    ),
    pytest.param([a_replica_set("web-1", "shop:1")], [], id="an-old-one"),
    pytest.param([a_replica_set("web-1", "shop:1", created=LATELY, owner="")], [], id="of-no-deployment"),
    pytest.param([an_item(kind="ReplicaSet", created=LATELY, spec={"template": []})], [], id="of-another-shape"),
]


@pytest.mark.parametrize(("items", "details"), ROLLOUTS)
def test_rollouts(items: list[Any], details: list[str]) -> None:
    found = list(rollouts(items, DAY))

    assert [item.detail for item in found] == details
    assert {item.object for item in found} <= {"Deployment shop/web"}


def test_the_starts_of_a_rollout_are_not_told_twice() -> None:
    new = a_replica_set("web-2", "shop:1", created=LATELY)
    started = Change(at=LATELY, what="started 3 pods", object="ReplicaSet shop/web-2")
    single = Change(at=LATELY, what="started", object="Pod shop/web-2-x", by="ReplicaSet shop/web-2")
    other = Change(at=LATELY, what="started", object="Pod shop/db-0", by="StatefulSet shop/db")

    assert without_starts([started, single, other], [new], DAY) == (other,)
    assert without_starts([started, single, other], [a_replica_set("web-2", "shop:1")], DAY) == (started, single, other)


TURNS = [
    pytest.param(a_condition("Available", "False"), "lost availability", LATELY, id="too-few-pods"),
    pytest.param(a_condition("Progressing", "False"), "rollout stuck", "", id="stuck"),
    pytest.param(a_condition("ReplicaFailure", "True"), "no pods made", "", id="quota"),
    pytest.param(a_condition("Available", "True"), "", "", id="available"),
    pytest.param(a_condition("Available", "False", at=LONG_AGO), "", "", id="long-ago"),
    pytest.param(a_condition("Available", "False", at=None), "", "", id="nobody-knows-when"),
    pytest.param({"type": ["Available"], "status": 1}, "", "", id="of-another-shape"),
]


@pytest.mark.parametrize(("condition", "what", "since"), TURNS)
def test_what_a_deployment_says_of_itself(condition: Any, what: str, since: str) -> None:
    item = an_item(kind="Deployment", status={"conditions": [condition, None, "x"]})

    assert [found.what for found in turns(item, DAY)] == [what] * bool(what)
    assert unavailable_since(item, DAY) == since


def ended(reason: str = "OOMKilled", code: int | None = 137, *, at: str = LATELY, restarts: int = 5) -> dict[str, Any]:
    last = {"terminated": {"reason": reason, "exitCode": code, "finishedAt": at}}
    return {"containerStatuses": [{"name": "app", "restartCount": restarts, "lastState": last}]}


OWNED = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-7d4b9c6f58"}], "creationTimestamp": LONG_AGO}
PODS = [
    pytest.param([a_pod()], [], id="well"),
    pytest.param(
        [a_pod(status=ended())],
        [("container ended", "", "container app: OOMKilled, exit code 137, 5 restarts so far")],
        id="restarted",
    ),
    pytest.param(
        [a_pod(status=ended("", None, restarts=1))],
        [("container ended", "", "container app: ended, 1 restart so far")],
        id="nobody-says-why",
    ),
    pytest.param([a_pod(status=ended(at=LONG_AGO))], [], id="restarted-long-ago"),
    pytest.param(
        [a_pod(f"web-{n}", status=ended(), meta=OWNED) for n in range(3)],
        [("container ended", "", "container app: OOMKilled, exit code 137, 15 restarts so far, of 3 pods")],
        id="three-alike-are-one",
    ),
    pytest.param(
        [a_pod(meta={**OWNED, "creationTimestamp": LATELY})],
        [("started", "ReplicaSet shop/web-7d4b9c6f58", "")],
        id="started",
    ),
    pytest.param([a_pod(meta={"creationTimestamp": LATELY})], [("started", "", "")], id="started-by-hand"),
    pytest.param(
        [a_pod(f"web-{n}", meta={**OWNED, "creationTimestamp": LATELY}) for n in range(5)],
        [("started 5 pods", "", "web-0, web-1, web-2 and 2 more")],
        id="started-five",
    ),
    pytest.param(
        [a_pod(meta={**OWNED, "deletionTimestamp": LATELY})], [("being deleted", "", "")], id="on-its-way-out"
    ),
    pytest.param(
        [a_pod(ready=False, status={"conditions": [a_condition("Ready", "False", message="probe fails")]})],
        [("stopped being ready", "", "probe fails")],
        id="stopped-being-ready",
    ),
    pytest.param(
        [
            a_pod(f"web-{n}", meta=OWNED, status={"conditions": [a_condition("Ready", "False", message="no")]})
            for n in range(2)
        ],
        [("2 pods stopped being ready", "", "no")],
        id="two-stopped",
    ),
    pytest.param(
        [
            a_pod(
                meta={"creationTimestamp": LATELY},
                status={"conditions": [a_condition("Ready", "False", at=LATELY)]},
            )
        ],
        [("started", "", "")],
        id="never-was-ready",
    ),
    pytest.param([a_pod(status={"conditions": [a_condition("Ready", "False", at=None)]})], [], id="no-time"),
]


@pytest.mark.parametrize(("pods", "expected"), PODS)
def test_pods(pods: list[Any], expected: list[tuple[str, str, str]]) -> None:
    assert told(pod_changes(pods, DAY)) == expected


def unready(at: str | None) -> Any:
    return a_pod(meta=OWNED, status={"conditions": [a_condition("Ready", "False", at=at)]})


@pytest.mark.parametrize(
    ("pods", "since"),
    [
        pytest.param([unready(EARLIER), unready(LATELY)], LATELY, id="since-the-last-one-stopped"),
        pytest.param([unready(EARLIER), a_pod()], "", id="one-is-ready"),
        pytest.param([unready(LONG_AGO)], "", id="longer-than-a-day"),
        pytest.param([unready(None)], "", id="no-time"),
        pytest.param([], "", id="no-pods"),
    ],
)
def test_when_the_last_pod_stopped_being_ready(pods: list[Any], since: str) -> None:
    assert unready_since(pods, DAY) == since


NODES = [
    pytest.param(a_node(a_condition("Ready", "False", message="kubelet stopped")), ["stopped being ready"], id="down"),
    pytest.param(a_node(a_condition("Ready", "Unknown")), ["stopped being ready"], id="silent"),
    pytest.param(a_node(a_condition("Ready", "True")), ["became ready"], id="back"),
    pytest.param(a_node(a_condition("Ready", "True", at=LONG_AGO)), [], id="always-there"),
    pytest.param(a_node(a_condition("DiskPressure", "True")), ["DiskPressure"], id="under-pressure"),
    pytest.param(a_node(a_condition("DiskPressure", "False")), [], id="no-pressure"),
    pytest.param(
        a_node(edits=(an_edit(spec_of("unschedulable", "taints"), by="kubectl-cordon"),)), ["edited"], id="cordoned"
    ),
    pytest.param(a_node(edits=(an_edit(spec_of("podCIDR"), by="k3s"),)), [], id="its-controller's-own"),
]


@pytest.mark.parametrize(("node", "what"), NODES)
def test_nodes(node: Any, what: list[str]) -> None:
    assert [item.what for item in node_changes([node], DAY)] == what
