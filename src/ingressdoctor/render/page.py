"""What a report is drawn on. Imports nothing, so that the command line can make one before anything else is loaded."""

from __future__ import annotations

import msgspec

__all__ = ["Page"]


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn on: columns, whether it takes colours and signs beyond ASCII, and how much to tell."""

    width: int = 80
    colour: bool = False
    unicode: bool = True
    verbose: bool = False
