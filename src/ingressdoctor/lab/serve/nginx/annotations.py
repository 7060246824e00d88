"""Annotations of an Ingress, as ingress-nginx reads them: values, what is ignored with a warning, and what is refused.

Source: kubernetes/ingress-nginx internal/ingress/annotations (v1.15), docs annotations-risk.md. Three ways to be wrong:
a risk above the ConfigMap's level, or an invalid value in a redirect, costs the whole Ingress (DroppedError); a bad
address list denies the location (503); anything else is ignored.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from ingressdoctor.lab.cluster import Object, dig, mapping, name_of, namespace_of, text
from ingressdoctor.lab.serve.nginx.journal import Notes
from ingressdoctor.lab.serve.nginx.options import VALIDATED, Options, networks_of, size_of

PROTOCOLS = frozenset(("HTTP", "HTTPS", "AUTO_HTTP", "GRPC", "GRPCS", "FCGI"))
_SNIPPETS = ("configuration-snippet", "server-snippet", "stream-snippet", "modsecurity-snippet", "auth-snippet")
_HIGH = (
    *("auth-url", "auth-signin", "auth-tls-match-cn", "auth-tls-error-page", "server-alias", "mirror-target"),
    *("mirror-host", "proxy-ssl-name", "upstream-hash-by", "modsecurity-transaction-id"),
)
_MEDIUM = (
    *("rewrite-target", "app-root", "permanent-redirect", "temporal-redirect", "custom-http-errors", "default-backend"),
    *("whitelist-source-range", "allowlist-source-range", "denylist-source-range", "upstream-vhost"),
)
_LEVELS = {"low": 0, "medium": 1, "high": 2, "critical": 3}
_TRUE = {"true": True, "false": False}


class DroppedError(ValueError):
    """The whole Ingress is not loaded; the text is the controller's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """One Ingress's annotations with the ConfigMap's defaults. Times are nginx's own seconds."""

    protocol: str = "HTTP"
    ssl_redirect: bool = True
    force_ssl_redirect: bool = False
    keep_slash: bool = False
    rewrite_target: str = ""
    use_regex: bool = False
    app_root: str = ""
    redirect_url: str = ""
    redirect_code: int = 301
    from_to_www: bool = False
    vhost: str = ""
    service_upstream: bool = False
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    denied: str = ""
    body_size: int = 1_048_576
    buffer_size: int = 4096
    connect_timeout: float = 5
    read_timeout: float = 60
    tries: int = 3
    next_upstream: tuple[str, ...] = ("error", "timeout")
    aliases: tuple[str, ...] = ()
    default_backend: str = ""
    canary: bool = False
    canary_header: str = ""
    canary_header_value: str = ""
    canary_cookie: str = ""
    canary_weight: int = 0
    cors_origin: str = ""

    def rewrites(self, path: str) -> bool:
        """Whether requests get another path."""
        return self.rewrite_target not in {"", path}


class _Reader:
    """Typed access to the annotations of one Ingress; what does not parse is noted and ignored."""

    def __init__(self, values: Mapping[str, str], notes: Notes, where: str) -> None:
        self._values = values
        self._notes = notes
        self._where = where

    def text(self, key: str, default: str = "") -> str:
        return self._values.get(key, default)

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self._values.get(key)
        if value is None:
            return default
        if value.lower() not in _TRUE:
            self._notes.warn("parser.go:100", self._bad(key))
            return default
        return _TRUE[value.lower()]

    def integer(self, key: str, default: int) -> int:
        value = self._values.get(key)
        if value is None:
            return default
        if not value.isdigit():
            self._notes.warn("parser.go:114", self._bad(key))
            return default
        return int(value)

    def _bad(self, key: str) -> str:
        return f"validation error on ingress {self._where}: annotation {key} contains invalid value"


def read(ingress: Object, options: Options, notes: Notes) -> Annotations:
    """The annotations of *ingress*.

    Raises:
        DroppedError: the controller does not load this Ingress.
    """
    where = f"{namespace_of(ingress)}/{name_of(ingress)}"
    prefix = f"{options.prefix}/"
    raw = mapping(dig(ingress, "metadata", "annotations"))
    values = {key.removeprefix(prefix): text(value) for key, value in raw.items() if key.startswith(prefix)}
    _check_risk(values, options, where)
    reader, config = _Reader(values, notes, where), options.config
    url, code = _redirect(values, reader, where)
    allow, deny, denied = _ranges(values, config.allow, config.deny)
    return Annotations(
        protocol=_protocol(values, notes, where),
        ssl_redirect=reader.boolean("ssl-redirect", default=config.ssl_redirect),
        force_ssl_redirect=reader.boolean("force-ssl-redirect", default=config.force_ssl_redirect),
        keep_slash=reader.boolean("preserve-trailing-slash", default=False),
        rewrite_target=reader.text("rewrite-target"),
        use_regex=reader.boolean("use-regex", default=False),
        app_root=reader.text("app-root"),
        redirect_url=url,
        redirect_code=code,
        from_to_www=reader.boolean("from-to-www-redirect", default=False),
        vhost=reader.text("upstream-vhost"),
        service_upstream=reader.boolean("service-upstream", default=config.service_upstream),
        allow=allow,
        deny=deny,
        denied=denied,
        body_size=_size(reader.text("proxy-body-size", config.body_size), 1_048_576),
        buffer_size=_size(reader.text("proxy-buffer-size", config.buffer_size), 4096),
        connect_timeout=reader.integer("proxy-connect-timeout", int(config.connect_timeout)),
        read_timeout=reader.integer("proxy-read-timeout", int(config.read_timeout)),
        tries=reader.integer("proxy-next-upstream-tries", config.tries),
        next_upstream=tuple(reader.text("proxy-next-upstream", config.next_upstream).split()),
        aliases=tuple(item.strip() for item in reader.text("server-alias").split(",") if item.strip()),
        default_backend=reader.text("default-backend"),
        canary=reader.boolean("canary", default=False),
        canary_header=reader.text("canary-by-header"),
        canary_header_value=reader.text("canary-by-header-value"),
        canary_cookie=reader.text("canary-by-cookie"),
        canary_weight=reader.integer("canary-weight", 0),
        cors_origin=reader.text("cors-allow-origin", "*") if reader.boolean("enable-cors", default=False) else "",
    )


def _check_risk(values: Mapping[str, str], options: Options, where: str) -> None:
    # Up to v1.11 snippets that are not allowed were left out, and nothing else was rated.
    if options.version < VALIDATED:
        return
    level = _LEVELS.get(options.config.risk_level.lower(), 0)
    for key in values:
        risk = 3 if key in _SNIPPETS else 2 if key in _HIGH else 1 if key in _MEDIUM else 0
        if risk > level:
            raise DroppedError(
                f"failed to process ingress {where}: annotation group {key} contains risky annotation based on "
                "ingress configuration"
            )


def _protocol(values: Mapping[str, str], notes: Notes, where: str) -> str:
    value = values.get("backend-protocol", "HTTP").strip().upper()
    if value in PROTOCOLS:
        return value
    notes.warn(
        "main.go:92",
        f"validation error on ingress {where}: annotation backend-protocol contains invalid value. "
        "Using HTTP as protocol",
    )
    return "HTTP"


def _redirect(values: Mapping[str, str], reader: _Reader, where: str) -> tuple[str, int]:
    """Address and status of a redirect for every request; ("", 301) for none."""
    for key, default, allowed in (
        ("temporal-redirect", 302, range(300, 308)),
        ("permanent-redirect", 301, range(300, 309)),
    ):
        url = values.get(key)
        if url is None:
            continue
        if not url or any(char.isspace() or char in '"{};' for char in url):
            raise DroppedError(f"ingress {where} contains invalid annotation value: annotation {key}")
        code = reader.integer(f"{key}-code", default)
        return url, code if code in allowed else default
    return "", 301


def _ranges(
    values: Mapping[str, str], allow: tuple[str, ...], deny: tuple[str, ...]
) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """Allowed and denied networks, and why the location is denied whole."""
    listed = values.get("allowlist-source-range", values.get("whitelist-source-range"))
    refused = values.get("denylist-source-range")
    allowed = allow if listed is None else networks_of(listed)
    denied = deny if refused is None else networks_of(refused)
    if allowed is None or denied is None:
        return (), (), "the annotation does not contain a valid IP address or network: invalid CIDR address"
    return allowed, denied, ""


def _size(value: str, default: int) -> int:
    size = size_of(value)
    return default if size is None else size
