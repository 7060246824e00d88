"""Find cloudflared in a cluster: workloads, pods, ConfigMaps, and what may not be read of them."""

from __future__ import annotations

from typing import Any

import pytest

from build.cluster import FakeCluster, workloads_of
from build.tunnel import TUNNEL, a_text
from ingressdoctor.api import Cloudflareds, ConfigHome, TunnelConfig, Unavailable
from ingressdoctor.collect.cloudflareds import collect_cloudflareds

DEPLOYMENTS = "/apis/apps/v1/deployments"
DAEMON_SETS = "/apis/apps/v1/daemonsets"
STATEFUL_SETS = "/apis/apps/v1/statefulsets"
PODS = "/api/v1/namespaces/tunnels/pods"
CONFIG = "/api/v1/namespaces/tunnels/configmaps/rules"
LABELS = {"app": "edge"}
ARGS = ("tunnel", "--config", "/etc/c/config.yaml", "run")


def workload(*args: str, kind: str = "Deployment", image: str = "cloudflare/cloudflared:2026.10.0", **pod: Any) -> Any:
    container = {"name": "edge", "image": image, "args": list(args or ARGS), "resources": None}
    mounts = [{"name": "v", "mountPath": "/etc/c"}]
    spec = {
        "containers": [container | {"volumeMounts": mounts}],
        "volumes": [{"name": "v", "configMap": {"name": "rules"}}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": "edge", "namespace": "tunnels"},
        "spec": {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": {"spec": spec | pod}},
        "status": {"desiredNumberScheduled": 3},
    }


def pod(name: str) -> Any:
    return {"kind": "Pod", "metadata": {"name": name, "namespace": "tunnels", "labels": LABELS}}


def config_map(text: str | None = None, **metadata: Any) -> Any:
    data = {"config.yaml": a_text() if text is None else text, "empty": None}
    return {"kind": "ConfigMap", "metadata": {"name": "rules", "namespace": "tunnels"} | metadata, "data": data}


def cluster(more: dict[str, Any] | None = None, *, statuses: dict[str, int] | None = None) -> FakeCluster:
    objects = {
        DEPLOYMENTS: [workload(), workload(image="nginx:1")],
        DAEMON_SETS: [],
        STATEFUL_SETS: [],
        PODS: [pod("edge-1"), pod("edge-2")],
        CONFIG: config_map(),
    }
    return FakeCluster(objects | (more or {}), statuses)


async def found_in(given: FakeCluster) -> Any:
    found = await collect_cloudflareds.function(given, *workloads_of(given))
    assert isinstance(found, Cloudflareds)
    return found.items[0]


async def test_one_workload_costs_three_requests() -> None:
    given = cluster()

    found = await collect_cloudflareds.function(given, *workloads_of(given))

    assert isinstance(found, Cloudflareds)
    [item] = found.items
    assert sorted(given.asked) == sorted([DEPLOYMENTS, PODS, CONFIG])
    assert (item.ref, item.version, item.replicas) == ("Deployment tunnels/edge", "2026.10.0", 2)
    assert item.identity.id == TUNNEL
    assert [pod.name for pod in item.live_pods] == ["edge-1", "edge-2"]
    assert isinstance(item.config, TunnelConfig)
    assert len(item.config.rules) == 3


@pytest.mark.parametrize(
    ("path", "kind", "replicas"),
    [
        pytest.param(DAEMON_SETS, "DaemonSet", 3, id="daemonset-one-a-node"),
        pytest.param(STATEFUL_SETS, "StatefulSet", 2, id="statefulset"),
    ],
)
async def test_other_workloads_are_looked_for_where_no_deployment_runs_it(path: str, kind: str, replicas: int) -> None:
    item = await found_in(cluster({DEPLOYMENTS: [], path: [workload(kind=kind)]}))

    assert (item.kind, item.replicas) == (kind, replicas)


EDITED = [
    {"manager": "argocd", "time": "2026-11-02T00:00:00Z", "fieldsV1": {"f:data": {}}},
    {"manager": "labels", "time": "2026-11-09T00:00:00Z", "fieldsV1": {"f:metadata": {}}},
    {"manager": "kubectl-edit", "time": "2026-11-05T00:00:00Z", "fieldsV1": {"f:data": {}}},
    {"manager": "odd", "time": None, "fieldsV1": None},
]


@pytest.mark.parametrize(
    ("metadata", "at", "by"),
    [
        pytest.param({"managedFields": EDITED}, "2026-11-05T00:00:00Z", "kubectl-edit", id="the-last-edit-of-the-data"),
        pytest.param({"creationTimestamp": "2026-10-01T00:00:00Z"}, "2026-10-01T00:00:00Z", "", id="never-edited"),
        pytest.param({"managedFields": None}, "", "", id="nothing-tells"),
    ],
)
async def test_when_the_rules_were_edited(metadata: Any, at: str, by: str) -> None:
    item = await found_in(cluster({CONFIG: config_map(**metadata)}))

    assert (item.source.edited_at, item.source.edited_by) == (at, by)


@pytest.mark.parametrize(
    ("given", "error"),
    [
        pytest.param(cluster(statuses={CONFIG: 404}), "ConfigMap rules does not exist", id="no-such-configmap"),
        pytest.param(
            cluster({CONFIG: {"kind": "ConfigMap", "metadata": {}, "data": {"other": "x"}}}),
            "ConfigMap rules has no key config.yaml (it has other)",
            id="no-such-key",
        ),
        pytest.param(
            cluster({CONFIG: {"kind": "ConfigMap", "metadata": {}, "data": None}}),
            "ConfigMap rules has no key config.yaml (it has no key at all)",
            id="no-data",
        ),
    ],
)
async def test_rules_that_are_not_there(given: FakeCluster, error: str) -> None:
    item = await found_in(given)

    assert isinstance(item.config, TunnelConfig)
    assert (item.config.missing, item.config.error) == (True, error)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("ingress:\n\t- service: x", "found character that cannot start any token", id="tabs"),
        pytest.param("ingress: []\ningress: []\n", "already defined", id="key-twice"),
        pytest.param(
            a_text("- hostname: a.example.com\n  service: http://a"), "must match all URLs", id="no-catch-all"
        ),
        pytest.param(a_text("- path: '('\n  service: http://a\n- service: http://b"), "invalid regex", id="regex"),
    ],
)
async def test_a_configuration_that_is_refused_is_one_clear_error(text: str, error: str) -> None:
    item = await found_in(cluster({CONFIG: config_map(text)}))

    assert isinstance(item.config, TunnelConfig)
    assert error in item.config.error


