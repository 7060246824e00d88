"""The hostnames that a cluster names: by its routing objects, and by the rules of the tunnels that it runs."""

from __future__ import annotations

from ingressdoctor.cli.asking import ask, refuse_unseen
from ingressdoctor.config import Settings
from ingressdoctor.evidence.gateway import GatewayObjects
from ingressdoctor.evidence.routes import KnownHosts
from ingressdoctor.evidence.tunnel import Cloudflareds
from ingressdoctor.evidence.tunnel_rules import TunnelConfig
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.wiring import Session, gateway_hosts

__all__ = ["known_names"]


def known_names(settings: Settings) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """Return every hostname with what names it, and what could not be searched.

    Raises:
        SourceError: the cluster's routing objects could not be read at all; the exit code is 3.
    """

    async def look(session: Session) -> tuple[object, ...]:
        return await session.evidence((KnownHosts, Cloudflareds, GatewayObjects))

    routes, tunnels, gateways = ask(settings, look)
    if isinstance(routes, Unavailable):
        raise refuse_unseen(routes)
    found: dict[str, list[str]] = {}
    gaps: list[Unavailable] = []
    if isinstance(routes, KnownHosts):
        gaps += routes.unread
        for name, objects in routes.hosts.items():
            found.setdefault(name, []).extend(objects)
    if isinstance(gateways, GatewayObjects):
        gaps += gateways.unread
        for name, objects in gateway_hosts(gateways).items():
            found.setdefault(name, []).extend(objects)
    _add_tunnels(tunnels, found, gaps)
    limits = tuple(dict.fromkeys(f"{gap.wanted}: {gap.reason}" for gap in gaps))
    return {name: tuple(dict.fromkeys(objects)) for name, objects in found.items()}, limits


def _add_tunnels(tunnels: object, found: dict[str, list[str]], gaps: list[Unavailable]) -> None:
    """Add the names of the tunnels' rules, and what of them could not be read."""
    if isinstance(tunnels, Unavailable):
        gaps.append(tunnels)
    if isinstance(tunnels, Cloudflareds):
        gaps += tunnels.unread
        for each in tunnels.items:
            if isinstance(each.config, Unavailable):
                gaps.append(each.config)
            if isinstance(each.config, TunnelConfig):
                for name in each.config.hostnames:
                    found.setdefault(name.lower(), []).append(f"cloudflared {each.config.source.ref}")
