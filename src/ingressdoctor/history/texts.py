"""What is stored as text: reduced, without the target's name, compressed, and known by its digest. Pure.

The name is cut out before the digest is made, and put in again on reading: so 500 sites behind one broken load balancer
share one text. JSON holds no raw NUL, which stands in its place.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import msgspec

from ingressdoctor.history.facts import canonical
from ingressdoctor.model.report import Verdict
from ingressdoctor.model.sweep import Outcome, SweptCause
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.text import shorten

__all__ = [
    "Found",
    "code_of",
    "digest_of_facts",
    "moment",
    "moment_ms",
    "packed_facts",
    "packed_found",
    "sameness_of",
    "unpacked",
    "verdict_of",
]

T = TypeVar("T")

_CODES: Final = (Verdict.UNKNOWN, Verdict.HEALTHY, Verdict.DEGRADED, Verdict.BROKEN)
_MOST: Final = 20
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LATEST_MS: Final = 253_402_300_799_000
_DIGITS: Final = str.maketrans("0123456789", "#" * 10)


class Found(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a look found, as far as history shows it."""

    headline: str = ""
    causes: tuple[SweptCause, ...] = ()
    symptoms: tuple[str, ...] = ()
    error: str = ""
    suppressed: str = ""

    def known_symptoms(self) -> tuple[Symptom, ...]:
        """The symptoms that this version knows."""
        known = {str(symptom): symptom for symptom in Symptom}
        return tuple(known[name] for name in self.symptoms if name in known)


def code_of(verdict: Verdict) -> int:
    """Return the number that stands for a verdict."""
    return _CODES.index(verdict)


def verdict_of(code: int) -> Verdict:
    """Return the verdict that a number stands for; one that is not known is unknown."""
    return _CODES[code] if 0 <= code < len(_CODES) else Verdict.UNKNOWN


def moment_ms(moment: datetime) -> int:
    """Return a moment as milliseconds since 1970; without a time zone it is taken for UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MILLISECOND


def moment(milliseconds: int) -> datetime:
    """Return the moment of so many milliseconds since 1970, whatever a wrong clock wrote."""
    return _EPOCH + timedelta(milliseconds=max(0, min(milliseconds, _LATEST_MS)))


def sameness_of(outcome: Outcome) -> bytes:
    """Return what two looks have in common that found the same: verdict, causes, warnings, and why nobody is told.

    Of an error the digits do not count ("after 3.02 s"); symptoms count where no cause explains them.
    """
    seen = (
        outcome.verdict.value,
        sorted(cause.key for cause in outcome.causes),
        sorted(cause.key for cause in outcome.warnings),
        () if outcome.causes else sorted(map(str, outcome.symptoms)),
        outcome.error.translate(_DIGITS),
        outcome.suppressed,
    )
    return _digest(msgspec.json.encode(seen))


def packed_found(outcome: Outcome) -> tuple[bytes, bytes]:
    """Return digest and body of what an outcome found."""
    found = Found(
        headline=shorten(outcome.headline, 1_000),
        causes=(outcome.causes or outcome.warnings)[:_MOST],
        symptoms=tuple(map(str, outcome.symptoms))[:_MOST],
        error=shorten(outcome.error, 1_000),
        suppressed=shorten(outcome.suppressed, 500),
    )
    text = _without(msgspec.json.encode(found), outcome.name)
    return _digest(text), zlib.compress(text)


def digest_of_facts(facts: Mapping[str, str], name: str) -> bytes:
    """Return the digest of facts, which are sorted by name; facts that compare as the same have the same."""
    same = {key: canonical(value) if ", " in value else value for key, value in facts.items()}
    return _digest(b"facts" + _without(msgspec.json.encode(same), name))


def packed_facts(facts: Mapping[str, str], name: str) -> tuple[bytes, bytes]:
    """Return digest and body of facts."""
    return digest_of_facts(facts, name), zlib.compress(_without(msgspec.json.encode(dict(facts)), name))


def unpacked(body: bytes | None, name: str, kind: type[T]) -> T | None:
    """Return what was stored for the target *name*; None for nothing, or for what cannot be read."""
    if body is None:
        return None
    try:
        return msgspec.json.decode(zlib.decompress(bytes(body)).replace(b"\x00", name.encode()), type=kind)
    except (zlib.error, msgspec.DecodeError, msgspec.ValidationError):
        return None


def _without(text: bytes, name: str) -> bytes:
    return text.replace(name.encode(), b"\x00") if len(name) > 3 else text


def _digest(text: bytes) -> bytes:
    return hashlib.blake2b(text, digest_size=16).digest()
