"""Read a file of cloudflared's rules and judge it: for one request, or as a whole. No cluster and no network.

The file is cloudflared's own configuration, a ConfigMap that holds it, or what Cloudflare's API answers about a tunnel
that is configured remotely. The judgement is the model's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final
from urllib.parse import unquote

import msgspec

from ingressdoctor.collect.cloudflared_yaml import configuration_of
from ingressdoctor.collect.documents import Document, read_documents
from ingressdoctor.collect.manifest_files import TextFile, read_files
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.rules_view import RuleAnswer, RuleFinding, RuleRow, RuleService, RuleSetting, RulesView
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map
from ingressdoctor.routing.cloudflared import (
    Configuration,
    Flaw,
    Lint,
    OriginService,
    OriginSettings,
    Reason,
    Refused,
    Rule,
    RuleChoice,
    RuleTable,
    Source,
    Unreadable,
    WhyNot,
    answer_of,
    choose_rule,
    lint_configuration,
    meant_hostnames,
    read_remote,
    validate,
)

__all__ = ["judged_rules", "rules_of_file", "rules_of_text"]

_KEYS: Final = ("config.yaml", "config.yml")
_OURS: Final = "The limit is ours, not cloudflared's."
_MAX_ROWS: Final = 20_000
_MAX_CONFIG_MAP: Final = 2_000_000
_SHOWN: Final = {
    "connect_timeout": "connectTimeout",
    "tls_timeout": "tlsTimeout",
    "tcp_keep_alive": "tcpKeepAlive",
    "no_happy_eyeballs": "noHappyEyeballs",
    "keep_alive_connections": "keepAliveConnections",
    "keep_alive_timeout": "keepAliveTimeout",
    "http_host_header": "httpHostHeader",
    "origin_server_name": "originServerName",
    "match_sni_to_host": "matchSNItoHost",
    "ca_pool": "caPool",
    "no_tls_verify": "noTLSVerify",
    "disable_chunked_encoding": "disableChunkedEncoding",
    "bastion_mode": "bastionMode",
    "proxy_address": "proxyAddress",
    "proxy_port": "proxyPort",
    "proxy_type": "proxyType",
    "http2_origin": "http2Origin",
}


class _Read(msgspec.Struct, frozen=True):
    where: str
    found: Configuration | Unreadable


def rules_of_file(path: str, target: Target | None = None, host: str = "") -> RulesView:
    """Return what a file of rules does with a request, or, without a target, all that is wrong with it.

    Args:
        path: A file, or ``-`` for standard input.
        target: The request; None asks about all rules.
        host: With all rules asked about, only those that concern this host.

    Raises:
        UsageError: the file cannot be read, is a folder, or is larger than anybody's rules.
    """
    for item in read_files((path,)):
        if isinstance(item, TextFile):
            return rules_of_text(item.text, item.name, target, host)
        raise UsageError(f"{item.where} cannot be read: {item.what}.", hint="Give cloudflared's configuration file.")
    raise UsageError(f"{clean(path, 200)} holds no file.", hint="Give cloudflared's configuration file.")


def rules_of_text(text: str, where: str, target: Target | None = None, host: str = "") -> RulesView:
    """Return the same for a text that goes by the name *where*.

    Raises:
        UsageError: the text is larger than anybody's rules.
    """
    read = _read(text, where)
    if isinstance(read.found, Unreadable):
        bad = read.found
        if bad.flaw is Flaw.TOO_LARGE:
            raise UsageError(f"{clean(where, 200)} cannot be judged: {bad.text}.", hint=_OURS)
        finding = RuleFinding(code="refused", grade="problem", text=bad.text, line=bad.line, detail=bad.flaw.value)
        return RulesView(
            where=read.where,
            host=target.hostname if target else host,
            error=bad.text,
            error_line=bad.line,
            error_column=bad.column,
            findings=(finding,),
        )
    return judged_rules(read.where, read.found, target, host)


def _read(text: str, where: str) -> _Read:
    """Find the configuration in a text, whatever it is wrapped in."""
    remote = _api_answer(text)
    if remote is not None:
        return _Read(where, read_remote(remote))
    for name, content in _in_config_map(text):
        return _Read(f"{where}, {name}", configuration_of(content))
    return _Read(where, configuration_of(text))


def _api_answer(text: str) -> object:
    """Return the ``config`` object of an answer of Cloudflare's API or of /config, or None for another text."""
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = as_map(json.loads(text))
    except (ValueError, RecursionError):
        return None
    outer = as_map(value.get("result")) or value
    return outer.get("config") if isinstance(outer.get("config"), dict) else None


def _in_config_map(text: str) -> Iterator[tuple[str, str]]:
    """Yield (name, content) of the key of a ConfigMap that holds the rules, if the text holds one."""
    if "ConfigMap" not in text or len(text) > _MAX_CONFIG_MAP:
        return
    for document in read_documents(text):
        value = as_map(document.value) if isinstance(document, Document) else {}
        data = as_map(value.get("data"))
        if value.get("kind") != "ConfigMap" or not data:
            continue
        key = next((name for name in (*_KEYS, *data) if "ingress" in str(data.get(name) or "")), "")
        if key and isinstance(data[key], str):
            meta = as_map(value.get("metadata"))
            ref = "/".join(str(meta[part]) for part in ("namespace", "name") if meta.get(part))
            yield clean(f"ConfigMap {ref}, key {key}", 300), data[key]


