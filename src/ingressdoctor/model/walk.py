"""A walk is one documented debugging sequence, as data; a step is one question of it."""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

__all__ = ["Claim", "Step", "Walk"]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One documented step.

    ``id`` is what checks name in their ``step``; ``question`` is how an operator asks it; ``hop`` is the
    place on the path, as it is named when it is to blame; ``docs`` is the page under ``docs/``; ``speaker`` is the
    check whose word stands for the step in one line, as long as no other has something worse to say.

    ``takes`` are patterns of check ids: with any, the step has the checks that match, whatever step they name, and no
    others. So one check may stand under another question in another walk, and what a walk must not ask is left out.
    """

    id: str
    question: str
    hop: str
    docs: str
    speaker: str = ""
    takes: tuple[str, ...] = ()


class Walk(msgspec.Struct, frozen=True, kw_only=True):
    """An ordered tuple of steps, from the client inwards.

    ``proof`` names the checks that, when all pass, prove the path end to end from outside: links that
    could not be looked at then do not make the verdict "could not tell". ``prediction`` is the check that holds what
    must come against what came: where it passes, it confirms causes of its step and of deeper ones. ``mysql`` tells
    that it is a walk of MySQL, so that a target that takes it is asked about in that protocol, however it was written.
    """

    id: str
    title: str
    steps: tuple[Step, ...]
    proof: tuple[str, ...] = ()
    prediction: str = ""
    mysql: bool = False

    def position(self, step: str) -> int:
        """Return the zero-based position of a step id, or the number of steps if it is not in this walk."""
        return next((index for index, item in enumerate(self.steps) if item.id == step), len(self.steps))

    def step_of(self, check_id: str, step: str) -> str:
        """Return the id of the step that has a check in this walk, the check itself naming *step*; "" if none has."""
        for item in self.steps:
            # Every walk asks this about every check before its first request: no loop for a step that takes none.
            if any(fnmatchcase(check_id, pattern) for pattern in item.takes) if item.takes else item.id == step:
                return item.id
        return ""


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """Why a walk should be taken for a target; the strongest claim wins.

    ``strength`` is 0 to 100: 100 an explicit rule for the name, 50 an indirect sign, 0 none.
    ``ground`` is printed in the report; ``searched`` and ``known`` feed "did you mean" when nobody claims.
    """

    strength: int
    ground: str
    searched: tuple[str, ...] = ()
    known: tuple[str, ...] = ()
