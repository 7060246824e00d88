"""A file of cloudflared's rules as ``ingressdoctor route --cloudflared-config`` shows it: one request, or all rules.

Everything is text that was cleaned. Rules are numbered from 1, as in cloudflared's error texts and in our messages.
"""

from __future__ import annotations

import msgspec

__all__ = ["RuleAnswer", "RuleFinding", "RuleRow", "RuleService", "RuleSetting", "RulesView"]


class RuleRow(msgspec.Struct, frozen=True, kw_only=True):
    """One rule as written. ``why`` says why it does not take the request; empty for the one that does.

    ``matches`` tells that the rule matches the request, None where none was asked about.
    """

    number: int
    hostname: str
    path: str
    service: str
    line: int = 0
    taken: bool = False
    matches: bool | None = None
    why: str = ""

    @property
    def what(self) -> str:
        """Hostname and path in one line."""
        return (self.hostname or "*") + (f" path {self.path}" if self.path else "")


class RuleService(msgspec.Struct, frozen=True, kw_only=True):
    """Where a rule leads: ``kind`` as cloudflared treats it, ``port`` with the scheme's default, 0 for none."""

    text: str
    kind: str
    scheme: str = ""
    host: str = ""
    port: int = 0
    tls: bool = False
    path: str = ""
    status: int = 0


class RuleSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One effective setting of originRequest, and where its value comes from: rule, top level, or default."""

    key: str
    value: str
    source: str


class RuleAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets without the origin having a say; ``log`` is what cloudflared's log holds then."""

    status: int
    by: str
    why: str
    empty: bool = False
    log: str = ""


class RuleFinding(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong with the rules: a stable code, its grade, the rule, the earlier one that is to blame, the line.

    ``grade`` is problem (proven), warning (an unusual client may differ) or note. Numbers are 0 where there is none.
    """

    code: str
    grade: str
    text: str
    rule: int = 0
    by: int = 0
    line: int = 0
    detail: str = ""
    instead: str = ""


class RulesView(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one configuration.

    ``error`` is cloudflared's own text when it refuses the configuration; no rule takes anything then. ``host`` is
    empty where all rules were asked about. ``internal`` tells that cloudflared keeps the host for itself, ``built_in``
    that the only rule is its own 503 because there are none.
    """

    where: str
    host: str = ""
    path: str = ""
    error: str = ""
    error_line: int = 0
    error_column: int = 0
    tunnel: str = ""
    protocol: str = ""
    remote: bool = False
    rows: tuple[RuleRow, ...] = ()
    service: RuleService | None = None
    settings: tuple[RuleSetting, ...] = ()
    answer: RuleAnswer | None = None
    findings: tuple[RuleFinding, ...] = ()
    near: tuple[str, ...] = ()
    internal: bool = False
    built_in: bool = False

    @property
    def taker(self) -> RuleRow | None:
        """The rule that takes the request."""
        return next((row for row in self.rows if row.taken), None)

    @property
    def problems(self) -> tuple[RuleFinding, ...]:
        """Findings that are proven and matter."""
        return tuple(item for item in self.findings if item.grade == "problem")

    @property
    def refused(self) -> bool:
        """Whether cloudflared would not start with it."""
        return bool(self.error)
