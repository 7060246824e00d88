"""The healthy world's APIs, once for each module; tests that need a fault start a lab of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from build.values import replace
from ingressdoctor.lab import Lab, NoPlane, World, load_world, running
from ingressdoctor.lab.world import merged


@pytest.fixture(scope="session")
def wecare() -> World:
    return load_world("wecare")


@pytest.fixture(scope="module")
def apis(wecare: World) -> Iterator[Lab]:
    """Kubernetes, Hetzner, Cloudflare and DNS of the healthy world, without the data plane."""
    with running(wecare, plane=NoPlane) as lab:
        yield lab


@pytest.fixture
def with_settings(wecare: World) -> Callable[[dict[str, Any]], AbstractContextManager[Lab]]:
    """Run the APIs of the healthy world with some settings changed."""

    def start(settings: dict[str, Any]) -> AbstractContextManager[Lab]:
        return running(replace(wecare, settings=merged(wecare.settings, settings)), plane=NoPlane)

    return start
