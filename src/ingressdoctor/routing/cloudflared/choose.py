"""Which rule takes a request, and why not the others. What the rule then does is not decided here.

Source: cloudflared ingress/ingress.go (FindMatchingRule), ingress/rule.go (Matches), management/service.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from heapq import merge
from typing import Final

import msgspec

from ingressdoctor.routing.cloudflared.address import split_host_port
from ingressdoctor.routing.cloudflared.names import is_any
from ingressdoctor.routing.cloudflared.table import Rule, RuleTable

__all__ = ["INTERNAL_HOSTS", "NotChosen", "RuleChoice", "RuleIndex", "WhyNot", "choose_rule", "host_of"]

# Served by cloudflared itself, before any rule of the user.
INTERNAL_HOSTS: Final = frozenset(("management.argotunnel.com", "management.fed.argotunnel.com"))


class WhyNot(StrEnum):
    """Why a rule does not take the request."""

    HOST = "another host"
    APEX = "a wildcard does not match the name below which it stands"
    CASE = "the host differs in upper and lower case"
    PATH = "the path does not match"
    LATER = "an earlier rule takes the request"
    INTERNAL = "cloudflared keeps this hostname for itself"


class NotChosen(msgspec.Struct, frozen=True):
    """A rule that was not chosen; ``matches`` tells that it would take the request if it came first."""

    rule: Rule
    why: WhyNot

    @property
    def matches(self) -> bool:
        """Whether only the order keeps the rule from taking the request."""
        return self.why is WhyNot.LATER


class RuleChoice(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that takes a request; None when cloudflared keeps the hostname for itself.

    ``host`` is the request's host without port and ``path`` its decoded path, as they were compared.
    """

    rule: Rule | None
    host: str
    path: str
    not_chosen: tuple[NotChosen, ...]
    built_in: bool = False

    @property
    def index(self) -> int:
        """The rule's place, counted from 0 as in cloudflared's log; -1 for cloudflared's own."""
        return -1 if self.rule is None else self.rule.index


def host_of(host: str) -> str:
    """Return a request's host without its port, as cloudflared cuts it."""
    split = split_host_port(host)
    return host if split is None else split[0]


def choose_rule(table: RuleTable, hostname: str, path: str) -> RuleChoice:
    """Return the rule that takes a request for a host (with or without port) and a path, decoded and without query."""
    host = host_of(hostname)
    if host in INTERNAL_HOSTS:
        others = tuple(NotChosen(rule, WhyNot.INTERNAL) for rule in table.rules)
        return RuleChoice(rule=None, host=host, path=path, not_chosen=others)
    chosen: Rule | None = None
    others_: list[NotChosen] = []
    for rule in table.rules:
        why = _why_not(rule, host, path)
        if why is not None:
            others_.append(NotChosen(rule, why))
        elif chosen is not None:
            others_.append(NotChosen(rule, WhyNot.LATER))
        else:
            chosen = rule
    return RuleChoice(rule=chosen, host=host, path=path, not_chosen=tuple(others_), built_in=table.built_in)


def _why_not(rule: Rule, host: str, path: str) -> WhyNot | None:
    if not rule.matches_host(host):
        return _why_not_host(rule.hostname, host)
    return None if rule.matches_path(path) else WhyNot.PATH


def _why_not_host(pattern: str, host: str) -> WhyNot:
    if pattern.startswith("*.") and host == pattern[2:]:
        return WhyNot.APEX
    lower = pattern.lower()
    same = host.lower() == lower or (lower.startswith("*.") and host.lower().endswith(lower[1:]))
    return WhyNot.CASE if same else WhyNot.HOST


class RuleIndex:
    """The rules of a table by hostname, for many questions to thousands of rules."""

    def __init__(self, table: RuleTable) -> None:
        self._table = table
        self._exact: dict[str, list[int]] = {}
        self._below: dict[str, list[int]] = {}
        self._any: list[int] = []
        for rule in table.rules:
            if is_any(rule.hostname):
                self._any.append(rule.index)
                continue
            for name in {rule.hostname, rule.ascii} - {""}:
                self._exact.setdefault(name, []).append(rule.index)
            if rule.hostname.startswith("*."):
                self._below.setdefault(rule.hostname[2:], []).append(rule.index)

    def matching(self, host: str) -> Iterator[Rule]:
        """Yield the rules whose hostname matches a host without port, in order."""
        found = [self._any, self._exact.get(host, [])]
        place = host.find(".")
        while place >= 0:
            found.append(self._below.get(host[place + 1 :], []))
            place = host.find(".", place + 1)
        last = -1
        for index in merge(*found):
            if index != last:
                yield self._table.rules[index]
            last = index

    def first(self, hostname: str, path: str) -> int:
        """Return the place of the rule that takes a request, -1 for cloudflared's own."""
        host = host_of(hostname)
        if host in INTERNAL_HOSTS:
            return -1
        return next(rule.index for rule in self.matching(host) if rule.matches_path(path))
