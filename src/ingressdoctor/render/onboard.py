"""How far a new hostname is set up, as text and as JSON: the checklist, and exactly one next step.

The JSON's keys never vanish within v1.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from ingressdoctor.evidence.onboarding import NextAction, Onboarding, OnboardItem, Progress
from ingressdoctor.model.finding import Status
from ingressdoctor.render.json_v1 import encode
from ingressdoctor.render.page import Page
from ingressdoctor.render.sheet import Sheet, safe
from ingressdoctor.render.style import colour_of, glyph_of
from ingressdoctor.render.words import listed

__all__ = ["OnboardV1", "exit_code_of", "onboard_to_json", "onboard_to_terminal"]

_STATUS: Final = {
    Progress.DONE: Status.PASS,
    Progress.MISSING: Status.FAIL,
    Progress.UNSEEN: Status.UNKNOWN,
}
State = Literal["done", "missing", "unknown"]
_STATE: Final[dict[Progress, State]] = {
    Progress.DONE: "done",
    Progress.MISSING: "missing",
    Progress.UNSEEN: "unknown",
}


class CommandV1(msgspec.Struct, frozen=True, kw_only=True):
    """A command as an argument list, as it is typed, and whether it changes anything."""

    argv: tuple[str, ...]
    shell: str
    changing: bool


class ActionV1(msgspec.Struct, frozen=True, kw_only=True):
    """What gets an item done: a sentence, text to paste, the place it goes to, and commands."""

    text: str
    place: str
    paste: str
    commands: tuple[CommandV1, ...]


class ItemV1(msgspec.Struct, frozen=True, kw_only=True):
    """One item of the checklist."""

    id: str
    title: str
    state: State
    detail: str
    enable_with: str
    action: ActionV1 | None


class OnboardV1(msgspec.Struct, frozen=True, kw_only=True):
    """The checklist of a hostname; ``next`` is the id of the item to do now, null when all are done."""

    schema: Literal["ingressdoctor.onboard/v1"] = "ingressdoctor.onboard/v1"
    hostname: str
    kind: Literal["public", "management"]
    done: int
    total: int
    items: tuple[ItemV1, ...]
    next: str | None
    near: tuple[str, ...]
    exit_code: int


def exit_code_of(view: Onboarding) -> int:
    """Return 0 when all is done, 1 when something is missing, 3 when nothing is but something could not be seen."""
    states = {item.progress for item in view.items}
    if Progress.MISSING in states:
        return 1
    return 3 if Progress.UNSEEN in states else 0


def onboard_to_json(view: Onboarding) -> str:
    """Return the checklist as one JSON object."""
    first = view.next
    return encode(
        OnboardV1(
            hostname=view.hostname,
            kind="management" if view.management else "public",
            done=view.done,
            total=len(view.items),
            items=tuple(_item(item) for item in view.items),
            next=first.id if first is not None else None,
            near=view.near,
            exit_code=exit_code_of(view),
        )
    )


def _item(item: OnboardItem) -> ItemV1:
    action = item.action
    return ItemV1(
        id=item.id,
        title=item.title,
        state=_STATE[item.progress],
        detail=item.detail,
        enable_with=item.enable_with,
        action=None
        if action is None
        else ActionV1(
            text=action.text,
            place=action.place,
            paste=action.paste,
            commands=tuple(
                CommandV1(argv=command.argv, shell=command.shell(), changing=command.changing)
                for command in action.commands
            ),
        ),
    )


def onboard_to_terminal(view: Onboarding, page: Page) -> str:
    """Return the checklist, and below it the one next step with what to paste and to type."""
    sheet = Sheet(page)
    kind = "management hostname" if view.management else "public hostname"
    count = f"{view.done} of {len(view.items)} done"
    sheet.say((safe(view.hostname), "bold"), (f", a {kind}: {count}.", ""))
    if view.near:
        sheet.say((f"Known names like it: {listed(map(safe, view.near))}", "dim"), indent=2)
    sheet.blank()
    for item in view.items:
        status = _STATUS[item.progress]
        sheet.say((f"{glyph_of(status, page)} ", colour_of(status)), (safe(item.title), "bold"), indent=4)
        words = "could not look: " if item.progress is Progress.UNSEEN else ""
        sheet.hang((f"{words}{safe(item.detail)}", ""), first="    ", rest="    ")
        if item.enable_with and item.progress is Progress.UNSEEN:
            sheet.hang((f"to look: {safe(item.enable_with)}", colour_of(Status.UNKNOWN)), first="    ", rest="      ")
    first = view.next
    if first is not None:
        sheet.blank()
        _next(sheet, first)
    return sheet.text()


def _next(sheet: Sheet, item: OnboardItem) -> None:
    action = item.action
    if action is None:
        sheet.say(("Next: ", "bold"), (safe(item.enable_with or item.detail), ""), indent=2)
        return
    sheet.say(("Next: ", "bold"), (safe(action.text), ""), indent=2)
    _paste(sheet, action)
    if action.commands:
        sheet.blank()
    for command in action.commands:
        sheet.command(command.shell(), "changes something" if command.changing else "")


def _paste(sheet: Sheet, action: NextAction) -> None:
    """Add what is to be pasted whole, however long its lines are."""
    if not action.paste:
        return
    sheet.blank()
    if action.place:
        sheet.say((f"{safe(action.place)}:", "dim"), indent=2)
    for line in action.paste.split("\n"):
        sheet.command(line)