def judged_rules(where: str, found: Configuration, target: Target | None, host: str) -> RulesView:
    """Return the view of a configuration that could be read; UsageError where it is more than can be judged."""
    table = validate(found)
    view = RulesView(
        where=where,
        host=target.hostname if target else host,
        tunnel=clean(found.tunnel, 200),
        protocol=clean(found.protocol, 40),
        remote=found.source is Source.REMOTE,
        built_in=isinstance(table, RuleTable) and table.built_in,
        rows=tuple(_written(found)),
        findings=tuple(_finding(item) for item in lint_configuration(found)),
    )
    if isinstance(table, Refused):
        first = next((item for item in table.refusals if item.reason is not Reason.TOO_LARGE), None)
        if first is None:
            raise UsageError(f"{clean(where, 200)} cannot be judged: {table.first.text}.", hint=_OURS)
        return msgspec.structs.replace(view, error=first.text, error_line=first.line)
    if target is not None:
        return _for_request(view, table, target)
    return _for_host(view, table, host) if host else view


def _written(found: Configuration) -> Iterator[RuleRow]:
    for index, rule in enumerate(found.rules[:_MAX_ROWS]):
        yield RuleRow(
            number=index + 1,
            hostname=clean(rule.hostname, 260),
            path=clean(rule.path, 400),
            service=clean(rule.service, 300),
            line=rule.line,
        )


def _finding(item: Lint) -> RuleFinding:
    return RuleFinding(
        code=item.code.value,
        grade=item.grade.value,
        text=item.text,
        rule=item.rule + 1,
        by=item.by + 1,
        line=item.line,
        detail=item.detail,
        instead=item.instead,
    )


def _for_host(view: RulesView, table: RuleTable, host: str) -> RulesView:
    """Keep the rules that concern one host, or the names below a wildcard, and what is said about them."""
    below = host[1:] if host.startswith("*.") else ""
    asked = f"any{below}" if below else host
    kept = {
        rule.index + 1
        for rule in table.rules
        if rule.matches_host(asked) or (below and rule.hostname.lower().endswith(below))
    }
    return msgspec.structs.replace(
        view,
        rows=tuple(row for row in view.rows if row.number in kept),
        findings=tuple(item for item in view.findings if item.rule in kept or not item.rule),
    )


def _for_request(view: RulesView, table: RuleTable, target: Target) -> RulesView:
    # cloudflared compares what Go's URL holds: the path decoded, without its query.
    path = unquote(target.path.partition("?")[0], errors="surrogateescape")
    choice = choose_rule(table, target.hostname, path)
    concerned = {item.rule.index + 1 for item in choice.not_chosen if item.rule.matches_host(choice.host)}
    concerned |= {choice.index + 1, 0}
    view = msgspec.structs.replace(
        view,
        path=clean(path, 400),
        rows=_rows(view.rows, choice, table),
        findings=tuple(item for item in view.findings if item.rule in concerned),
        internal=choice.rule is None,
        near=() if _is_named(choice) else meant_hostnames(target.hostname, table.rules),
    )
    if choice.rule is None:
        return view
    answer = answer_of(choice.rule, built_in=choice.built_in)
    return msgspec.structs.replace(
        view,
        service=_service(choice.rule.service),
        settings=tuple(_settings(choice.rule.settings)),
        answer=None
        if answer is None
        else RuleAnswer(
            status=answer.status, by=answer.by.value, why=answer.why, empty=answer.empty, log=clean(answer.log, 300)
        ),
    )


def _is_named(choice: RuleChoice) -> bool:
    return choice.rule is None or choice.rule.hostname not in ("", "*")


def _rows(rows: Sequence[RuleRow], choice: RuleChoice, table: RuleTable) -> tuple[RuleRow, ...]:
    """Return the rows with the judgement of the request; the rule that is cloudflared's own gets a row of its own."""
    why = {item.rule.index: item.why for item in choice.not_chosen}
    if not rows and choice.rule is not None:
        rows = (_own_row(table.rules[0]),)
    return tuple(
        msgspec.structs.replace(
            row,
            taken=row.number == choice.index + 1,
            matches=row.number == choice.index + 1 or why.get(row.number - 1) is WhyNot.LATER,
            why=why[row.number - 1].value if row.number - 1 in why else "",
        )
        for row in rows
    )


def _own_row(rule: Rule) -> RuleRow:
    return RuleRow(number=1, hostname="", path="", service=clean(rule.service.text, 300))


def _service(service: OriginService) -> RuleService:
    return RuleService(
        text=clean(service.text, 300),
        kind=service.kind.value,
        scheme=service.scheme,
        host=clean(service.host, 260),
        port=service.port,
        tls=service.tls,
        path=clean(service.path, 300),
        status=service.status,
    )


def _settings(settings: OriginSettings) -> Iterator[RuleSetting]:
    for name, key in _SHOWN.items():
        source = "rule" if name in settings.given else "top level" if name in settings.inherited else "default"
        yield RuleSetting(key=key, value=_text(getattr(settings, name)), source=source)
    if settings.access is not None:
        tags = ", ".join(settings.access.aud_tags[:10])
        shown = f"required {_text(settings.access.required)}, team {settings.access.team_name}, audTag {tags}"
        yield RuleSetting(key="access", value=clean(shown, 300), source="rule")


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}s" if isinstance(value, float) else clean(str(value), 300)
