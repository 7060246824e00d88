"""Who makes which short standard answer, as far as the answer alone can tell.

Holds no check and judges nothing. Source: net/http's NotFound, Traefik's and ingress-nginx's own answers.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import HttpExchange

__all__ = ["NGINX_404", "go_404", "maker_of"]

# net/http's NotFound: Traefik answers so when no router matched, and so does many an application written in Go.
_GO_404: Final = b"404 page not found\n"
NGINX_404: Final = b"default backend - 404"
_MAKERS: Final = (
    (404, NGINX_404, "ingress-nginx's default backend"),
    (502, b"Bad Gateway", "Traefik, which could not connect to the backend"),
    (503, b"no available server", "Traefik, which has no endpoint to send it to"),
    (503, b"no server available", "the load balancer, which has no healthy target"),
    (504, b"Gateway Timeout", "Traefik, which waited in vain for the backend"),
    (403, b"Forbidden", "Traefik, by an allow list"),
)


def go_404(last: HttpExchange, *, typed: bool = True) -> bool:
    """Tell whether it is net/http's NotFound; *typed* asks for its content type as well."""
    plain = last.header("content-type").lower().startswith("text/plain")
    return last.status == 404 and last.body == _GO_404 and (plain or not typed)


def maker_of(last: HttpExchange) -> str:
    """Name who made a short standard body, as far as the body alone can tell."""
    body = last.body[:200].strip()
    if last.status == 418 and not body:
        return "Traefik, whose redirect to https met a request that already came by https"
    return next((who for status, text, who in _MAKERS if status == last.status and text in body and len(body) < 60), "")
