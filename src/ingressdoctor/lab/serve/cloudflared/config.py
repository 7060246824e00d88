"""cloudflared's configuration file: YAML with Go's strictness, into plain values.

Source: config/configuration.go. Duplicate keys and types that do not fit end the process; unknown keys are passed
over in silence; only the first document counts. The rules inside are judged in rules.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import yaml

from ingressdoctor.lab.cluster import mapping, sequence, text

MAX_BYTES = 4_000_000
_DURATIONS = ("connectTimeout", "tlsTimeout", "tcpKeepAlive", "keepAliveTimeout")


class ConfigError(Exception):
    """The file cannot be used; the text is cloudflared's own."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RawRule:
    """One entry of `ingress`, as written."""

    hostname: str = ""
    path: str = ""
    service: str = ""
    origin: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class FileConfig:
    """What the file says; *settings* are the keys that stand for flags (tunnel, protocol, metrics, …)."""

    rules: tuple[RawRule, ...] = ()
    origin: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def flag(self, name: str) -> str:
        """A flag's value in the file; "" when it is not there."""
        return text(self.settings.get(name))


# The C parser is ten times as fast, and its words are those of Go's, which is a port of it.
_Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc, valid-type]
    """Safe loader that refuses duplicate keys and leaves times alone."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_file(content: str, path: str) -> FileConfig:
    """The configuration in *content*.

    Raises:
        ConfigError: as cloudflared words it, with *path* in front.
    """
    wrong = f"error parsing YAML in config file at {path}: "
    try:
        loader = _Loader(content[:MAX_BYTES])
        try:
            node = loader.get_node() if loader.check_node() else None
            if node is None:
                return FileConfig()
            _refuse_duplicates(node, wrong)
            document = loader.construct_document(node)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{wrong}yaml: line {line}: {_problem(error.problem or '')}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{wrong}yaml: {error}") from error
    if document is None:
        return FileConfig()
    if not isinstance(document, dict):
        kind = "!!seq" if isinstance(document, list) else "!!str"
        raise ConfigError(f"{wrong}yaml: unmarshal errors:\n  line 1: cannot unmarshal {kind} into {_ROOT}")
    return from_plain(document, wrong)


_ROOT = "config.configFileSettings"


def from_plain(document: Mapping[str, Any], wrong: str = "") -> FileConfig:
    """The configuration in a parsed document (a file's, or a remote one's `config`); ConfigError as read_file."""
    rules = document.get("ingress")
    if rules is not None and not isinstance(rules, list):
        raise ConfigError(f"{wrong}yaml: unmarshal errors:\n  cannot unmarshal {_tag(rules)} into {_RULES}")
    return FileConfig(
        rules=tuple(_rule(item, wrong) for item in sequence(rules)),
        origin=_origin(document.get("originRequest"), wrong),
        settings={key: value for key, value in document.items() if key not in {"ingress", "originRequest"}},
    )


_RULES = "[]config.UnvalidatedIngressRule"


def _rule(item: object, wrong: str) -> RawRule:
    if item is not None and not isinstance(item, Mapping):
        raise ConfigError(f"{wrong}yaml: unmarshal errors:\n  cannot unmarshal {_tag(item)} into {_RULES[2:]}")
    entry = mapping(item)
    for key in ("hostname", "path", "service"):
        if isinstance(entry.get(key), dict | list):
            raise ConfigError(f"{wrong}yaml: unmarshal errors:\n  cannot unmarshal {_tag(entry[key])} into string")
    return RawRule(
        hostname=text(entry.get("hostname")),
        path=text(entry.get("path")),
        service=text(entry.get("service")),
        origin=_origin(entry.get("originRequest"), wrong),
    )


def _origin(value: object, wrong: str) -> Mapping[str, Any]:
    found = mapping(value)
    for key in _DURATIONS:
        if wrong and isinstance(found.get(key), int):
            kind = f"!!int `{found[key]}`"
            raise ConfigError(f"{wrong}yaml: unmarshal errors:\n  cannot unmarshal {kind} into time.Duration")
    return {key: item for key, item in found.items() if item is not None}


def _refuse_duplicates(node: yaml.Node, wrong: str) -> None:
    stack, seen = [node], set()
    while stack:
        here = stack.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, yaml.SequenceNode):
            stack.extend(here.value)
        elif isinstance(here, yaml.MappingNode):
            lines: dict[str, int] = {}
            for key, value in here.value:
                name, line = text(key.value), key.start_mark.line + 1
                if name in lines and name != "<<":
                    raise ConfigError(
                        f'{wrong}yaml: unmarshal errors:\n  line {line}: mapping key "{name}" already defined at line '
                        f"{lines[name]}"
                    )
                lines[name] = line
                stack.append(value)


def _problem(problem: str) -> str:
    """What libyaml says, as Go's port of it words it."""
    if problem.startswith("found character '\\t'"):
        return "found character that cannot start any token"
    if problem.startswith("expected alphabetic or numeric character"):
        return "did not find expected alphabetic or numeric character"
    return problem.replace("expected <block end>, but found", "did not find expected key, found")


def _tag(value: object) -> str:
    kinds = {dict: "!!map", list: "!!seq", bool: "!!bool", int: "!!int", float: "!!float", str: "!!str"}
    name = next((tag for kind, tag in kinds.items() if isinstance(value, kind)), "!!str")
    return name if isinstance(value, dict | list) else f"{name} `{value}`"
