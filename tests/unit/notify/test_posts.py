"""What receivers are sent: Alertmanager's alerts, Slack's blocks, and the signed notification."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from typing import Any

import jsonschema
import msgspec
import pytest

from build import sweep as build
from build.values import replace
from ingressdoctor.config import ChannelKind, ChannelSettings
from ingressdoctor.model.sweep import Incident, IncidentState, SweepReport
from ingressdoctor.model.text import Secret
from ingressdoctor.notify.notice import Event, Notice, is_wanted, notices_of, trial
from ingressdoctor.notify.pace import Pace
from ingressdoctor.notify.payload_v1 import NotificationV1, payload_of
from ingressdoctor.notify.posts import alerts, signature, signed, slack

HOSTILE = [
    pytest.param("\x1b[31m\udc80\x00", id="control-characters"),
    pytest.param("<!channel> <https://evil|x> & `` ```", id="slack-markup"),
    pytest.param("&" * 5000, id="escapes-that-grow"),
    pytest.param("名前😀" * 2000, id="long"),
    pytest.param("", id="empty"),
]
HOUR = timedelta(hours=1)
CLOSED = build.incident(state=IncidentState.CLOSED, closed=build.STARTED)


def notice(incident: Incident | None = None, event: Event = Event.OPENED, **over: object) -> Notice:
    value = Notice(event=event, incident=incident or build.incident(), vantage="eu", version="0.1.0")
    return replace(value, **over)


def hostile(text: str) -> Notice:
    return Notice(event=Event.OPENED, incident=build.hostile(text).incidents[0], vantage=text, version=text)


def alert(item: Notice, **over: Any) -> Any:
    given = {"now": build.STARTED, "lasts": HOUR, "token": None, **over}
    (found,) = json.loads(alerts((item,), "critical", **given).body)
    return found


def test_an_active_alert_expires_unless_it_is_sent_again() -> None:
    found = alert(notice())

    assert found["labels"] == {
        "alertname": "lb.no-targets",
        "incident": "inc-7f3a",
        "subject": "Load balancer ecnv4-lb",
        "severity": "critical",
    }
    assert found["startsAt"] == "2026-01-02T00:59:05Z"
    assert found["endsAt"] == "2026-01-02T04:04:05Z"
    assert found["annotations"]["summary"] == "lb.no-targets on Load balancer ecnv4-lb breaks 212 hostnames"
    assert found["annotations"]["members"].endswith("shop020.example.org and 192 more")
    assert found["annotations"]["command"] == "hcloud load-balancer describe ecnv4-lb"


def test_an_alert_that_is_over_ended_when_the_incident_did() -> None:
    assert alert(notice(CLOSED, Event.CLOSED))["endsAt"] == "2026-01-02T03:04:05Z"


def test_an_alert_ends_after_its_beginning_whatever_the_clock_did() -> None:
    found = alert(notice(replace(CLOSED, closed=build.STARTED - timedelta(days=9)), Event.CLOSED))

    assert found["endsAt"] == "2026-01-02T00:59:06Z"


def test_a_test_alert_is_over_soon() -> None:
    found = alert(trial(build.STARTED), now=build.STARTED)

    assert found["labels"]["alertname"] == "ingressdoctor.test"
    assert found["endsAt"] == "2026-01-02T03:05:05Z"


def test_labels_do_not_change_over_an_incidents_life() -> None:
    """They are what makes two alerts the same one."""
    first = alert(notice())
    later = alert(notice(build.incident(state=IncidentState.FLAPPING, members=("x",), failing=99), Event.FLAPPING))

    assert first["labels"] == later["labels"]


def test_a_token_goes_into_the_header_and_nowhere_else() -> None:
    post = alerts((notice(),), "critical", now=build.STARTED, lasts=HOUR, token=Secret("s3cr3t"))

    assert ("Authorization", "Bearer s3cr3t") in post.headers
    assert b"s3cr3t" not in post.body


@pytest.mark.parametrize("text", HOSTILE)
def test_alertmanager_takes_hostile_values(text: str) -> None:
    found = alert(hostile(text))

    assert all(value for value in (*found["labels"].values(), *found["annotations"].values()))
    assert all(value.isprintable() for value in (*found["labels"].values(), *found["annotations"].values()))


def texts(blocks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    found = [(item["type"], item["text"]["text"]) for item in blocks if "text" in item]
    return found + [("context", part["text"]) for item in blocks for part in item.get("elements", ())]


def test_slack_is_told_what_where_who_since_and_what_to_type() -> None:
    found = slack(notice())
    message = json.loads(found.body)
    told = dict(texts(message["blocks"]))

    assert told["header"] == "Opened: lb.no-targets on Load balancer ecnv4-lb"
    first, second = (text for kind, text in texts(message["blocks"]) if kind == "section")
    assert first.startswith("the Hetzner load balancer: none of its targets is healthy\nBreaks 212 hostnames: shop001")
    assert "Since 2026-01-02 00:59 UTC" in first
    assert second == "Next: Look why its targets fail their health check.\n```hcloud load-balancer describe ecnv4-lb```"
    assert message["text"].startswith("Opened: lb.no-targets on Load balancer ecnv4-lb breaks 212 hostnames")


def test_slack_is_told_the_end_without_a_command() -> None:
    message = json.loads(slack(notice(CLOSED, Event.CLOSED)).body)

    assert "until 2026-01-02 03:04 UTC" in texts(message["blocks"])[1][1]
    assert "```" not in slack(notice(CLOSED, Event.CLOSED)).body.decode()


@pytest.mark.parametrize("text", HOSTILE)
def test_slacks_rules_hold_whatever_is_told(text: str) -> None:
    """Three characters escaped, no escape cut in two, and its limits of size: 150, 3000 and 50 blocks."""
    message = json.loads(slack(hostile(text)).body)
    everything = [("text", message["text"]), *texts(message["blocks"])]

    for kind, part in everything:
        plain = part.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert not set("&<>") & set(plain)
        assert 0 < len(part) <= (150 if kind == "header" else 3000)
    assert part.count("```") in (0, 2)
    assert len(message["blocks"]) <= 50


def test_a_signature_can_be_checked_with_the_standard_library() -> None:
    post = signed(notice(), "hook", "critical", secret=Secret("s3cr3t"), now=build.STARTED)
    headers = dict(post.headers)
    made = hmac.new(b"s3cr3t", f"{headers['Ingressdoctor-Timestamp']}.".encode() + post.body, hashlib.sha256)

    assert headers["Ingressdoctor-Timestamp"] == str(int(build.STARTED.timestamp()))
    assert headers["Ingressdoctor-Signature"] == f"v1={made.hexdigest()}"
    assert signature(Secret("other"), headers["Ingressdoctor-Timestamp"], post.body) != made.hexdigest()
    assert b"s3cr3t" not in post.body


def test_every_attempt_is_the_same_delivery_with_its_own_time() -> None:
    first = dict(signed(notice(), "hook", "x", secret=Secret("a"), now=build.STARTED).headers)
    later = dict(signed(notice(), "hook", "x", secret=Secret("a"), now=build.STARTED + HOUR).headers)
    closed = dict(signed(notice(CLOSED, Event.CLOSED), "hook", "x", secret=Secret("a"), now=build.STARTED).headers)

    assert first["Ingressdoctor-Delivery"] == later["Ingressdoctor-Delivery"] != closed["Ingressdoctor-Delivery"]
    assert first["Ingressdoctor-Signature"] != later["Ingressdoctor-Signature"]


@pytest.mark.parametrize(
    "item",
    [
        pytest.param(notice(), id="opened"),
        pytest.param(notice(CLOSED, Event.CLOSED), id="closed"),
        pytest.param(trial(build.STARTED), id="test"),
        *(pytest.param(hostile(case.values[0]), id=str(case.id)) for case in HOSTILE),  # type: ignore[arg-type]
    ],
)
def test_the_notification_fits_its_schema(item: Notice) -> None:
    body = payload_of(item, "hook", "critical")
    value = json.loads(body)
    jsonschema.Draft202012Validator(msgspec.json.schema(NotificationV1)).validate(value)

    assert b"\n" not in body
    assert b"\x1b" not in body


def test_a_notification_stays_small() -> None:
    body = payload_of(notice(build.incident(members=tuple(f"h{n}.example.org" for n in range(100_000)))), "hook", "x")

    assert json.loads(body)["incident"]["member_count"] == 100_000
    assert len(json.loads(body)["incident"]["members"]) == 500


STATES = [
    pytest.param({"state": IncidentState.PENDING}, [], id="pending-waits"),
    pytest.param({}, ["opened"], id="open"),
    pytest.param({"state": IncidentState.RECOVERING}, ["opened"], id="recovering-is-still-open"),
    pytest.param({"state": IncidentState.FLAPPING}, ["flapping"], id="flapping"),
    pytest.param({"state": IncidentState.CLOSED, "closed": build.STARTED}, ["closed"], id="closed"),
    pytest.param({"state": IncidentState.CLOSED, "opened": None}, [], id="closed-before-it-opened"),
    pytest.param({"suppressed": "moved"}, [], id="excused"),
]


@pytest.mark.parametrize(("change", "events"), STATES)
def test_what_is_told_of_an_incident(change: dict[str, Any], events: list[str]) -> None:
    report = build.all_well(incidents=(build.incident(**change),))

    assert [str(item.event) for item in notices_of(report)] == events


def test_an_incident_that_only_a_transition_names_is_told() -> None:
    report: SweepReport = build.all_well(transitions=(build.transition(incident=CLOSED),))

    assert [item.event for item in notices_of(report)] == [Event.CLOSED]


def channel(**over: object) -> ChannelSettings:
    return replace(ChannelSettings(kind=ChannelKind.COMMAND, name="x", command=("x",)), **over)


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        pytest.param((), True, id="everything"),
        pytest.param(("lb.*",), True, id="check"),
        pytest.param(("dns.*",), False, id="another-check"),
        pytest.param(("SHOP00?.example.org".lower(),), True, id="a-member"),
        pytest.param(("*.example.com",), False, id="no-member"),
        pytest.param(("dns.*", "shop1*"), True, id="one-of-them"),
    ],
)
def test_patterns_match_checks_and_members(only: tuple[str, ...], wanted: bool) -> None:
    assert is_wanted(notice(), channel(only=only)) is wanted


def test_who_was_told_of_the_beginning_is_told_of_the_end() -> None:
    ended = notice(replace(CLOSED, members=()), Event.CLOSED)

    assert is_wanted(ended, channel(only=("shop*",)))
    assert not is_wanted(ended, channel(send_resolved=False))


def test_waiting_doubles_with_jitter_and_obeys_the_server_within_reason() -> None:
    pace = Pace(first_s=1, most_s=8, asked_s=60)
    for attempt, longest in ((1, 1), (2, 2), (3, 4), (4, 8), (9, 8)):
        waits = [pace.wait_s(attempt, None) for _ in range(50)]

        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) > 1
    assert pace.wait_s(1, 20) == 20
    assert pace.wait_s(1, 86_400) == 60
    assert pace.wait_s(1, -5) == 0
