"""How far a new hostname is set up: the documented checklist, item by item, and the one thing to do next.

Values only. ``ManagementOnboarding`` is for names behind a tunnel and Access, ``PublicOnboarding`` for public sites.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.model.finding import Command

__all__ = ["ManagementOnboarding", "NextAction", "OnboardItem", "Onboarding", "Progress", "PublicOnboarding"]


class Progress(StrEnum):
    """How far one item is."""

    DONE = "done"
    MISSING = "not done"
    UNSEEN = "could not look"


class NextAction(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: a sentence, text to paste into ``place``, and the commands for it."""

    text: str
    place: str = ""
    paste: str = ""
    commands: tuple[Command, ...] = ()


class OnboardItem(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the checklist. ``enable_with`` says what would let us look; ``action`` what would get it done."""

    id: str
    title: str
    progress: Progress
    detail: str
    enable_with: str = ""
    action: NextAction | None = None


class Onboarding(msgspec.Struct, frozen=True, kw_only=True):
    """The whole checklist of one hostname, in order. ``near`` are known names that it may be a slip of."""

    hostname: str
    management: bool
    items: tuple[OnboardItem, ...]
    near: tuple[str, ...] = ()

    @property
    def done(self) -> int:
        """How many items are done."""
        return sum(item.progress is Progress.DONE for item in self.items)

    @property
    def next(self) -> OnboardItem | None:
        """The one item to do now: the first that is not done and says how, else the first that could not be seen."""
        missing = [item for item in self.items if item.progress is Progress.MISSING]
        first = next((item for item in missing if item.action is not None), None)
        return first or next((item for item in self.items if item.progress is Progress.UNSEEN), None)


class ManagementOnboarding(Onboarding, frozen=True, kw_only=True):
    """The checklist of a management hostname."""


class PublicOnboarding(Onboarding, frozen=True, kw_only=True):
    """The checklist of a public hostname."""
