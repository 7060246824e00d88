"""cloudflared's rules as JSON, ``ingressdoctor.rules/v1``, and the exit code. Nothing is drawn here.

Keys never vanish within v1; new ones may come.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ingressdoctor.evidence.rules_view import RuleAnswer, RuleFinding, RuleRow, RuleService, RuleSetting, RulesView
from ingressdoctor.render.json_v1 import encode

__all__ = ["RulesV1", "exit_code_of_rules", "rules_to_json"]


class RuleV1(msgspec.Struct, frozen=True, kw_only=True):
    """One rule: ``number`` counts from 1, ``index`` from 0 as cloudflared's log and ``ingress rule`` do.

    ``matches`` is null where no request was asked about; ``line`` is null where the source has no lines.
    """

    number: int
    index: int
    hostname: str
    path: str
    service: str
    line: int | None
    taken: bool
    matches: bool | None
    why: str


class RuleServiceV1(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rule leads; ``port`` and ``status`` are null where there is none."""

    text: str
    kind: str
    scheme: str
    host: str
    port: int | None
    tls: bool
    path: str
    status: int | None


class RuleSettingV1(msgspec.Struct, frozen=True, kw_only=True):
    """An effective setting of originRequest and where it comes from."""

    key: str
    value: str
    source: Literal["rule", "top level", "default"]


class RuleAnswerV1(msgspec.Struct, frozen=True, kw_only=True):
    """What the client gets without the origin having a say."""

    status: int
    by: str
    why: str
    empty: bool
    log: str


class RuleFindingV1(msgspec.Struct, frozen=True, kw_only=True):
    """Something wrong; ``rule``, ``by`` and ``line`` are null where there is none, rules count from 1."""

    code: str
    grade: Literal["problem", "warning", "note"]
    text: str
    rule: int | None
    by: int | None
    line: int | None
    detail: str
    instead: str


class RulesErrorV1(msgspec.Struct, frozen=True, kw_only=True):
    """Why cloudflared refuses the configuration, in its own words."""

    text: str
    line: int | None
    column: int | None


class RulesV1(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of one configuration; ``rule`` is the one that takes the request."""

    schema: Literal["ingressdoctor.rules/v1"] = "ingressdoctor.rules/v1"
    exit_code: int
    where: str
    host: str
    path: str
    tunnel: str
    protocol: str
    remote: bool
    internal: bool
    built_in: bool
    refused: RulesErrorV1 | None
    rule: RuleV1 | None
    service: RuleServiceV1 | None
    settings: tuple[RuleSettingV1, ...]
    answer: RuleAnswerV1 | None
    rules: tuple[RuleV1, ...]
    findings: tuple[RuleFindingV1, ...]
    near: tuple[str, ...]


def exit_code_of_rules(view: RulesView, *, everything: bool) -> int:
    """Return 1 for a refused configuration, for problems (all rules), or for a request that no rule names; else 0."""
    if view.refused:
        return 1
    if everything:
        return 1 if view.problems else 0
    taker = view.taker
    if view.internal or taker is None:
        return 0 if view.internal else 1
    is_status = view.service is not None and view.service.kind == "http_status"
    return 1 if is_status and taker.hostname in ("", "*") and not taker.path else 0


def rules_to_json(view: RulesView, *, exit_code: int) -> str:
    """Return the view as one JSON object."""
    taker = view.taker
    return encode(
        RulesV1(
            exit_code=exit_code,
            where=view.where,
            host=view.host,
            path=view.path,
            tunnel=view.tunnel,
            protocol=view.protocol,
            remote=view.remote,
            internal=view.internal,
            built_in=view.built_in,
            refused=RulesErrorV1(text=view.error, line=view.error_line or None, column=view.error_column or None)
            if view.refused
            else None,
            rule=None if taker is None else _rule(taker),
            service=None if view.service is None else _service(view.service),
            settings=tuple(_setting(item) for item in view.settings),
            answer=None if view.answer is None else _answer(view.answer),
            rules=tuple(_rule(row) for row in view.rows),
            findings=tuple(_finding(item) for item in view.findings),
            near=view.near,
        )
    )


def _rule(row: RuleRow) -> RuleV1:
    return RuleV1(
        number=row.number,
        index=row.number - 1,
        hostname=row.hostname,
        path=row.path,
        service=row.service,
        line=row.line or None,
        taken=row.taken,
        matches=row.matches,
        why=row.why,
    )


def _service(service: RuleService) -> RuleServiceV1:
    return RuleServiceV1(
        text=service.text,
        kind=service.kind,
        scheme=service.scheme,
        host=service.host,
        port=service.port or None,
        tls=service.tls,
        path=service.path,
        status=service.status or None,
    )


def _setting(item: RuleSetting) -> RuleSettingV1:
    source: Literal["rule", "top level", "default"] = "default"
    if item.source in ("rule", "top level"):
        source = "rule" if item.source == "rule" else "top level"
    return RuleSettingV1(key=item.key, value=item.value, source=source)


def _answer(answer: RuleAnswer) -> RuleAnswerV1:
    return RuleAnswerV1(status=answer.status, by=answer.by, why=answer.why, empty=answer.empty, log=answer.log)


def _finding(item: RuleFinding) -> RuleFindingV1:
    grade: Literal["problem", "warning", "note"] = "problem"
    if item.grade in ("warning", "note"):
        grade = "warning" if item.grade == "warning" else "note"
    return RuleFindingV1(
        code=item.code,
        grade=grade,
        text=item.text,
        rule=item.rule or None,
        by=item.by or None,
        line=item.line or None,
        detail=item.detail,
        instead=item.instead,
    )
