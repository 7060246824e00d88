"""cloudflared's configurations from text, as tests write them."""

from __future__ import annotations

from ingressdoctor.collect.cloudflared_yaml import configuration_of
from ingressdoctor.routing.cloudflared import (
    Configuration,
    Lint,
    Refused,
    Rule,
    RuleTable,
    Unreadable,
    lint_configuration,
    validate,
)

END = "- service: http_status:404\n"


def refused_text(text: str) -> Unreadable:
    """A text that must not be readable."""
    found = configuration_of(text)
    assert isinstance(found, Unreadable), found
    return found


def configuration(text: str) -> Configuration:
    """A text that must be readable."""
    found = configuration_of(text)
    assert isinstance(found, Configuration), found
    return found


def table(text: str) -> RuleTable:
    """The rules of a configuration that must be valid."""
    found = validate(configuration(text))
    assert isinstance(found, RuleTable), found
    return found


def rules(*lines: str) -> RuleTable:
    """A table of rules in flow style, with a catch-all behind them."""
    return table("ingress:\n" + "".join(f"- {{{line}}}\n" for line in lines) + END)


def refused(text: str) -> Refused:
    """A configuration that must be refused for its rules."""
    found = validate(configuration(text))
    assert isinstance(found, Refused), found
    return found


def rule(line: str, top: str = "") -> Rule:
    """One rule in flow style, before a catch-all."""
    return table(f"{top}\ningress:\n- {{{line}}}\n{END}").rules[0]


def lints(*lines: str, top: str = "") -> tuple[Lint, ...]:
    """What is said about rules in flow style, with a catch-all behind them."""
    return lint_configuration(configuration(f"{top}\ningress:\n" + "".join(f"- {{{line}}}\n" for line in lines) + END))
