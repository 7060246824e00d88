"""What is wrong with a rule, in Traefik's own words. It carries no judgement about routes."""

from __future__ import annotations

__all__ = ["RuleError"]


class RuleError(ValueError):
    """Traefik refuses the rule.

    ``reason`` is Traefik's text without the rule; ``line`` and ``column`` (in bytes, from 1) point into the rule
    and are 0 where Traefik names no position.
    """

    def __init__(self, reason: str, *, line: int = 0, column: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.column = column
