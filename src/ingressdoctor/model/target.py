"""What the operator asks about. Parsing never touches the network.

Hostnames become lower-case ASCII (IDNA 2008 with UTS 46 mapping, as browsers do it); a trailing dot is
dropped. Addresses are refused: routing by name is the subject here.
"""

from __future__ import annotations

import ipaddress
import re
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

import idna
import msgspec

from ingressdoctor.errors import UsageError
from ingressdoctor.model.text import clean, quoted

__all__ = ["Protocol", "Target"]

_MAX_NAME: Final = 253
_MAX_ACCOUNT: Final = 128  # MariaDB's own limit for account names
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_EXAMPLE: Final = "Give a hostname or a URL, for example shop.example.org or https://shop.example.org/path."
_DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "grpc": 443, "grpcs": 443, "mysql": 3306}
_CARRIED_BY: Final = {"grpc": "https", "grpcs": "https", "ws": "http", "wss": "https"}


class Protocol(StrEnum):
    """What is spoken to the target."""

    HTTP = "http"
    WEBSOCKET = "websocket"
    GRPC = "grpc"
    MYSQL = "mysql"


_SCHEMES: Final = {
    None: "https",
    Protocol.HTTP: "https",
    Protocol.WEBSOCKET: "wss",
    Protocol.GRPC: "grpcs",
    Protocol.MYSQL: "mysql",
}


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to diagnose.

    ``hostname`` is lower-case ASCII without a trailing dot; ``path`` starts with "/" and carries the query
    string; ``port`` is what the client dials; ``client_ip`` is an address to judge allow lists for. ``sql_user`` and
    ``database`` are what to log in to a database with.
    """

    hostname: str
    scheme: str = "https"
    port: int = 443
    path: str = "/"
    protocol: Protocol = Protocol.HTTP
    client_ip: str = ""
    sql_user: str = ""
    database: str = ""

    @property
    def url(self) -> str:
        """The target as a URL, without a default port."""
        default = _DEFAULT_PORTS.get(self.scheme)
        port = "" if self.port == default else f":{self.port}"
        return f"{self.scheme}://{self.hostname}{port}{self.path}"

    def in_mysql(self) -> Target:
        """Return the target as if it had been asked about as mysql://; a web port becomes MySQL's."""
        if self.protocol is Protocol.MYSQL:
            return self
        port = _DEFAULT_PORTS["mysql"] if self.port == _DEFAULT_PORTS.get(self.scheme) else self.port
        return msgspec.structs.replace(self, scheme="mysql", protocol=Protocol.MYSQL, port=port, path="/")

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        port: int | None = None,
        client_ip: str = "",
        sql_user: str = "",
        protocol: Protocol | None = None,
    ) -> Target:
        """Read a hostname, ``host:port`` or URL, as ``mysql://user@host:3306/database`` too.

        A *protocol* given apart stands for the scheme that is not written, and refines http and https.

        Raises:
            UsageError: the text names no host, an address, or something no resolver could ever answer.
        """
        stripped = text.strip()
        # urlsplit silently drops tabs and line breaks; a name with one is a paste that went wrong.
        if any(ord(char) < 32 or ord(char) == 127 for char in stripped):
            raise UsageError(f"{quoted(stripped, 80)} holds a space or a control character.", hint=_EXAMPLE)
        if not stripped:
            raise UsageError("The target is empty.", hint=_EXAMPLE)
        parts = _split(stripped, _SCHEMES[protocol])
        scheme = parts.scheme
        if scheme not in _DEFAULT_PORTS:
            known = ", ".join(_DEFAULT_PORTS)
            raise UsageError(f"The scheme {quoted(scheme, 40)} is not one of {known}.", hint=_EXAMPLE)
        if parts.password is not None:
            raise UsageError("A password does not belong into the target.", hint="Leave it out: user@host is enough.")
        hostname = _hostname(parts, stripped)
        written = _port(parts, stripped) if port is None else port
        chosen = _DEFAULT_PORTS[scheme] if written is None else written
        spoken = _refined(_protocol(scheme, chosen), scheme, protocol)
        sql = spoken is Protocol.MYSQL
        path = "/" if sql else (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        _refuse_odd_path(path)
        return cls(
            hostname=hostname,
            scheme="mysql" if sql else _CARRIED_BY.get(scheme, scheme),
            port=_checked_port(chosen),
            path=path,
            protocol=spoken,
            client_ip=_client_ip(client_ip),
            sql_user=_account(sql_user or parts.username or "") if sql else "",
            database=_account(parts.path.strip("/")) if sql else "",
        )


def _split(text: str, scheme: str) -> SplitResult:
    has_scheme = re.match(r"[A-Za-z][A-Za-z0-9+.-]*://", text) is not None
    try:
        return urlsplit(text if has_scheme else f"{scheme}://{text}")
    except ValueError as error:
        raise UsageError(
            f"{quoted(text, 80)} is not a hostname or URL ({clean(str(error), 80)}).", hint=_EXAMPLE
        ) from None


def _hostname(parts: SplitResult, text: str) -> str:
    raw = parts.netloc.rpartition("@")[2]
    if not raw:
        raise UsageError(f"{quoted(text, 60)} names no host.", hint=_EXAMPLE)
    if raw.startswith("["):
        raise UsageError(
            f"{clean(raw, 60)} is an IPv6 address; routing goes by name, so an address has no route.",
            hint="Give the hostname that visitors use. To reach it at a chosen address use --connect-to.",
        )
    name = raw.rpartition(":")[0] if ":" in raw else raw
    if ":" in name:
        raise UsageError(
            f"{quoted(raw, 60)} looks like an IPv6 address; routing goes by name.",
            hint="Give the hostname that visitors use. To reach it at a chosen address use --connect-to.",
        )
    return _ascii(name.removesuffix("."), raw)


def _ascii(name: str, raw: str) -> str:
    shown = quoted(raw, 60)
    if not name:
        raise UsageError(f"{shown} names no host.", hint=_EXAMPLE)
    try:
        ascii_name = name.lower() if name.isascii() else idna.encode(name, uts46=True).decode()
    except (idna.IDNAError, UnicodeError) as error:
        raise UsageError(f"{shown} is not a hostname: {clean(str(error), 100)}.", hint=_EXAMPLE) from None
    if len(ascii_name) > _MAX_NAME:
        raise UsageError(f"The hostname has {len(ascii_name)} characters; DNS allows {_MAX_NAME}.", hint=_EXAMPLE)
    if _is_address(ascii_name):
        raise UsageError(
            f"{clean(raw, 60)} is an address; routing goes by name, so an address has no route.",
            hint="Give the hostname that visitors use. To reach it at a chosen address use --connect-to.",
        )
    bad = next((label for label in ascii_name.split(".") if not _LABEL.fullmatch(label)), None)
    if bad is not None:
        what = f"the label {quoted(bad, 40)} is not possible in DNS" if bad else "it has an empty label"
        raise UsageError(f"{shown} is not a hostname: {what}.", hint=_EXAMPLE)
    return ascii_name


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _port(parts: SplitResult, text: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise UsageError(
            f"{quoted(text, 80)} has a port that is not a number from 1 to 65535.", hint=_EXAMPLE
        ) from None


def _checked_port(port: int) -> int:
    if not 1 <= port <= 65535:
        raise UsageError(f"Port {port} is not from 1 to 65535.", hint=_EXAMPLE)
    return port


def _protocol(scheme: str, port: int) -> Protocol:
    if scheme == "mysql" or port == 3306:
        return Protocol.MYSQL
    if scheme in ("ws", "wss"):
        return Protocol.WEBSOCKET
    return Protocol.GRPC if scheme in ("grpc", "grpcs") else Protocol.HTTP


def _refuse_odd_path(path: str) -> None:
    if any(char.isspace() or ord(char) < 33 or ord(char) == 127 for char in path):
        raise UsageError(f"The path {quoted(path, 80)} holds a space or a control character.", hint="Write it as %20.")


def _refined(spoken: Protocol, scheme: str, wanted: Protocol | None) -> Protocol:
    """Return the protocol that was asked for apart from the URL, where the URL allows it."""
    if wanted is None or wanted is spoken:
        return spoken
    if scheme in ("http", "https") and wanted is not Protocol.MYSQL:
        return wanted
    raise UsageError(
        f"The URL says {scheme}://, and the protocol asked for is {wanted}.", hint="Leave one of them out."
    )


def _account(text: str) -> str:
    """Read the name of an account or database, which in a URL may be escaped."""
    name = unquote(text)
    if len(name) > _MAX_ACCOUNT or not name.isprintable():
        raise UsageError(
            f"{quoted(name, 80)} is not the name of an account or a database.",
            hint="For example mysql://erp-user@shop.example.org/shop",
        )
    return name


def _client_ip(text: str) -> str:
    if not text:
        return ""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise UsageError(
            f"{quoted(text, 60)} is not an IP address.", hint="For example --client-ip 203.0.113.7"
        ) from None
