"""What scalars mean to cloudflared's YAML library and to Go: numbers, booleans, times. No structure here.

Source: gopkg.in/yaml.v3 resolve.go; Go strconv (base 0).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Final, TypeAlias

from ingressdoctor.routing.cloudflared.nodes import Scalar

__all__ = ["BadScalarError", "Moment", "Resolved", "resolve"]

_LONG: Final = "tag:yaml.org,2002:"
_MAP: Final[dict[str, tuple[str, bool | float | None]]] = {
    **dict.fromkeys(("true", "True", "TRUE"), ("!!bool", True)),
    **dict.fromkeys(("false", "False", "FALSE"), ("!!bool", False)),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), ("!!null", None)),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), ("!!float", math.nan)),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), ("!!float", math.inf)),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), ("!!float", -math.inf)),
}
_RESOLVABLE: Final = frozenset(("", "!!str", "!!bool", "!!int", "!!float", "!!null", "!!timestamp"))
_INT: Final = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]{1,16})|0[bB](?P<bin>[01]{1,64})|0[oO]?(?P<oct>[0-7]{1,22})"
    r"|(?P<dec>0|[1-9][0-9]{0,19}))"
)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]{1,400}|[0-9]{1,400}(?:\.[0-9]{0,400})?)(?:[eE][-+]?[0-9]{1,9})?")
_DOTTED: Final = re.compile(r"\.[0-9]{1,400}(?:[eE][-+]?[0-9]{1,9})?")
_TIME: Final = re.compile(
    r"[0-9]{4}-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
    r"(?:[Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}(?:[.,][0-9]+)?)?"
)
_MAX_INT: Final = 2**63 - 1


class BadScalarError(ValueError):
    """A scalar with a tag that it cannot have; the text is the library's own."""


class Moment(str):
    """A date or time: the library reads it as one, and nothing in the configuration takes it."""

    __slots__ = ()


Resolved: TypeAlias = bool | int | float | str | None


def _short(tag: str) -> str:
    return f"!!{tag.removeprefix(_LONG)}" if tag.startswith(_LONG) else tag


def resolve(node: Scalar) -> tuple[str, Resolved]:
    """Return the tag and value of a scalar.

    Raises:
        BadScalarError: its tag and its text contradict each other.
    """
    tag = _short(node.tag) if node.tag != "!" else ""
    if tag == "!!str" or (not tag and not node.plain):
        return "!!str", node.value
    if tag == "!!binary":
        return tag, _binary(node.value)
    if tag not in _RESOLVABLE:
        return tag, node.value
    found, value = _guess(node.value, tag)
    if tag in ("", found):
        return found, value
    if tag == "!!float" and found == "!!int" and isinstance(value, int):
        return tag, float(value)
    raise BadScalarError(f"cannot decode {found} `{node.value}` as a {tag}")


def _binary(text: str) -> str:
    compact = text.replace("\r", "").replace("\n", "")
    try:
        return base64.b64decode(compact, validate=True).decode("utf-8", "surrogateescape")
    except (binascii.Error, ValueError):
        raise BadScalarError("!!binary value contains invalid base64 data") from None


def _guess(text: str, tag: str) -> tuple[str, Resolved]:
    if text in _MAP:
        return _MAP[text]
    if text[0] not in "+-.0123456789":
        return "!!str", text
    if tag in ("", "!!timestamp") and _is_time(text):
        return "!!timestamp", Moment(text)
    whole = None if text[0] == "." else _int(text.replace("_", ""))
    if whole is not None:
        return "!!int", whole
    value = _float(text, _DOTTED) if text[0] == "." else _float(text.replace("_", ""), _FLOAT)
    return ("!!str", text) if value is None else ("!!float", value)


def _float(text: str, pattern: re.Pattern[str]) -> float | None:
    if not pattern.fullmatch(text):
        return None
    value = float(text)
    return None if math.isinf(value) else value


def _int(text: str) -> int | None:
    found = _INT.fullmatch(text)
    if found is None:
        return None
    digits = next(
        (found[name], base) for name, base in (("hex", 16), ("bin", 2), ("oct", 8), ("dec", 10)) if found[name]
    )
    value = int(*digits)
    if found["sign"]:
        value = -value if found["sign"] == "-" else value
        return value if -_MAX_INT - 1 <= value <= _MAX_INT else None
    return value if value <= 2 * _MAX_INT + 1 else None


def _is_time(text: str) -> bool:
    found = _TIME.fullmatch(text)
    return found is not None and 1 <= int(found["month"]) <= 12 and 1 <= int(found["day"]) <= 31
