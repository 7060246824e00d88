"""Every annotation of ingress-nginx that can cost an Ingress its place: its risk, and what an invalid value does.

Data, and the two questions over it. Invalid values of annotations that are not listed here are ignored. Taken from
running v1.15.1 with each annotation.
Source: kubernetes/ingress-nginx internal/ingress/annotations/*/main.go, parser/validators.go.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

__all__ = ["ALIASES", "REFUSING", "SEVERE", "is_bool", "is_int", "is_networks", "matching", "networks_of", "risk_of"]

_CRITICAL: Final = frozenset(
    ("configuration-snippet", "server-snippet", "stream-snippet", "modsecurity-snippet", "auth-snippet")
)
_HIGH: Final = frozenset(
    (
        *("auth-url", "auth-signin", "auth-tls-match-cn", "auth-tls-error-page", "server-alias", "mirror-target"),
        *("mirror-host", "proxy-ssl-name", "upstream-hash-by", "modsecurity-transaction-id"),
    )
)
_MEDIUM: Final = frozenset(
    (
        *("affinity-mode", "allowlist-source-range", "whitelist-source-range", "app-root", "auth-cache-duration"),
        *("auth-cache-key", "auth-proxy-set-headers", "auth-realm", "auth-request-redirect", "auth-response-headers"),
        *("auth-secret", "auth-signin-redirect-param", "auth-tls-secret", "auth-tls-verify-client"),
        *("canary-by-cookie", "canary-by-header", "canary-by-header-pattern", "canary-by-header-value"),
        *("cors-allow-headers", "cors-allow-methods", "cors-allow-origin", "cors-expose-headers", "custom-headers"),
        *("denylist-source-range", "fastcgi-index", "fastcgi-params-configmap", "force-ssl-redirect"),
        *("opentelemetry-operation-name", "permanent-redirect", "preserve-trailing-slash", "proxy-body-size"),
        *("proxy-cookie-domain", "proxy-cookie-path", "proxy-next-upstream", "proxy-redirect-from"),
        *("proxy-redirect-to", "proxy-ssl-ciphers", "proxy-ssl-secret", "rewrite-target", "session-cookie-domain"),
        *("session-cookie-expires", "session-cookie-max-age", "session-cookie-name", "session-cookie-path"),
        *("temporal-redirect", "x-forwarded-prefix"),
    )
)
ALIASES: Final = {"allowlist-source-range": "whitelist-source-range", "limit-allowlist": "limit-whitelist"}

Valid = Callable[[str], bool]

_PLAIN: Final = r"[/\-._~a-zA-Z0-9:]*"
_INT: Final = re.compile(r"[+-]?[0-9]{1,18}")
_TRUTH: Final = frozenset(("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"))
_NAME: Final = re.compile(r"[/\-._~a-zA-Z0-9:^$\[\](){}*+?|&=\\]*")
_SERVICE: Final = re.compile(r"[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?")
_ALGORITHMS: Final = frozenset(("round_robin", "chash", "chashsubset", "sticky_balanced", "sticky_persistent", "ewma"))


def is_bool(value: str) -> bool:
    """As Go's strconv.ParseBool."""
    return value in _TRUTH


def is_int(value: str) -> bool:
    """As Go's strconv.Atoi, short of its limits."""
    return _INT.fullmatch(value) is not None


def matching(pattern: str, *, spaced: bool = True) -> Valid:
    """Return the test for values that are all of a pattern; *spaced* takes out spaces first, as the controller does."""
    compiled = re.compile(pattern)

    def valid(value: str) -> bool:
        bare = value.replace(" ", "") if spaced else value
        return compiled.fullmatch(bare) is not None and "\n" not in bare and "\r" not in bare

    return valid


def networks_of(value: str) -> tuple[str, ...] | None:
    """Return the networks and addresses of a list, sorted; None when one of them is neither."""
    found: set[str] = set()
    for word in value.split(","):
        network = _network(word.strip())
        if network is None:
            return None
        found.add(network)
    return tuple(sorted(found))


def _network(word: str) -> str | None:
    """Go takes a prefix length in digits alone, no netmask, no zone, and no leading zero."""
    address, slash, length = word.partition("/")
    plain = length.isascii() and length.isdecimal() and (length == "0" or not length.startswith("0"))
    if "%" in word or (slash and not plain):
        return None
    try:
        made = ipaddress.ip_network(word, strict=False)
        return str(made) if slash else str(ipaddress.ip_address(address))
    except ValueError:
        return None


def is_networks(value: str) -> bool:
    """Whether every word of a list is an address or a network."""
    return networks_of(value) is not None


def _is_names(value: str) -> bool:
    return all(_NAME.fullmatch(name.strip()) for name in value.split(","))


def _is_name(value: str) -> bool:
    return _NAME.fullmatch(value.strip()) is not None


def _is_auth_type(value: str) -> bool:
    bare = value.replace(" ", "")
    return ("basic" in bare or "digest" in bare) and "\n" not in bare and "\r" not in bare


# An invalid value of one of these, and the Ingress is not loaded. Which redirect counts first, and what is only looked
# at beside another annotation, is in ``annotations``.
REFUSING: Final[dict[str, Valid]] = {
    "auth-tls-secret": matching(_PLAIN),
    "auth-type": _is_auth_type,
    "auth-url": matching(r"[\-._~a-zA-Z0-9/:, ?&=$]*"),
    "client-body-buffer-size": matching(r"[0-9]+[bkmgBKMG]?"),
    "connection-proxy-header": matching(r"close|keep-alive"),
    "custom-http-errors": matching(r"(?:[4,5][0-9]{2},?)*"),
    "default-backend": lambda value: _SERVICE.fullmatch(value) is not None,
    "fastcgi-index": matching(r"[A-Za-z0-9.\-_]+"),
    "fastcgi-params-configmap": matching(_PLAIN),
    "http2-push-preload": is_bool,
    "limit-allowlist": is_networks,
    "limit-connections": is_int,
    "limit-rpm": is_int,
    "limit-rps": is_int,
    "load-balance": lambda value: value.strip() in _ALGORITHMS,
    "proxy-ssl-secret": matching(_PLAIN),
    "server-alias": _is_names,
    "ssl-ciphers": matching(r"[A-Za-z0-9!:+\-_@=]*"),
    "ssl-passthrough": is_bool,
    "upstream-hash-by": matching(r"[A-Za-z0-9\-_${}]*"),
    "upstream-hash-by-subset": is_bool,
    "upstream-hash-by-subset-size": is_int,
    "upstream-vhost": _is_name,
    "x-forwarded-prefix": matching(r"/?[\-._~a-zA-Z0-9/:$]*"),
}
# The same, but only where the other annotation is set.
SEVERE: Final[dict[str, tuple[str, Valid]]] = {
    "auth-secret-type": ("auth-type", matching(r".*(?:auth-file|auth-map).*")),
    "opentelemetry-operation-name": ("enable-opentelemetry", matching(r"[A-Za-z0-9_\-]*")),
}


def risk_of(name: str) -> int:
    """Return the risk of an annotation, from 0 (Low) to 3 (Critical)."""
    return 3 if name in _CRITICAL else 2 if name in _HIGH else 1 if name in _MEDIUM else 0
