"""The cloud controller's annotations: Go's rules for values, and the names it knows."""

from __future__ import annotations

import pytest

from ingressdoctor.routing.hetzner_annotations import NAMES, misnamed_annotations, refused_annotations

PREFIX = "load-balancer.hetzner.cloud/"

VALUES = [
    *(
        pytest.param("use-private-ip", v, True, id=f"bool-{v}")
        for v in ("1", "t", "T", "TRUE", "true", "True", "0", "f")
    ),
    *(pytest.param("use-private-ip", v, False, id=f"no-bool-{v}") for v in ("", "yes", "on", "tRUE", " true", "2")),
    *(
        pytest.param("health-check-interval", v, True, id=f"duration-{v}")
        for v in ("15s", "1m30s", "0", "1.5h", "250ms")
    ),
    *(pytest.param("health-check-interval", v, False, id=f"no-duration-{v}") for v in ("", "15", "s", "1d", "15 s")),
    *(pytest.param("health-check-retries", v, True, id=f"number-{v}") for v in ("3", "-1", "+2")),
    *(pytest.param("health-check-retries", v, False, id=f"no-number-{v}") for v in ("", "3.0", "0x3", "three", "٣")),
    pytest.param("private-subnet-ip-range", "10.0.1.0/24", True, id="range"),
    pytest.param("private-ipv4", "2001:db8::1", False, id="ipv6-is-no-ipv4"),
    pytest.param("name", "", True, id="texts-are-not-judged"),
]


@pytest.mark.parametrize(("name", "value", "taken"), VALUES)
def test_values(name: str, value: str, *, taken: bool) -> None:
    assert (list(refused_annotations({PREFIX + name: value})) == []) is taken


def test_the_controller_knows_39_names() -> None:
    assert len(set(NAMES)) == len(NAMES) == 39


@pytest.mark.parametrize("name", NAMES)
def test_every_known_name_is_well_spelt(name: str) -> None:
    assert list(misnamed_annotations({PREFIX + name: ""})) == []


def test_the_rules_of_others_are_theirs() -> None:
    foreign = {"example.org/use-private-ip": "yes", "use-private-ip": "yes", "cert-manager.io/issuer": "hetzner"}

    assert list(misnamed_annotations(foreign)) == []
    assert list(refused_annotations(foreign)) == []


@pytest.mark.parametrize(
    ("key", "near"),
    [
        pytest.param(PREFIX + "use-privat-ip", PREFIX + "use-private-ip", id="a-letter-missing"),
        pytest.param("hetzner.load-balancer.cloud/location", PREFIX + "location", id="another-domain"),
        pytest.param(PREFIX + "zzzzzzzz", "", id="nothing-like-it"),
    ],
)
def test_a_misspelt_name_has_a_suggestion(key: str, near: str) -> None:
    assert list(misnamed_annotations({key: "x"})) == [(key, near)]


def test_a_choice_names_the_others() -> None:
    ((key, why),) = refused_annotations({PREFIX + "health-check-protocol": "https"})

    assert key == PREFIX + "health-check-protocol"
    assert why.endswith("use http with health-check-http-validate-certificate")


def test_tcp_takes_no_settings_of_http() -> None:
    key = PREFIX + "http-redirect-http"

    assert [found for found, _ in refused_annotations({key: "true"})] == [key]
    assert list(refused_annotations({key: "true", PREFIX + "protocol": "https"})) == []
