"""The cloud controller: does its sync succeed, and are its annotations what it understands?"""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from build.hetzner import NOT_ASKED, a_controller, a_service, an_event, events
from ingressdoctor.api import Clock, ServiceEvents, Status, Unavailable
from ingressdoctor_checks.balancer_signatures import SIGNATURES, explain
from ingressdoctor_checks.balancer_sync import annotation_unknown, sync_failing

CLOCK = Clock(now=datetime(2026, 11, 21, 12, 30, tzinfo=UTC))
PREFIX = "load-balancer.hetzner.cloud/"
ENSURED = an_event("EnsuredLoadBalancer", at="2026-11-21T12:10:00Z")
EARLY = an_event("SyncLoadBalancerFailed", "time: missing unit in duration", at="2026-11-21T12:05:00Z")
LATE = an_event("SyncLoadBalancerFailed", "time: missing unit in duration", at="2026-11-21T12:20:00Z")
BEGUN = an_event("EnsuringLoadBalancer", at="2026-11-21T12:15:00Z")
JUST = an_event("EnsuringLoadBalancer", at="2026-11-21T12:29:00Z")
REMARK = an_event("UnsupportedProtocolConfigured", at="2026-11-21T12:12:00Z")
DIFFERS = "the load balancer has no targets"
SYNC = [
    pytest.param(events(ENSURED), [Status.PASS], "succeeded", id="last-sync-succeeded"),
    pytest.param(events(EARLY, ENSURED), [Status.PASS], "succeeded", id="failed-before-the-last-success"),
    pytest.param(events(ENSURED, LATE), [Status.WARN], "no unit", id="failed-since-but-nothing-differs-yet"),
    pytest.param(
        events(ENSURED, LATE, difference=DIFFERS), [Status.FAIL], "no unit", id="failed-since-and-the-balancer-differs"
    ),
    pytest.param(events(LATE, JUST), [Status.WARN], "no unit", id="retrying-after-a-failure"),
    pytest.param(events(JUST, difference=DIFFERS), [Status.UNKNOWN], "no recent", id="just-begun"),
    pytest.param(events(BEGUN, difference=DIFFERS), [Status.WARN], "15 minutes", id="begun-long-ago"),
    pytest.param(events(), [Status.PASS], "No sync", id="no-events-and-no-difference"),
    pytest.param(events(difference=DIFFERS), [Status.UNKNOWN], "no recent", id="no-events-but-a-difference"),
    pytest.param(events(ENSURED, REMARK), [Status.PASS, Status.WARN], "succeeded", id="a-remark-is-a-warning"),
    pytest.param(events(asked=False, kept=False), [Status.SKIP], "No cloud", id="nobody-keeps-a-balancer"),
    pytest.param(events(asked=False), [Status.PASS], "as Service traefik/traefik asks", id="nothing-is-off"),
]


@pytest.mark.parametrize(("seen", "statuses", "says"), SYNC)
def test_sync_failing(seen: ServiceEvents, statuses: list[Status], says: str) -> None:
    findings = sync_failing(a_controller(), seen, CLOCK)

    assert [finding.status for finding in findings] == statuses
    assert says in findings[0].summary


def test_a_controller_without_a_service_is_not_synced() -> None:
    [finding] = sync_failing(a_controller(without_service=True), events(), CLOCK)

    assert finding.status is Status.SKIP


SIGNED = [
    pytest.param("use private ip: missing network id", "knows no network", id="private-without-network"),
    pytest.param("invalid input in field 'http' (invalid_input, 1f2e)", "http-* annotation", id="http-on-tcp"),
    pytest.param(
        "invalid input in field 'health_check' (invalid_input): invalid fields: health_check.protocol",
        "protocol is refused",
        id="the-narrow-signature-before-the-wide",
    ),
    pytest.param("API token is read-only (token_readonly)", "only read", id="read-only-token"),
    pytest.param("unable to authenticate (unauthorized)", "not accepted", id="bad-token"),
    pytest.param("limit reached (resource_limit_exceeded)", "limit", id="limit"),
    pytest.param("something nobody has seen", "its message says why", id="unknown-message"),
]


