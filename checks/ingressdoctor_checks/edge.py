"""What the visitor is answered: by the edge itself, by a challenge, or by what stands behind them.

Each answer belongs to exactly one of these checks; the others skip it. None of them says why: deeper checks do.
Source: Cloudflare's error pages; net/http's NotFound, Traefik's and ingress-nginx's own answers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Controller,
    Finding,
    HttpExchange,
    NginxDecision,
    OutsideProbe,
    Protocol,
    Remedy,
    Symptom,
    Target,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    check,
    clean,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.access_common import on_tunnel
from ingressdoctor_checks.edge_codes import meaning_of, symptom_of
from ingressdoctor_checks.edge_dashboard import (
    at_own_entry_point,
    dashboard_elsewhere,
    not_for_visitors,
    perhaps_by_design,
)
from ingressdoctor_checks.edge_makers import NGINX_404, go_404, maker_of
from ingressdoctor_checks.edge_tunnel import by_cloudflared, own_answer
from ingressdoctor_checks.outside_view import SEEN, answered, came_through, curl, length_of, visit_url

__all__ = ["challenge", "error_page", "http_error"]

# The page of an nginx that does not tell its version, as ingress-nginx's does not.
_NGINX_PAGE: Final = b"<center>nginx</center>"
_LOOKALIKE: Final = "an application behind an nginx of its own may answer with the same page"
_REFUSES: Final = {401: Symptom.HTTP_401, 403: Symptom.HTTP_403, 429: Symptom.HTTP_429}
_BEHIND: Final = "The answer comes from behind the edge. Look at the controller and at the backend."
# Titles of nginx's own pages of 400.
_NGINX_SAYS: Final = (
    (
        b"No required SSL certificate was sent",
        (
            "nginx wants a client certificate for this name (ssl_verify_client, or auth-tls-secret of an Ingress): "
            "send one, through Cloudflare by Authenticated Origin Pulls, or take the demand away."
        ),
    ),
    (
        b"The plain HTTP request was sent to HTTPS port",
        (
            "Whoever stands before nginx speaks plain HTTP to its port of TLS: let it speak https there, or dial the "
            "port for HTTP."
        ),
    ),
)


@check(
    id="edge.error-page",
    title="Cloudflare's edge does not answer with an error page of its own",
    step="outside",
    link="edge → origin",
    # Errors that have their reason at the edge itself; the others are what a visitor sees of a deeper one.
    causes=(str(Symptom.EDGE_500), str(Symptom.EDGE_503), str(Symptom.EDGE_527), str(Symptom.EDGE_1020)),
)
def error_page(target: Target, probe: OutsideProbe) -> Iterator[Finding]:
    """An error that the edge made, with what its code means."""
    error, url = probe.edge_error, visit_url(probe, target)
    if not answered(probe.last):
        yield skip("No answer came whose page could be looked at.")
        return
    if error is None:
        yield ok("The answer is not an error page of Cloudflare's edge.", seen={"status": str(probe.last.status)})
        return
    code = meaning_of(error)
    seen = {
        "code": str(error.code),
        "HTTP status": str(error.http_status),
        "recognised by": error.form,
        "Ray ID": error.ray_id or "(none)",
    }
    if error.title:
        seen["title"] = error.title
    symptom = symptom_of(error)
    verdict = warn if symptom is Symptom.EDGE_1015 else fail
    yield verdict(
        f"Cloudflare answers {url} with error {error.code}: {code.what}.",
        subject=target.hostname,
        seen=seen,
        where=SEEN,
        symptom=symptom,
        remedy=Remedy(text=code.look, commands=(curl(url, "-H", "Accept: application/problem+json"),), proof=curl(url)),
    )


@check(
    id="edge.challenge",
    title="No challenge stands before the site",
    step="outside",
    link="visitor → edge",
)
def challenge(target: Target, probe: OutsideProbe) -> Iterator[Finding]:
    """A page that only a browser with a person passes: nobody here can see through it."""
    if not probe.challenge:
        yield ok("No challenge page was served.") if answered(probe.last) else skip("No answer came.")
        return
    url = visit_url(probe, target)
    yield warn(
        f"Cloudflare puts a challenge before {url}: what is behind it cannot be seen from here.",
        subject=target.hostname,
        seen={"status": str(probe.last.status), "cf-mitigated": probe.last.header("cf-mitigated") or "(absent)"},
        where=SEEN,
        symptom=Symptom.EDGE_CHALLENGE,
        remedy=Remedy(
            text="Real browsers pass it; monitors and API clients do not. Let this machine skip the rule under "
            "Security > WAF, or look up the Ray ID under Security > Events.",
            commands=(curl(url),),
            proof=curl(url),
        ),
    )


@check(
    id="edge.http-error",
    title="The site answers the visitor's request",
    step="outside",
    link="visitor → site",
    # Nothing on the path makes a 500 of its own accord: it is the application's, unless a deeper check knows better.
    # What a plain request is refused, a gRPC call is refused too.
    causes=(str(Symptom.HTTP_500), "grpc.status", "edge.grpc-call"),
)
def http_error(  # noqa: PLR0913, PLR0917 - whose answer it is takes a look at everybody who may have made it
    target: Target,
    probe: OutsideProbe,
    zone: ZoneFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    nginx: NginxDecision | Unavailable,
    backend: BackendView | Unavailable,
    controller: Controller | Unavailable,
) -> Iterator[Finding]:
    """The answer of what stands behind the edge: cloudflared, the controller, or the application."""
    last, url = probe.last, visit_url(probe, target)
    if not came_through(probe):
        yield skip("No answer of the site itself came; see the other findings of this step.")
    elif last.status < 400:
        yield _good(probe, url)
    elif on_tunnel(zone, route) and (own := own_answer(last)) is not None:
        yield by_cloudflared(target, last, own)
    elif go_404(last, typed=False) and at_own_entry_point(backend, controller):
        yield dashboard_elsewhere(target, url, _seen(last))
    elif last.status == 404:
        unread = all(isinstance(item, Unavailable) for item in (backend, controller, nginx))
        if unread and target.path == "/" and go_404(last) and not_for_visitors(probe, zone, route):
            yield perhaps_by_design(target, url, _seen(last))
        else:
            yield _not_found(target, last, url, behind_nginx=isinstance(nginx, NginxDecision))
    elif target.protocol is Protocol.GRPC and last.status < 500 and last.status not in _REFUSES:
        yield _not_for_get(last, url)
    elif last.status in _REFUSES:
        yield _refuses(target, last, url)
    elif last.status in {400, 418, 421}:
        yield _broken(target, last, url)
    elif last.status < 500:
        yield _odd(target, last, url)
    else:
        yield _broken(target, last, url)


def _good(probe: OutsideProbe, url: str) -> Finding:
    status = str(probe.last.status)
    seen = {"status": status, "server": probe.last.header("server") or "(not told)"}
    if 300 <= probe.last.status < 400 and probe.left_host:
        return ok(f"{url} sends visitors on to {probe.left_host}, which was not asked.", seen=seen, where=SEEN)
    return ok(f"{url} answers {status}.", seen=seen, where=SEEN)


def _not_found(target: Target, last: HttpExchange, url: str, *, behind_nginx: bool) -> Finding:
    body = last.body
    stock = behind_nginx and _NGINX_PAGE in body and len(body) < 600
    if go_404(last) or body.strip() == NGINX_404 or stock:
        return fail(
            f"{url} answers the ingress controller's own 404: it has no route for this request.",
            subject=target.hostname,
            seen=_seen(last) | {"but": _LOOKALIKE if stock else "applications written in Go answer the same 19 bytes"},
            where=SEEN,
            symptom=Symptom.CONTROLLER_404,
            remedy=Remedy(
                text="Look whether a route names this host and path, and whether the controller dropped it.",
                commands=(
                    look("ingressdoctor", "route", target.url),
                    look("kubectl", "get", "ingressroute,ingress", "-A"),
                ),
                proof=curl(url),
            ),
        )
    if target.protocol is Protocol.GRPC:
        return _not_for_get(last, url)
    asked_for_a_path = target.path != "/"
    verdict = fail if asked_for_a_path else warn
    what = "has nothing at this path" if asked_for_a_path else "is up, but has nothing at /"
    return verdict(
        f"{url} answers 404: the application {what}.",
        subject=target.hostname,
        seen=_seen(last),
        where=SEEN,
        symptom=Symptom.APP_404,
        remedy=Remedy(
            text="Ask for a path that the application has. If this one should exist, look whether a middleware strips "
            "or adds a prefix, and whether the right Service answers.",
            commands=(curl(url), look("ingressdoctor", "route", target.url)),
            proof=curl(url),
        ),
    )


def _not_for_get(last: HttpExchange, url: str) -> Finding:
    """A gRPC server owes nothing to a plain GET."""
    return ok(f"{url} is up; the {last.status} is its answer to a plain GET.", seen=_seen(last), where=SEEN)


def _refuses(target: Target, last: HttpExchange, url: str) -> Finding:
    return warn(
        f"{url} is up, but refuses this request with {last.status}.",
        subject=target.hostname,
        seen=_seen(last),
        where=SEEN,
        symptom=_REFUSES[last.status],
        remedy=Remedy(
            text="Right for a path that wants a login. Otherwise look at allow lists, logins and rate limits in "
            "the route's middlewares and in the application.",
            commands=(curl(url),),
            proof=curl(url),
        ),
    )


def _odd(target: Target, last: HttpExchange, url: str) -> Finding:
    return warn(
        f"{url} is up, but answers {last.status} to a plain GET.",
        subject=target.hostname,
        seen=_seen(last),
        where=SEEN,
        remedy=Remedy(text="Ask for a path that answers GET.", commands=(curl(url),), proof=curl(url)),
    )


def _broken(target: Target, last: HttpExchange, url: str) -> Finding:
    name = f"http-{last.status}"
    known = Symptom(name) if name in set(Symptom) else None
    other = Symptom.HTTP_500 if last.status >= 500 else Symptom.HTTP_400
    maker = maker_of(last)
    return fail(
        f"{url} answers {last.status}{f', made by {maker}' if maker else ''}.",
        subject=target.hostname,
        seen=_seen(last),
        where=SEEN,
        symptom=known or other,
        remedy=Remedy(
            text=next((advice for words, advice in _NGINX_SAYS if words in last.body[:500]), _BEHIND),
            commands=(curl(url), look("ingressdoctor", "route", target.url)),
            proof=curl(url),
        ),
    )


def _seen(last: HttpExchange) -> dict[str, str]:
    start = clean(last.body[:120].decode("utf-8", "replace").strip(), 120)
    return {
        "status": str(last.status),
        "content-type": last.header("content-type") or "(none)",
        "server": last.header("server") or "(not told)",
        "body": f"{length_of(last)}{f', beginning with {start!r}' if start else ''}",
    }
