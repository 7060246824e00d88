"""The ranges that Traefik trusts against Cloudflare's own."""

from __future__ import annotations

import pytest

from build.controller import a_traefik
from build.origin_port import BY_HTTPS
from build.outside import RANGES, visited
from build.values import replace
from ingressdoctor.api import EntryPoint, StaticConfig, Status
from ingressdoctor_checks.traefik_trusted import trusted_ips_stale

V4, V6 = ("104.16.0.0/13", "172.64.0.0/13"), ("2606:4700::/32",)

CASES = [
    pytest.param((*V4, *V6), Status.PASS, "all of Cloudflare's", id="the-whole-list"),
    pytest.param(("10.0.0.0/8", *V4), Status.PASS, "all of", id="no-ipv6-at-all-is-an-origin-without-it"),
    pytest.param(("104.16.0.0/14", "104.20.0.0/14", "172.64.0.0/13"), Status.PASS, "all of", id="cut-in-halves"),
    pytest.param(V4[:1], Status.WARN, "lacks 1 of 2 ranges", id="one-is-missing"),
    pytest.param((*V4, "2606:4700::/33"), Status.WARN, "lacks 1 of 3 ranges", id="half-of-one-is-missing"),
    pytest.param((*V4, *V6, "104.0.0.0/11"), Status.WARN, "holds 104.0.0.0/11", id="wider-than-cloudflare"),
    pytest.param(("10.0.0.0/8",), Status.SKIP, "No entry point", id="a-private-list-is-another-matter"),
    pytest.param(("0.0.0.0/0",), Status.SKIP, "No entry point", id="everybody-is-another-matter"),
    pytest.param((), Status.SKIP, "No entry point", id="nobody-is-trusted"),
]


@pytest.mark.parametrize(("trusted", "status", "text"), CASES)
def test_trusted_ips_stale(trusted: tuple[str, ...], status: Status, text: str) -> None:
    points = (EntryPoint(name="web", port=8000), EntryPoint(name="websecure", port=8443, forwarded_trusted=trusted))
    static = StaticConfig(source="args", entry_points=points, options={})

    [finding] = trusted_ips_stale(replace(a_traefik(), static=static), RANGES, visited(), BY_HTTPS)

    assert finding.status is status
    assert text in finding.summary


def test_insecure_entry_points_have_no_list_to_judge() -> None:
    point = EntryPoint(name="web", port=8000, forwarded_trusted=V4[:1], forwarded_insecure=True)
    static = StaticConfig(source="args", entry_points=(point,), options={})

    [finding] = trusted_ips_stale(replace(a_traefik(), static=static), RANGES, visited(), BY_HTTPS)

    assert finding.status is Status.SKIP
