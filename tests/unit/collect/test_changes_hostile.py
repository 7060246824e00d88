"""Histories of any shape: an object is never lost for what its managedFields hold, and no timeline raises."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build.backend import a_pod
from build.changes import DAY, LATELY, a_happening, an_edit, an_item, spec_of
from build.kube import TableKube, a_list
from ingressdoctor.api import Loaded
from ingressdoctor.collect.changes_edits import edits
from ingressdoctor.collect.changes_events import application_changes, event_changes, made_by
from ingressdoctor.collect.changes_hetzner import action_changes
from ingressdoctor.collect.changes_pods import pod_changes
from ingressdoctor.collect.changes_rollouts import rollouts, turns, unavailable_since
from ingressdoctor.collect.kinds import INGRESS_ROUTES, Kind
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.evidence.routes import Custom

KEYS = st.sampled_from(
    [
        *("conditions", "type", "status", "lastTransitionTime", "message", "reason", "template", "spec", "containers"),
        *("name", "image", "history", "deployedAt", "revision", "revisions", "initiatedBy", "username", "automated"),
        *("operationState", "phase", "finishedAt", "syncResult", "operation", "started", "command", "error"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from([LATELY, "False", "True", "Available", "Ready", "Failed", "\x1b[2J", "0001-01-01T00:00:00+14:00"]),
)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=5)


@given(spec=OBJECTS, status=OBJECTS)
@settings(max_examples=200, deadline=None)
def test_custom_objects_of_any_shape(spec: dict[str, Any], status: dict[str, Any]) -> None:
    item = Custom(kind="ReplicaSet", metadata=an_item(created=LATELY).metadata, spec=spec, status=status)

    found = [*rollouts([item], DAY), *turns(item, DAY), *application_changes(item, DAY)]

    assert all("\x1b" not in change.detail for change in found)
    assert isinstance(unavailable_since(item, DAY), str)


@given(actions=st.lists(JSON, max_size=5))
@settings(max_examples=100, deadline=None)
def test_actions_of_any_shape(actions: list[Any]) -> None:
    assert all(change.at for change in action_changes(tuple(actions), "Server x", DAY))


@given(series=JSON, source=JSON)
@settings(max_examples=100, deadline=None)
def test_events_of_any_shape(series: Any, source: Any) -> None:
    event = a_happening(series=series, source=source, count=None, message=None, type=None)

    assert len(list(event_changes([event], frozenset(), ("Deployment shop/web",), DAY))) <= 1


@given(name=st.text(max_size=40), maker=st.text(max_size=20))
def test_names_of_any_kind(name: str, maker: str) -> None:
    assert made_by(name, maker) in (True, False)


def test_a_long_name_takes_no_time() -> None:
    assert not made_by("web-" + "b" * 100_000, "web")


HISTORIES = [
    pytest.param("x", id="text"),
    pytest.param(["x", None, 5], id="entries-that-are-none"),
    pytest.param([{"fieldsV1": "x"}], id="fields-that-are-none"),
    pytest.param([{"fieldsV1": {"f:spec": {"f:routes": 5}}}], id="fields-of-another-shape"),
    pytest.param([{"manager": 5, "time": {"a": 1}}], id="types-of-another-shape"),
]


@pytest.mark.parametrize("history", HISTORIES)
async def test_no_object_is_lost_for_its_history(history: Any) -> None:
    raw = {"metadata": {"name": "web", "namespace": "shop", "managedFields": history}, "spec": {"routes": []}}
    kube = TableKube({INGRESS_ROUTES.path(): a_list(raw)})
    kind: Kind[Custom] = INGRESS_ROUTES

    loaded = await list_kind(kube, kind)

    assert isinstance(loaded, Loaded)
    assert loaded.broken == ()
    assert [list(edits(item, DAY)) for item in loaded.items] == [[]]


def test_nulls_everywhere_in_a_history_are_nothing() -> None:
    entry = {"manager": None, "operation": None, "time": None, "fieldsV1": None, "subresource": None}
    raw = {"kind": "IngressRoute", "metadata": {"name": "web", "managedFields": [entry, {}]}}

    assert list(edits(msgspec.convert(raw, Custom), DAY)) == []


def test_a_thousand_managers_are_not_all_told() -> None:
    many = [an_edit(spec_of("x"), by=f"m{number}") for number in range(1_000)]

    assert len(list(edits(an_item(*many), DAY))) <= 50


def test_a_thousand_pods_are_a_few_changes() -> None:
    last = {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": LATELY}}
    status = {"containerStatuses": [{"name": "app", "restartCount": 10**12, "lastState": last}]}
    owned = {"ownerReferences": [{"kind": "ReplicaSet", "name": "web-1"}], "creationTimestamp": LATELY}

    found = list(pod_changes([a_pod(f"web-{n}", status=status, meta=owned) for n in range(1_000)], DAY))

    assert [item.what for item in found] == ["started 1000 pods", "container ended"]
