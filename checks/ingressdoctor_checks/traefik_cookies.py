"""Will browsers keep the cookie that makes sessions sticky?

Judges what the Service's annotations or the route ask for, and the Set-Cookie that came; the cookie's value is never
read. Annotations that Traefik does not understand are judged in ``traefik_annotations``.
Source: Traefik's reference of sticky sessions; pkg/server/service/loadbalancer/sticky.go (convertSameSite); RFC 6265bis
section 5.7 (SameSite=None needs Secure, Domain must cover the host).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.api import (
    BackendView,
    CandidateRoute,
    Command,
    Finding,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Target,
    Unavailable,
    as_list,
    as_map,
    changes,
    check,
    clean,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.traefik_common import STEP, describe, edit
from ingressdoctor_checks.traefik_objects import PREFIX, ingress_route_of, observed
from ingressdoctor_checks.undecided import undecided

__all__ = ["sticky_cookie"]

_SAME_SITES: Final = ("none", "lax", "strict")
_TRUE: Final = ("true", "1", "t")
_KEY: Final = "service.sticky.cookie"


class _Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """A sticky cookie as it is configured, and the object that says so; ``name`` is empty where Traefik makes one."""

    where: str
    name: str = ""
    secure: bool = False
    same_site: str = ""
    domain: str = ""


@check(
    id="traefik.sticky-cookie",
    title="Browsers keep the cookie of sticky sessions",
    step=STEP,
    link="Traefik → sticky sessions",
)
def sticky_cookie(
    decision: RouteDecision,
    objects: RoutingObjects | Unavailable,
    view: BackendView | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """A cookie that the browser throws away looks fine in every log, and sessions jump between pods."""
    winner = decision.winner
    if winner is None:
        yield undecided(decision) or skip("No route takes the request, so no cookie is in question.")
        return
    wanted = _by_service(view) if winner.ref.startswith("Ingress ") else _by_route(winner, objects)
    if wanted is None:
        yield skip("Sessions are not sticky here.")
        return
    why = _refused(wanted, target)
    served = _served(wanted, outside, origin)
    seen = {"asked for by": wanted.where, "asked for": _text(wanted)} | ({"served": served} if served else {})
    if not why and wanted.name and _answers(decision, outside, origin) and not served:
        why = f"no answer sets the cookie {clean(wanted.name, 80)!r}, so Traefik does not do what the objects ask for"
    if not why:
        yield ok("Browsers keep the sticky session's cookie.", subject=wanted.where, seen=seen)
        return
    yield warn(
        f"The sticky session's cookie of {wanted.where} does not hold: {why}.",
        subject=wanted.where,
        where="the objects, and Set-Cookie of the answer",
        seen=seen,
        remedy=Remedy(
            text="Give it attributes that browsers accept: SameSite lax, strict, or none (only together with secure), "
            "and no domain, or one that the host lies in.",
            commands=(describe(wanted.where), changes(*edit(wanted.where))),
            proof=_cookies(target),
        ),
    )


def _by_service(view: BackendView | Unavailable) -> _Wanted | None:
    """Return what the annotations of the Service ask for; Traefik reads them for Ingresses only."""
    if isinstance(view, Unavailable) or view.service is None:
        return None
    found = {key.lower(): value for key, value in view.service.annotations.items()}
    said = {
        key.removeprefix(PREFIX + _KEY).lstrip("."): value
        for key, value in found.items()
        if key.startswith(PREFIX + _KEY)
    }
    if not said or (said.get("", "true").lower() not in _TRUE and len(said) == 1):
        return None
    return _Wanted(
        where=view.service.ref,
        name=said.get("name", ""),
        secure=said.get("secure", "").lower() in _TRUE,
        same_site=said.get("samesite", ""),
        domain=said.get("domain", ""),
    )


def _by_route(winner: CandidateRoute, objects: RoutingObjects | Unavailable) -> _Wanted | None:
    """Return what the IngressRoute asks for: of its route with the winner's rule, the first service with a cookie."""
    item = None if isinstance(objects, Unavailable) else ingress_route_of(winner.ref, objects)
    for route in as_list(item.spec.get("routes")) if item is not None else ():
        if str(as_map(route).get("match")) != winner.rule:
            continue
        for service in as_list(as_map(route).get("services")):
            cookie = as_map(as_map(service).get("sticky")).get("cookie")
            if isinstance(cookie, dict):
                return _Wanted(
                    where=winner.ref,
                    name=str(cookie.get("name") or ""),
                    secure=cookie.get("secure") is True,
                    same_site=str(cookie.get("sameSite") or ""),
                    domain=str(cookie.get("domain") or ""),
                )
    return None


def _refused(wanted: _Wanted, target: Target) -> str:
    """Say why a browser throws the cookie away, or why an attribute has no effect; empty when all is well."""
    same_site = wanted.same_site.lower()
    domain = wanted.domain.lower().lstrip(".")
    if same_site and same_site not in _SAME_SITES:
        return f"SameSite {clean(wanted.same_site, 40)!r} is none of none, lax and strict, so Traefik leaves it out"
    if same_site == "none" and not wanted.secure:
        return "browsers throw away a cookie with SameSite=None that is not Secure"
    if wanted.secure and target.scheme == "http":
        return "it is Secure, and over http browsers throw it away"
    if domain and target.hostname != domain and not target.hostname.endswith(f".{domain}"):
        return f"its domain {clean(domain, 80)} does not cover {target.hostname}, so browsers throw it away"
    return ""


def _answers(decision: RouteDecision, outside: OutsideProbe | Unavailable, origin: OriginProbe | Unavailable) -> bool:
    """Tell whether the application itself was seen to answer; Traefik's own answers set no cookie."""
    status = observed(decision, outside, origin).status
    return bool(status) and 200 <= (status or 0) < 300


def _served(wanted: _Wanted, outside: OutsideProbe | Unavailable, origin: OriginProbe | Unavailable) -> str:
    """Return the attributes with which the cookie came, without its value."""
    exchanges = (
        *(() if isinstance(outside, Unavailable) else (outside.last,)),
        *(() if isinstance(origin, Unavailable) else (origin.https, origin.http)),
    )
    lines = (value for exchange in exchanges for key, value in exchange.headers if key == "set-cookie")
    for line in lines:
        pair, _, attributes = line.partition(";")
        if wanted.name and pair.partition("=")[0].strip() == wanted.name:
            return clean(attributes.strip(), 200) or "no attributes"
    return ""


def _text(wanted: _Wanted) -> str:
    parts = (
        wanted.name or "(named by Traefik)",
        "Secure" if wanted.secure else "",
        f"SameSite={wanted.same_site}" if wanted.same_site else "",
        f"Domain={wanted.domain}" if wanted.domain else "",
    )
    return clean("; ".join(filter(None, parts)), 300)


def _cookies(target: Target) -> Command:
    return look("curl", "-sS", "-o", "/dev/null", "-D", "-", clean(target.url, 500))
