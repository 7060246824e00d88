"""Cloudflare's edge ranges: the copy in the package, refreshed from the API when it answers with something sane.

Must never fail and never wait long: a stale range list is a much smaller fault than none.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from importlib import resources
from typing import Final

from ingressdoctor.collect.cloudflare_api import result_of
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.outside import AddressRanges
from ingressdoctor.model.check import collector
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.sources.base import Answer, Cloudflare

__all__ = ["bundled_ranges", "collect_ranges", "parse_ranges"]

_REFRESH_S: Final = 2.0
_MOST: Final = 200
_FEWEST: Final = 5
# Nothing that Cloudflare announces is wider; a list that is would make every address theirs.
_WIDEST: Final = {4: 8, 6: 24}


@collector(wanted="Cloudflare's address ranges", timeout_s=5.0)
async def collect_ranges(cloudflare: Cloudflare) -> AddressRanges:
    """Return the published ranges, from the API if it answers in time."""
    try:
        async with asyncio.timeout(_REFRESH_S):
            answer = await cloudflare.get("/ips", {})
    except (SourceError, TimeoutError):
        return bundled_ranges()
    return parse_ranges(answer) or bundled_ranges()


def bundled_ranges() -> AddressRanges:
    """Return the ranges that ship with the package."""
    text = resources.files("ingressdoctor.collect").joinpath("data/cloudflare-ips.json").read_text(encoding="utf-8")
    data = json.loads(text)
    return AddressRanges(
        cidrs=(*data["ipv4_cidrs"], *data["ipv6_cidrs"]), source="bundled with ingressdoctor", as_of=data["as_of"]
    )


def parse_ranges(answer: Answer) -> AddressRanges | None:
    """Read the answer of ``GET /ips``; None unless it is a plausible list of both families."""
    result = as_map(result_of(answer))
    families = [[text for text in as_list(result.get(key)) if _plausible(text)] for key in ("ipv4_cidrs", "ipv6_cidrs")]
    if any(not _FEWEST <= len(family) <= _MOST for family in families):
        return None
    etag = clean(str(result.get("etag") or "now"), 64)
    cidrs = tuple(str(text) for family in families for text in family)
    return AddressRanges(cidrs=cidrs, source="Cloudflare API: GET /ips", as_of=etag)


def _plausible(text: object) -> bool:
    if not isinstance(text, str):
        return False
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return False
    return network.prefixlen >= _WIDEST[network.version]
