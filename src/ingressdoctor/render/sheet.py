"""A page being filled line by line. Text is never read as markup, and no control character passes.

Strings that come from outside were cleaned when findings were built; everything is cleaned again here, because a
renderer must be safe whatever it is handed.
"""

from __future__ import annotations

import io

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from ingressdoctor.model.text import clean
from ingressdoctor.render.page import Page
from ingressdoctor.render.words import one_line

__all__ = ["Sheet", "Span", "safe"]

Span = tuple[str, str]
"""A text and its rich style; an empty style is plain."""


def safe(text: str) -> str:
    """Return *text* as one printable line."""
    return one_line(clean(text))


class Sheet:
    """Collects lines for one page and returns them as text."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._out = io.StringIO()
        self._console = Console(
            file=self._out,
            width=page.width,
            color_system="standard" if page.colour else None,
            force_terminal=page.colour,
            no_color=not page.colour,
            markup=False,
            highlight=False,
            emoji=False,
            legacy_windows=False,
        )

    def blank(self) -> None:
        """Add an empty line."""
        self._out.write("\n")

    def say(self, *spans: Span, indent: int = 0) -> None:
        """Add spans as one paragraph, wrapped; further lines are indented by *indent* columns."""
        text = _joined(spans)
        first, *rest = text.wrap(self._console, self.page.width) or [Text()]
        if not rest:
            self._line(first)
            return
        # The first line keeps its full width, what follows is wrapped again to the narrower block.
        self._line(first)
        for line in rest:
            line.rstrip()
        tail = Text(" ").join(rest)
        for line in tail.wrap(self._console, max(self.page.width - indent, 20)):
            self._line(Text(" " * indent) + line)

    def hang(self, *spans: Span, first: str = "", rest: str = "") -> None:
        """Add spans as one wrapped paragraph with *first* before its first line and *rest* before the others."""
        room = max(self.page.width - max(cell_len(first), cell_len(rest)), 20)
        for number, line in enumerate(_joined(spans).wrap(self._console, room) or [Text()]):
            line.rstrip()
            self._line(Text(rest if number else first, style="dim") + line)

    def row(self, *spans: Span, right: Span = ("", "")) -> None:
        """Add spans as exactly one line, cut with an ellipsis; *right* is set flush with the right edge."""
        text, end = _joined(spans), _joined([right])
        room = self.page.width - (cell_len(end.plain) + 2 if end.plain else 0)
        text.truncate(room, overflow="ellipsis", pad=bool(end.plain))
        if end.plain:
            text = text + Text("  ") + end
        self._line(text)

    def command(self, shell: str, note: str = "", *, indent: int = 2) -> None:
        """Add a command whole, however long, so that it can be copied; the note follows as a shell comment."""
        text = Text(" " * indent) + Text(safe_command(shell), style="bold")
        if note:
            text = text + Text(f"  # {note}", style="dim")
        self._console.print(text, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)

    def verbatim(self, line: str) -> None:
        """Add one line of a page of the documentation as its author wrote it, with its indentation."""
        self._line(Text(clean(line).replace("\t", "    ")))

    def text(self) -> str:
        """Return everything added so far; on a page without Unicode other signs are shown as escapes."""
        text = self._out.getvalue()
        if self.page.unicode:
            return text
        return text.replace("…", "~").encode("ascii", "backslashreplace").decode("ascii")

    def _line(self, text: Text) -> None:
        text.rstrip()
        self._console.print(text, no_wrap=True, overflow="ignore", crop=False, soft_wrap=True)


def safe_command(shell: str) -> str:
    """Return a quoted command as one line; a line break inside a quoted word is shown, not made."""
    return clean(shell, 4_000).replace("\n", "⏎").replace("\t", " ")


def _joined(spans: tuple[Span, ...] | list[Span]) -> Text:
    text = Text()
    for words, style in spans:
        text.append(clean(words).replace("\n", " ").replace("\t", " "), style=style or None)
    return text
