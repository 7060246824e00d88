"""Run a command with a notification as its standard input: no shell, bounded time, and nothing left running.

The words come from the user's own configuration file. What a time limit ends is the process group that was started
here, never anything else.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Final

from ingressdoctor.errors import SourceError
from ingressdoctor.notify.notice import one_line

__all__ = ["run_command"]

_KEPT: Final = 2_000
_LAST_WORDS_S: Final = 1.0


async def run_command(words: tuple[str, ...], body: bytes, *, timeout_s: float) -> None:
    """Run *words* with *body* on standard input and wait for the end.

    Raises:
        SourceError: it cannot be started, ended with another code than 0, or took too long and was killed.
    """
    name = one_line(words[0], 100)
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, start_new_session=True
        )
    except OSError as error:
        raise SourceError(f"cannot run {name}: {error.strerror or 'no such program'}") from None
    except ValueError:
        raise SourceError(f"cannot run {name}: a word holds what no argument can") from None
    tail = asyncio.ensure_future(_tail(process))
    try:
        async with asyncio.timeout(timeout_s):
            await _feed(process, body)
            code = await process.wait()
    except TimeoutError:
        raise SourceError(f"{name} took more than {timeout_s:g} s and was killed") from None
    finally:
        await _kill(process)
        said = await _last_words(tail)
    if code != 0:
        ended = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
        raise SourceError(f"{name} {ended}{f': {said}' if said else ''}")


async def _feed(process: Process, body: bytes) -> None:
    """Write the notification; a command that does not read it is none the worse for it."""
    writer = process.stdin
    if writer is None:
        return
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        writer.write(body + b"\n")
        await writer.drain()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, OSError):
        writer.close()


async def _tail(process: Process) -> bytes:
    """Read standard error to its end and keep the last of it."""
    kept = b""
    while process.stderr is not None and (piece := await process.stderr.read(4_096)):
        kept = (kept + piece)[-_KEPT:]
    return kept


async def _last_words(tail: asyncio.Future[bytes]) -> str:
    """Return the last line of standard error; a grandchild that holds it open is not waited for."""
    await asyncio.wait((tail,), timeout=_LAST_WORDS_S)
    if not tail.done():
        tail.cancel()
        return ""
    if tail.cancelled() or tail.exception() is not None:
        return ""
    lines = tail.result().decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1], 120) if lines else ""


async def _kill(process: Process) -> None:
    """End the process group, if its leader still runs, and let the system forget it."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.wait((asyncio.ensure_future(process.wait()),), timeout=_LAST_WORDS_S)
