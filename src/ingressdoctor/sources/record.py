"""Keep the answers of an API, and serve them again: how one process's reading is lent to others.

Both sides speak the protocol of the sources that GET (Kubernetes, Hetzner, Cloudflare). Changes no answer; what is not
in the record is asked for live, where there is a live source.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Protocol

import msgspec

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.base import Answer

__all__ = ["MOST_BYTES", "Page", "Recorded", "Recorder"]

MOST_BYTES: Final = 512 * 1024 * 1024
_NOT_NOW: Final = frozenset({429, 500, 502, 503, 504})
_PRIVATE: Final = frozenset({"set-cookie", "set-cookie2", "authorization", "proxy-authorization"})


class Page(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One answer with the question: a path and its query, sorted."""

    path: str
    query: tuple[tuple[str, str], ...]
    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class Asks(Protocol):
    """What GETs."""

    async def get(self, path: str, query: Mapping[str, str]) -> Answer: ...


class Recorder:
    """Passes questions on and keeps the answers, up to a size; ``whole`` is False when some had no room.

    Of a question that is asked again the last answer counts. "Not now" is no answer to lend: who needs it asks again.
    Cookies, which log in whoever has them, are not kept.
    """

    def __init__(self, source: Asks, context: str = "", most: int = MOST_BYTES) -> None:
        self.context = context
        self.whole = True
        self._source = source
        self._left = most
        self._pages: dict[tuple[str, tuple[tuple[str, str], ...]], Page] = {}

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*.

        Raises:
            SourceError: no answer came; that is not kept.
        """
        answer = await self._source.get(path, query)
        if answer.status not in _NOT_NOW:
            self._keep((path, tuple(sorted(query.items()))), answer)
        return answer

    def _keep(self, question: tuple[str, tuple[tuple[str, str], ...]], answer: Answer) -> None:
        before = self._pages.pop(question, None)
        if before is not None:
            self._left += len(before.body)
        if len(answer.body) > self._left:
            self.whole = False
            return
        self._left -= len(answer.body)
        self._pages[question] = Page(
            path=question[0],
            query=question[1],
            status=answer.status,
            body=answer.body,
            headers=tuple(sorted(item for item in answer.headers.items() if item[0].lower() not in _PRIVATE)),
        )

    @property
    def pages(self) -> tuple[Page, ...]:
        """What was answered so far."""
        return tuple(self._pages.values())


class Recorded:
    """Answers from a record; other questions go to *live*."""

    def __init__(self, pages: tuple[Page, ...], live: Asks | None = None, context: str = "") -> None:
        self.context = context
        self._live = live
        self._pages = {(page.path, page.query): page for page in pages}

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*.

        Raises:
            SourceError: it is not in the record, and nobody can be asked, or gave no answer.
        """
        page = self._pages.get((path, tuple(sorted(query.items()))))
        if page is not None:
            return Answer(status=page.status, body=page.body, headers=dict(page.headers))
        if self._live is None:
            raise SourceError(f"The record holds no answer for {path}.", hint="Record again, or ask live.")
        return await self._live.get(path, query)

    @property
    def empty(self) -> bool:
        """Whether it holds nothing."""
        return not self._pages

    def forget_lists(self) -> None:
        """Let go of the pages of lists, which are most of it, once they were decoded."""
        self._pages = {key: page for key, page in self._pages.items() if "limit" not in dict(key[1])}
