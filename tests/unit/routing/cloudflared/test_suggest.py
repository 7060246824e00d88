from __future__ import annotations

import pytest

from build.cloudflared import rules
from ingressdoctor.routing.cloudflared import meant_hostnames

PANELS = rules(
    *(
        f"hostname: {name!r}, service: 'http://x'"
        for name in (
            "grafana-ecnv4-mgmt.ecommercen.com",
            "maxscale-wecare-ecnv4-mgmt.ecommercen.com",
            "redisinsight-wecare-ecnv4-mgmt.ecommercen.com",
            "wecare-phpmyadmin-ecnv4-mgmt.ecommercen.com",
            "Bücher-shop.example.com",
            "*.example.com",
        )
    )
).rules


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        pytest.param(
            "phpmyadmin-wecare-ecnv4-mgmt.ecommercen.com",
            "wecare-phpmyadmin-ecnv4-mgmt.ecommercen.com",
            id="words-swapped",
        ),
        pytest.param("grafan-ecnv4-mgmt.ecommercen.com", "grafana-ecnv4-mgmt.ecommercen.com", id="slip"),
        pytest.param(
            "maxscale-ecnv4-mgmt.ecommercen.com", "maxscale-wecare-ecnv4-mgmt.ecommercen.com", id="tenant-left-out"
        ),
        pytest.param(
            "grafana-wecare-ecnv4-mgmt.ecommercen.com", "grafana-ecnv4-mgmt.ecommercen.com", id="tenant-too-many"
        ),
        pytest.param("shop-xn--bcher-kva.example.com", "xn--bcher-shop-heb.example.com", id="none-for-punycode"),
    ],
)
def test_what_may_have_been_meant(asked: str, first: str) -> None:
    found = meant_hostnames(asked, PANELS)

    assert found[:1] == ((first,) if not asked.startswith("shop-xn") else ())


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("grafana-ecnv4-mgmt.ecommercen.com", id="itself"),
        pytest.param("www.unrelated.org", id="nothing-alike"),
        pytest.param("argocd-ecnv4-mgmt.ecommercen.com", id="another-tool"),
        pytest.param("mail.com", id="too-few-words"),
    ],
)
def test_nothing_is_suggested(asked: str) -> None:
    assert meant_hostnames(asked, PANELS) == ()
