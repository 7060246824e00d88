"""Settings of a rule that have no effect on its service, or one that is seldom meant.

Only what the rule itself sets is remarked upon: a value of the top level may be meant for other rules.

Source: cloudflared ingress/origin_service.go (newHTTPTransport, httpService.start, tcpOverWSService.start),
ingress/origin_proxy.go, ingress/middleware/jwtvalidator.go, proxy/proxy.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared.service import OriginService, ServiceKind
from ingressdoctor.routing.cloudflared.settings import OriginSettings

__all__ = ["Remark", "remarks_on"]

_KNOWN_TCP: Final = frozenset(("tcp", "ssh", "rdp", "smb"))
_KEYS: Final = {
    "no_tls_verify": "noTLSVerify",
    "origin_server_name": "originServerName",
    "match_sni_to_host": "matchSNItoHost",
    "ca_pool": "caPool",
    "http2_origin": "http2Origin",
    "http_host_header": "httpHostHeader",
    "disable_chunked_encoding": "disableChunkedEncoding",
}
_OF_TLS: Final = ("no_tls_verify", "origin_server_name", "match_sni_to_host", "ca_pool", "http2_origin")
_OF_HTTP_ONLY: Final = ("http_host_header", "match_sni_to_host")


class Remark(msgspec.Struct, frozen=True):
    """One remark: a stable name, its grade (problem, warning or note), and the text."""

    name: str
    grade: str
    text: str


def remarks_on(service: OriginService, settings: OriginSettings, written: str) -> Iterator[Remark]:
    """Yield the remarks on one rule; *written* is its service as it stands in the configuration."""
    yield from _idle(service, settings)
    yield from _address(service)
    yield from _access(settings)
    if service.kind is ServiceKind.BASTION and written != "bastion":
        text = f"bastionMode makes it a jump host: the service {clean(written, 120)} is not used"
        yield Remark("bastion-mode", "warning", text)
    if service.tls and service.kind is ServiceKind.HTTP and settings.match_sni_to_host and settings.http2_origin:
        yield Remark("sni-without-http2", "note", "matchSNItoHost keeps http2Origin from having an effect")
    if settings.ip_rules and "ip_rules" in settings.given and service.kind is not ServiceKind.SOCKS:
        yield Remark("idle-ip-rules", "note", "ipRules has no effect: only socks-proxy reads it")


def _idle(service: OriginService, settings: OriginSettings) -> Iterator[Remark]:
    set_here = [name for name in _KEYS if name in settings.given and getattr(settings, name)]
    for name in set_here:
        key = _KEYS[name]
        why = ""
        if not service.is_web:
            why = f"{service.text} is not spoken to over HTTP"
        elif name in _OF_TLS and not service.tls:
            why = f"{service.text} is not spoken to over TLS"
        elif name in _OF_HTTP_ONLY and service.kind is ServiceKind.UNIX:
            why = "cloudflared does not apply it to unix sockets"
        elif name == "origin_server_name" and service.kind is ServiceKind.HELLO:
            why = "the built-in test server does not read it"
        if why:
            yield Remark("idle-setting", "note", clean(f"{key} has no effect: {why}", 300))


def _address(service: OriginService) -> Iterator[Remark]:
    if service.bad_port:
        text = f"the port {clean(service.bad_port, 20)} is not from 1 to 65535: every request fails with 502"
        yield Remark("port-out-of-range", "problem", text)
    if service.kind is not ServiceKind.TCP or service.scheme in _KNOWN_TCP:
        return
    hint = {"h2c": "http or https", "grpc": "https with http2Origin", "grpcs": "https with http2Origin"}
    instead = f"; use {hint[service.scheme]}" if service.scheme in hint else ""
    text = (
        f"cloudflared knows no scheme {clean(service.scheme, 40)} and treats the service as raw TCP: a browser gets "
        f"200 with an empty body{instead}"
    )
    yield Remark("unknown-scheme", "problem", text)
    if not service.port and not service.bad_port:
        yield Remark("port-missing", "problem", f"the scheme {clean(service.scheme, 40)} has no default port to dial")


def _access(settings: OriginSettings) -> Iterator[Remark]:
    access = settings.access
    if access is None:
        return
    if access.required and not access.aud_tags:
        yield Remark(
            "access-without-audience", "problem", "access.required without audTag answers 403 to every request"
        )
    elif not access.required and access.aud_tags:
        yield Remark("access-not-required", "warning", "access has no effect without required: true")
