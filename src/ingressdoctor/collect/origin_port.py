"""At which port of the origin the target's requests arrive. Asks nobody: the target and its zone's SSL mode tell.

Source: developers.cloudflare.com/ssl/origin-configuration/ssl-modes.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.origin_port import OriginPort
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Protocol, Target

__all__ = ["collect_origin_port"]

_PLAIN_MODES: Final = ("flexible", "off")


@collector(wanted="the origin's port")
async def collect_origin_port(target: Target, zone: ZoneFacts | Unavailable) -> OriginPort:
    """Return the visitor's own port, but 80 where the edge of a proxied name asks the origin over http."""
    raw = target.protocol is Protocol.MYSQL
    number = target.port
    if number == 443 and not raw and not isinstance(zone, Unavailable):
        number = 80 if zone.proxied and zone.setting("ssl") in _PLAIN_MODES else 443
    return OriginPort(number=number, plain=number == 80 and target.scheme == "https", raw=raw)
