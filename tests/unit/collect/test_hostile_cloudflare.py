"""Whatever JSON the Cloudflare API answers, it becomes evidence or a gap, and nothing is raised."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

from hypothesis import given, settings
from hypothesis import strategies as st

from build.access import PANEL, TUNNEL, tunnel_zone
from build.sources import FakeAccessToken
from ingressdoctor.api import AccessCoverage, Answer, Target, TunnelFacts, Unavailable
from ingressdoctor.collect.access_apps import collect_coverage
from ingressdoctor.collect.tunnel_api import collect_tunnel_facts
from ingressdoctor.evidence.preferences import Preferences

KEYS = [
    "id",
    "name",
    "type",
    "aud",
    "domain",
    "destinations",
    "self_hosted_domains",
    "policies",
    "uri",
    "overrides",
    "behavior",
    "path",
    "decision",
    "precedence",
    "include",
    "exclude",
    "require",
    "everyone",
    "ip",
    "service_token",
    "token_id",
    "client_id",
    "expires_at",
    "enabled",
    "status",
    "config_src",
    "deleted_at",
    "connections",
    "conns",
    "is_pending_reconnect",
    "colo_name",
    "config",
    "ingress",
    "hostname",
    "service",
    "version",
    "source",
]
WORDS = ["", "public", "bypass", "*.shop.example", PANEL, f"{PANEL}/a*", TUNNEL, "\x1b[31m\u202e", "*" * 50, "healthy"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(WORDS)
JSON = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=6)
)
ANSWERS = st.lists(st.tuples(st.sampled_from([200, 200, 200, 403, 404, 429, 500]), JSON, JSON), min_size=4, max_size=4)


class Odd:
    """Answers in turn, whatever is asked."""

    def __init__(self, answers: list[tuple[int, object, object]]) -> None:
        self._answers, self._asked = answers, 0

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        status, result, info = self._answers[self._asked % len(self._answers)]
        self._asked += 1
        body = {"success": status == 200, "result": result, "errors": info, "result_info": info}
        return Answer(status=status, body=json.dumps(body).encode())


@settings(deadline=None, max_examples=50)
@given(answers=ANSWERS)
def test_odd_objects_are_evidence_or_a_gap(answers: list[tuple[int, object, object]]) -> None:
    target, zone = Target(hostname=PANEL), tunnel_zone()

    async def read() -> tuple[object, object]:
        covered = await collect_coverage.function(
            target=target, zone=zone, cloudflare=Odd(answers), token=FakeAccessToken("x"), preferences=Preferences()
        )
        return covered, await collect_tunnel_facts.function(target=target, zone=zone, cloudflare=Odd(answers))

    covered, tunnel = asyncio.run(read())

    assert isinstance(covered, AccessCoverage | Unavailable)
    assert isinstance(tunnel, TunnelFacts | Unavailable)
