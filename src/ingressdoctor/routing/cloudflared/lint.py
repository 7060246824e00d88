"""What is wrong with a configuration that cloudflared accepts, and all that it refuses, rule by rule.

"Never" is said only where it is proven. Remarks about settings concern what a rule itself sets without any effect.

Source: cloudflared ingress/rule.go, ingress/origin_service.go, ingress/config.go, proxy/proxy.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared.configuration import Configuration, Source
from ingressdoctor.routing.cloudflared.cover import Cover, Shadow, shadows_of
from ingressdoctor.routing.cloudflared.hosts import host_trouble
from ingressdoctor.routing.cloudflared.names import is_any
from ingressdoctor.routing.cloudflared.paths import never_matches, wants_query
from ingressdoctor.routing.cloudflared.remarks import Remark, remarks_on
from ingressdoctor.routing.cloudflared.service import OriginService, service_of
from ingressdoctor.routing.cloudflared.settings import settings_of
from ingressdoctor.routing.cloudflared.table import Reason, Refused, validate

__all__ = ["Grade", "Lint", "LintCode", "lint_configuration"]

_MAX_LINTS: Final = 2_000


class Grade(StrEnum):
    """How much a finding weighs."""

    PROBLEM = "problem"
    WARNING = "warning"
    NOTE = "note"


class LintCode(StrEnum):
    """What is wrong; the words are stable."""

    REFUSED = "refused"
    NO_RULES = "no-rules"
    SHADOWED = "shadowed"
    DUPLICATE = "duplicate"
    NEVER_HOST = "hostname-never-matches"
    NEVER_PATH = "path-never-matches"
    QUERY_IN_PATH = "query-in-path"
    GLOB_PATH = "glob-in-path"
    IGNORED_KEY = "ignored-key"
    SETTING = "setting"


class Lint(msgspec.Struct, frozen=True, kw_only=True):
    """One finding. ``rule`` and ``by`` count from 0 and are -1 where there is none; ``line`` counts from 1.

    ``detail`` is a stable word below the code, as the reason of a refusal or the name of a remark; ``instead`` is what
    may have been meant.
    """

    code: LintCode
    grade: Grade
    text: str
    rule: int = -1
    by: int = -1
    line: int = 0
    detail: str = ""
    instead: str = ""


def lint_configuration(configuration: Configuration) -> tuple[Lint, ...]:
    """Return all findings about a configuration: about the whole first, then rule by rule."""
    found = [*_of_whole(configuration)]
    by_rule = [
        *_refusals(configuration),
        *_shadows(configuration),
        *_patterns(configuration),
        *_services(configuration),
    ]
    found += sorted(by_rule, key=lambda item: item.rule)
    return tuple(found[:_MAX_LINTS])


def _named(configuration: Configuration, index: int) -> str:
    """Return a rule as messages name it, counted from 1 as in cloudflared's error texts."""
    rule = configuration.rules[index]
    path = f" path {rule.path}" if rule.path else ""
    return clean(f"rule #{index + 1} ({rule.hostname or '*'}{path})", 200)


def _of_whole(configuration: Configuration) -> Iterator[Lint]:
    for item in configuration.ignored:
        meant = f"; did you mean {item.meant}?" if item.meant else ""
        yield Lint(
            code=LintCode.IGNORED_KEY,
            grade=Grade.WARNING,
            text=f"cloudflared ignores the key {clean(item.key, 80)}{meant}",
            line=item.line,
            instead=item.meant,
        )
    if not configuration.rules:
        table = validate(configuration)
        if isinstance(table, Refused):
            yield Lint(
                code=LintCode.REFUSED, grade=Grade.PROBLEM, text=table.first.text, detail=table.first.reason.value
            )
        elif table.built_in and configuration.source is not Source.NONE:
            text = "there are no ingress rules: cloudflared answers 503 to every request"
            yield Lint(code=LintCode.NO_RULES, grade=Grade.PROBLEM, text=text)
    elif configuration.setting("url"):
        text = "url has no effect beside ingress rules, and 'cloudflared tunnel ingress validate' refuses it"
        yield Lint(code=LintCode.SETTING, grade=Grade.NOTE, text=text, detail="url-beside-rules")
    access = configuration.origin_request.access
    if access is not None and access.required and configuration.rules:
        text = "originRequest.access at the top level is not enforced: cloudflared reads it from each rule alone"
        yield Lint(code=LintCode.SETTING, grade=Grade.PROBLEM, text=text, detail="access-at-top-level")


