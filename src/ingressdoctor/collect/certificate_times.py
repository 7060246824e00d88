"""When cert-manager renews a certificate, by the dates of the one it has. Pure.

Source: cert-manager pkg/util/pki/renewaltime.go: renewBefore where it is shorter than the lifetime, else
renewBeforePercentage between 0 and 100, else a third of the lifetime before the end; whole seconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from ingressdoctor.evidence.clock import parse_time
from ingressdoctor.model.untyped import as_map, as_text

__all__ = ["parse_duration", "renewal_off", "renewal_time"]

_DURATION: Final = re.compile(r"(\d{1,12}(?:\.\d{0,9})?)(h|ms|m|s|us|µs|ns)")
_UNITS: Final = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_LONGEST_S: Final = 1e9


def parse_duration(text: object) -> timedelta | None:
    """Read a duration as Go writes it ("2160h0m0s"); anything else is None."""
    if not isinstance(text, str) or not text or len(text) > 64:
        return None
    parts = _DURATION.findall(text)
    if "".join(number + unit for number, unit in parts) != text:
        return None
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    return timedelta(seconds=seconds) if seconds < _LONGEST_S else None


def renewal_off(spec: Mapping[str, Any]) -> bool:
    """Tell whether the Certificate asks never to be renewed (spec.renewal.policy, since 1.21)."""
    return as_text(as_map(spec.get("renewal")).get("policy")) == "Disabled"


def renewal_time(spec: Mapping[str, Any], status: Mapping[str, Any]) -> str:
    """Return when renewal is due (RFC 3339): as cert-manager wrote it, else by its rule; empty: never, or unknown."""
    written = as_text(status.get("renewalTime"))
    if written or renewal_off(spec):
        return written
    start, end = parse_time(as_text(status.get("notBefore"))), parse_time(as_text(status.get("notAfter")))
    if start is None or end is None or end <= start:
        return ""
    due = end - _before(spec, end - start)
    return due.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _before(spec: Mapping[str, Any], lifetime: timedelta) -> timedelta:
    fixed = parse_duration(spec.get("renewBefore"))
    if fixed is not None and timedelta() < fixed < lifetime:
        return fixed
    share = spec.get("renewBeforePercentage")
    if isinstance(share, int) and not isinstance(share, bool) and 0 < share < 100:
        return lifetime * share / 100
    return lifetime / 3
