"""Which names of the zone a name that does not exist may have meant: a slip of the pen is the likeliest reason.

The zone's records are listed only where neither the zone nor DNS has the name.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.collect.cloudflare_api import list_all
from ingressdoctor.evidence.cloudflare import NearNames, ZoneFacts
from ingressdoctor.evidence.outside import DnsView
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.routing.traefik.hosts import near
from ingressdoctor.sources.base import Cloudflare

__all__ = ["collect_near"]

_WANTED: Final = "the names of the zone"
_LEADING: Final = frozenset({"A", "AAAA", "CNAME"})


@collector(wanted=_WANTED)
async def collect_near(view: DnsView, zone: ZoneFacts, cloudflare: Cloudflare) -> NearNames | Unavailable:
    """List the zone's names where the target's is missing, and keep those that look like it.

    Raises:
        SourceError: the API does not answer.
    """
    if view.addresses or zone.records:
        return NearNames()
    found = await list_all(
        cloudflare, f"/zones/{zone.id}/dns_records", {}, wanted=_WANTED, permission="Zone > DNS > Read"
    )
    if isinstance(found, Unavailable):
        return found
    items = (as_map(item) for item in found)
    names = {as_text(item.get("name")).lower() for item in items if item.get("type") in _LEADING}
    # Who asks for www. means it: that the bare name exists is no correction.
    bare = view.hostname.removeprefix("www.")
    others = (name for name in names if name.removeprefix("www.") != bare)
    return NearNames(names=tuple(clean(name, 253) for name in near(view.hostname, others)))
