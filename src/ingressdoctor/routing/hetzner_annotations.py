"""Which load balancer annotations Hetzner's cloud controller knows, and which values it refuses. Pure.

It parses with Go's rules: ParseBool knows no "yes", ParseDuration wants a unit.
Source: hcloud-cloud-controller-manager internal/annotation/load_balancer.go and name.go.
"""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

__all__ = ["NAMES", "misnamed_annotations", "refused_annotations"]

_DOMAIN: Final = "load-balancer.hetzner.cloud"
_BOOLS: Final = (
    "ipv6-disabled",
    "disable-public-network",
    "disable-private-ingress",
    "use-private-ip",
    "uses-proxyprotocol",
    "http-redirect-http",
    "http-sticky-sessions",
    "health-check-http-validate-certificate",
    "http-managed-certificate-acme-staging",
)
_INTEGERS: Final = ("health-check-port", "health-check-retries")
_DURATIONS: Final = ("http-cookie-lifetime", "http-timeout-idle", "health-check-interval", "health-check-timeout")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "protocol": ("tcp", "http", "https"),
    "algorithm-type": ("round_robin", "least_connections"),
    "certificate-type": ("uploaded", "managed"),
    "health-check-protocol": ("tcp", "http"),
}
_TEXTS: Final = (
    "ipv4",
    "ipv4-rdns",
    "ipv6",
    "ipv6-rdns",
    "name",
    "hostname",
    "type",
    "location",
    "network-zone",
    "node-selector",
    "http-cookie-name",
    "http-certificates",
    "http-managed-certificate-name",
    "http-managed-certificate-domains",
    "health-check-http-domain",
    "health-check-http-path",
    "http-status-codes",
    "id",
)
_ADDRESSES: Final = ("private-ipv4", "private-subnet-ip-range")
NAMES: Final = (*_BOOLS, *_INTEGERS, *_DURATIONS, *_CHOICES, *_TEXTS, *_ADDRESSES)

_GO_BOOLS: Final = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
_DURATION: Final = re.compile(r"[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)")


def misnamed_annotations(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (key, nearest known key or empty) of annotations that are meant for the cloud controller but unknown."""
    for key in annotations:
        domain, _, name = key.partition("/")
        if domain == _DOMAIN and name in NAMES:
            continue
        meant = domain == _DOMAIN or ("hetzner" in domain and "load" in domain and "balancer" in domain)
        if not meant:
            continue
        near = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.6)
        yield key, f"{_DOMAIN}/{near[0]}" if near else ""


def refused_annotations(annotations: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (key, why) of known annotations whose value stops every sync."""
    for key, value in annotations.items():
        domain, _, name = key.partition("/")
        if domain != _DOMAIN:
            continue
        why = _why(name, value)
        if why:
            yield key, why
    tcp = annotations.get(f"{_DOMAIN}/protocol", "tcp") == "tcp"
    web = (
        "http-redirect-http",
        "http-sticky-sessions",
        "http-cookie-name",
        "http-cookie-lifetime",
        "http-timeout-idle",
    )
    for name in web:
        if tcp and f"{_DOMAIN}/{name}" in annotations:
            yield f"{_DOMAIN}/{name}", "a service of protocol tcp takes no http-* settings"


def _why(name: str, value: str) -> str:
    """Say what is wrong with one value; empty when the cloud controller takes it."""
    if name in _CHOICES and value not in _CHOICES[name]:
        extra = "; use http with health-check-http-validate-certificate" if name == "health-check-protocol" else ""
        return f"{value!r} is none of {', '.join(_CHOICES[name])}{extra}"
    rules = (
        (_BOOLS, value in _GO_BOOLS, "is no boolean; write true or false"),
        (_INTEGERS, re.fullmatch(r"[-+]?\d+", value, re.ASCII), "is no whole number"),
        (_DURATIONS, _DURATION.fullmatch(value), "is no duration with a unit; write it like 15s"),
        (("private-ipv4",), _parses(ipaddress.IPv4Address, value), "is no IPv4 address"),
        (("private-subnet-ip-range",), _parses(ipaddress.IPv4Interface, value), "is no address range"),
    )
    return next((f"{value!r} {wrong}" for names, fits, wrong in rules if name in names and not fits), "")


def _parses(kind: Callable[[str], object], value: str) -> bool:
    try:
        kind(value)
    except ValueError:
        return False
    return True
