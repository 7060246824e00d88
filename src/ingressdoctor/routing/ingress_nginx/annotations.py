"""What an Ingress's annotations ask of its locations, and which of them cost the Ingress its place.

Three things can be wrong with one: too risky for the controller (the whole Ingress is not loaded), invalid where that
is an error (the same), or invalid where it is not (ignored, with a warning). Some deny the location: it answers 503.
Source: ingress-nginx internal/ingress/annotations/* and docs/user-guide/nginx-configuration/annotations-risk.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from ingressdoctor.routing.ingress_nginx.catalogue import (
    ALIASES,
    REFUSING,
    SEVERE,
    is_bool,
    is_int,
    matching,
    networks_of,
    risk_of,
)
from ingressdoctor.routing.ingress_nginx.reader import Reader
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings

__all__ = ["Canary", "NginxAnnotations", "Redirect", "read_annotations"]

_PROTOCOLS: Final = ("auto_http", "http", "https", "grpc", "grpcs", "fcgi")
_PATH: Final = matching(r"/?[-._~a-zA-Z0-9/:$]*", spaced=False)
_URL: Final = matching(r"[-._~a-zA-Z0-9/:,?&=]*", spaced=False)
_NAMES: Final = matching(r"[-/._~a-zA-Z0-9:^$\[\](){}*+?|&=\\]*", spaced=False)
_PLAIN: Final = matching(r"[-/._~a-zA-Z0-9:]*")
_METHOD: Final = matching(r"GET|HEAD|POST|PUT|PATCH|DELETE|CONNECT|OPTIONS|TRACE")
_HEADERS: Final = matching(r"[A-Za-z0-9-_,]*")
_MAX_CODE: Final = {"permanent-redirect": 308, "temporal-redirect": 307}
_OBJECTS: Final = (("auth-tls-secret", "Secret"), ("proxy-ssl-secret", "Secret"), ("custom-headers", "ConfigMap"))


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
    annotations count as absent; all in the controller's words. ``protocol`` is upper case. ``needs`` are objects that
    annotations refer to and nobody looked at: without them the locations answer 503.
    """

    refused: str = ""
    denied: str = ""
    ignored: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
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

    @property
    def at_catch_all(self) -> NginxAnnotations:
        """The same for the location of an Ingress without rules, to which redirects and rewrites do not apply."""
        return msgspec.structs.replace(
            self,
            rewrite_target="",
            use_regex=False,
            ssl_redirect=False,
            force_ssl_redirect=False,
            keeps_slash=False,
            app_root="",
            redirect=None,
            www_redirect=False,
        )


def read_annotations(annotations: Mapping[str, str], settings: NginxSettings, namespace: str = "") -> NginxAnnotations:
    """Read the annotations of one Ingress as the controller does when it loads it."""
    reader = Reader(annotations, settings)
    _refusals(reader)
    redirect, www = _redirect(reader)
    canary = _canary(reader)
    allowlist = _networks(reader, "allowlist-source-range")
    return NginxAnnotations(
        rewrite_target=reader.text("rewrite-target", _PATH),
        use_regex=reader.truth("use-regex", False),
        ssl_redirect=reader.truth("ssl-redirect", settings.ssl_redirect),
        force_ssl_redirect=reader.truth("force-ssl-redirect", settings.force_ssl_redirect),
        keeps_slash=reader.truth("preserve-trailing-slash", False),
        app_root=_app_root(reader),
        redirect=redirect,
        www_redirect=www,
        protocol=_protocol(reader),
        aliases=tuple(sorted({name for item in reader.text("server-alias").split(",") if (name := item.strip())})),
        allowlist=settings.allowlist if allowlist is None else allowlist,
        denylist=_networks(reader, "denylist-source-range") or (),
        canary=canary,
        passthrough=reader.truth("ssl-passthrough", False) and settings.passthrough,
        default_backend=reader.text("default-backend"),
        service_upstream=reader.truth("service-upstream", False),
        upstream_vhost=reader.text("upstream-vhost"),
        auth_url=_auth_url(reader),
        client_certificates=bool(reader.text("auth-tls-secret")),
        needs=tuple(_needs(reader, namespace)),
        ignored=tuple(reader.ignored),
        denied=reader.denied,
        refused=reader.refused,
    )