@pytest.mark.parametrize(
    ("pod_spec", "home", "reason"),
    [
        pytest.param(
            {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]}, ConfigHome.SECRET, "never read", id="secret"
        ),
        pytest.param({"volumes": [{"name": "v", "hostPath": {}}]}, ConfigHome.FILE, "does not show", id="host-path"),
    ],
)
async def test_rules_that_cannot_be_read(pod_spec: Any, home: ConfigHome, reason: str) -> None:
    item = await found_in(cluster({DEPLOYMENTS: [workload(**pod_spec)]}))

    assert item.source.home is home
    assert isinstance(item.config, Unavailable)
    assert reason in item.config.reason
    assert "--cloudflared-config" in item.config.enable_with


async def test_a_token_has_no_configuration_of_its_own() -> None:
    item = await found_in(cluster({DEPLOYMENTS: [workload("tunnel", "run", "--token", "$(T)", volumes=[])]}))

    assert item.config is None
    assert item.source.home is ConfigHome.REMOTE


async def test_what_may_not_be_read_is_a_gap_of_its_own() -> None:
    item = await found_in(cluster(statuses={PODS: 403, CONFIG: 403}))

    assert isinstance(item.pods, Unavailable)
    assert isinstance(item.config, Unavailable)


async def test_nothing_readable_at_all_is_one_gap() -> None:
    given = cluster(statuses={DEPLOYMENTS: 403, DAEMON_SETS: 403, STATEFUL_SETS: 403})

    assert isinstance(await collect_cloudflareds.function(given, *workloads_of(given)), Unavailable)


async def test_no_cloudflared_is_an_answer() -> None:
    given = cluster({DEPLOYMENTS: []}, statuses={DAEMON_SETS: 403})

    found = await collect_cloudflareds.function(given, *workloads_of(given))

    assert isinstance(found, Cloudflareds)
    assert (found.items, len(found.unread)) == ((), 1)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(None, id="null"),
        pytest.param({"template": {"spec": {"containers": "no"}}}, id="text"),
        pytest.param({"template": {"spec": {"containers": [None, {"args": [None], "image": None}]}}}, id="nulls"),
        pytest.param({"template": []}, id="list"),
    ],
)
async def test_odd_workloads_are_passed_over(spec: Any) -> None:
    odd = {"kind": "Deployment", "metadata": {"name": "x", "namespace": "y"}, "spec": spec}

    given = cluster({DEPLOYMENTS: [odd, workload()]})

    found = await collect_cloudflareds.function(given, *workloads_of(given))

    assert isinstance(found, Cloudflareds)
    assert [item.name for item in found.items] == ["edge"]
