"""Where redirections lead: those of entry points, redirectScheme and redirectRegex.

Source: traefik: pkg/middlewares/redirect/*.go, pkg/provider/traefik/internal.go (redirection).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import msgspec

from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.routing.traefik.forwarded import Client
from ingressdoctor.routing.traefik.regex import replace_all

__all__ = ["Asked", "Redirect", "entry_point_redirect", "redirect_regex", "redirect_scheme", "status_text"]

# Fixed patterns of Traefik's own; the text they see is bounded by the request line.
_URL: Final = re.compile(r"(https?://)?(\[[\w:.]+\]|[\w._-]+)?(:\d+)?(.*)", re.ASCII | re.DOTALL)
_DEFAULT_PORT: Final = {"http": "80", "https": "443"}


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What of a request decides about a redirect; ``host`` is the Host header with its port, ``uri`` path and query."""

    method: str
    host: str
    uri: str
    tls: bool
    client: Client


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """A redirect's status and target."""

    status: int
    location: str

    @property
    def body(self) -> str:
        """The text Traefik writes with it."""
        return status_text(self.status)


def status_text(status: int) -> str:
    """Return the usual words for a status, empty for one without."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def entry_point_redirect(static: StaticConfig, point: EntryPoint, asked: Asked) -> Redirect | None:
    """Return the entry point's own redirect; None when the client already asks for what it leads to."""
    base = f"entrypoints.{point.name}.http.redirections.entrypoint"
    port = point.redirect_to.removeprefix(":")
    if not point.redirect_to.startswith(":"):
        target = static.entry_point(point.redirect_to)
        port = str(target.port) if target else ""
    return redirect_scheme(
        {
            "scheme": point.redirect_scheme or "https",
            "port": port,
            "permanent": static.enabled(f"{base}.permanent", default=True),
        },
        asked,
    )


def redirect_scheme(spec: Mapping[str, Any], asked: Asked) -> Redirect | None:
    """Return what redirectScheme answers; None when it lets the request through."""
    scheme, port = str(spec.get("scheme") or ""), str(spec.get("port") or "")
    suffix = f":{port}" if port and _DEFAULT_PORT.get(scheme) != port else ""
    before = _asked_url(asked)
    match = _URL.fullmatch(before)
    after = f"{scheme}://{match.group(2) or ''}{suffix}{match.group(4)}" if match else before
    if after == before:
        return None
    forced = spec.get("forcePermanentRedirect") is True
    return Redirect(status=308 if forced else _status(spec, asked.method), location=after)


def redirect_regex(spec: Mapping[str, Any], asked: Asked) -> Redirect | None:
    """Return what redirectRegex answers; None when it lets the request through.

    Raises:
        RuleError: Go refuses the pattern, so the router does not exist.
    """
    before = f"{'https' if asked.tls else 'http'}://{asked.host}{asked.uri}"
    after = replace_all(str(spec.get("regex") or ""), str(spec.get("replacement") or ""), before)
    if after == before:
        return None
    code = spec.get("statusCode")
    return Redirect(status=code if isinstance(code, int) else _status(spec, asked.method), location=after)


def _status(spec: Mapping[str, Any], method: str) -> int:
    if spec.get("permanent") is True:
        return 301 if method == "GET" else 308
    return 302 if method == "GET" else 307


def _asked_url(asked: Asked) -> str:
    """Return the URL as redirectScheme reads it from the request: X-Forwarded-Proto, if kept, names the scheme."""
    scheme = asked.client.scheme or ("https" if asked.tls else "http")
    host, port = asked.host, ""
    if match := re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*):([^:\[\]]*)", asked.host):
        host, port = match.group(1).strip("[]"), f":{match.group(2)}"
    if port == f":{_DEFAULT_PORT[scheme]}":
        port = ""
    return f"{scheme}://{host}{port}{asked.uri}"
