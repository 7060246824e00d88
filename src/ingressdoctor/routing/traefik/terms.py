"""A rule as alternatives of matchers that must all hold, and what follows from one alternative for another rule.

``implied`` is sure where it says yes; where the text of a rule does not tell (regular expressions), it says no.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Final

import msgspec

from ingressdoctor.routing.traefik.compiled import Compiled, Leaf
from ingressdoctor.routing.traefik.matchers_v2 import V2
from ingressdoctor.routing.traefik.request import Seen, canonical_header
from ingressdoctor.routing.traefik.rules import Matcher
from ingressdoctor.routing.traefik.trees import fold, leaves_of
from ingressdoctor.routing.traefik.version import Version

__all__ = ["MAX_TERMS", "Term", "implied", "terms_of", "witness"]

MAX_TERMS: Final = 64
MAX_LEAVES: Final = 2_000
_HOST: Final = ("Host", "HostHeader")
_SPLIT: Final = (*_HOST, "Path", "PathPrefix", "Method", "ClientIP")
_ANY_HOST: Final = frozenset(["^.+$", ".+", "^.*$", ".*", "^.+", "^.*", "*"])
_ANY_PATH: Final = frozenset(["^/.*$", "^/.*", "^/", "/", ".*", "^.*$", "^.*", "/.*"])
_SOME_LABEL: Final = "any"
_SOME_HOST: Final = "any.example"


class Term(msgspec.Struct, frozen=True):
    """One alternative of a rule.

    ``host`` is the exact host or wildcard it asks for, lower case, empty when none or only by pattern; ``path`` the
    exact path or the longest prefix, empty when none; ``exact`` tells which of both.
    """

    leaves: tuple[Leaf, ...]
    syntax: str
    host: str
    path: str
    exact: bool

    @property
    def wildcard(self) -> bool:
        """Whether it asks for any host below a name, or for any at all."""
        return self.host.startswith("*")

    def values(self, *names: str) -> tuple[tuple[str, ...], ...]:
        """Return the arguments of the matchers of these names that are not negated."""
        return tuple(
            leaf.matcher.arguments for leaf in self.leaves if leaf.matcher.name in names and not leaf.matcher.negated
        )

    @property
    def impossible(self) -> str:
        """Say which of its matchers exclude each other; empty when none are known to."""
        seen = witness(self)
        for leaf in self.leaves:
            decided = _decided(leaf, self)
            if decided and leaf.tested.test(seen) is leaf.matcher.negated:
                other = f"the host {self.host}" if _is_host(leaf) else f"the path {self.path}"
                if leaf.matcher.name == "Method":
                    other = f"Method(`{seen.method}`)"
                return f"{leaf.text} and {other} exclude each other"
        return ""


def terms_of(rule: Compiled, syntax: str, version: Version) -> tuple[Term, ...] | None:
    """Return the alternatives of a rule, or None when there are too many to compare."""
    found = _alternatives(rule, syntax, version)
    return None if found is None else tuple(_term(leaves, syntax) for leaves in found)


def _alternatives(rule: Compiled, syntax: str, version: Version) -> list[tuple[Leaf, ...]] | None:
    if sum(1 for _ in islice(leaves_of(rule), MAX_LEAVES + 1)) > MAX_LEAVES:
        return None

    def alone(leaf: Leaf) -> list[tuple[Leaf, ...]] | None:
        return [(one,) for one in _single(leaf, syntax, version)]

    return fold(rule, alone, _combined)


def _combined(every: bool, parts: list[list[tuple[Leaf, ...]] | None]) -> list[tuple[Leaf, ...]] | None:
    out: list[tuple[Leaf, ...]] = [()] if every else []
    for part in parts:
        if part is None:
            return None
        out = [one + other for one in out for other in part] if every else out + part
        if len(out) > MAX_TERMS:
            return None
    return out


def _single(leaf: Leaf, syntax: str, version: Version) -> list[Leaf]:
    """Split a matcher of the old syntax that takes several values into one matcher for each."""
    matcher = leaf.matcher
    if syntax != "v2" or matcher.negated or len(matcher.arguments) < 2 or matcher.name not in _SPLIT:
        return [leaf]
    ones = [Matcher(matcher.name, (argument,)) for argument in matcher.arguments]
    return [Leaf(one, V2[one.name](one.arguments, version)) for one in ones]


def _term(leaves: tuple[Leaf, ...], syntax: str) -> Term:
    bare = Term(leaves, syntax, "", "", exact=False)
    hosts = [arguments[0].lower().removesuffix(".") for arguments in bare.values(*_HOST)]
    host = min(hosts, key=lambda text: text.startswith("*"), default="")
    literal = [item for item in leaves if not (syntax == "v2" and "{" in item.matcher.arguments[0])]
    plain = Term(tuple(literal), syntax, "", "", exact=False)
    exact = [arguments[0] for arguments in plain.values("Path")]
    prefixes = [arguments[0] for arguments in plain.values("PathPrefix")]
    # The prefix "/" asks for nothing, and must meet what asks for no path at all.
    path = exact[0] if exact else max((text for text in prefixes if text != "/"), key=len, default="")
    return Term(leaves, syntax, host, path, exact=bool(exact))


def witness(*terms: Term) -> Seen:
    """Return a request that the terms may all match: it meets every literal that they ask for."""
    hosts = sorted((term.host for term in terms if term.host), key=lambda text: text.startswith("*"))
    host = hosts[0] if hosts else _SOME_HOST
    host = f"{_SOME_LABEL}{host[1:]}" if host.startswith("*.") else (_SOME_HOST if host == "*" else host)
    paths = sorted(terms, key=lambda term: (not term.exact, -len(term.path)))
    headers = [item for term in terms for item in term.values("Header", "Headers") if len(item) > 1]
    queries = [(item, term.syntax) for term in terms for item in term.values("Query")]
    methods = [item[0].upper() for term in terms for item in term.values("Method")]
    clients = [item[0].partition("/")[0] for term in terms for item in term.values("ClientIP")]
    return Seen(
        host=host,
        path=paths[0].path or "/",
        method=methods[0] if methods else "GET",
        query=_multi(_pair(item, syntax) for item, syntax in queries),
        headers=_multi((canonical_header(item[0]), item[1]) for item in headers),
        client_ip=clients[0] if clients else "",
    )


def _pair(arguments: tuple[str, ...], syntax: str) -> tuple[str, str]:
    if syntax == "v2":
        key, _, value = arguments[0].partition("=")
        return key, value
    return arguments[0], arguments[1] if len(arguments) > 1 else ""


def _multi(pairs: Iterable[tuple[str, str]]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for key, value in pairs:
        found[key] = (*found.get(key, ()), value)
    return found


def _is_host(leaf: Leaf) -> bool:
    return leaf.matcher.name in (*_HOST, "HostRegexp")


def _is_path(leaf: Leaf) -> bool:
    return leaf.matcher.name in ("Path", "PathPrefix", "PathRegexp")


def _decided(leaf: Leaf, term: Term) -> bool:
    """Tell whether the term's literals alone decide about a matcher of its own."""
    if _is_host(leaf):
        return bool(term.host) and not term.wildcard
    if _is_path(leaf):
        return term.exact or (bool(term.path) and _literal_prefix(leaf, term.syntax) and not leaf.matcher.negated)
    return leaf.matcher.name == "Method" and not leaf.matcher.negated