@pytest.mark.parametrize(("message", "says"), SIGNED)
def test_a_known_message_is_explained(message: str, says: str) -> None:
    failure = an_event("SyncLoadBalancerFailed", f"Error syncing load balancer: {message}")

    [finding] = sync_failing(a_controller(), events(failure, difference=DIFFERS), CLOCK)

    assert says in finding.summary
    assert finding.remedy is not None
    assert finding.remedy.text


def test_every_signature_can_be_reached() -> None:
    shadowed = [item.text for item in SIGNATURES if explain(item.text) is not item]

    assert shadowed == []


ANNOTATIONS = [
    pytest.param({"name": "lb", "location": "fsn1"}, [Status.PASS], "", id="known-ones"),
    pytest.param(
        {"algorithm": "round_robin"}, [Status.WARN], "algorithm-type", id="published-elsewhere-but-meaningless"
    ),
    pytest.param({"uses-proxy-protocol": "true"}, [Status.WARN], "uses-proxyprotocol", id="misspelt-name"),
    pytest.param({"zzz": "1"}, [Status.WARN], "does not know", id="nothing-near"),
    pytest.param(
        {"load-balancer.hetzner.com/location": "fsn1"},
        [Status.WARN],
        f"did you mean {PREFIX}location",
        id="misspelt-domain",
    ),
    pytest.param({"example.org/location": "x"}, [Status.SKIP], "", id="others-annotations-are-theirs"),
    pytest.param({}, [Status.SKIP], "", id="no-annotations"),
    pytest.param({"use-private-ip": "yes"}, [Status.WARN], "no boolean", id="yes-is-no-boolean"),
    pytest.param({"use-private-ip": "1"}, [Status.PASS], "", id="one-is-a-boolean"),
    pytest.param({"health-check-interval": "15"}, [Status.WARN], "no duration", id="duration-without-unit"),
    pytest.param({"health-check-interval": "1m30s"}, [Status.PASS], "", id="compound-duration"),
    pytest.param({"health-check-retries": "three"}, [Status.WARN], "whole number", id="retries-in-words"),
    pytest.param({"protocol": "TCP"}, [Status.WARN], "none of tcp", id="protocol-in-capitals"),
    pytest.param({"health-check-protocol": "https"}, [Status.WARN], "validate-certificate", id="https-health-check"),
    pytest.param({"private-ipv4": "10.0.0"}, [Status.WARN], "no IPv4", id="half-an-address"),
    pytest.param({"private-subnet-ip-range": "10.0.0.0/33"}, [Status.WARN], "no address range", id="prefix-too-long"),
    pytest.param({"http-redirect-http": "true"}, [Status.WARN], "takes no http-*", id="redirect-on-tcp"),
    pytest.param({"http-redirect-http": "true", "protocol": "https"}, [Status.PASS], "", id="redirect-on-https"),
]


@pytest.mark.parametrize(("annotations", "statuses", "says"), ANNOTATIONS)
def test_annotation_unknown(annotations: dict[str, str], statuses: list[Status], says: str) -> None:
    controller = a_controller(service=a_service(annotations=annotations))

    findings = annotation_unknown(controller, NOT_ASKED)

    assert [finding.status for finding in findings] == statuses
    assert says in findings[0].summary


@pytest.mark.parametrize(
    ("message", "status"),
    [
        pytest.param('time: missing unit in duration "15"', Status.SKIP, id="the-failing-sync-names-the-value"),
        pytest.param("unauthorized", Status.WARN, id="the-sync-fails-for-another-reason"),
    ],
)
def test_what_a_failing_sync_names_is_not_said_twice(message: str, status: Status) -> None:
    controller = a_controller(service=a_service(annotations={"health-check-interval": "15"}))

    [finding] = annotation_unknown(controller, events(an_event("SyncLoadBalancerFailed", message)))

    assert finding.status is status


def test_annotations_of_a_service_that_may_not_be_read_are_unknown() -> None:
    forbidden = Unavailable(wanted="the cluster's Services", reason="403", enable_with="Grant list on services.")

    [finding] = annotation_unknown(a_controller(without_service=True, unread=(forbidden,)), forbidden)

    assert (finding.status, finding.enable_with) == (Status.UNKNOWN, "Grant list on services.")
