"""The tunnel that the target's record leads to, its connectors and its rules, as the Cloudflare API tells them.

Asks nothing when the record leads elsewhere. The endpoint that returns a tunnel's token is never asked. Where the
tunnel of the record does not name the host, the account's other tunnels are looked through for one that does.

Source: developers.cloudflare.com/api (Cloudflare Tunnel: tunnels, connections, configurations).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from ingressdoctor.collect.cloudflare_api import list_all, refusal, result_of
from ingressdoctor.collect.together import together
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.tunnel_api import (
    EdgeConnection,
    RemoteRule,
    RemoteRules,
    TunnelConnector,
    TunnelFacts,
    TunnelObject,
)
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.sources.base import Answer, Cloudflare

__all__ = ["TUNNELS_READ", "collect_tunnel_facts", "parse_connector", "parse_rules", "parse_tunnel"]

TUNNELS_READ: Final = "Account > Cloudflare Tunnel > Read"
_WANTED: Final = "the tunnel at Cloudflare"
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
# A tunnel that does not exist, or belongs to another account.
_NOT_THERE: Final = 404
_MOST_SEARCHED: Final = 10
_MOST_RULES: Final = 5_000
_MOST_CONNECTORS: Final = 100


@collector(wanted=_WANTED, timeout_s=15.0)
async def collect_tunnel_facts(target: Target, zone: ZoneFacts, cloudflare: Cloudflare) -> TunnelFacts | Unavailable:
    """Read the tunnel, its connectors and rules, and the other tunnels, side by side."""
    ident = zone.tunnel
    if zone.records and not ident:
        return TunnelFacts(account_id=zone.account_id, tunnel_id="", tunnel=None)
    if not zone.account_id:
        reason = f"the API does not tell which account owns the zone {zone.name}"
        return Unavailable(wanted=_WANTED, reason=reason, enable_with=f"Give the API token {TUNNELS_READ}.")
    account = f"/accounts/{zone.account_id}/cfd_tunnel"
    tunnel, connectors, rules, listed = await together(
        _tunnel(cloudflare, account, ident),
        _connectors(cloudflare, account, ident),
        _rules(cloudflare, account, ident),
        list_all(cloudflare, account, {"is_deleted": "false"}, wanted="the tunnels", permission=TUNNELS_READ),
    )
    if isinstance(tunnel, Unavailable):
        return tunnel
    if isinstance(listed, Unavailable) and not ident:
        return listed
    if tunnel is None:
        connectors, rules = (), None
    others = listed if isinstance(listed, Unavailable) else _others(listed, ident)
    return TunnelFacts(
        account_id=zone.account_id,
        tunnel_id=ident,
        tunnel=tunnel,
        connectors=connectors,
        rules=rules,
        others=others,
        wanted_by=await _wanting(cloudflare, account, target.hostname, rules, others),
    )


def parse_tunnel(raw: object) -> TunnelObject | None:
    """Read one tunnel; None without a usable id."""
    item = as_map(raw)
    ident = as_text(item.get("id")).lower()
    if not _UUID.fullmatch(ident):
        return None
    connections = [as_map(entry) for entry in as_list(item.get("connections"))]
    source = as_text(item.get("config_src"))
    remote = source or ("cloudflare" if item.get("remote_config") is True else "")
    return TunnelObject(
        id=ident,
        name=clean(as_text(item.get("name")), 100),
        status=clean(as_text(item.get("status")), 40),
        config_src=clean(remote, 40),
        created_at=clean(as_text(item.get("created_at")), 40),
        deleted_at=clean(as_text(item.get("deleted_at")), 40),
        connections=sum(entry.get("is_pending_reconnect") is not True for entry in connections),
    )


def parse_connector(raw: object) -> TunnelConnector | None:
    """Read one connector of ``GET .../connections``; None without an id."""
    item = as_map(raw)
    ident, version = as_text(item.get("id")), item.get("config_version")
    if not ident:
        return None
    connections = tuple(_connection(as_map(entry)) for entry in as_list(item.get("conns"))[:_MOST_CONNECTORS])
    told = as_text(item.get("version")) or _version_of(as_list(item.get("conns")))
    return TunnelConnector(
        id=clean(ident, 64),
        version=clean(told, 40),
        run_at=clean(as_text(item.get("run_at")), 40),
        config_version=version if isinstance(version, int) and not isinstance(version, bool) else None,
        connections=connections,
    )


def parse_rules(raw: object) -> RemoteRules | None:
    """Read ``GET .../configurations``; None when it holds no configuration, as for a tunnel that never ran."""
    item = as_map(raw)
    document, version = item.get("config"), item.get("version")
    if not isinstance(document, dict):
        return None
    rules = [as_map(entry) for entry in as_list(document.get("ingress"))[:_MOST_RULES]]
    return RemoteRules(
        version=version if isinstance(version, int) and not isinstance(version, bool) else -1,
        source=clean(as_text(item.get("source")), 40),
        rules=tuple(
            RemoteRule(
                service=clean(as_text(rule.get("service")), 300),
                hostname=clean(as_text(rule.get("hostname")), 253),
                path=clean(as_text(rule.get("path")), 300),
            )
            for rule in rules
        ),
        document=document,
    )


def _connection(item: Mapping[str, Any]) -> EdgeConnection:
    return EdgeConnection(
        colo=clean(as_text(item.get("colo_name")), 20),
        origin_ip=clean(as_text(item.get("origin_ip")), 64),
        opened_at=clean(as_text(item.get("opened_at")), 40),
        pending=item.get("is_pending_reconnect") is True,
    )


def _version_of(connections: tuple[Any, ...]) -> str:
    return next((text for item in connections if (text := as_text(as_map(item).get("client_version")))), "")


async def _tunnel(cloudflare: Cloudflare, account: str, ident: str) -> TunnelObject | Unavailable | None:
    if not _UUID.fullmatch(ident):
        return None
    answer = await cloudflare.get(f"{account}/{ident}", {})
    if answer.status == _NOT_THERE and _said(answer):
        return None
    return refusal(answer, _WANTED, TUNNELS_READ) or parse_tunnel(result_of(answer))


def _said(answer: Answer) -> bool:
    """Tell whether the API itself says so, rather than something that stands where it should."""
    return b'"success"' in answer.body[:4_096] and b"errors" in answer.body[:4_096]


async def _connectors(cloudflare: Cloudflare, account: str, ident: str) -> tuple[TunnelConnector, ...] | Unavailable:
    wanted = "the tunnel's connectors"
    raw = await _asked(cloudflare, f"{account}/{ident}/connections", ident, wanted)
    if isinstance(raw, Unavailable):
        return raw
    items = as_list(raw)[:_MOST_CONNECTORS]
    return tuple(found for item in items if (found := parse_connector(item)) is not None)


async def _rules(cloudflare: Cloudflare, account: str, ident: str) -> RemoteRules | Unavailable | None:
    raw = await _asked(cloudflare, f"{account}/{ident}/configurations", ident, "the tunnel's rules at Cloudflare")
    return raw if isinstance(raw, Unavailable) else parse_rules(raw)


async def _asked(cloudflare: Cloudflare, path: str, ident: str, wanted: str) -> object:
    """Return a result that the rest can do without, or why it is missing."""
    if not _UUID.fullmatch(ident):
        return None
    try:
        answer = await cloudflare.get(path, {})
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=clean(error.message), enable_with=clean(error.hint))
    return refusal(answer, wanted, TUNNELS_READ) or result_of(answer)


def _others(listed: tuple[Any, ...], ident: str) -> tuple[TunnelObject, ...]:
    tunnels = (parse_tunnel(raw) for raw in listed)
    return tuple(item for item in tunnels if item is not None and item.id != ident and not item.deleted_at)


async def _wanting(
    cloudflare: Cloudflare,
    account: str,
    hostname: str,
    rules: RemoteRules | Unavailable | None,
    others: tuple[TunnelObject, ...] | Unavailable,
) -> tuple[TunnelObject, ...]:
    """Look for tunnels whose rules name the host, where those of the record's own tunnel do not."""
    if isinstance(others, Unavailable) or isinstance(rules, Unavailable) or (rules and rules.names(hostname)):
        return ()
    searched = sorted(others, key=lambda item: item.status not in {"healthy", "degraded"})[:_MOST_SEARCHED]
    if not searched:
        return ()
    found = await together(*(_rules(cloudflare, account, item.id) for item in searched))
    return tuple(
        item for item, its in zip(searched, found, strict=True) if isinstance(its, RemoteRules) and its.names(hostname)
    )
