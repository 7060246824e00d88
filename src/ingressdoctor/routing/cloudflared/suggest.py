"""Which hostname of the rules somebody may have meant, for names put together of words in a changing order.

No rule is chosen here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from ingressdoctor.routing.cloudflared.names import is_any
from ingressdoctor.routing.cloudflared.table import Rule
from ingressdoctor.routing.traefik.hosts import near

__all__ = ["meant_hostnames"]

_WORD: Final = re.compile(r"[^-_.]+")
_MAX: Final = 5
_MAX_NAMES: Final = 5_000


def meant_hostnames(hostname: str, rules: Iterable[Rule]) -> tuple[str, ...]:
    """Return up to five hostnames of rules, nearest first: words in another order, one word more or less, a slip."""
    names = [rule.ascii or rule.hostname for rule in rules if not is_any(rule.hostname) and rule.hostname[0] != "*"]
    known = tuple(dict.fromkeys(names))[:_MAX_NAMES]
    swapped = near(hostname, known)
    words = sorted(_WORD.findall(hostname))
    partly = [name for name in known if name != hostname and name not in swapped and _one_word_apart(words, name)]
    return (*swapped, *partly)[:_MAX]


def _one_word_apart(words: list[str], name: str) -> bool:
    """Tell whether a name has all the words and one more, or all but one: a tenant or a tool left out."""
    others = sorted(_WORD.findall(name))
    longer, shorter = (words, others) if len(words) > len(others) else (others, words)
    if len(longer) != len(shorter) + 1 or len(shorter) < 3:
        return False
    left = list(longer)
    for word in shorter:
        if word not in left:
            return False
        left.remove(word)
    return True
