"""What the checks of Access share: whether a name is on a tunnel, and whether it should ask for a login.

Holds no check. A name must ask for a login when the configuration says so, when its like do, or when it says so itself;
docs/checks/access.md has the rule in words. In doubt it is a public service: a false alarm costs trust.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ingressdoctor.api import (
    AccessCoverage,
    AccessMatch,
    OriginKind,
    OutsideProbe,
    Preferences,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
)

__all__ = ["ACCESS_API", "Wanted", "asks_itself", "audience_of", "is_harmless", "on_tunnel", "shown", "wanted_login"]

ACCESS_API: Final = "Cloudflare API: GET /accounts/{id}/access/apps"
# Words of a name that promise that it is not for everybody.
_WORDS: Final = frozenset({"mgmt", "management", "internal", "intranet", "backoffice"})
_WEAK_WORDS: Final = frozenset({"admin", "ops", "private"})
# Words of names that are meant for everybody, whatever else is on the tunnel.
_PUBLIC_WORDS: Final = frozenset(
    {
        "www",
        "status",
        "echo",
        "api",
        "blog",
        "shop",
        "webhook",
        "webhooks",
        "hooks",
        "cdn",
        "static",
        "assets",
        "public",
    }
)
# Panels that ask nobody for a password of their own.
_BARE_PANELS: Final = ("longhorn", "hubble", "prometheus", "alertmanager", "redisinsight", "traefik", "kubernetes-dash")
_PORTS: Final = frozenset({OriginKind.TCP, OriginKind.BASTION, OriginKind.SOCKS})
_LEAST_KIN: Final = 2
_LEAST_COVERED: Final = 3
_MOSTLY: Final = 0.75
# Paths that monitors and protocols must reach without a login.
_HARMLESS: Final = ("health", "ready", "livez", "liveness", "ping", ".well-known", "favicon", "robots.txt")
_LOGIN_PATH: Final = re.compile(r"/(?:[\w-]*/)*(?:log-?in|sign-?in|auth|oauth2?|sso|saml)\b", re.IGNORECASE)


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a name should ask for a login: ``sure`` False where only its name or its panel suggests it."""

    login: bool
    why: str
    sure: bool = True


def on_tunnel(zone: ZoneFacts | Unavailable, route: TunnelRoute | Unavailable) -> bool:
    """Tell whether visitors of the name come through a tunnel, by its record or by rules that name it."""
    if isinstance(zone, ZoneFacts) and zone.records:
        return bool(zone.tunnel)
    return isinstance(route, TunnelRoute) and (route.by_record or bool(route.named))


def wanted_login(
    host: str,
    coverage: AccessCoverage | Unavailable,
    preferences: Preferences,
    route: TunnelRoute | Unavailable,
) -> Wanted | None:
    """Decide whether a name on a tunnel should ask for a login; None when nothing could be looked at that tells."""
    configured = preferences.wants_login(host)
    if configured is not None:
        key = "management" if configured else "public"
        return Wanted(login=configured, why=f"[access] {key} in the configuration says so")
    if isinstance(coverage, AccessCoverage) and (found := _by_neighbours(coverage)):
        return found
    if found := _by_name(host) or _by_origin(route):
        return found
    return None if isinstance(coverage, Unavailable) else Wanted(login=False, why=_publicly(coverage))


def _by_name(host: str) -> Wanted | None:
    """Read it out of the name's own words."""
    words = _words_of(host)
    if found := words & _WORDS:
        return Wanted(login=True, why=f"its name says so ({', '.join(sorted(found))})")
    if found := words & _WEAK_WORDS:
        return Wanted(login=True, why=f"its name suggests it ({', '.join(sorted(found))})", sure=False)
    return None


def _by_origin(route: TunnelRoute | Unavailable) -> Wanted | None:
    """Read it out of what the tunnel's rule leads to: a bare panel, or a port of a machine."""
    origin = route.origin if isinstance(route, TunnelRoute) else None
    if origin is None:
        return None
    if origin.kind in _PORTS:
        why = f"its rule leads to {origin.service}, which anybody can then connect to"
        return Wanted(login=True, why=why, sure=False)
    backend = origin.backend
    if backend is not None and backend.name.startswith(_BARE_PANELS):
        why = f"it leads to Service {backend.namespace}/{backend.name}, a panel without a login of its own"
        return Wanted(login=True, why=why, sure=False)
    return None


def _by_neighbours(coverage: AccessCoverage) -> Wanted | None:
    kin = [item for item in coverage.neighbours if item.kin]
    for circle, least, share, words in (
        (kin, _LEAST_KIN, 0.5, "names of the same pattern on this tunnel"),
        (coverage.neighbours, _LEAST_COVERED, _MOSTLY, "other names on this tunnel"),
    ):
        covered = [item for item in circle if item.covered]
        if len(covered) >= least and len(covered) > share * len(circle):
            why = f"{len(covered)} of {len(circle)} {words} ask for a login, as {covered[0].hostname} does"
            return Wanted(login=True, why=why, sure=circle is kin or not _words_of(coverage.hostname) & _PUBLIC_WORDS)
    deep = next((uri for uri in coverage.near if uri.startswith("*.")), "")
    if deep:
        return Wanted(login=True, why=f"the application before {deep} covers one label only and misses it by its depth")
    return None


def _words_of(host: str) -> frozenset[str]:
    """Return the words of a name, left of what it was registered as."""
    return frozenset(re.split(r"[.\-_]", host)[:-2])


def _publicly(coverage: AccessCoverage) -> str:
    count, covered = len(coverage.neighbours), sum(item.covered for item in coverage.neighbours)
    if not count:
        return "nothing marks it as a management name"
    return f"{covered} of {count} other names on this tunnel ask for a login, and nothing marks it as one that should"


def asks_itself(probe: OutsideProbe) -> bool:
    """Tell whether what answers demands a login of its own, without Access."""
    if any(hop.status in {401, 403, 407} for hop in probe.hops):
        return True
    moved = [hop.header("location") for hop in probe.hops if 300 <= hop.status < 400]
    return bool(probe.left_host) or any(_LOGIN_PATH.search(location) for location in moved)


def is_harmless(path: str) -> bool:
    """Tell whether a path is one of those that probes and protocols must reach without a login."""
    segments = path.partition("?")[0].lower().split("/")
    return any(segment.startswith(_HARMLESS) for segment in segments)


def shown(match: AccessMatch) -> str:
    """Return an application as a sentence names it."""
    return f"Access application {match.application.name or match.application.id} ({match.destination.uri})"


def audience_of(probe: OutsideProbe | Unavailable, coverage: AccessCoverage | Unavailable) -> str:
    """Return the audience of the application that stands before the name: by the API, else by its login."""
    if isinstance(coverage, AccessCoverage) and coverage.match is not None and coverage.match.application.aud:
        return coverage.match.application.aud
    return probe.gate.aud if isinstance(probe, OutsideProbe) and probe.gate is not None else ""
