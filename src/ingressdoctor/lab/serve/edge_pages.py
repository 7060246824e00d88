"""Answers that Cloudflare's edge makes itself: error pages in every body form, challenges, blocks, redirects.

Pure: codes and a request in, a response out. Forms follow the Accept header: HTML for browsers, one line of text
for curl, an RFC 9457 object for JSON clients. `cf-error-type` and `cf-error-origin` mark these pages.
"""

from __future__ import annotations

import dataclasses
import html
import json
from datetime import UTC, datetime

from ingressdoctor.lab.serve.wire import Headers, Request, Response


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ErrorKind:
    """What the edge says about one code: title, machine name, category and seconds until a retry."""

    status: int
    title: str
    name: str
    category: str
    retry_after: int = 0


KINDS = {
    500: ErrorKind(status=500, title="Internal server error", name="internal_error", category="edge"),
    502: ErrorKind(status=502, title="Bad gateway", name="origin_bad_gateway", category="origin", retry_after=60),
    504: ErrorKind(
        status=504, title="Gateway time-out", name="origin_gateway_timeout", category="origin", retry_after=60
    ),
    520: ErrorKind(
        status=520,
        title="Web server is returning an unknown error",
        name="origin_unknown_error",
        category="origin",
        retry_after=60,
    ),
    521: ErrorKind(status=521, title="Web server is down", name="origin_down", category="origin", retry_after=120),
    522: ErrorKind(
        status=522, title="Connection timed out", name="connection_timeout", category="origin", retry_after=120
    ),
    523: ErrorKind(
        status=523, title="Origin is unreachable", name="origin_unreachable", category="origin", retry_after=120
    ),
    524: ErrorKind(
        status=524,
        title="A timeout occurred",
        name="origin_response_timeout",
        category="origin",
        retry_after=120,
    ),
    525: ErrorKind(
        status=525, title="SSL handshake failed", name="ssl_handshake_failed", category="ssl", retry_after=120
    ),
    526: ErrorKind(
        status=526,
        title="Invalid SSL certificate",
        name="invalid_ssl_certificate",
        category="ssl",
        retry_after=120,
    ),
    1000: ErrorKind(status=403, title="DNS points to prohibited IP", name="dns_prohibited_ip", category="dns"),
    1001: ErrorKind(status=409, title="DNS resolution error", name="dns_resolution_error", category="dns"),
    1002: ErrorKind(status=403, title="Restricted IP", name="restricted_ip", category="dns"),
    1003: ErrorKind(status=403, title="Direct IP access not allowed", name="direct_ip_access", category="config"),
    1013: ErrorKind(
        status=409, title="HTTP hostname and TLS SNI hostname mismatch", name="sni_mismatch", category="config"
    ),
    1015: ErrorKind(
        status=429,
        title="You are being rate limited",
        name="rate_limited",
        category="rate_limit",
        retry_after=30,
    ),
    1016: ErrorKind(status=530, title="Origin DNS error", name="origin_dns_error", category="dns"),
    1020: ErrorKind(status=403, title="Access denied", name="access_denied", category="access_denied"),
    1033: ErrorKind(
        status=530, title="Cloudflare Tunnel error", name="tunnel_error", category="config", retry_after=120
    ),
}

_NO_STORE = ("Cache-Control", "private, max-age=0, no-store, no-cache, must-revalidate")


def error_page(code: int, request: Request, host: str, ray: str) -> Response:
    """The edge's own page for an error code, in the form the client accepts."""
    kind = KINDS.get(code) or KINDS[500]
    accept = request.get("accept").lower()
    if "json" in accept and "text/html" not in accept:
        media, body = "application/problem+json; charset=utf-8", _problem(code, kind, host, ray)
    elif "text/markdown" in accept:
        media, body = "text/markdown; charset=utf-8", _markdown(code, kind, host, ray)
    elif "text/html" in accept:
        media, body = "text/html; charset=UTF-8", _page(code, kind, host, ray)
    else:
        media, body = "text/plain; charset=UTF-8", f"error code: {code}"
    headers: Headers = (
        ("Content-Type", media),
        _NO_STORE,
        ("X-Frame-Options", "SAMEORIGIN"),
        ("Referrer-Policy", "same-origin"),
        ("CF-Error-Type", str(code)),
        ("CF-Error-Origin", "origin" if kind.category in {"origin", "ssl"} else "edge"),
    )
    if kind.retry_after:
        headers = (*headers, ("Retry-After", str(kind.retry_after)))
    return Response(status=kind.status, headers=headers, body=body.encode())


def challenge_page(host: str) -> Response:
    """A managed challenge: always HTML, whatever the client accepts."""
    body = (
        '<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>'
        '<meta http-equiv="refresh" content="360"></head><body><div class="main-wrapper">'
        f"<h1>{html.escape(host)}</h1><noscript>Enable JavaScript and cookies to continue</noscript></div>"
        "<script>window._cf_chl_opt={cvId:'3',cType:'managed'};</script>"
        '<script src="/cdn-cgi/challenge-platform/h/g/orchestrate/chl_page/v1"></script></body></html>'
    )
    headers = (("Content-Type", "text/html; charset=UTF-8"), _NO_STORE, ("CF-Mitigated", "challenge"))
    return Response(status=403, headers=headers, body=body.encode())


def redirect(status: int, location: str, *headers: tuple[str, str]) -> Response:
    """A redirect made by the edge."""
    return Response(status=status, headers=(("Location", location), *headers))


def _label(code: int, kind: ErrorKind) -> str:
    return f"Error {code}: {kind.title}"


def _problem(code: int, kind: ErrorKind, host: str, ray: str) -> str:
    return json.dumps(
        {
            "type": f"https://developers.cloudflare.com/support/troubleshooting/http-status-codes/error-{code}/",
            "title": _label(code, kind),
            "status": kind.status,
            "detail": f"{kind.title} ({host}).",
            "instance": ray,
            "error_code": code,
            "error_name": kind.name,
            "error_category": kind.category,
            "ray_id": ray,
            "timestamp": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "zone": host,
            "cloudflare_error": True,
            "retryable": bool(kind.retry_after),
            "retry_after": kind.retry_after or None,
            "owner_action_required": True,
            "what_you_should_do": "The owner of the site has to look at the configuration or the origin.",
            "footer": "This error was generated by Cloudflare on behalf of the website owner.",
        }
    )


def _markdown(code: int, kind: ErrorKind, host: str, ray: str) -> str:
    head = f"---\ntitle: {_label(code, kind)}\nstatus: {kind.status}\nerror_code: {code}\n"
    return f"{head}error_name: {kind.name}\nray_id: {ray}\nzone: {host}\ncloudflare_error: true\n---\n"


def _page(code: int, kind: ErrorKind, host: str, ray: str) -> str:
    title = f"{html.escape(host)} | {code}: {kind.title}" if code < 1000 else f"{kind.title} | {html.escape(host)}"
    if code == 1020:
        title = "Attention Required! | Cloudflare"
    return (
        f'<!DOCTYPE html><html lang="en-US"><head><title>{title}</title></head><body>'
        '<div id="cf-wrapper"><div id="cf-error-details"><header><h1>'
        f'<span class="inline-block">{html.escape(kind.title)}</span>'
        f'<span class="cf-error-code">{code}</span></h1>'
        "<div>Visit cloudflare.com for more information.</div></header>"
        f'<div class="cf-error-footer">Cloudflare Ray ID: <strong>{ray.partition("-")[0]}</strong>'
        " &bull; Performance &amp; security by Cloudflare</div></div></div></body></html>"
    )