def _refusals(reader: Reader) -> None:
    """Look for what keeps the whole Ingress from being loaded."""
    prefix, values = reader.settings.annotations_prefix, reader.values
    risky = [name for name in values if risk_of(name) > reader.settings.risk]
    if risky:
        reader.refuse(f"annotation {prefix}/{min(risky)} is too risky for environment")
    if not reader.settings.validates_annotations:
        return
    for name, valid in REFUSING.items():
        value = values.get(name) or values.get(ALIASES.get(name, ""), "")
        if value and not valid(value):
            reader.refuse(f"annotation {prefix}/{name} contains invalid value")
    for name, (other, valid) in SEVERE.items():
        if values.get(other) and values.get(name) and not valid(values[name]):
            reader.refuse(f"annotation {prefix}/{name} contains invalid value")


def _protocol(reader: Reader) -> str:
    said = reader.values.get("backend-protocol", "").strip()
    if not said:
        return "HTTP"
    if said.lower() in _PROTOCOLS or not reader.settings.validates_annotations:
        return said.upper()
    reader.ignored.append("backend-protocol")
    return "HTTP"


def _app_root(reader: Reader) -> str:
    root = reader.text("app-root", _PATH)
    if root.startswith("/") or not root:
        return root
    reader.ignored.append("app-root")
    return ""


def _redirect(reader: Reader) -> tuple[Redirect | None, bool]:
    """Return the redirect, and whether www and bare name redirect; a temporal one comes before a permanent one.

    One annotation of them that is empty, or no URL of http, and none of them counts.
    """
    for name in ("from-to-www-redirect", "relative-redirects"):
        if not reader.checked(name, is_bool):
            return None, False
    www = reader.truth("from-to-www-redirect", False)
    for name, usual in (("temporal-redirect", 302), ("permanent-redirect", 301)):
        if not reader.checked(name, _URL, parsed=False):
            return None, False
        url = reader.text(name)
        code: int | None = None
        if url or name == "permanent-redirect":
            if not reader.checked(f"{name}-code", is_int):
                return None, False
            code = reader.number(f"{name}-code")
        if not url:
            continue
        if name == "temporal-redirect" and not _scheme(url).startswith("http"):
            reader.ignored.append(name)
            return None, False
        return Redirect(url=url, code=code if code is not None and 300 <= code <= _MAX_CODE[name] else usual), www
    return None, www


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        return ""


def _networks(reader: Reader, name: str) -> tuple[str, ...] | None:
    """Return the networks of an allow or deny list, None without one; what is no list denies the location."""
    alias = ALIASES.get(name, "")
    given = reader.values.get(name) or reader.values.get(alias) or reader.values.get(name)
    if given is None:
        return None
    found = networks_of(given)
    if found is None:
        reader.deny(f"the annotation {name} does not contain a valid IP address or network: {given[:100]!r}")
        return ()
    return found


def _auth_url(reader: Reader) -> str:
    url = reader.text("auth-url")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if not parts.scheme or not parts.netloc or ".." in parts.netloc or " " in parts.netloc:
        reader.deny(f"could not parse auth-url annotation: {url[:100]!r}")
        return ""
    for name, valid in (("auth-method", _METHOD), ("auth-response-headers", _HEADERS)):
        value = reader.values.get(name, "")
        if value and reader.settings.validates_annotations and not valid(value):
            reader.deny(f"the annotation {name} holds no valid value: {value[:100]!r}")
    return url


def _needs(reader: Reader, namespace: str) -> Iterator[str]:
    """Yield the objects that must be there; one of another namespace is never looked at."""
    if reader.text("auth-type"):
        secret = reader.text("auth-secret")
        if not secret:
            reader.deny("error reading secret name from annotation auth-secret")
        else:
            yield from _object(reader, "Secret", secret, namespace)
    for name, kind in _OBJECTS:
        if value := reader.text(name, _PLAIN):
            yield from _object(reader, kind, value, namespace)


def _object(reader: Reader, kind: str, value: str, namespace: str) -> Iterator[str]:
    where, slash, name = value.rpartition("/")
    if kind == "Secret" and slash and namespace and where != namespace:
        reader.deny("cross namespace secrets are not supported")
    else:
        yield f"{kind} {where or namespace}/{name}"


def _canary(reader: Reader) -> Canary | None:
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
