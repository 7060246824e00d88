"""Which keys cloudflared's configuration has and of which type each is. No reading here.

Source: cloudflared config/configuration.go (structs and their yaml names; a field without one has its name in lower
case).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

__all__ = [
    "CONFIGURATION",
    "ORIGIN_REQUEST",
    "REMOTE",
    "RULE",
    "ListOf",
    "Optional",
    "Plain",
    "Record",
    "Type",
    "name_of",
]


class Plain(StrEnum):
    """A scalar type, by its name in Go; ``ANY`` takes whatever is written."""

    TEXT = "string"
    BOOL = "bool"
    INT = "int"
    UINT = "uint"
    UINT64 = "uint64"
    DURATION = "time.Duration"
    ANY = "interface {}"


class ListOf(msgspec.Struct, frozen=True):
    """A list of one type."""

    item: Type

    @property
    def name(self) -> str:
        """The type's name in Go."""
        return f"[]{name_of(self.item)}"


class Optional(msgspec.Struct, frozen=True):
    """A value that may be absent; None then."""

    inner: Type


class Record(msgspec.Struct, frozen=True):
    """A mapping with known keys; ``rest`` says that it keeps the others too, instead of ignoring them."""

    name: str
    fields: Mapping[str, Type]
    rest: bool = False


Type: TypeAlias = "Plain | ListOf | Optional | Record"


def name_of(kind: Type) -> str:
    """Return the name of a type in Go, as error messages have it."""
    if isinstance(kind, Plain):
        return kind.value
    return name_of(kind.inner) if isinstance(kind, Optional) else kind.name


_TEXT: Final = Optional(Plain.TEXT)
_BOOL: Final = Optional(Plain.BOOL)
_DURATION: Final = Optional(Plain.DURATION)
_IP_RULE: Final = Record("config.IngressIPRule", {"prefix": _TEXT, "ports": ListOf(Plain.INT), "allow": Plain.BOOL})
_ACCESS: Final = Record(
    "config.AccessConfig",
    {"required": Plain.BOOL, "teamName": Plain.TEXT, "audTag": ListOf(Plain.TEXT), "environment": Plain.TEXT},
)
ORIGIN_REQUEST: Final = Record(
    "config.OriginRequestConfig",
    {
        "connectTimeout": _DURATION,
        "tlsTimeout": _DURATION,
        "tcpKeepAlive": _DURATION,
        "noHappyEyeballs": _BOOL,
        "keepAliveConnections": Optional(Plain.INT),
        "keepAliveTimeout": _DURATION,
        "httpHostHeader": _TEXT,
        "originServerName": _TEXT,
        "matchSNItoHost": _BOOL,
        "caPool": _TEXT,
        "noTLSVerify": _BOOL,
        "disableChunkedEncoding": _BOOL,
        "bastionMode": _BOOL,
        "proxyAddress": _TEXT,
        "proxyPort": Optional(Plain.UINT),
        "proxyType": _TEXT,
        "ipRules": ListOf(_IP_RULE),
        "http2Origin": _BOOL,
        "access": Optional(_ACCESS),
    },
)
RULE: Final = Record(
    "config.UnvalidatedIngressRule",
    {"hostname": Plain.TEXT, "path": Plain.TEXT, "service": Plain.TEXT, "originRequest": ORIGIN_REQUEST},
)
_WARP_ROUTING: Final = Record(
    "config.WarpRoutingConfig",
    {"connectTimeout": _DURATION, "maxActiveFlows": Optional(Plain.UINT64), "tcpKeepAlive": _DURATION},
)
CONFIGURATION: Final = Record(
    "config.configFileSettings",
    {
        "tunnel": Plain.TEXT,
        "ingress": ListOf(RULE),
        "warp-routing": _WARP_ROUTING,
        "originRequest": ORIGIN_REQUEST,
    },
    rest=True,
)
REMOTE: Final = Record(
    "ingress.RemoteConfigJSON",
    {"ingress": ListOf(RULE), "warp-routing": _WARP_ROUTING, "originRequest": Optional(ORIGIN_REQUEST)},
)
