"""The one service that cloudflared serves without ingress rules: what ``url``, ``hello-world`` and their like name.

They are command line flags that may stand at the top level of the file. Environment and arguments are not read here.

Source: cloudflared ingress/ingress.go (parseSingleOriginService), ingress/config.go (originRequestFromSingleRule),
validation/validation.go (ValidateUrl).
"""

from __future__ import annotations

import ipaddress
from typing import Final

from ingressdoctor.model.text import shorten
from ingressdoctor.routing.cloudflared.configuration import Configuration
from ingressdoctor.routing.cloudflared.service import BadService, OriginService, ServiceKind, service_of
from ingressdoctor.routing.cloudflared.settings import OriginSettings
from ingressdoctor.routing.durations import parse_duration

__all__ = ["single_service"]

_SCHEMES: Final = ("http", "https", "rdp", "ssh", "smb", "tcp")
_NANO: Final = 1_000_000_000
_DURATIONS: Final = {
    "proxy-connect-timeout": "connect_timeout",
    "proxy-tls-timeout": "tls_timeout",
    "proxy-tcp-keepalive": "tcp_keep_alive",
    "proxy-keepalive-timeout": "keep_alive_timeout",
}
_FLAGS: Final = {
    "proxy-no-happy-eyeballs": "no_happy_eyeballs",
    "proxy-keepalive-connections": "keep_alive_connections",
    "http-host-header": "http_host_header",
    "origin-server-name": "origin_server_name",
    "origin-ca-pool": "ca_pool",
    "no-tls-verify": "no_tls_verify",
    "no-chunked-encoding": "disable_chunked_encoding",
    "bastion": "bastion_mode",
    "proxy-address": "proxy_address",
    "proxy-port": "proxy_port",
    "http2-origin": "http2_origin",
}


def single_service(configuration: Configuration) -> tuple[OriginService, OriginSettings] | BadService | None:
    """Return the service and its settings, why it is refused, or None when no key of the file names one."""
    service = _service(configuration)
    if service is None or isinstance(service, BadService):
        return service
    given: dict[str, object] = {
        field: value for name, field in _FLAGS.items() if (value := configuration.setting(name)) and value != -1
    }
    for name, field in _DURATIONS.items():
        value = configuration.setting(name)
        nanoseconds = parse_duration(value) if isinstance(value, str) else None
        if nanoseconds is not None and nanoseconds > 0:
            given[field] = nanoseconds / _NANO
    if configuration.setting("socks5"):
        given["proxy_type"] = "socks"
    return service, OriginSettings(**given, given=tuple(given))  # type: ignore[arg-type] # flags.py saw their types


def _service(configuration: Configuration) -> OriginService | BadService | None:
    if configuration.setting("hello-world"):
        return service_of("hello_world")
    if configuration.setting("bastion"):
        return service_of("bastion")
    url, socket = configuration.setting("url"), configuration.setting("unix-socket")
    if isinstance(url, str) and url:
        return _of_url(url)
    return (
        OriginService(kind=ServiceKind.UNIX, scheme="unix", path=socket) if isinstance(socket, str) and socket else None
    )


def _of_url(text: str) -> OriginService | BadService:
    """Read an origin URL: the scheme may be left out, and a path is dropped."""
    scheme, mark, rest = text.partition("://")
    if not mark:
        scheme, rest = "http", text
    if scheme.lower() not in _SCHEMES:
        shown = shorten(scheme, 40)
        return BadService(
            f"Error validating origin URL: Currently Cloudflare Tunnel does not support {shown} protocol.", "url"
        )
    authority = rest.partition("/")[0].partition("?")[0]
    if _is_ipv6(authority):
        authority = f"[{authority}]"
    found = service_of(f"{scheme}://{authority}")
    if isinstance(found, BadService):
        return BadService(f"Error validating origin URL: URL {shorten(text, 200)} has invalid format", "url")
    return found


def _is_ipv6(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
