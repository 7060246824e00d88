"""Carry DNS questions over UDP: those to one server that are under way at once share a connected socket.

A socket for each question would cost more than the question. One is shared only while something is under way on it,
and for so many questions at most: the next has another port, drawn by the system (RFC 5452, section 9.2). Ids are
random and never used twice on a socket. Of messages it knows the id only: what is in them is dns_client.py's.
"""

from __future__ import annotations

import asyncio
import os
import socket
from typing import Final

import dns.query

__all__ = ["UdpQuestions", "bad_response"]

_MOST_QUESTIONS: Final = 64
_READ_AT_ONCE: Final = 32
_MOST_BYTES: Final = 65_535
_Place = tuple[str, int]
_Answer = asyncio.Future[bytes]


def bad_response() -> Exception:
    """Return what says that a message answers no question of ours."""
    error: Exception = dns.query.BadResponse()  # type: ignore[no-untyped-call,unused-ignore] # dnspython's
    return error


class UdpQuestions:
    """Asks over UDP; nothing stays open while nothing is under way. For one event loop."""

    def __init__(self) -> None:
        self._current: dict[_Place, _Shared] = {}

    async def ask(self, place: tuple[str, int], question: bytes, timeout_s: float) -> bytes:
        """Send *question*, whose id is replaced, to an address and port, and return the message with its new id.

        Raises:
            TimeoutError: none came in time.
            OSError: the network, or the server's machine, refuses.
            dns.query.BadResponse: only messages that answer no question came back.
        """
        shared = self._current.get(place)
        if shared is None or shared.is_used_up:
            shared = self._current[place] = _Shared(place)
        number, answer = shared.send(question)
        timer = asyncio.get_running_loop().call_later(timeout_s, _expire, answer)
        try:
            return await answer
        finally:
            timer.cancel()
            if shared.forget(number) and self._current.get(place) is shared:
                del self._current[place]


def _expire(answer: _Answer) -> None:
    if not answer.done():
        answer.set_exception(TimeoutError())


class _Shared:
    """A socket, connected so that a refusal is reported at all, and the questions that wait on it.

    Raises:
        OSError: there is no way to the server.
    """

    def __init__(self, place: _Place) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[bytes, _Answer] = {}
        self._used: set[bytes] = set()
        self._strays = 0
        self._broken = False
        self._socket = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            self._socket.connect(place)
            self._loop.add_reader(self._socket, self._read)
        except BaseException:
            self._socket.close()
            raise

    @property
    def is_used_up(self) -> bool:
        """Whether the next question needs another socket."""
        return self._broken or len(self._used) >= _MOST_QUESTIONS

    def send(self, question: bytes) -> tuple[bytes, _Answer]:
        """Send a question under an id of its own; ``forget`` that whatever becomes of it.

        A failure is that of all answers that are waited for: the system tells it to whoever comes first.
        """
        number = os.urandom(2)
        while number in self._used:
            number = os.urandom(2)
        answer: _Answer = self._loop.create_future()
        self._used.add(number)
        self._waiting[number] = answer
        try:
            self._socket.send(number + question[2:])
        except BlockingIOError:
            pass  # no room to send from: a packet lost, as on any other way
        except OSError as error:
            self._fail(error)
        return number, answer

    def forget(self, number: bytes) -> bool:
        """Wait no longer for one answer; the socket closes with the last, and that is told."""
        self._waiting.pop(number, None)
        if self._waiting:
            return False
        self._loop.remove_reader(self._socket)
        self._socket.close()
        return True

    def _read(self) -> None:
        for _ in range(_READ_AT_ONCE):
            try:
                data = self._socket.recv(_MOST_BYTES)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self._fail(error)
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        answer = self._waiting.get(data[:2])
        if answer is not None:
            if not answer.done():
                answer.set_result(data)
        elif data[:2] not in self._used:
            # Whose it was cannot be told; a server that says this as often as it was asked gives no answers.
            self._strays += 1
            if self._strays >= len(self._waiting):
                self._fail(None)

    def _fail(self, error: OSError | None) -> None:
        self._broken = True
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(bad_response() if error is None else OSError(error.errno, error.strerror))
