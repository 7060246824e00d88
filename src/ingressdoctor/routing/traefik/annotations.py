"""Read the ``traefik.ingress.kubernetes.io/router.*`` annotations as Traefik's label decoder does.

One unknown or malformed key under ``router.`` costs the whole Ingress.

Source: traefik: pkg/provider/kubernetes/ingress/annotations.go; paerser: parser/element_nodes.go, element_fill.go.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.traefik.middlewares import Problem

__all__ = ["RouterOptions", "read_router_options"]

_PREFIX: Final = "traefik.ingress.kubernetes.io/"
_INDEX: Final = re.compile(r"domains(?:\.\d+|\[\d+\])\.(?:main|sans)")
_OBSERVABILITY: Final = frozenset(["accesslogs", "metrics", "tracing", "traceverbosity"])
_TLS: Final = frozenset(["options", "certresolver"])


@dataclass(frozen=True, slots=True)
class RouterOptions:
    """The router options that decide about routing; defaults as in Traefik."""

    path_matcher: str = "PathPrefix"
    entry_points: tuple[str, ...] = ()
    middlewares: tuple[str, ...] = ()
    priority: int = 0
    rule_syntax: str = ""
    tls: bool = False
    tls_options: str = ""


def read_router_options(annotations: Mapping[str, str]) -> RouterOptions | Problem:
    """Return the options, or why Traefik skips the whole Ingress."""
    values: dict[str, str] = {}
    for key, value in annotations.items():
        if not key.startswith(_PREFIX):
            continue
        option = key.removeprefix(_PREFIX)
        if not option.lower().startswith("router."):
            continue
        name = option[len("router.") :].lower()
        if problem := _problem(name, value):
            return Problem(DropReason.ANNOTATION, f"Failed to parse annotations: {problem}", related=key)
        values[name] = value
    tls_named = any(name.startswith("tls.") for name in values)
    return RouterOptions(
        path_matcher=values.get("pathmatcher", "PathPrefix"),
        entry_points=_words(values.get("entrypoints", "")),
        middlewares=_words(values.get("middlewares", "")),
        priority=int(values.get("priority", "0")),
        rule_syntax=values.get("rulesyntax", ""),
        tls=tls_named or values.get("tls", "").lower() == "true",
        tls_options=values.get("tls.options", ""),
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _problem(name: str, value: str) -> str:
    first, _, rest = name.partition(".")
    if name in ("pathmatcher", "entrypoints", "middlewares", "rulesyntax"):
        return ""
    if name == "priority":
        return "" if re.fullmatch(r"[+-]?\d{1,19}", value) else f'strconv.ParseInt: parsing "{value}": invalid syntax'
    if name in ("tls", "observability"):
        return "" if value.lower() in ("", "true", "false") else f'invalid value for {name}: "{value}"'
    if first == "tls":
        return "" if rest in _TLS or _INDEX.fullmatch(rest) else f"field not found, node: {rest.partition('.')[0]}"
    if first == "observability":
        return "" if rest in _OBSERVABILITY else f"field not found, node: {rest.partition('.')[0]}"
    return f"field not found, node: {first}"
