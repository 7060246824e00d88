"""Read zones and their records once for many targets, and answer questions about single names from that.

A sweep gives collectors a ``CloudflareShelf`` in place of the API, which has a budget of 1,200 requests in five
minutes. What it cannot answer from whole lists it passes on, each question once.

Source: developers.cloudflare.com/api (paging of zones and DNS records, ``per_page`` up to 5,000 for records).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.collect.cloudflare_api import ReadAnswer, read_once, result_of
from ingressdoctor.collect.once import Once
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.sources.base import Answer, Cloudflare

__all__ = ["CloudflareShelf"]

_ZONES_PAGE: Final = 50
_RECORDS_PAGE: Final = 5_000
_MOST_PAGES: Final = 200
_MOST_KEPT: Final = 5_000

_ByName = dict[str, list[Any]]


class CloudflareShelf:
    """A ``Cloudflare`` source that lists the zones once, and the records of each zone that is asked about once."""

    def __init__(self, cloudflare: Cloudflare) -> None:
        self._cloudflare = cloudflare
        self._once = Once()
        self._lists: dict[str, _ByName] = {}
        self._kept: dict[tuple[object, ...], Any] = {}

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """GET *path*; names of zones and records are looked up in whole lists.

        Raises:
            SourceError: the API could not be asked.
        """
        if path == "/zones" and "name" in query:
            return await self._named(path, query["name"], query)
        if path.endswith("/dns_records") and "name.exact" in query:
            return await self._named(path, query["name.exact"], query)
        return await self._single(path, query)

    async def records(self, path: str) -> Mapping[str, list[Any]] | None:
        """Return all objects of a list by name, None where it cannot be read as a whole.

        Raises:
            SourceError: the API could not be asked.
        """
        found: _ByName | None = self._lists.get(path)
        if found is None:
            size = _ZONES_PAGE if path == "/zones" else _RECORDS_PAGE
            found = await self._once.ask(("all", path), lambda: self._all(path, size))
            if found is not None:
                self._lists[path] = found
        return found

    def kept(self, what: tuple[object, ...]) -> Any:  # noqa: ANN401 - whatever was made of the answers
        """Return what ``keep`` was given for *what*, None before."""
        return self._kept.get(what)

    def keep(self, what: tuple[object, ...], made: object) -> None:
        """Keep what was *made* of answers that are asked for once, for whoever would make the same of them."""
        if len(self._kept) < _MOST_KEPT:
            self._kept[what] = made

    async def _named(self, path: str, name: str, query: Mapping[str, str]) -> Answer:
        found = await self.records(path)
        if found is None:
            # Where the whole list is refused, the single question may not be, or says why.
            return await self._single(path, query)
        result = found.get(name.lower().rstrip("."), [])
        body = {"success": True, "errors": [], "messages": [], "result": result}
        return ReadAnswer(status=200, body=b"", read=body)

    async def _single(self, path: str, query: Mapping[str, str]) -> Answer:
        question = (path, *sorted(query.items()))
        answer: Answer = await self._once.ask(question, lambda: self._asked(path, query))
        return answer

    async def _asked(self, path: str, query: Mapping[str, str]) -> Answer:
        answer = await self._cloudflare.get(path, query)
        return read_once(answer) if answer.status == 200 else answer

    async def _all(self, path: str, size: int) -> _ByName | None:
        found: _ByName = {}
        for page in range(1, _MOST_PAGES + 1):
            answer = await self._cloudflare.get(path, {"per_page": str(size), "page": str(page)})
            items = as_list(result_of(answer))
            if answer.status != 200 or (page == 1 and result_of(answer) is None):
                return None
            for item in items:
                found.setdefault(str(as_map(item).get("name") or "").lower().rstrip("."), []).append(item)
            if not _more(answer, page, len(items)):
                return found
        return None


def _more(answer: Answer, page: int, count: int) -> bool:
    """Tell whether another page follows, by what the API says of the whole list."""
    try:
        info = as_map(as_map(msgspec.json.decode(answer.body)).get("result_info"))
    except msgspec.DecodeError:
        return False
    pages = info.get("total_pages")
    return count > 0 and isinstance(pages, int) and page < pages
