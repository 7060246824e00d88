"""Which targets a sweep has: from a list, from what the installation names, and after the filters.

What is left out is said, each with its reason.
"""

from __future__ import annotations

from collections.abc import Collection
from fnmatch import fnmatchcase

import msgspec

from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.discovery import Discovered
from ingressdoctor.model.sweep import SweepTarget
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.sweeping.lists import Listed, Told, name_of, read_lines

__all__ = ["Filters", "Targets", "from_discovered", "read_list"]


class Filters(msgspec.Struct, frozen=True, kw_only=True):
    """Patterns (``*``, ``?``) of hostnames to keep and to leave, and namespaces of the objects that name them."""

    match: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()

    def keeps(self, target: SweepTarget) -> bool:
        """Tell whether a target is to be judged. A namespace keeps only what some object in it names."""
        host = target.target.hostname
        if self.match and not any(fnmatchcase(host, pattern.lower()) for pattern in self.match):
            return False
        if any(fnmatchcase(host, pattern.lower()) for pattern in self.exclude):
            return False
        if not self.namespaces:
            return True
        return any(fnmatchcase(space, pattern) for space in target.namespaces for pattern in self.namespaces)


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be judged, each name once, and what was left out, in words."""

    items: Collection[SweepTarget]
    skipped: tuple[str, ...] = ()

    @property
    def named(self) -> Collection[SweepTarget]:
        """Those that objects or records name; a list tells nothing but the targets."""
        return () if isinstance(self.items, Listed) else self.items

    def filtered(self, filters: Filters) -> Targets:
        """Return those that the filters keep; what they leave was asked for and is not reported."""
        if filters == Filters():
            return self
        if isinstance(self.items, Listed):
            return msgspec.structs.replace(self, items=self.items.kept(filters.keeps))
        return msgspec.structs.replace(self, items=tuple(item for item in self.items if filters.keeps(item)))


def from_discovered(found: Discovered) -> Targets:
    """Turn names that the installation holds into targets; a name that no resolver could answer is left out."""
    skipped: list[str] = [*found.left_out, *(f"{gap.wanted}: {gap.reason}" for gap in found.gaps)]
    items: dict[str, SweepTarget] = {}
    odd = Told()
    for each in found.names:
        try:
            target = Target.parse(each.text)
        except UsageError as error:
            odd.add(f"{clean(each.text, 80)} of {each.sources[0]}: {error.message}")
            continue
        item = SweepTarget(
            name=name_of(target),
            target=target,
            sources=each.sources,
            namespaces=each.namespaces,
            only_record=each.only_record,
        )
        items.setdefault(item.name, item)
    return Targets(items=tuple(items.values()), skipped=(*skipped, *odd))


def read_list(path: str) -> Targets:
    """Read targets from a file, ``-`` being standard input.

    Raises:
        UsageError: it cannot be read, or holds no target at all.
    """
    listed, skipped = read_lines(path)
    return Targets(items=listed, skipped=skipped)
