"""What a check says: a status, a subject, what was seen, and what to do.

Findings are built by five verbs. A failure without proof and remedy does not type-check.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from typing import Final

import msgspec

from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.text import are_clean, clean

__all__ = [
    "Command",
    "Fact",
    "Finding",
    "Remedy",
    "Status",
    "changes",
    "fail",
    "look",
    "ok",
    "rooted",
    "scoped",
    "skip",
    "unknown",
    "warn",
]


_MAX_MANIFEST: Final = 8_000


class Status(StrEnum):
    """How one check ended; only ``PASS`` is good news and only ``FAIL`` is seen breakage."""

    PASS = "pass"  # noqa: S105 - a status, not a password
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"
    SKIP = "skip"

    @property
    def severity(self) -> int:
        """Order for "the worst of several": skip < pass < warn < unknown < fail."""
        return _SEVERITY[self]


_SEVERITY: Final = {
    status: rank for rank, status in enumerate((Status.SKIP, Status.PASS, Status.WARN, Status.UNKNOWN, Status.FAIL))
}


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command to type, as an argument list; quoting for the shell happens here and nowhere else."""

    argv: tuple[str, ...]
    changing: bool = False

    def shell(self) -> str:
        """Return the command quoted for a POSIX shell."""
        return shlex.join(self.argv)


def look(*argv: str) -> Command:
    """Build a command that only reads."""
    return Command(argv=tuple(clean(word) for word in argv))


def changes(*argv: str) -> Command:
    """Build a command that changes something; reports mark it."""
    return Command(argv=tuple(clean(word) for word in argv), changing=True)


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One observed value: what it is called, what it was, and where it was seen."""

    name: str
    value: str
    where: str = ""


class Remedy(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: prose, the commands for it, and the command that proves recovery.

    ``manifest`` is YAML for the command that reads standard input (``kubectl apply -f -``); it keeps its line breaks.
    """

    text: str
    commands: tuple[Command, ...] = ()
    proof: Command | None = None
    manifest: str = ""

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "text", clean(self.text))
        msgspec.structs.force_setattr(self, "manifest", clean(self.manifest, _MAX_MANIFEST))


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One statement of one check about one subject.

    ``subject`` is the object spoken of, as ``Service wecare/adveshop4``; ``symptom`` is set when the
    statement is what a client sees rather than a reason for it; ``enable_with`` says, for an unknown,
    what exactly would allow the look. ``scope`` names the machines that the statement is confined to, where it is: a
    cause on other machines does not account for it (see ``engine/diagnosis.py``). ``root`` names what is at fault in a
    form that findings about other subjects share: pods behind two Services, or seen from two walks, break once.
    """

    status: Status
    summary: str
    subject: str = ""
    facts: tuple[Fact, ...] = ()
    remedy: Remedy | None = None
    symptom: Symptom | None = None
    enable_with: str = ""
    scope: tuple[str, ...] = ()
    root: str = ""

    def __post_init__(self) -> None:
        texts = [self.summary, self.subject, self.enable_with, self.root]
        for fact in self.facts:
            texts += (fact.name, fact.value, fact.where)
        if are_clean(texts):
            return
        for name in ("summary", "subject", "enable_with", "root"):
            if (raw := getattr(self, name)) and (text := clean(raw)) is not raw:
                msgspec.structs.force_setattr(self, name, text)
        if self.facts:
            facts = tuple(Fact(name=clean(f.name), value=clean(f.value), where=clean(f.where)) for f in self.facts)
            msgspec.structs.force_setattr(self, "facts", facts)


def facts_of(seen: dict[str, str] | None, where: str) -> tuple[Fact, ...]:
    """Turn a mapping of names to values into facts seen at *where*."""
    if not seen:
        return ()
    return tuple([Fact(name=name, value=value, where=where) for name, value in seen.items()])


def ok(summary: str, *, subject: str = "", seen: dict[str, str] | None = None, where: str = "") -> Finding:
    """Say that this link was looked at and works."""
    if not (subject or seen):
        return _plain(Status.PASS, summary)
    return Finding(status=Status.PASS, summary=summary, subject=subject, facts=facts_of(seen, where))


def warn(
    summary: str,
    *,
    seen: dict[str, str],
    remedy: Remedy,
    subject: str = "",
    where: str = "",
    symptom: Symptom | None = None,
) -> Finding:
    """Say that it works but will bite, with proof and a way out."""
    return Finding(
        status=Status.WARN,
        summary=summary,
        subject=subject,
        facts=facts_of(seen, where),
        remedy=remedy,
        symptom=symptom,
    )


def fail(
    summary: str,
    *,
    seen: dict[str, str],
    remedy: Remedy,
    subject: str = "",
    where: str = "",
    symptom: Symptom | None = None,
) -> Finding:
    """Say that traffic cannot pass here, with proof and a way out."""
    return Finding(
        status=Status.FAIL,
        summary=summary,
        subject=subject,
        facts=facts_of(seen, where),
        remedy=remedy,
        symptom=symptom,
    )


def scoped(finding: Finding, machines: Iterable[str | None]) -> Finding:
    """Return *finding* as one about these *machines* only; one without a name is none that a cause could lie on."""
    return msgspec.structs.replace(finding, scope=tuple(sorted({name or "" for name in machines})))


def rooted(finding: Finding, root: str) -> Finding:
    """Return *finding* with what is at fault, in a form that findings about other subjects share."""
    return msgspec.structs.replace(finding, root=root)


def unknown(summary: str, *, enable_with: str, subject: str = "", seen: dict[str, str] | None = None) -> Finding:
    """Say that it could not be looked at, and what exactly would enable the look."""
    if not (subject or seen):
        return _plain(Status.UNKNOWN, summary, enable_with)
    return Finding(
        status=Status.UNKNOWN,
        summary=summary,
        subject=subject,
        enable_with=enable_with,
        facts=facts_of(seen, ""),
    )


def skip(summary: str) -> Finding:
    """Say that the question does not apply to this target."""
    return _plain(Status.SKIP, summary)


# Most checks say the same few sentences of most targets.
@lru_cache(maxsize=2_048)
def _plain(status: Status, summary: str, enable_with: str = "") -> Finding:
    return Finding(status=status, summary=summary, enable_with=enable_with)
