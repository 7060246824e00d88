"""Fixtures of the source tests: a private CA, and sources that dial loopback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.net import LiveNet
from unit.sources.servers import Pki


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the machine's own proxies and passwords out of the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def calls() -> CallLog:
    return CallLog()


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki(tmp_path)


@pytest.fixture
def net(pki: Pki, calls: CallLog) -> Callable[..., LiveNet]:
    """Return a maker of nets that trust the private CA."""

    def make(*connect_to: str, anchors: tuple[str, ...] = ()) -> LiveNet:
        return LiveNet(ca_file=pki.ca_file, connect_to=ConnectTo.parse(connect_to), anchors=anchors, calls=calls)

    return make
