"""A YAML document to a configuration, accepted and refused exactly as cloudflared does when it starts.

The text was read by the collector. Whether the rules make sense is judged by ``table``.

Source: cloudflared config/configuration.go (ReadConfigFile and the second, strict reading that lists unused keys).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared.configuration import (
    Access,
    Configuration,
    Flaw,
    Ignored,
    IngressRule,
    IpRule,
    OriginRequest,
    Unreadable,
    WarpRouting,
    as_settings,
)
from ingressdoctor.routing.cloudflared.decode import Mistake, Unknown, decode
from ingressdoctor.routing.cloudflared.flags import KNOWN, complaint
from ingressdoctor.routing.cloudflared.nodes import Document
from ingressdoctor.routing.cloudflared.schema import CONFIGURATION, ORIGIN_REQUEST, RULE

__all__ = ["MAX_RULES", "origin_request_of", "read_configuration", "rule_of", "warp_routing_of"]

MAX_RULES: Final = 20_000
_NANO: Final = 1_000_000_000
_PLAIN: Final = {
    "noHappyEyeballs": "no_happy_eyeballs",
    "keepAliveConnections": "keep_alive_connections",
    "httpHostHeader": "http_host_header",
    "originServerName": "origin_server_name",
    "matchSNItoHost": "match_sni_to_host",
    "caPool": "ca_pool",
    "noTLSVerify": "no_tls_verify",
    "disableChunkedEncoding": "disable_chunked_encoding",
    "bastionMode": "bastion_mode",
    "proxyAddress": "proxy_address",
    "proxyPort": "proxy_port",
    "proxyType": "proxy_type",
    "http2Origin": "http2_origin",
}
_DURATIONS: Final = {
    "connectTimeout": "connect_timeout",
    "tlsTimeout": "tls_timeout",
    "tcpKeepAlive": "tcp_keep_alive",
    "keepAliveTimeout": "keep_alive_timeout",
}
_TOP: Final = (*CONFIGURATION.fields, *sorted(KNOWN))


def read_configuration(document: Document) -> Configuration | Unreadable:
    """Return the configuration that a document holds, or why cloudflared refuses it."""
    decoded = decode(document, CONFIGURATION)
    if decoded.mistakes:
        return _refused(decoded.mistakes)
    value = decoded.value
    rest: Mapping[str, tuple[Any, int, int]] = value.get("rest") or {}
    for name, (content, line, column) in rest.items():
        wrong = complaint(name, content)
        if wrong:
            return Unreadable(flaw=Flaw.SETTING, text=clean(wrong, 300), line=line, column=column)
    rules = value.get("ingress") or ()
    if len(rules) > MAX_RULES:
        return Unreadable(flaw=Flaw.TOO_LARGE, text=f"{len(rules)} ingress rules; {MAX_RULES} are read at most")
    return Configuration(
        tunnel=value.get("tunnel") or "",
        credentials_file=_text(rest, "credentials-file"),
        holds_credentials=bool(_text(rest, "credentials-contents")),
        holds_token=bool(_text(rest, "token")),
        token_file=_text(rest, "token-file"),
        protocol=_text(rest, "protocol"),
        metrics=_text(rest, "metrics"),
        origin_request=origin_request_of(value.get("originRequest") or {}),
        warp_routing=warp_routing_of(value.get("warp-routing") or {}),
        rules=tuple(rule_of(item) for item in rules),
        settings=as_settings(rest),
        ignored=(*_ignored_top(rest), *(_ignored(item) for item in decoded.unknown)),
        empty=document.root is None,
    )


def _refused(mistakes: tuple[Mistake, ...]) -> Unreadable:
    first = mistakes[0]
    # Mistakes of types are collected, anything else ends the reading.
    if not first.text.startswith("line "):
        text = f"yaml: {clean(first.text, 300)}"
        return Unreadable(flaw=Flaw.SYNTAX, text=text, line=first.line, column=first.column)
    lines = "".join(f"\n  {clean(item.text, 300)}" for item in mistakes)
    return Unreadable(flaw=Flaw.TYPES, text=f"yaml: unmarshal errors:{lines}", line=first.line, column=first.column)


def _text(rest: Mapping[str, tuple[Any, int, int]], name: str) -> str:
    value = rest.get(name, ("", 0, 0))[0]
    return value if isinstance(value, str) else ""


def _ignored_top(rest: Mapping[str, tuple[Any, int, int]]) -> tuple[Ignored, ...]:
    """Return the unknown keys of the top level that look like a known one; the others may be anybody's."""
    found = []
    for name, (_, line, column) in rest.items():
        below = _meant(name, ORIGIN_REQUEST.fields)
        meant = "" if name in KNOWN else (f"originRequest.{below}" if below else _meant(name, _TOP))
        if meant:
            found.append(Ignored(key=name, meant=meant, line=line, column=column))
    return tuple(found)


def _ignored(item: Unknown) -> Ignored:
    known = RULE.fields if item.record == RULE.name else ORIGIN_REQUEST.fields
    return Ignored(key=item.key, meant=_meant(item.key, known), line=item.line, column=item.column)


def _meant(key: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    plain = key.lower().replace("-", "").replace("_", "")
    return next((name for name in known if name.lower().replace("-", "") == plain), "")


def rule_of(value: Mapping[str, Any]) -> IngressRule:
    """Return a rule of a decoded mapping."""
    line, _ = value.get("", (0, 0))
    return IngressRule(
        hostname=value.get("hostname") or "",
        path=value.get("path") or "",
        service=value.get("service") or "",
        origin_request=origin_request_of(value.get("originRequest") or {}),
        line=line,
    )


def origin_request_of(value: Mapping[str, Any]) -> OriginRequest:
    """Return the originRequest of a decoded mapping; its durations are nanoseconds."""
    found: dict[str, Any] = {field: value.get(key) for key, field in _PLAIN.items()}
    found |= {field: _seconds(value.get(key)) for key, field in _DURATIONS.items()}
    access = value.get("access")
    return OriginRequest(
        **found,
        ip_rules=tuple(
            IpRule(prefix=item.get("prefix"), ports=tuple(item.get("ports") or ()), allow=bool(item.get("allow")))
            for item in value.get("ipRules") or ()
        ),
        access=None
        if access is None
        else Access(
            required=bool(access.get("required")),
            team_name=access.get("teamName") or "",
            aud_tags=tuple(access.get("audTag") or ()),
            environment=access.get("environment") or "",
        ),
    )


def warp_routing_of(value: Mapping[str, Any]) -> WarpRouting:
    """Return the warp-routing of a decoded mapping; its durations are nanoseconds."""
    return WarpRouting(
        connect_timeout=_seconds(value.get("connectTimeout")),
        max_active_flows=value.get("maxActiveFlows"),
        tcp_keep_alive=_seconds(value.get("tcpKeepAlive")),
    )


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / _NANO
