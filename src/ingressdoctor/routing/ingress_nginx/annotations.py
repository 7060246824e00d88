"""What an Ingress's annotations ask of its locations, and which of them cost the Ingress its place.

Three things can be wrong with one: too risky for the controller (the whole Ingress is not loaded), invalid where that
is an error (the same), or invalid where it is not (ignored, with a warning). Some deny the location: it answers 503.
Source: ingress-nginx internal/ingress/annotations/* and docs/user-guide/nginx-configuration/annotations-risk.md.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from ingressdoctor.routing.ingress_nginx.settings import NginxSettings, parse_bool

__all__ = ["Canary", "NginxAnnotations", "Redirect", "read_annotations"]

_CRITICAL: Final = frozenset(
    {"configuration-snippet", "server-snippet", "stream-snippet", "modsecurity-snippet", "auth-snippet"}
)
_HIGH: Final = frozenset(
    {
        "auth-url",
        "auth-signin",
        "auth-tls-match-cn",
        "auth-tls-error-page",
        "server-alias",
        "mirror-target",
        "mirror-host",
        "proxy-ssl-name",
        "upstream-hash-by",
        "modsecurity-transaction-id",
    }
)
_PROTOCOLS: Final = ("auto_http", "http", "https", "grpc", "grpcs", "fcgi")
_PATH: Final = re.compile(r"/?[-._~a-zA-Z0-9/:$]*")
_URL: Final = re.compile(r"[-._~a-zA-Z0-9/:,?&=]*")
_NAMES: Final = re.compile(r"[-/._~a-zA-Z0-9:^$\[\](){}*+?|&=\\]*")
_PLAIN: Final = re.compile(r"[-/._~a-zA-Z0-9:]*")
_MAX_CODE: Final = {"permanent-redirect": 308, "temporal-redirect": 307}


class Redirect(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that nginx makes without asking the backend."""

    url: str
    code: int


class Canary(msgspec.Struct, frozen=True, kw_only=True):
    """When a request goes to the canary: by header, then by cookie, then by weight of ``total``."""

    weight: int = 0
    total: int = 100
    header: str = ""
    header_value: str = ""
    header_pattern: str = ""
    cookie: str = ""


class NginxAnnotations(msgspec.Struct, frozen=True, kw_only=True):
    """The annotations of one Ingress as nginx uses them.

    ``refused`` says why the whole Ingress is not loaded, ``denied`` why its locations answer 503, ``ignored`` which
    annotations count as absent; all in the controller's words. ``protocol`` is upper case.
    """

    refused: str = ""
    denied: str = ""
    ignored: tuple[str, ...] = ()
    rewrite_target: str = ""
    use_regex: bool = False
    ssl_redirect: bool = True
    force_ssl_redirect: bool = False
    keeps_slash: bool = False
    app_root: str = ""
    redirect: Redirect | None = None
    www_redirect: bool = False
    protocol: str = "HTTP"
    aliases: tuple[str, ...] = ()
    allowlist: tuple[str, ...] = ()
    denylist: tuple[str, ...] = ()
    canary: Canary | None = None
    passthrough: bool = False
    default_backend: str = ""
    service_upstream: bool = False
    upstream_vhost: str = ""
    auth_url: str = ""
    client_certificates: bool = False


class _Reader:
    """Reads one Ingress's annotations, and keeps what is wrong with them."""

    def __init__(self, annotations: Mapping[str, str], settings: NginxSettings) -> None:
        start = settings.annotations_prefix + "/"
        self.values = {key.removeprefix(start): value for key, value in annotations.items() if key.startswith(start)}
        self.settings = settings
        self.refused = self.denied = ""
        self.ignored: list[str] = []
        top = settings.risk
        risky = [name for name in self.values if (3 if name in _CRITICAL else 2 if name in _HIGH else 0) > top]
        if risky:
            self.refuse(f"annotation {settings.annotations_prefix}/{min(risky)} is too risky for environment")

    def refuse(self, why: str) -> None:
        """Keep the first reason not to load the Ingress."""
        self.refused = self.refused or why

    def deny(self, why: str) -> None:
        """Keep the first reason to answer 503."""
        self.denied = self.denied or why

    def text(self, name: str, allowed: re.Pattern[str] | None = None, *, strict: bool = False) -> str:
        """Return a text, empty when it is absent or ignored."""
        value = "\n".join(line.strip() for line in self.values.get(name, "").split("\n"))
        if not value:
            return ""
        if allowed is not None and self.settings.validates_annotations and not allowed.fullmatch(value):
            self._wrong(name, strict=strict)
            return ""
        return value

    def truth(self, name: str, default: bool, *, strict: bool = False) -> bool:
        """Return a truth value, the default when it is absent or none."""
        raw = self.values.get(name)
        if raw is None:
            return default
        value = parse_bool(raw)
        if value is None:
            self._wrong(name, strict=strict)
        return default if value is None else value

    def number(self, name: str, *, strict: bool = False) -> int | None:
        """Return a whole number, None when it is absent or none."""
        raw = self.values.get(name)
        if raw is None:
            return None
        if re.fullmatch(r"[+-]?[0-9]{1,9}", raw):
            return int(raw)
        self._wrong(name, strict=strict)
        return None

    def _wrong(self, name: str, *, strict: bool) -> None:
        if strict:
            self.refuse(f"annotation {self.settings.annotations_prefix}/{name} contains invalid value")
        else:
            self.ignored.append(name)


