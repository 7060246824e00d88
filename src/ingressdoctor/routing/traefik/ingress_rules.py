"""Write the rule that an Ingress path becomes: its text decides its priority, to the byte.

Source: traefik: pkg/provider/kubernetes/ingress/kubernetes.go (loadRouter, buildRule; older texts v3.0, v2.11).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ingressdoctor.evidence.kube import IngressPath
from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.traefik.annotations import RouterOptions
from ingressdoctor.routing.traefik.matchers import quoted
from ingressdoctor.routing.traefik.middlewares import Problem
from ingressdoctor.routing.traefik.version import Version

__all__ = ["RuleForm", "path_rule", "rule_text"]

_PATH_MATCHERS: Final = ("Path", "PathPrefix", "PathRegexp")
_CHECKED_MATCHERS: Final = ((3, 7, 2), (3, 6, 18), (2, 11, 47))
_SYNTAX_IS_ASKED: Final = (3, 2, 1)
_ANY_LABEL: Final = r"^[a-zA-Z0-9-]+\."


class RuleForm(msgspec.Struct, frozen=True):
    """What the text depends on besides the Ingress."""

    version: Version
    default_syntax: str = "v3"
    strict: bool = False


def rule_text(host: str, path: IngressPath, options: RouterOptions, form: RuleForm) -> tuple[str, Problem | None]:
    """Return the rule of one path, and why there is none in the end."""
    parts: list[str] = []
    refused: Problem | None = None
    if host:
        parts.append(_host_rule(host, options, form))
    if path.path:
        matcher = "PathPrefix"
        if path.path_type in (None, "", "ImplementationSpecific"):
            matcher = options.path_matcher
            known = _PATH_MATCHERS if form.version.major >= 3 else _PATH_MATCHERS[:2]
            # Before, any name went into the rule, and what is none was refused with the rule.
            if matcher not in known and form.version.since(*_CHECKED_MATCHERS):
                said = f'invalid router path matcher "{matcher}": must be one of {", ".join(known)}'
                refused, matcher = Problem(DropReason.ANNOTATION, f"Skipping path. {said}"), "PathPrefix"
        elif path.path_type == "Exact":
            matcher = "Path"
        parts.append(path_rule(matcher, path.path, form.version, strict=form.strict))
    return " && ".join(parts), refused


def path_rule(matcher: str, path: str, version: Version, *, strict: bool = False) -> str:
    """Return the rule text of an Ingress path, in the quotes that the version writes."""
    if strict and matcher == "PathPrefix" and version.since((3, 5, 0)) and path != "/":
        plain = path.removesuffix("/")
        return f"(Path({_literal(plain, version)}) || PathPrefix({_literal(plain + '/', version)}))"
    return f"{matcher}({_literal(path, version)})"


def _literal(text: str, version: Version) -> str:
    return quoted(text) if version.since((3, 6, 11), (2, 11, 47)) else f"`{text}`"


def _host_rule(host: str, options: RouterOptions, form: RuleForm) -> str:
    version = form.version
    syntax = options.rule_syntax or form.default_syntax
    templates = version.major < 3 or (syntax == "v2" and version.since(_SYNTAX_IS_ASKED))
    if host.startswith("*.") and templates:
        return f"HostRegexp({_literal('{subdomain:[a-zA-Z0-9-]+}' + host[1:], version)})"
    if host.startswith("*.") and not version.since((3, 7, 0)):
        pattern = re.sub(r"[.+*?()|\[\]{}^$\\]", lambda match: "\\" + match.group(), host[2:])
        return f"HostRegexp({_literal(_ANY_LABEL + pattern + '$', version)})"
    return f"Host({_literal(host, version)})"
