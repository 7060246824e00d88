"""What a rule's ``service`` is: the kind of origin, where it is, and how cloudflared speaks to it. No dialling here.

Source: cloudflared ingress/ingress.go (validateIngress), ingress/origin_service.go (newTCPOverWSService, start).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.model.text import shorten
from ingressdoctor.routing.cloudflared.address import AddressError, Url, parse_url, quoted

__all__ = ["BadService", "OriginService", "ServiceKind", "service_of"]

_DEFAULT_PORTS: Final = {
    "http": 80,
    "ws": 80,
    "https": 443,
    "wss": 443,
    "ssh": 22,
    "rdp": 3389,
    "smb": 445,
    "tcp": 7864,
}
_WEB: Final = {"http": "http", "ws": "http", "https": "https", "wss": "https"}
_STATUS: Final = re.compile(r"[+-]?[0-9]+")
_MAX_DIGITS: Final = 18
_MAX_PORT: Final = 65_535


class ServiceKind(StrEnum):
    """How cloudflared treats requests for a service."""

    HTTP = "http"
    UNIX = "unix"
    STATUS = "http_status"
    HELLO = "hello_world"
    BASTION = "bastion"
    SOCKS = "socks-proxy"
    TCP = "tcp"


class OriginService(msgspec.Struct, frozen=True, kw_only=True):
    """A service as cloudflared understands it.

    ``scheme`` is as written in lower case; ``address`` is host and port as they are dialled; ``port`` is 0 where there
    is none to dial, also for one out of range, which ``bad_port`` then holds. ``tls`` says that the origin is spoken
    to over TLS. ``path`` is a unix socket's.
    """

    kind: ServiceKind
    scheme: str = ""
    address: str = ""
    host: str = ""
    port: int = 0
    port_written: bool = False
    bad_port: str = ""
    tls: bool = False
    path: str = ""
    status: int = 0

    @property
    def text(self) -> str:
        """The service as cloudflared prints it, without any user name or query."""
        match self.kind:
            case ServiceKind.UNIX:
                return f"unix{'+tls' if self.tls else ''}:{self.path}"
            case ServiceKind.STATUS:
                return f"http_status:{self.status}"
            case ServiceKind.HELLO | ServiceKind.BASTION | ServiceKind.SOCKS:
                return self.kind.value
            case _:
                return f"{self.scheme}://{self.address}"

    @property
    def is_web(self) -> bool:
        """Whether a browser's request reaches the origin as HTTP."""
        return self.kind in (ServiceKind.HTTP, ServiceKind.UNIX, ServiceKind.HELLO)


_BUILT_IN: Final = {
    "hello_world": OriginService(kind=ServiceKind.HELLO, tls=True),
    "hello-world": OriginService(kind=ServiceKind.HELLO, tls=True),
    "socks-proxy": OriginService(kind=ServiceKind.SOCKS),
    "bastion": OriginService(kind=ServiceKind.BASTION),
}


class BadService(msgspec.Struct, frozen=True):
    """Why a service is refused: cloudflared's words, and whether it has a path, lacks an address, or is no URL."""

    text: str
    what: str


def service_of(text: str, *, bastion: bool = False) -> OriginService | BadService:
    """Return what a service is; ``bastion`` is the rule's effective bastionMode, which turns URLs into a bastion."""
    scheme, _, rest = text.partition(":")
    match scheme:
        case "unix" | "unix+tls" if scheme != text:
            return OriginService(kind=ServiceKind.UNIX, scheme=scheme, path=rest, tls=scheme == "unix+tls")
        case "http_status" if scheme != text:
            return _status(rest)
        case "hello_world" | "hello-world" | "socks-proxy" | "bastion" if scheme == text:
            return _BUILT_IN[text]
        case _:
            return _BUILT_IN["bastion"] if bastion else _of_url(text)


def _status(code: str) -> OriginService | BadService:
    if not _STATUS.fullmatch(code):
        shown = quoted(shorten(code, 60))
        return BadService(f"invalid HTTP status code: strconv.Atoi: parsing {shown}: invalid syntax", "status")
    if len(code.lstrip("+-0")) > _MAX_DIGITS:
        shown = quoted(shorten(code, 60))
        return BadService(f"invalid HTTP status code: strconv.Atoi: parsing {shown}: value out of range", "status")
    status = int(code)
    if not 100 <= status <= 999:
        return BadService(f"invalid HTTP status code: {status}", "status")
    return OriginService(kind=ServiceKind.STATUS, status=status)


def _of_url(text: str) -> OriginService | BadService:
    try:
        url = parse_url(text)
    except AddressError as error:
        return BadService(shorten(str(error), 400), "url")
    shown = shorten(text, 200)
    if not url.scheme or not url.hostname:
        return BadService(f"{shown} is an invalid address, please make sure it has a scheme and a hostname", "address")
    if url.path:
        return BadService(
            f"{shown} is an invalid address, ingress rules don't support proxying to a different path on the origin "
            "service. The path will be the same as the eyeball request's path",
            "path",
        )
    return _dialled(url)


def _dialled(url: Url) -> OriginService:
    web = url.scheme in _WEB
    digits = url.port.lstrip("0") or url.port[:1]
    fits = len(digits) <= 5 and 0 < int(digits or "0") <= _MAX_PORT
    default = _DEFAULT_PORTS.get(url.scheme, 0)
    address = url.host
    if not web and not url.port and default:
        address = f"[{url.hostname}]:{default}" if ":" in url.hostname else f"{url.hostname}:{default}"
    return OriginService(
        kind=ServiceKind.HTTP if web else ServiceKind.TCP,
        scheme=url.scheme,
        address=address,
        host=url.hostname,
        port=(int(digits) if fits else 0) if digits else default,
        port_written=bool(digits),
        bad_port=shorten(url.port, 20) if digits and not fits else "",
        tls=_WEB.get(url.scheme) == "https",
    )
