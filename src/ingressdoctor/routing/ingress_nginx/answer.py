"""What the client gets from nginx for a request whose location is known: an answer of its own, or the backend's.

The order is nginx's: rewrites of the server, returns of the location, the redirect to https, the check for endpoints
(not known here), allow and deny lists, the authentication request, the backend.
Source: ingress-nginx rootfs/etc/nginx/template/nginx.tmpl, lua/lua_ingress.lua.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from ingressdoctor.evidence.answer import AnswerSource, ConnectionEnd, PredictedAnswer
from ingressdoctor.evidence.routes import HeaderLines, Outcome, RouteDecision, RouteRequest
from ingressdoctor.routing.ingress_nginx.choose import choose_server, pattern_of
from ingressdoctor.routing.ingress_nginx.servers import CATCH_ALL, Location, NginxTable, Server
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.regex import replace_all

__all__ = ["predict", "refusal_of", "with_handshake"]

_DEFAULT_CERTIFICATE: Final = "the controller's default certificate"
_PAGES: Final = {
    400: "400 Bad Request",
    403: "403 Forbidden",
    404: "404 Not Found",
    503: "503 Service Temporarily Unavailable",
}


def predict(
    decision: RouteDecision, location: Location | None, server: Server, settings: NginxSettings, *, path: str, why: str
) -> RouteDecision:
    """Add what the client gets.

    Args:
        decision: So far.
        location: That takes the request, None when nginx refuses the path.
        server: That takes the host.
        settings: Of the controller.
        path: As nginx sees it, empty when it refuses it.
        why: Of the server.
    """
    request = decision.request
    if location is None:
        answer = _own(400, why)
    else:
        answer = (
            _early(location, server, settings, request, path=path)
            or _by_address(location, request)
            or _from_behind(location, settings, request, path=path, why=why)
        )
    answer = replace(answer, certificate=_certificate(server, settings) if request.tls else "")
    outcome = decision.outcome
    if outcome is Outcome.ROUTED and answer.location:
        outcome = Outcome.REDIRECT
    return replace(decision, outcome=outcome, predicted=answer, predicted_status=answer.status)


def refusal_of(table: NginxTable, request: RouteRequest) -> str:
    """Say why the TLS handshake is refused: nginx does so for names without a certificate, where it is told to."""
    if not request.tls or not table.settings.rejects_handshakes:
        return ""
    server, _ = choose_server(table, request.sni)
    if request.sni and server.host != CATCH_ALL and server.tls:
        return ""
    name = f"the name {request.sni}" if request.sni else "a handshake without a name"
    return f"no certificate is bound to {name}, and ssl-reject-handshake is on"


def with_handshake(table: NginxTable, decision: RouteDecision) -> RouteDecision:
    """Return the decision, with a TLS alert for an answer where the handshake is refused."""
    why = refusal_of(table, decision.request)
    if not why:
        return decision
    answer = PredictedAnswer(source=AnswerSource.NOBODY, why=why, end=ConnectionEnd.TLS_ALERT)
    return replace(decision, predicted=answer, predicted_status=None)


def _own(status: int, why: str, location: str = "") -> PredictedAnswer:
    headers = {"Location": location} if location else {}
    return PredictedAnswer(
        source=AnswerSource.CONTROLLER, status=status, why=why, body=_PAGES.get(status, ""), headers=headers
    )


def _early(
    location: Location, server: Server, settings: NginxSettings, request: RouteRequest, *, path: str
) -> PredictedAnswer | None:
    """Return what nginx answers before it looks at addresses or backends."""
    scheme = _scheme(settings, request)
    roots = [item.annotations.app_root for item in server.locations if item.annotations.app_root]
    if path == "/" and roots:
        return _own(302, "app-root", f"{'https' if request.tls else 'http'}://{request.host}{roots[0]}")
    asked = location.annotations
    if asked.denied:
        return _own(503, f"the location is denied: {asked.denied}")
    if asked.redirect is not None:
        return _own(asked.redirect.code, f"{location.owner} redirects everything", asked.redirect.url)
    if scheme != "http" or any(location.path.startswith(item) for item in settings.no_redirect_paths):
        return None
    bound = server.tls and server.host != CATCH_ALL
    if asked.force_ssl_redirect or (asked.ssl_redirect and bound and location.owner):
        query = f"?{request.query}" if request.query else ""
        target = request.path + query
        target = target if asked.keeps_slash or not target.endswith("/") else target[:-1]
        return _own(settings.redirect_code, "ssl-redirect", f"https://{request.host}{target}")
    return None


def _scheme(settings: NginxSettings, request: RouteRequest) -> str:
    """Return the scheme that nginx believes in."""
    said = HeaderLines(request.headers.items()).get("X-Forwarded-Proto") if settings.use_forwarded_headers else None
    return said or ("https" if request.tls else "http")


def _by_address(location: Location, request: RouteRequest) -> PredictedAnswer | None:
    allow, deny = location.annotations.allowlist, location.annotations.denylist
    if not request.client_ip or not (allow or deny):
        return None
    if _inside(request.client_ip, deny):
        return _own(403, f"{request.client_ip} is on the deny list of {location.owner}")
    if allow and not _inside(request.client_ip, allow):
        return _own(403, f"{request.client_ip} is not on the allow list of {location.owner}")
    return None


def _inside(address: str, networks: Iterable[str]) -> bool:
    client = ipaddress.ip_address(address)
    return any(client in ipaddress.ip_network(item, strict=False) for item in networks)


def _from_behind(
    location: Location, settings: NginxSettings, request: RouteRequest, *, path: str, why: str
) -> PredictedAnswer:
    asked = location.annotations
    if location.backend is None:
        if settings.default_backend:
            return PredictedAnswer(
                source=AnswerSource.BACKEND,
                why=f"{why}; the default backend {settings.default_backend} answers, usually with 404",
            )
        return _own(404, f"{why}; no Ingress has that path, and the default backend answers")
    limits = []
    if (asked.allowlist or asked.denylist) and not request.client_ip:
        limits.append("allow and deny lists go by the client's address, which is not known (--client-ip)")
    if asked.auth_url:
        limits.append("an authentication request is made first; what it answers decides")
    if asked.client_certificates:
        limits.append("a client certificate is asked for")
    limits += [f"{item} was not looked at; without it the answer is 503" for item in asked.needs]
    seen, limit = _rewritten(location, path)
    if limit:
        limits.append(limit)
    query = f"?{request.query}" if request.query else ""
    return PredictedAnswer(
        source=AnswerSource.BACKEND, why="the backend answers", path=seen + query, limits=tuple(limits)
    )


def _rewritten(location: Location, path: str) -> tuple[str, str]:
    """Return the path as the backend sees it, and why that is not known."""
    target = location.annotations.rewrite_target
    if not target or target == location.path:
        return path, ""
    pattern = pattern_of(location).removeprefix("(?i)^")
    try:
        return replace_all(f"(?is)^.*?(?:{pattern}).*$", target, path), ""
    except RuleError as error:
        return path, f"the path as the backend sees it is not known: {error}"


def _certificate(server: Server, settings: NginxSettings) -> str:
    if server.tls_secret:
        return f"Secret {server.tls_secret}, named by {server.tls_owner}"
    if server.tls_tried:
        return f"the first of {', '.join(server.tls_tried)} that names the host, else {_DEFAULT_CERTIFICATE}"
    return f"Secret {settings.default_certificate}" if settings.default_certificate else _DEFAULT_CERTIFICATE
