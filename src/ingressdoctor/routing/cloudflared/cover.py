"""Which earlier rule takes everything that a later one could: proven, or not said at all.

Source: cloudflared ingress/ingress.go (FindMatchingRule: the first match wins), ingress/rule.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.routing.cloudflared.configuration import IngressRule
from ingressdoctor.routing.cloudflared.names import ascii_form, is_any
from ingressdoctor.routing.cloudflared.paths import covers

__all__ = ["Cover", "Shadow", "shadows_of"]

_MAX_COMPARED: Final = 100  # earlier rules with a path that one rule is compared with, per group of hostnames


class Cover(StrEnum):
    """How the earlier rule comes to cover the later one."""

    DUPLICATE = "the same hostname and path"
    SAME_HOST = "the same hostname, and a path that includes it"
    WILDCARD = "a wildcard over the hostname"
    EVERYTHING = "every hostname"


class Shadow(msgspec.Struct, frozen=True):
    """``rule`` can never take a request, because ``by`` stands before it; both count from 0.

    ``lower_case_only`` tells that this holds for the hostname in lower case, as clients send it.
    """

    rule: int
    by: int
    how: Cover
    lower_case_only: bool = False


class _Group:
    """Rules of one hostname, so far."""

    def __init__(self) -> None:
        self.open = -1
        self.paths: dict[str, int] = {}
        self.others: list[tuple[str, int]] = []

    def add(self, path: str, index: int) -> None:
        if not path:
            self.open = index if self.open < 0 else self.open
        elif path not in self.paths:
            self.paths[path] = index
            if len(self.others) < _MAX_COMPARED:
                self.others.append((path, index))

    def covering(self, path: str) -> int:
        """Return the first rule that takes all that a path stands for, or -1."""
        found = [index for index in (self.open, self.paths.get(path, -1) if path else -1) if index >= 0]
        first = min(found, default=-1)
        for other, index in self.others:
            if 0 <= first <= index:
                break
            if covers(other, path):
                return index
        return first


def shadows_of(rules: tuple[IngressRule, ...]) -> Iterator[Shadow]:
    """Yield every rule that an earlier one shadows, with the first one that does."""
    everything, exact, below = _Group(), dict[str, _Group](), dict[str, _Group]()
    for index, rule in enumerate(rules):
        groups = (everything, exact, below)
        second = "" if is_any(rule.hostname) else ascii_form(rule.hostname)
        by = _covering(rule.hostname, rule.path, groups)
        # The second form alone is what clients send; the first would need a Host header in mixed case.
        lower = _covering(second, rule.path, groups) if by < 0 and second else -1
        if max(by, lower) >= 0:
            first = max(by, lower)
            yield Shadow(index, first, _how(rules[first], rule), lower_case_only=by < 0)
        if is_any(rule.hostname):
            everything.add(rule.path, index)
            continue
        for name in filter(None, (rule.hostname, second)):
            exact.setdefault(name, _Group()).add(rule.path, index)
        if rule.hostname.startswith("*."):
            below.setdefault(rule.hostname[2:], _Group()).add(rule.path, index)


def _covering(hostname: str, path: str, groups: tuple[_Group, dict[str, _Group], dict[str, _Group]]) -> int:
    everything, exact, below = groups
    candidates = [everything]
    if not is_any(hostname):
        candidates += [exact[hostname]] if hostname in exact else []
        place = hostname.find(".")
        while place >= 0:
            above = hostname[place + 1 :]
            candidates += [below[above]] if above in below else []
            place = hostname.find(".", place + 1)
    found = [index for group in candidates if (index := group.covering(path)) >= 0]
    return min(found, default=-1)


def _how(earlier: IngressRule, later: IngressRule) -> Cover:
    if is_any(earlier.hostname) and is_any(later.hostname):
        return Cover.DUPLICATE if earlier.path == later.path else Cover.SAME_HOST
    if is_any(earlier.hostname):
        return Cover.EVERYTHING
    if earlier.hostname == later.hostname:
        return Cover.DUPLICATE if earlier.path == later.path else Cover.SAME_HOST
    return Cover.WILDCARD if earlier.hostname.startswith("*.") else Cover.SAME_HOST
