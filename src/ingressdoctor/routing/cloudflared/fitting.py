"""Which scalars fit which type of the configuration, and what they become there.

Source: gopkg.in/yaml.v3 decode.go (scalar): words of YAML 1.1 pass for a boolean, fractions are cut off for an
integer, a duration must be text.
"""

from __future__ import annotations

import math
from typing import Any, Final

from ingressdoctor.routing.cloudflared.nodes import Scalar
from ingressdoctor.routing.cloudflared.scalars import Resolved
from ingressdoctor.routing.cloudflared.schema import Plain
from ingressdoctor.routing.durations import parse_duration

__all__ = ["fitted"]

_MAX_UINT64: Final = 2**64 - 1
_MAX_INT64: Final = 2**63 - 1
_LIMITS: Final = {
    Plain.INT: (-_MAX_INT64 - 1, _MAX_INT64),
    Plain.UINT: (0, _MAX_UINT64),
    Plain.UINT64: (0, _MAX_UINT64),
}
_YES: Final = frozenset(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"))
_NO: Final = frozenset(("n", "N", "no", "No", "NO", "off", "Off", "OFF"))


def fitted(node: Scalar, tag: str, value: Resolved, kind: Plain) -> tuple[bool, Any]:
    """Return whether a scalar that is not null fits a scalar type, and its value there."""
    match kind:
        case Plain.ANY:
            return True, value
        case Plain.TEXT:
            return True, value if tag == "!!binary" else node.value
        case Plain.BOOL:
            return isinstance(value, bool) or value in _YES or value in _NO, value is True or value in _YES
        case Plain.DURATION:
            found = parse_duration(value) if type(value) is str else None
            return found is not None, found
        case _ if value is None or isinstance(value, (bool, str)):
            return False, None
        case _:
            return _whole(value, *_LIMITS[kind])


def _whole(value: float, low: int, high: int) -> tuple[bool, int]:
    """Return whether a number fits, cut off; of floats the library compares the upper end alone."""
    if isinstance(value, int):
        return low <= value <= high, value
    fits = value <= float(high)
    return fits, max(low, min(high, int(value))) if fits and not math.isinf(value) else low
