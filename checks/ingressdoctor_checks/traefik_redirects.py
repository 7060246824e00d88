"""Redirects that Traefik itself makes, and that send the visitor back to the URL that was asked.

The zone's SSL mode is judged in ``edge_loops``; here it is Traefik's entry points and middlewares.
Source: Traefik's redirections of entry points, redirectScheme and redirectRegex; X-Forwarded-Proto counts only from
addresses that the entry point trusts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import msgspec

from ingressdoctor.api import (
    Controller,
    EntryPoint,
    Finding,
    HttpExchange,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Target,
    Unavailable,
    as_map,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.outside_view import answered, hop_facts
from ingressdoctor_checks.traefik_common import STEP, describe, edit, proof_of
from ingressdoctor_checks.traefik_objects import kinds_of, middlewares_of

__all__ = ["redirect_loop"]

_REDIRECTS: Final = frozenset([301, 302, 303, 307, 308])
_KINDS: Final = frozenset(["redirectScheme", "redirectRegex"])


class _Redirector(msgspec.Struct, frozen=True):
    """What of Traefik redirects: a middleware's reference, or an entry point's name."""

    ref: str
    what: str
    owner: str = ""


@check(
    id="traefik.redirect-loop",
    title="Traefik's redirects lead somewhere else",
    step=STEP,
    link="Traefik → redirects",
    causes=("redirect-loop", "edge.redirect-loop"),
)
def redirect_loop(
    decision: RouteDecision,
    objects: RoutingObjects | Unavailable,
    controller: Controller | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """A redirect to the URL that was asked, or to https for an edge that always asks over http."""
    over_https = None if isinstance(origin, Unavailable) else origin.https
    over_http = None if isinstance(origin, Unavailable) else origin.http
    circling = not isinstance(outside, Unavailable) and (outside.loop or outside.too_many_redirects)
    itself = over_https is not None and _to_itself(over_https)
    if not circling and not itself:
        yield _no_loop(outside, over_https)
        return
    own = _redirecting_middleware(decision, objects)
    if over_https is not None and itself:
        yield _itself(own, over_https, target, circling=circling)
        return
    if over_http is not None and over_https is not None and _to_https(over_http) and 0 < over_https.status < 400:
        yield _asked_plain(_plain_redirector(controller, own), over_http, outside, target)
        return
    if own is not None:
        yield _between(own, decision, outside, target)
        return
    yield skip("Visitors go in a circle, but no entry point or middleware of Traefik redirects this request.")


def _no_loop(outside: OutsideProbe | Unavailable, over_https: HttpExchange | None) -> Finding:
    if over_https is not None and over_https.status:
        return ok("Traefik does not redirect the request to itself.", seen={"status": str(over_https.status)})
    if isinstance(outside, Unavailable):
        return unknown(
            "Whether Traefik's redirects lead in a circle could not be seen.",
            enable_with="Let the tool reach the site or its origin.",
        )
    if answered(outside.last):
        return ok("The visitor's request does not go in a circle.")
    return skip("No answer came that could redirect.")


def _redirecting_middleware(decision: RouteDecision, objects: RoutingObjects | Unavailable) -> _Redirector | None:
    winner = decision.winner
    if winner is None:
        return None
    for item in middlewares_of(winner, objects):
        for kind in kinds_of(item):
            if kind in _KINDS:
                spec = as_map(item.spec.get(kind))
                told = ", ".join(f"{key}: {value}" for key, value in list(spec.items())[:4])
                return _Redirector(item.ref, f"{kind} ({told})", winner.ref)
    return None


def _plain_redirector(controller: Controller | Unavailable, own: _Redirector | None) -> _Redirector | None:
    """Return what redirects plain http: the entry point behind port 80, else the route's own middleware."""
    if isinstance(controller, Unavailable):
        return own
    point = controller.path_of(80).entry_point
    if point is not None and controller.static.redirects(point):
        what = f"every request is redirected to {point.redirect_to}; {_trust(point)}"
        return _Redirector(f"entry point {point.name}", what)
    return own