def read_annotations(annotations: Mapping[str, str], settings: NginxSettings) -> NginxAnnotations:
    """Read the annotations of one Ingress as the controller does when it loads it."""
    reader = _Reader(annotations, settings)
    redirect = _redirect(reader)
    canary = _canary(reader)
    allowlist = _networks(reader, "allowlist-source-range", "whitelist-source-range") or settings.allowlist
    return NginxAnnotations(
        rewrite_target=reader.text("rewrite-target", _PATH),
        use_regex=reader.truth("use-regex", False),
        ssl_redirect=reader.truth("ssl-redirect", settings.ssl_redirect),
        force_ssl_redirect=reader.truth("force-ssl-redirect", settings.force_ssl_redirect),
        keeps_slash=reader.truth("preserve-trailing-slash", False),
        app_root=_app_root(reader),
        redirect=redirect,
        www_redirect=reader.truth("from-to-www-redirect", False, strict=True),
        protocol=_protocol(reader),
        aliases=_aliases(reader),
        allowlist=allowlist,
        denylist=_networks(reader, "denylist-source-range"),
        canary=canary,
        passthrough=reader.truth("ssl-passthrough", False) and settings.passthrough,
        default_backend=reader.text("default-backend", _PLAIN),
        service_upstream=reader.truth("service-upstream", False),
        upstream_vhost=reader.text("upstream-vhost"),
        auth_url=_auth_url(reader),
        client_certificates="auth-tls-secret" in reader.values,
        ignored=tuple(reader.ignored),
        denied=reader.denied,
        refused=reader.refused,
    )


def _protocol(reader: _Reader) -> str:
    said = reader.values.get("backend-protocol", "").strip()
    if not said:
        return "HTTP"
    if said.lower() in _PROTOCOLS:
        return said.upper()
    reader.ignored.append("backend-protocol")
    return "HTTP"


def _app_root(reader: _Reader) -> str:
    root = reader.text("app-root", _PATH)
    if root.startswith("/") or not root:
        return root
    reader.ignored.append("app-root")
    return ""


def _redirect(reader: _Reader) -> Redirect | None:
    """Return the redirect; a temporal one comes before a permanent one."""
    for name, usual in (("temporal-redirect", 302), ("permanent-redirect", 301)):
        url = reader.text(name, _URL, strict=True)
        code = reader.number(f"{name}-code", strict=True) if url or name == "permanent-redirect" else None
        if not url:
            continue
        if name == "temporal-redirect" and not urlsplit(url).scheme.startswith("http"):
            reader.refuse(f"only http and https are valid protocols ({urlsplit(url).scheme})")
        return Redirect(url=url, code=code if code is not None and 300 <= code <= _MAX_CODE[name] else usual)
    return None


def _aliases(reader: _Reader) -> tuple[str, ...]:
    text = reader.text("server-alias")
    names = [name for item in text.split(",") if (name := item.strip())]
    if reader.settings.validates_annotations and not all(_NAMES.fullmatch(name) for name in names):
        reader.ignored.append("server-alias")
        return ()
    return tuple(sorted(set(names)))


def _networks(reader: _Reader, *names: str) -> tuple[str, ...]:
    """Return the networks of an allow or deny list; one that is no network at all denies the location."""
    name = next((item for item in names if reader.values.get(item)), "")
    if not name:
        return ()
    words = [word.strip() for word in reader.text(name).split(",")]
    good = [str(network) for word in words if (network := _network(word)) is not None]
    bad = [word for word in words if _network(word) is None]
    if bad and (reader.settings.validates_annotations or not good):
        reader.deny(f"the annotation {name} does not contain a valid IP address or network: {bad[0]!r}")
        return ()
    return tuple(good)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _auth_url(reader: _Reader) -> str:
    url = reader.text("auth-url")
    if url and not urlsplit(url).netloc:
        reader.deny(f"the annotation auth-url holds no URL: {url[:100]!r}")
        return ""
    return url


def _canary(reader: _Reader) -> Canary | None:
    enabled = reader.truth("canary", False)
    canary = Canary(
        weight=reader.number("canary-weight") or 0,
        total=reader.number("canary-weight-total") or 100,
        header=reader.text("canary-by-header", _PLAIN),
        header_value=reader.text("canary-by-header-value", _PLAIN),
        header_pattern=reader.text("canary-by-header-pattern", _NAMES),
        cookie=reader.text("canary-by-cookie", _PLAIN),
    )
    return canary if enabled else None
