"""Hostnames of one pattern: slips, words in another order, tenants."""

from __future__ import annotations

import pytest

from ingressdoctor.collect.tunnel_names import kin_of

END = "-ecnv4-mgmt.example.com"
NAMES = tuple(
    f"{name}{END}"
    for name in ("argocd", "grafana", "maxscale-acme", "redisinsight-acme", "acme-phpmyadmin", "maxscale-beta")
)


@pytest.mark.parametrize(
    ("host", "near"),
    [
        pytest.param(f"phpmyadmin-acme{END}", f"acme-phpmyadmin{END}", id="words-swapped"),
        pytest.param(f"garfana{END}", f"grafana{END}", id="letters-swapped"),
        pytest.param(f"grafan{END}", f"grafana{END}", id="letter-lost"),
        pytest.param(f"prometheus{END}", "", id="another-word-altogether"),
        pytest.param("grafana.example.net", "", id="another-domain"),
    ],
)
def test_near(host: str, near: str) -> None:
    assert next(iter(kin_of(host, NAMES).near), "") == near


def test_tenants_share_a_word_that_the_pattern_has_not() -> None:
    found = kin_of(f"phpmyadmin-acme{END}", NAMES)

    assert found.tenant == (f"maxscale-acme{END}", f"redisinsight-acme{END}", f"acme-phpmyadmin{END}")
    assert kin_of(f"argo{END}", NAMES).tenant == ()


@pytest.mark.parametrize(
    ("host", "names", "count"),
    [
        pytest.param(f"new{END}", NAMES, 6, id="shared-end-by-dashes"),
        pytest.param("new.mgmt.example.com", ("a.mgmt.example.com",), 1, id="shared-domain"),
        pytest.param("www.example.com", ("grafana.example.com",), 0, id="a-plain-zone-is-no-pattern"),
        pytest.param("ecnv4-mgmt.example.com", NAMES, 0, id="nothing-but-the-end"),
        pytest.param(f"grafana{END}", (f"grafana{END}", "*.example.com"), 0, id="itself-and-wildcards-do-not-count"),
        pytest.param("localhost", NAMES, 0, id="no-domain"),
    ],
)
def test_pattern(host: str, names: tuple[str, ...], count: int) -> None:
    assert len(kin_of(host, names).pattern) == count
