"""Events of the path, each kind told once, and the syncs of the Application that owns the route."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.changes import DAY, EARLIER, LATELY, LONG_AGO, a_happening, an_edit, an_item, spec_of
from ingressdoctor.collect.changes_events import application_changes, event_changes, made_by

REFS = frozenset({"Service shop/web", "Pod shop/web-1"})
MAKERS = ("Deployment shop/web",)


def about(kind: str, name: str, namespace: str = "shop") -> dict[str, Any]:
    return {"involvedObject": {"kind": kind, "name": name, "namespace": namespace}}


EVENTS = [
    pytest.param([a_happening()], ["BackOff: it fails"], id="one"),
    pytest.param([a_happening(count=90)], ["BackOff 90 times: it fails"], id="counted-by-the-server"),
    pytest.param([a_happening(), a_happening(count=4)], ["BackOff 5 times: it fails"], id="twice-the-same"),
    pytest.param(
        [a_happening(), a_happening(**about("Pod", "web-7d4b9c6f58-x2x9z"))],
        ["BackOff 2 times on 2 Pods: it fails"],
        id="on-two-pods",
    ),
    pytest.param(
        [a_happening(reason="Unhealthy"), a_happening()],
        ["Unhealthy: it fails", "BackOff: it fails"],
        id="two-reasons",
    ),
    pytest.param([a_happening(message="")], ["BackOff"], id="without-a-message"),
    pytest.param([a_happening(reason="")], ["it fails"], id="without-a-reason"),
    pytest.param([a_happening(count=-5)], ["BackOff: it fails"], id="a-count-that-is-none"),
    pytest.param(
        [a_happening(count=None, lastTimestamp=None, series={"count": 7, "lastObservedTime": LATELY})],
        ["BackOff 7 times: it fails"],
        id="a-series",
    ),
    pytest.param([a_happening(count=None, series=["x"])], ["BackOff: it fails"], id="a-series-of-another-shape"),
    pytest.param([a_happening(lastTimestamp=LONG_AGO)], [], id="long-ago"),
    pytest.param([a_happening(lastTimestamp="soon")], [], id="no-time"),
    pytest.param([a_happening(**about("Service", "web"))], ["BackOff: it fails"], id="of-the-service"),
    pytest.param([a_happening(**about("Deployment", "web"))], ["BackOff: it fails"], id="of-the-workload"),
    pytest.param([a_happening(**about("Pod", "db-0"))], [], id="of-a-pod-beside"),
    pytest.param([a_happening(**about("Pod", "web-1", "other"))], [], id="of-another-namespace"),
    pytest.param([a_happening(**about("Secret", "web"))], [], id="of-another-kind"),
    pytest.param([a_happening(involvedObject={})], [], id="of-nothing"),
]


@pytest.mark.parametrize(("events", "details"), EVENTS)
def test_events_of_the_path(events: list[Any], details: list[str]) -> None:
    found = list(event_changes(events, REFS, MAKERS, DAY))

    assert [item.detail for item in found] == details
    assert {(item.what, item.by) for item in found} <= {("warning", "kubelet")}


def test_a_normal_event_is_no_warning() -> None:
    (found,) = event_changes([a_happening(type="Normal", reportingComponent="kube-scheduler")], REFS, MAKERS, DAY)

    assert (found.what, found.by) == ("event", "kube-scheduler")


def test_of_alike_events_the_newest_speaks() -> None:
    old = a_happening(message="old", lastTimestamp=EARLIER)

    (found,) = event_changes([a_happening(message="new"), old], REFS, MAKERS, DAY)

    assert (found.at, found.detail) == (LATELY, "BackOff 2 times: new")


def test_ten_thousand_events_are_a_few_lines() -> None:
    events = [a_happening(reason=f"R{number % 3}", message=f"\x1b[2J {number}") for number in range(10_000)]

    found = list(event_changes(events, REFS, MAKERS, DAY))

    assert len(found) == 3
    assert all("\x1b" not in item.detail and "times" in item.detail for item in found)


NAMES = [
    pytest.param("web", "web", True, id="itself"),
    pytest.param("web-7d4b9c6f58", "web", True, id="a-replica-set"),
    pytest.param("web-7d4b9c6f58-x2x9z", "web", True, id="its-pod"),
    pytest.param("web-ecaffc285a-e0917", "web", True, id="hexadecimal"),
    pytest.param("web-xkqzb", "web", True, id="a-pod-of-a-daemon-set"),
    pytest.param("web-0", "web", True, id="a-pod-of-a-stateful-set"),
    pytest.param("web-api", "web", False, id="another-workload"),
    pytest.param("web-cache", "web", False, id="another-workload-of-five-letters"),
    pytest.param("web-redis-0", "web", False, id="a-pod-of-another-stateful-set"),
    pytest.param("web-api-7d4b9c6f58-x2x9z", "web", False, id="a-pod-of-another-workload"),
    pytest.param("shop-web-0", "web", False, id="it-only-ends-alike"),
]


@pytest.mark.parametrize(("name", "maker", "made"), NAMES)
def test_what_a_workload_made(name: str, maker: str, made: bool) -> None:
    assert made_by(name, maker) is made


COMMIT = "7d0f3c1ab2e94c5d8f60718293a4b5c6d7e8f901"


def synced(at: str = LATELY, **more: Any) -> dict[str, Any]:
    return {"revision": COMMIT, "deployedAt": at, **more}


SYNCS = [
    pytest.param({"history": [synced()]}, [("synced", "", "revision 7d0f3c1ab2")], id="synced"),
    pytest.param(
        {"history": [synced(initiatedBy={"username": "eva"})]},
        [("synced", "eva", "revision 7d0f3c1ab2")],
        id="by-somebody",
    ),
    pytest.param(
        {"history": [synced(initiatedBy={"automated": True})]},
        [("synced", "automated sync", "revision 7d0f3c1ab2")],
        id="by-itself",
    ),
    pytest.param({"history": [synced(LONG_AGO)]}, [], id="long-ago"),
    pytest.param(
        {"history": [{"deployedAt": LATELY, "revisions": ["1.2.3", COMMIT]}]},
        [("synced", "", "revision 1.2.3, 7d0f3c1ab2")],
        id="of-several-sources",
    ),
    pytest.param(
        {"history": [{"deployedAt": LATELY, "revision": "1.2.3"}]}, [("synced", "", "revision 1.2.3")], id="tag"
    ),
    pytest.param(
        {
            "operationState": {
                "phase": "Failed",
                "finishedAt": LATELY,
                "message": "one or more objects failed to apply",
                "syncResult": {"revision": COMMIT},
                "operation": {"initiatedBy": {"username": "eva"}},
            }
        },
        [("sync failed", "eva", "revision 7d0f3c1ab2: one or more objects failed to apply")],
        id="failed",
    ),
    pytest.param({"operationState": {"phase": "Succeeded", "finishedAt": LATELY}}, [], id="the-last-is-in-the-history"),
    pytest.param({"operationState": "x", "history": {"a": 1}}, [], id="of-another-shape"),
    pytest.param({"history": [None, 5, {"deployedAt": 5}]}, [], id="a-history-of-nonsense"),
]


@pytest.mark.parametrize(("status", "expected"), SYNCS)
def test_syncs(status: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    item = an_item(kind="Application", status=status)

    assert [(found.what, found.by, found.detail) for found in application_changes(item, DAY)] == expected


def test_what_an_application_is_to_do_may_have_been_edited() -> None:
    item = an_item(an_edit(spec_of("source"), by="argocd-server"), an_edit({"f:operation": {}}), kind="Application")

    (found,) = application_changes(item, DAY)

    assert (found.by, found.detail) == ("argocd-server", "spec.source")


def test_an_event_says_when_it_was_last_seen() -> None:
    event = a_happening(lastTimestamp=None, eventTime=EARLIER, series={"lastObservedTime": LATELY})

    assert event.when == LATELY
    assert msgspec.structs.replace(event, series=None).when == EARLIER
