"""Which tunnel a token or a credentials file names. The secret inside is never kept, shown or returned.

Source: cloudflared connection/connection.go (TunnelToken, Credentials), cmd/cloudflared/tunnel/subcommands.go
(ParseToken); Go encoding/base64 (line breaks pass, blanks and missing padding do not); google/uuid (Parse).
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.model.text import Secret, clean
from ingressdoctor.model.untyped import as_text

__all__ = ["TokenIdentity", "TokenProblem", "read_credentials", "read_token", "tunnel_id"]

_MAX_TOKEN: Final = 20_000
_HEX: Final = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_NIL: Final = "00000000-0000-0000-0000-000000000000"


class TokenProblem(StrEnum):
    """Why a token or credentials file cannot be used; cloudflared says only that it is not valid."""

    EMPTY = "it is empty"
    TOO_LONG = "it is far longer than a token"
    NOT_BASE64 = "it is not base64: copied in part, or with blanks or quotes around it"
    NOT_JSON = "it does not hold a token"
    NO_TUNNEL = "it names no tunnel"


class TokenIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """What a token or credentials file names; ``endpoint`` is empty outside FedRAMP."""

    account: str
    tunnel: str
    endpoint: str = ""


def read_token(token: Secret) -> TokenIdentity | TokenProblem:
    """Return the account and tunnel that a token names."""
    text = token.reveal().replace("\r", "").replace("\n", "")
    if not text.strip():
        return TokenProblem.EMPTY
    if len(text) > _MAX_TOKEN:
        return TokenProblem.TOO_LONG
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return TokenProblem.NOT_BASE64
    return _identity(raw, {"a": "account", "t": "tunnel", "e": "endpoint"})


def read_credentials(content: Secret) -> TokenIdentity | TokenProblem:
    """Return the account and tunnel that the content of a credentials file names."""
    text = content.reveal()
    if not text.strip():
        return TokenProblem.EMPTY
    if len(text) > _MAX_TOKEN:
        return TokenProblem.TOO_LONG
    raw = text.encode("utf-8", "replace")
    return _identity(raw, {"accounttag": "account", "tunnelid": "tunnel", "endpoint": "endpoint"})


def _identity(raw: bytes, keys: Mapping[str, str]) -> TokenIdentity | TokenProblem:
    try:
        value = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return TokenProblem.NOT_JSON
    if not isinstance(value, dict):
        return TokenProblem.NOT_JSON
    found = {keys[name.lower()]: as_text(content) for name, content in value.items() if name.lower() in keys}
    tunnel = tunnel_id(found.get("tunnel", ""))
    if not tunnel or tunnel == _NIL:
        return TokenProblem.NO_TUNNEL
    return TokenIdentity(
        account=clean(found.get("account", ""), 100), tunnel=tunnel, endpoint=clean(found.get("endpoint", ""), 100)
    )


def tunnel_id(text: str) -> str:
    """Return a tunnel's id in lower case with hyphens, or the empty string for what is a name and no id."""
    bare = text.strip().lower().removeprefix("urn:uuid:").removeprefix("{").removesuffix("}")
    if not _HEX.fullmatch(bare) or len(bare) not in (32, 36):
        return ""
    digits = bare.replace("-", "")
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