def _literal_prefix(leaf: Leaf, syntax: str) -> bool:
    return leaf.matcher.name == "PathPrefix" and not (syntax == "v2" and "{" in leaf.matcher.arguments[0])


def implied(leaf: Leaf, syntax: str, term: Term) -> bool:
    """Tell whether every request that the term matches is surely matched by a matcher of another rule."""
    if syntax == term.syntax and any(leaf.matcher == own.matcher for own in term.leaves):
        return True
    if _is_host(leaf):
        return _host_implied(leaf, term)
    if _is_path(leaf):
        return _path_implied(leaf, syntax, term)
    if leaf.matcher.name == "Method":
        return bool(term.values("Method")) and leaf.tested.test(witness(term)) is not leaf.matcher.negated
    return leaf.matcher.name == "ClientIP" and _client_implied(leaf.matcher, term)


def _host_implied(leaf: Leaf, term: Term) -> bool:
    matcher = leaf.matcher
    if not matcher.negated and matcher.arguments[0] in _ANY_HOST and bool(leaf.tested.test(witness(term))):
        return bool(term.host) or matcher.name in _HOST
    if not term.host or term.wildcard:
        return False
    return leaf.tested.test(witness(term)) is not matcher.negated


def _path_implied(leaf: Leaf, syntax: str, term: Term) -> bool:
    matcher = leaf.matcher
    written = matcher.arguments[0]
    if not matcher.negated and written == "/" and matcher.name == "PathPrefix":
        return True
    if not matcher.negated and matcher.name == "PathRegexp" and written in _ANY_PATH:
        return True
    if term.exact:
        return leaf.tested.test(witness(term)) is not matcher.negated
    if not term.path or matcher.name == "PathRegexp" or (syntax == "v2" and "{" in written):
        return False
    if not matcher.negated:
        return matcher.name == "PathPrefix" and term.path.startswith(written)
    apart = not written.startswith(term.path)
    return apart and not (matcher.name == "PathPrefix" and term.path.startswith(written))


def _client_implied(matcher: Matcher, term: Term) -> bool:
    if matcher.negated:
        return False
    wide = [ipaddress.ip_network(text, strict=False) for text in matcher.arguments]
    for arguments in term.values("ClientIP"):
        narrow = [ipaddress.ip_network(text, strict=False) for text in arguments]
        if all(any(one.version == two.version and one.subnet_of(two) for two in wide) for one in narrow):  # type: ignore[arg-type]
            return True
    return False
