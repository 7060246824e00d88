"""Standard output and standard error: what is written where, in which form, and what happens when nobody reads it."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TextIO

from ingressdoctor.errors import IngressDoctorError
from ingressdoctor.model.text import clean
from ingressdoctor.render.page import Page

__all__ = ["complain", "is_rich", "page_for", "silence", "tell", "write"]

_MIN_WIDTH, _MAX_WIDTH, _PIPE_WIDTH = 40, 140, 80


def write(text: str) -> None:
    """Write *text* to standard output. A reader who left (``| head -1``) or a closed stream is no error.

    Raises:
        IngressDoctorError: the text cannot be written, as on a full disk.
    """
    stream = sys.stdout
    if stream is None or stream.closed:
        return
    try:
        _tolerant(stream)
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        silence(stream)
    except OSError as error:
        silence(stream)
        raise IngressDoctorError(f"Cannot write to standard output: {error.strerror or error}.") from None


def tell(text: str) -> None:
    """Write one line to standard error, if anybody listens."""
    stream = sys.stderr
    if stream is None or stream.closed:
        return
    try:
        _tolerant(stream)
        stream.write(f"{text}\n")
        stream.flush()
    except OSError:
        silence(stream)


def complain(message: str, hint: str = "") -> None:
    """Write an error as one line, and its hint as another, to standard error."""
    tell(f"Error: {' '.join(clean(message).split())}")
    if hint:
        tell(f"Hint: {clean(hint)}")


def is_rich(stream: TextIO | None) -> bool:
    """Tell whether *stream* is a terminal that can move its cursor."""
    if stream is None or stream.closed:
        return False
    return stream.isatty() and os.environ.get("TERM", "") != "dumb"


def page_for(stream: TextIO | None, *, verbose: bool = False) -> Page:
    """Return the page that *stream* is: its width, and whether it takes colours and signs beyond ASCII."""
    rich = is_rich(stream)
    columns = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if rich else _piped_width()
    encoding = (getattr(stream, "encoding", "") or "ascii").lower().replace("-", "")
    return Page(
        width=max(_MIN_WIDTH, min(columns, _MAX_WIDTH)),
        colour=rich and not os.environ.get("NO_COLOR"),
        unicode=encoding.startswith("utf") and os.environ.get("TERM") != "linux",
        verbose=verbose,
    )


def _piped_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isascii() and columns.isdigit() and columns != "0" else _PIPE_WIDTH


def _tolerant(stream: TextIO) -> None:
    """Let characters that the stream's encoding lacks be shown as escapes instead of failing."""
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")


def silence(stream: TextIO | None = None) -> None:
    """Point *stream* (default: standard output) at nothing, so that the interpreter's last flush cannot fail either."""
    stream = stream or sys.stdout
    try:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, stream.fileno())
        os.close(nothing)
    except (OSError, ValueError):
        pass