def _refusals(configuration: Configuration) -> Iterator[Lint]:
    table = validate(configuration)
    if isinstance(table, Refused) and configuration.rules:
        for item in table.refusals:
            yield Lint(
                code=LintCode.REFUSED,
                grade=Grade.WARNING if item.reason is Reason.TOO_LARGE else Grade.PROBLEM,
                text=item.text,
                rule=item.rule,
                line=item.line,
                detail=item.reason.value,
            )


def _shadows(configuration: Configuration) -> Iterator[Lint]:
    last = len(configuration.rules) - 1
    for shadow in shadows_of(configuration.rules):
        if shadow.rule == last and is_any(configuration.rules[last].hostname) and not configuration.rules[last].path:
            continue  # cloudflared demands it, even where an earlier path takes everything
        by = configuration.rules[shadow.by]
        if is_any(by.hostname) and not by.path:
            continue  # cloudflared refuses this one by itself
        yield _shadow(configuration, shadow)


def _shadow(configuration: Configuration, shadow: Shadow) -> Lint:
    how = {
        Cover.DUPLICATE: "has the same hostname and path",
        Cover.SAME_HOST: "takes everything that it could match",
        Cover.WILDCARD: "is a wildcard that takes its hostname",
        Cover.EVERYTHING: "takes every hostname",
    }[shadow.how]
    rule, by = _named(configuration, shadow.rule), _named(configuration, shadow.by)
    never = "takes no request in lower case" if shadow.lower_case_only else "never takes a request"
    return Lint(
        code=LintCode.DUPLICATE if shadow.how is Cover.DUPLICATE else LintCode.SHADOWED,
        grade=Grade.PROBLEM,
        text=f"{rule} {never}: {by} stands before it and {how}",
        rule=shadow.rule,
        by=shadow.by,
        line=configuration.rules[shadow.rule].line,
        detail=shadow.how.name.lower().replace("_", "-"),
        instead=f"move it before rule #{shadow.by + 1}" if shadow.how is not Cover.DUPLICATE else "",
    )


def _patterns(configuration: Configuration) -> Iterator[Lint]:
    for index, rule in enumerate(configuration.rules):
        trouble = host_trouble(rule.hostname)
        if trouble is not None:
            yield Lint(
                code=LintCode.NEVER_HOST,
                grade=Grade.PROBLEM if trouble.proven else Grade.WARNING,
                text=f"{_named(configuration, index)} matches no hostname that clients send: {trouble.why}",
                rule=index,
                line=rule.line,
                instead=clean(trouble.instead, 260),
            )
        found = _of_path(rule.path)
        if found is not None:
            code, grade, why = found
            yield Lint(
                code=code, grade=grade, text=f"{_named(configuration, index)}: {why}", rule=index, line=rule.line
            )


def _of_path(path: str) -> tuple[LintCode, Grade, str] | None:
    if never_matches(path):
        return LintCode.NEVER_PATH, Grade.PROBLEM, "never matches, because every path begins with a slash"
    if wants_query(path):
        return LintCode.QUERY_IN_PATH, Grade.WARNING, "the path is matched without its query string"
    if path.endswith("/*"):
        wider = path[:-2]
        why = f"the path is a regular expression, in which /* is any number of slashes: it matches as {wider} does"
        return LintCode.GLOB_PATH, Grade.NOTE, clean(why, 200)
    return None


def _services(configuration: Configuration) -> Iterator[Lint]:
    for index, rule in enumerate(configuration.rules):
        settings = settings_of(configuration.origin_request, rule.origin_request)
        service = service_of(rule.service, bastion=settings.bastion_mode)
        if isinstance(service, OriginService):
            for remark in remarks_on(service, settings, rule.service):
                yield _remark(configuration, index, remark)


def _remark(configuration: Configuration, index: int, remark: Remark) -> Lint:
    return Lint(
        code=LintCode.SETTING,
        grade=Grade(remark.grade),
        text=f"{_named(configuration, index)}: {remark.text}",
        rule=index,
        line=configuration.rules[index].line,
        detail=remark.name,
    )
