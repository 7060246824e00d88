"""Which TLS options a handshake gets on one entry point, by its SNI, and when a request then gets 421.

The hosts of HTTPS routers decide, whatever their paths, and also those of routers that Traefik has disabled. Built
once per entry point, asked for many connections.

Source: traefik: pkg/server/aggregator.go (resolveHTTPTLSOptions, 3.7.5 and later), pkg/server/router/tcp/manager.go,
router.go (SetHTTPSForwarder), pkg/middlewares/snicheck (each as of its version).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Final

import msgspec

from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.matchers import V3
from ingressdoctor.routing.traefik.matchers_v2 import V2
from ingressdoctor.routing.traefik.rules import leaves, parse_rule, spellings
from ingressdoctor.routing.traefik.table import Made, RouteTable
from ingressdoctor.routing.traefik.tcp_matchers import is_sni_name
from ingressdoctor.routing.traefik.tls_options import DEFAULT_OPTION, TlsOptions
from ingressdoctor.routing.traefik.version import Version

__all__ = ["OptionConflict", "SniEntry", "SniTable", "build_sni_table", "rule_hosts"]

_NAMES: Final = spellings((*V3, *(name for name in V2 if name not in V3)))
_BY_ROUTER: Final = ((3, 7, 2), (3, 6, 18), (2, 11, 47))  # options are resolved per router, and 421 compares them
_PER_POINT: Final = ((3, 7, 5), (3, 6, 21), (2, 11, 50))  # conflicts count within one entry point only
_CATCH_ALL: Final = "*"


class SniEntry(msgspec.Struct, frozen=True, kw_only=True):
    """What a handshake for a host gets.

    ``options`` is the id of the TLS options; several when Traefik's pick among them is not determined. ``broken`` is
    why the connection is closed instead, empty when it is not, None when the option may not exist.
    """

    host: str
    options: tuple[str, ...]
    broken: str | None = ""
    routers: tuple[str, ...] = ()

    @property
    def catch_all(self) -> bool:
        """Whether it stands for HTTPS routers without a host."""
        return self.host == _CATCH_ALL


class OptionConflict(msgspec.Struct, frozen=True, kw_only=True):
    """A host that several routers serve with different options: all of them get the default ones."""

    host: str
    options: tuple[str, ...]
    routers: tuple[str, ...]


class SniTable(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The hosts that HTTPS routers claim on one entry point, and the TLS options of each.

    ``broken`` are the routers, by object and rule, that Traefik does not build because their options cannot be used.
    """

    entry_point: str
    by_host: dict[str, SniEntry]
    resolved: dict[tuple[str, str], tuple[str, ...]]
    conflicts: tuple[OptionConflict, ...]
    default_broken: str | None
    version: Version
    broken: frozenset[tuple[str, str]] = frozenset()

    @property
    def has_routes(self) -> bool:
        """Whether any HTTPS router claims anything; one is enough to make Traefik wait for the client's first byte."""
        return bool(self.by_host)

    def find(self, server_name: str) -> tuple[SniEntry, ...]:
        """Return the entry that a handshake gets; several when rules of equal length match, none without any."""
        name = server_name.strip().lower()
        keys = [_CATCH_ALL]
        if name:
            keys += [name, f"{name}."]
            if self._wildcards:
                wild = ".".join(["*", *name.split(".")[1:]])
                keys += [wild, f"{wild}."]
        found = [entry for key in keys if (entry := self.by_host.get(key)) is not None]
        if len(found) < 2:
            return tuple(found)
        found = list({entry.host: entry for entry in found}.values())
        specific = [entry for entry in found if not entry.catch_all]
        longest = max((len(entry.host) for entry in specific), default=0)
        return tuple(entry for entry in specific if len(entry.host) == longest) or tuple(found)

    def misdirected(self, server_name: str, host: str, router: tuple[str, str]) -> bool | None:
        """Tell whether a request for a host over a handshake for *server_name* gets 421 from the router.

        ``router`` is the router's object and rule; None means that it is not determined.
        """
        if self._by_router:
            used = {option for entry in self.find(server_name) for option in entry.options} or {DEFAULT_OPTION}
            wanted = set(self.resolved.get(router, (DEFAULT_OPTION,)))
            return None if len(used | wanted) > 1 and used & wanted else used != wanted
        if host.lower() == server_name.strip().lower():
            return False
        return self._by_name(host, dotted=True) != self._by_name(server_name, dotted=False)

    @cached_property
    def _wildcards(self) -> bool:
        return self.version.since((3, 7, 0))

    @cached_property
    def _by_router(self) -> bool:
        return self.version.since(*_BY_ROUTER)

    def _by_name(self, host: str, *, dotted: bool) -> tuple[str, ...]:
        name = host.strip().lower()
        other = name.removesuffix(".") if name.endswith(".") else f"{name}."
        entry = self.by_host.get(name) or (self.by_host.get(other) if dotted else None)
        return entry.options if entry and not entry.catch_all else (DEFAULT_OPTION,)


class _Claim(msgspec.Struct, frozen=True):
    name: str
    key: tuple[str, str]
    hosts: tuple[str, ...]
    option: str


