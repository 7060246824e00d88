from __future__ import annotations

import pytest

from ingressdoctor.evidence.controller import EntryPoint
from ingressdoctor.routing.traefik.proxy_protocol import Arrival, proxy_effect

TRUSTED = ("10.0.0.0/8",)


@pytest.mark.parametrize(
    ("expected", "sends", "peer", "server_first", "expected_effect"),
    [
        pytest.param(None, False, "", False, (Arrival.CLEAN, False, 0), id="no-no-http"),
        pytest.param(None, False, "", True, (Arrival.CLEAN, False, 0), id="no-no-mysql"),
        pytest.param(TRUSTED, True, "10.0.0.9", False, (Arrival.CLEAN, True, 0), id="yes-trusted"),
        pytest.param(("*",), True, "", True, (Arrival.CLEAN, True, 0), id="yes-insecure"),
        pytest.param(TRUSTED, True, "192.168.0.1", True, (Arrival.CLEAN, False, 0), id="yes-untrusted-ignored"),
        pytest.param(TRUSTED, True, "", False, (Arrival.CLEAN, None, 0), id="yes-peer-not-known"),
        pytest.param(("x",), True, "10.0.0.9", False, (Arrival.CLEAN, False, 0), id="yes-list-unreadable"),
        pytest.param(None, True, "10.0.0.9", False, (Arrival.POLLUTED, False, 0), id="yes-not-expected"),
        pytest.param((), True, "10.0.0.9", True, (Arrival.POLLUTED, False, 0), id="yes-empty-section"),
        pytest.param(TRUSTED, False, "8.8.8.8", False, (Arrival.CLEAN, False, 0), id="expected-not-sent-http"),
        pytest.param(TRUSTED, False, "8.8.8.8", True, (Arrival.DELAYED, False, 60), id="expected-not-sent-mysql"),
    ],
)
def test_matrix_as_specification(
    expected: tuple[str, ...] | None,
    sends: bool,
    peer: str,
    server_first: bool,
    expected_effect: tuple[Arrival, bool | None, float],
) -> None:
    point = EntryPoint(name="mysql", port=3306, proxy_protocol=expected)

    effect = proxy_effect(point, sends_header=sends, peer=peer, server_first=server_first)

    assert (effect.arrival, effect.real_source, effect.delay_s) == expected_effect
    assert effect.why


def test_without_a_read_timeout_the_delay_never_ends() -> None:
    point = EntryPoint(name="mysql", port=3306, proxy_protocol=("*",), read_timeout_s=0.0)

    assert proxy_effect(point, sends_header=False, server_first=True).delay_s is None
