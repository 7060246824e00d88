"""Redirects that never arrive, and the SSL mode that makes them.

In modes Flexible and Off the edge asks the origin over http whatever the visitor spoke. An origin that sends http to
https then sends everybody in a circle.
Source: Cloudflare's documentation of SSL modes and of ERR_TOO_MANY_REDIRECTS.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

from ingressdoctor.api import (
    Finding,
    HttpExchange,
    OriginProbe,
    OutsideProbe,
    Remedy,
    Symptom,
    Target,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.access_common import on_tunnel
from ingressdoctor_checks.outside_view import SEEN, answered, curl, hop_facts, visit_url

__all__ = ["redirect_loop", "ssl_mode_flexible"]

_PLAIN_MODES: Final = {"flexible": "Flexible", "off": "Off"}
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_API: Final = "Cloudflare API: GET /zones/{id}/settings/ssl"


@check(
    id="edge.redirect-loop",
    title="Redirects lead somewhere",
    step="outside",
    link="visitor → site",
)
def redirect_loop(target: Target, probe: OutsideProbe) -> Iterator[Finding]:
    """A request that repeats, cookies included, or more than ten redirects."""
    if not answered(probe.last):
        yield skip("No answer came that could redirect.")
        return
    if not (probe.loop or probe.too_many_redirects):
        count = len(probe.hops) - 1
        yield ok(f"{count} redirect{'s' if count != 1 else ''}, no loop.", seen=hop_facts(probe) if count else {})
        return
    how = "comes back to a URL that was asked before" if probe.loop else "does not end after ten redirects"
    flips = len({urlsplit(hop.url).scheme for hop in probe.hops}) > 1
    yield fail(
        f"Visitors of {target.url} are redirected in a circle: the trip {how}.",
        subject=target.hostname,
        seen=hop_facts(probe),
        where=SEEN,
        symptom=Symptom.REDIRECT_LOOP,
        remedy=Remedy(
            text="One hop sends http to https and another https to http: look at the SSL mode, Always Use HTTPS and "
            "the controller's redirects."
            if flips
            else "The origin redirects to the URL that was asked. Behind an edge that asks it over http (SSL mode "
            "Flexible, or a proxy whose X-Forwarded-Proto is not trusted) it always will.",
            commands=(curl(visit_url(probe, target), "-L", "--max-redirs", "5"),),
            proof=curl(target.url, "-L", "--max-redirs", "10"),
        ),
    )


@check(
    id="edge.ssl-mode-flexible",
    title="The edge asks the origin over https",
    step="outside",
    link="zone settings",
    # The 400 is a 418 of Traefik's: its redirect met a request of which a trusted edge says that it came by https.
    causes=("edge.redirect-loop", "traefik.redirect-loop", str(Symptom.REDIRECT_LOOP), str(Symptom.HTTP_400)),
)
def ssl_mode_flexible(
    target: Target,
    probe: OutsideProbe | Unavailable,
    zone: ZoneFacts | Unavailable,
    origin: OriginProbe | Unavailable,
    route: TunnelRoute | Unavailable,
) -> Iterator[Finding]:
    """Flexible or Off together with an origin that redirects http to https."""
    loops = isinstance(probe, OutsideProbe) and (probe.loop or probe.too_many_redirects)
    redirects = isinstance(origin, OriginProbe) and _redirects_to_https(origin.http, target)
    settings = zone if isinstance(zone, Unavailable) else zone.settings
    if on_tunnel(zone, route):
        yield skip("The name leads to a tunnel; the SSL mode does not decide how that reaches the origin.")
    elif isinstance(zone, ZoneFacts) and zone.records and not zone.proxied:
        yield skip("The record is not proxied, so no SSL mode applies.")
    elif isinstance(zone, Unavailable) or isinstance(settings, Unavailable):
        missing = (
            settings if isinstance(settings, Unavailable) else Unavailable(wanted="the SSL mode", reason="not read")
        )
        yield _inferred(missing, loops=loops, redirects=redirects)
    elif not (mode := zone.setting("ssl")):
        gap = Unavailable(wanted="the SSL mode", reason="the API did not tell it", enable_with="Zone Settings > Read")
        yield _inferred(gap, loops=loops, redirects=redirects)
    elif mode not in _PLAIN_MODES:
        yield ok(f"The SSL mode of {zone.name} is {mode}.", seen={"ssl": mode}, where=_API)
    else:
        yield _plain(target, zone, mode, looping=loops or redirects)


def _plain(target: Target, zone: ZoneFacts, mode: str, *, looping: bool) -> Finding:
    name = _PLAIN_MODES[mode]
    proof = look("curl", "-sS", "-o", "/dev/null", "-D", "-", "-L", "--max-redirs", "10", target.url)
    seen = {"ssl": mode, "always_use_https": zone.setting("always_use_https") or "(not told)"}
    if not looping:
        return warn(
            f"The SSL mode of {zone.name} is {name}: the edge asks the origin in the clear.",
            subject=f"Zone {zone.name}",
            seen=seen,
            where=_API,
            remedy=Remedy(
                text="It works until the origin redirects http to https, which then loops. Set SSL/TLS > Overview to "
                "Full (strict) once the origin serves a certificate.",
                proof=proof,
            ),
        )
    return fail(
        f"The SSL mode of {zone.name} is {name} while the origin redirects http to https: visitors go in a circle.",
        subject=f"Zone {zone.name}",
        seen=seen,
        where=_API,
        remedy=Remedy(
            text="In the Cloudflare dashboard set SSL/TLS > Overview to Full (strict), or to Full while the origin's "
            "certificate is not valid yet. The redirect at the origin may stay.",
            proof=proof,
        ),
    )


def _inferred(missing: Unavailable, *, loops: bool, redirects: bool) -> Finding:
    """Say what the observations suggest about a mode that could not be read."""
    enable = missing.enable_with or "Give the API token the permission Zone > Zone Settings > Read."
    if loops and redirects:
        text = "The trip loops and the origin redirects http to https, which fits SSL mode Flexible; the mode itself"
    elif loops:
        text = "The trip loops, which SSL mode Flexible would explain; the mode itself"
    else:
        text = "The SSL mode"
    seen = {"loop seen": str(loops).lower(), "origin redirects http to https": str(redirects).lower()}
    return unknown(f"{text} could not be read: {missing.reason}.", enable_with=enable, seen=seen)


def _redirects_to_https(exchange: HttpExchange, target: Target) -> bool:
    """Tell whether http is answered with a redirect to the same URL over https."""
    if exchange.status not in _REDIRECTS:
        return False
    try:
        goal = urlsplit(exchange.header("location").strip())
        asked = urlsplit(exchange.url)
        same_port = goal.port in {None, 443}
    except ValueError:
        return False
    same_place = (goal.hostname or "") == target.hostname and (goal.path or "/") == (asked.path or "/")
    return goal.scheme == "https" and same_port and same_place