@lru_cache(maxsize=20_000)
def rule_hosts(rule: str) -> tuple[str, ...] | None:
    """Return the values of every Host of a rule, lower case, negated ones included; None when it does not parse."""
    try:
        tree = parse_rule(rule, _NAMES)
    except RuleError:
        return None
    return tuple(host.lower() for matcher in leaves(tree) if matcher.name == "Host" for host in matcher.arguments)


def build_sni_table(table: RouteTable, options: TlsOptions, entry_point: str) -> SniTable:
    """Build the table of one entry point."""
    version = table.version
    claims = list(_claims(table, entry_point))
    judged = claims
    if version.since(*_BY_ROUTER) and not version.since(*_PER_POINT):
        names = [point.name for point in table.static.entry_points]
        judged = [claim for name in names for claim in _claims(table, name)]
    conflicts = _conflicts(judged)
    resolved = _resolved(claims, conflicts, version)
    by_host = _entries(claims, conflicts, resolved, options, version)
    return SniTable(
        entry_point=entry_point,
        by_host={host: entry for host, entry in by_host.items() if _is_served(host, version)},
        resolved=resolved,
        conflicts=tuple(conflicts.values()),
        default_broken=options.problem(DEFAULT_OPTION),
        version=version,
        broken=frozenset(claim.key for claim in claims if options.problem(claim.option)),
    )


def _claims(table: RouteTable, entry_point: str) -> Iterator[_Claim]:
    point = table.static.entry_point(entry_point)
    shared = table.static.flag(f"entrypoints.{entry_point}.http.tls.options")
    if point is not None and point.tls and table.static.redirects(point):
        yield _Claim(f"redirection of {entry_point}", ("", ""), (), DEFAULT_OPTION)
    for router in _routers(table):
        draft = router.draft
        if not router.on(point, entry_point, tls=True) or draft.parents:
            continue
        hosts = rule_hosts(draft.rule)
        if hosts is not None:
            named = draft.tls_options if draft.tls else _qualified(shared, draft.provider)
            yield _Claim(draft.name, (draft.ref, draft.rule), hosts, named or DEFAULT_OPTION)


def _routers(table: RouteTable) -> Iterator[Made]:
    seen: set[int] = set()
    for group in (*table.by_host.values(), table.anywhere, table.disabled):
        for router in group:
            if id(router) not in seen:
                seen.add(id(router))
                yield router


def _qualified(name: str, provider: str) -> str:
    return name if not name or name == DEFAULT_OPTION or "@" in name else f"{name}@{provider}"


def _conflicts(claims: list[_Claim]) -> dict[str, OptionConflict]:
    by_host: dict[str, list[_Claim]] = {}
    for claim in claims:
        for host in claim.hosts:
            by_host.setdefault(host, []).append(claim)
    return {
        host: OptionConflict(
            host=host,
            options=tuple(dict.fromkeys(claim.option for claim in found)),
            routers=tuple(dict.fromkeys(claim.name for claim in found)),
        )
        for host, found in by_host.items()
        if len({claim.option for claim in found}) > 1
    }


def _resolved(
    claims: list[_Claim], conflicts: dict[str, OptionConflict], version: Version
) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the options that each router ends with; two where Traefik's result depends on the order of a map."""
    resolved: dict[tuple[str, str], tuple[str, ...]] = {}
    for claim in claims:
        hit = [host in conflicts for host in claim.hosts]
        options: tuple[str, ...] = (claim.option,)
        if not hit or all(hit):
            options = (DEFAULT_OPTION,) if not hit or any(hit) else options
        elif any(hit):
            certain = version.since(*_PER_POINT)
            options = (DEFAULT_OPTION,) if certain else tuple(dict.fromkeys((DEFAULT_OPTION, claim.option)))
        resolved[claim.key] = options
    return resolved


def _entries(
    claims: list[_Claim],
    conflicts: dict[str, OptionConflict],
    resolved: dict[tuple[str, str], tuple[str, ...]],
    options: TlsOptions,
    version: Version,
) -> dict[str, SniEntry]:
    found: dict[str, dict[str, None]] = {}
    names: dict[str, list[str]] = {}
    for claim in claims:
        for host in claim.hosts or (_CATCH_ALL,):
            if version.since(*_BY_ROUTER):
                chosen = resolved[claim.key]
            else:
                chosen = (DEFAULT_OPTION,) if host in conflicts or not claim.hosts else (claim.option,)
            found.setdefault(host, {}).update(dict.fromkeys(chosen))
            names.setdefault(host, []).append(claim.name)
    return {
        host: SniEntry(host=host, options=tuple(chosen), broken=_broken(chosen, options), routers=tuple(names[host]))
        for host, chosen in found.items()
    }


def _broken(chosen: dict[str, None], options: TlsOptions) -> str | None:
    problems = {options.problem(option) for option in chosen}
    return problems.pop() if len(problems) == 1 else None


def _is_served(host: str, version: Version) -> bool:
    """Tell whether Traefik can turn the host into a HostSNI rule; where it cannot, only an error is logged."""
    return host == _CATCH_ALL or is_sni_name(host, version, wildcards=version.since((3, 7, 0)))
