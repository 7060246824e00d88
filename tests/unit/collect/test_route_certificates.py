"""Names on the certificates of Secrets, from cert-manager's objects alone."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.routing import objects_of
from build.values import replace
from ingressdoctor.collect.route_certificates import certificate_names
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom

READY = {"conditions": [{"type": "Ready", "status": "True"}]}
WEB = ("shop", "tls-web")


def certificate(name: str = "web", spec: Any = None, status: Any = READY) -> Custom:
    value = {
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"secretName": "tls-web", "dnsNames": ["a.example"], **(spec or {})},
        "status": status,
    }
    return msgspec.convert(value, Custom)


@pytest.mark.parametrize(
    ("items", "names"),
    [
        pytest.param([certificate()], {WEB: ("a.example",)}, id="an-issued-certificate-tells-its-names"),
        pytest.param(
            [certificate(spec={"commonName": "b.example", "ipAddresses": ["192.0.2.7"]})],
            {WEB: ("b.example", "a.example", "192.0.2.7")},
            id="common-name-and-addresses-count",
        ),
        pytest.param([certificate(status={})], {}, id="before-it-is-issued-the-secret-may-hold-anything"),
        pytest.param([certificate(), certificate("other")], {}, id="two-that-write-to-one-secret-tell-nothing"),
        pytest.param([certificate(spec={"secretName": None})], {}, id="without-a-secret"),
        pytest.param(
            [certificate(spec={"dnsNames": [None, 7, {"a": 1}]}, status={"conditions": [None, READY, "x"]})],
            {},
            id="a-shape-that-nobody-meant",
        ),
        pytest.param([certificate(spec={"dnsNames": "a.example"})], {WEB: ()}, id="names-that-are-no-list"),
    ],
)
def test_names(items: list[Custom], names: dict[tuple[str, str], tuple[str, ...]]) -> None:
    objects = replace(objects_of(), certificates=Loaded(items=tuple(items)))

    assert certificate_names(objects) == names


def test_nobody_looked() -> None:
    assert certificate_names(objects_of()) is None
