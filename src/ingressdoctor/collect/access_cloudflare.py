"""What today's Cloudflare credentials may look at: the zones, and permission by permission the account's endpoints.

One item of each list is asked for. The account is that of a zone which the token sees; without one nothing below the
account can be tried, and nothing is said about it.
"""

from __future__ import annotations

import asyncio
from typing import Final

import msgspec

from ingressdoctor.collect.access_apps import APPS_READ, ORGANISATIONS_READ, TOKENS_READ
from ingressdoctor.collect.cloudflare_api import refusal, result_of
from ingressdoctor.collect.tunnel_api import TUNNELS_READ
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.access import Sight
from ingressdoctor.evidence.access_apps import AccessCoverage
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.outside import OutsideProbe
from ingressdoctor.evidence.tunnel_api import TunnelFacts
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.sources.base import AccessToken, Cloudflare

__all__ = ["cloudflare_sights", "service_token_sights"]

_ZONES: Final = "Cloudflare API"
_ONE: Final = {"per_page": "1", "page": "1"}


class _Part(msgspec.Struct, frozen=True, kw_only=True):
    """One part of an account: its path, its name, the permission for it, whether it is a list, and what is lost."""

    path: str
    name: str
    permission: str
    listed: bool = True
    feeds: tuple[type, ...] = ()


_PARTS: Final = (
    _Part(path="cfd_tunnel", name="tunnels", permission=TUNNELS_READ, feeds=(TunnelFacts,)),
    _Part(path="access/apps", name="Access applications", permission=APPS_READ, feeds=(AccessCoverage,)),
    _Part(path="access/service_tokens", name="Access service tokens", permission=TOKENS_READ),
    _Part(path="access/organizations", name="Access organisation", permission=ORGANISATIONS_READ, listed=False),
)


async def cloudflare_sights(cloudflare: Cloudflare) -> tuple[Sight, ...]:
    """Try the zones, then what belongs to the account of the first one."""
    try:
        answer = await cloudflare.get("/zones", {"per_page": "5"})
    except SourceError as error:
        return (_unseen(_ZONES, error, (ZoneFacts,)),)
    if answer.status != 200:
        return (
            Sight(
                source=_ZONES,
                readable=False,
                detail=f"zones cannot be listed: the API answers {answer.status}",
                enable_with="Use a token with Zone Read, DNS Read and Zone Settings Read.",
                feeds=(ZoneFacts,),
            ),
        )
    zones = Sight(source=_ZONES, readable=True, detail="zones can be listed")
    ids = (as_text(as_map(as_map(zone).get("account")).get("id")) for zone in as_list(result_of(answer)))
    account = next((ident for ident in ids if ident.isalnum() and ident.isascii()), "")
    if not account:
        return (zones,)
    return (zones, *await asyncio.gather(*(_part(cloudflare, account, item) for item in _PARTS)))


async def service_token_sights(token: AccessToken) -> tuple[Sight, ...]:
    """Say whether the configured service token can be had; nothing where none is configured."""
    source = "Access service token"
    try:
        configured = bool(await token.client_id())
    except SourceError as error:
        return (_unseen(source, error, (OutsideProbe,)),)
    return (Sight(source=source, readable=True, detail="is configured"),) if configured else ()


async def _part(cloudflare: Cloudflare, account: str, part: _Part) -> Sight:
    source = f"Cloudflare {part.name}"
    try:
        answer = await cloudflare.get(f"/accounts/{account}/{part.path}", _ONE if part.listed else {})
    except SourceError as error:
        return _unseen(source, error, part.feeds)
    gap = refusal(answer, part.name, part.permission)
    if gap is None:
        return Sight(source=source, readable=True, detail="can be read")
    return Sight(source=source, readable=False, detail=gap.reason, enable_with=gap.enable_with, feeds=part.feeds)


def _unseen(source: str, error: SourceError, feeds: tuple[type, ...]) -> Sight:
    return Sight(source=source, readable=False, detail=error.message, enable_with=error.hint, feeds=feeds)