def _trust(point: EntryPoint) -> str:
    if point.forwarded_insecure:
        return "it trusts everybody's X-Forwarded-Proto"
    trusted = ", ".join(point.forwarded_trusted)
    return f"it trusts X-Forwarded-Proto from {trusted}" if trusted else "it trusts nobody's X-Forwarded-Proto"


def _to_itself(exchange: HttpExchange) -> bool:
    """Tell whether an answer redirects to the very URL that was asked; one that sets a cookie may go on."""
    if exchange.status not in _REDIRECTS or exchange.header("set-cookie"):
        return False
    try:
        asked, goal = urlsplit(exchange.url), urlsplit(exchange.header("location").strip())
        ports = {(asked.port or 443), (goal.port or (443 if goal.scheme == "https" else 80))}
    except ValueError:
        return False
    if goal.scheme == "http" and asked.scheme == "https":
        return False  # whether that comes back is seen from outside
    same_host = (goal.hostname or asked.hostname) == asked.hostname
    return same_host and len(ports) == 1 and (goal.path or "/", goal.query) == (asked.path or "/", asked.query)


def _to_https(exchange: HttpExchange) -> bool:
    return exchange.status in _REDIRECTS and exchange.header("location").strip().lower().startswith("https://")


def _itself(own: _Redirector | None, exchange: HttpExchange, target: Target, *, circling: bool) -> Finding:
    if own is None:
        return skip(
            "The origin redirects the request to itself, but no middleware of its route does: it is the application."
        )
    say = fail if circling else warn
    return say(
        f"{own.ref} of {own.owner} redirects {target.url} to itself.",
        subject=own.ref,
        where="the answer of the origin",
        seen={"redirect": own.what, "status": str(exchange.status), "location": exchange.header("location")[:300]},
        remedy=Remedy(
            text="Correct the middleware, or take it off this route: a redirect must not match its own result.",
            commands=(describe(own.ref), describe(own.owner), changes(*edit(own.owner))),
            proof=proof_of(target),
        ),
    )


def _asked_plain(
    redirector: _Redirector | None, over_http: HttpExchange, outside: OutsideProbe | Unavailable, target: Target
) -> Finding:
    if redirector is None:
        return skip("The application redirects plain http, and what stands before Traefik asks over http.")
    seen = {} if isinstance(outside, Unavailable) else hop_facts(outside)
    return fail(
        f"What stands before Traefik asks it over http, and Traefik ({redirector.ref}) redirects to https: "
        "visitors go in a circle, although https works at the origin.",
        subject=redirector.ref,
        where="the trip from outside, and the origin asked directly",
        seen={**seen, "redirect": redirector.what, "http at the origin": over_http.header("location")[:300]},
        remedy=Remedy(
            text="Let the edge ask over https (Cloudflare: SSL/TLS > Full (strict)). Where it must be http, trust the "
            "sender's X-Forwarded-Proto with --entryPoints.<name>.forwardedHeaders.trustedIPs, and redirect by a "
            "redirectScheme middleware, which obeys it.",
            commands=(look("curl", "-sS", "-o", "/dev/null", "-D", "-", f"http://{target.hostname}{target.path}"),),
            proof=look("curl", "-sS", "-o", "/dev/null", "-D", "-", "-L", "--max-redirs", "10", target.url),
        ),
    )


def _between(own: _Redirector, decision: RouteDecision, outside: OutsideProbe | Unavailable, target: Target) -> Finding:
    seen = {} if isinstance(outside, Unavailable) else hop_facts(outside)
    return fail(
        f"Visitors of {target.url} go in a circle, and {own.ref} of {own.owner} is one of those who redirect.",
        subject=own.ref,
        where="the trip from outside",
        seen={**seen, "redirect": own.what, "entry point": decision.request.entry_point},
        remedy=Remedy(
            text="Find the hop that leads back: a redirect rule at the edge, the route of the other host, or the "
            "application. Keep one of the two.",
            commands=(describe(own.ref), describe(own.owner), changes(*edit(own.owner))),
            proof=look("curl", "-sS", "-o", "/dev/null", "-D", "-", "-L", "--max-redirs", "10", target.url),
        ),
    )
