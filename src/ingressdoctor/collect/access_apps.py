"""What Cloudflare Access demands of the target's visitors, by the account's applications, policies and tokens.

Asks only where it matters: for names that lead to a tunnel, and for those that the configuration calls management
names. Reads no secret; the API shows none. What is right or wrong about it is for the checks.

Source: developers.cloudflare.com/api (Access applications, policies, service tokens, organisations).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from msgspec.structs import replace

from ingressdoctor.collect.access_objects import (
    parse_application,
    parse_organisation,
    parse_policies,
    parse_token,
)
from ingressdoctor.collect.cloudflare_api import list_all, refusal, result_of
from ingressdoctor.collect.together import together
from ingressdoctor.collect.tunnel_names import kin_of
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.access_apps import (
    AccessApplication,
    AccessCoverage,
    AccessMatch,
    AccessOrganisation,
    AccessPolicy,
    Neighbour,
    ServiceToken,
)
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map
from ingressdoctor.routing.access import covering, near_misses, split_uri
from ingressdoctor.sources.base import AccessToken, Cloudflare

__all__ = ["APPS_READ", "ORGANISATIONS_READ", "TOKENS_READ", "collect_coverage", "judge_coverage"]

APPS_READ: Final = "Account > Access: Apps and Policies > Read"
TOKENS_READ: Final = "Account > Access: Service Tokens > Read"
ORGANISATIONS_READ: Final = "Account > Access: Organizations, Identity Providers, and Groups > Read"
_WANTED: Final = "the Access applications"
_MOST_NEIGHBOURS: Final = 200


@collector(wanted=_WANTED, timeout_s=15.0)
async def collect_coverage(
    target: Target, zone: ZoneFacts, cloudflare: Cloudflare, token: AccessToken, preferences: Preferences
) -> AccessCoverage | Unavailable:
    """Read the account's applications, service tokens and settings, and the tunnel's other hostnames, side by side."""
    path = target.path.partition("?")[0]
    called = any(fnmatchcase(target.hostname, pattern) for pattern in preferences.management)
    if not zone.tunnel and not called:
        return AccessCoverage(hostname=target.hostname, path=path, relevant=False)
    if not zone.account_id:
        reason = f"the API does not tell which account owns the zone {zone.name}"
        return Unavailable(wanted=_WANTED, reason=reason, enable_with=f"Give the API token {APPS_READ}.")
    account = f"/accounts/{zone.account_id}"
    listed, tokens, organisation, names = await together(
        list_all(cloudflare, f"{account}/access/apps", {}, wanted=_WANTED, permission=APPS_READ),
        _tokens(cloudflare, account, token),
        _organisation(cloudflare, account),
        _names_of_tunnel(cloudflare, zone),
    )
    if isinstance(listed, Unavailable):
        return listed
    applications = tuple(app for raw in listed if (app := parse_application(raw)) is not None)
    coverage = judge_coverage(target.hostname, path, applications, names)
    return replace(
        await _with_policies(cloudflare, account, coverage),
        tokens=tokens,
        organisation=organisation,
    )


def judge_coverage(
    host: str, path: str, applications: Sequence[AccessApplication], names: Sequence[str]
) -> AccessCoverage:
    """Say which applications cover a URL, and which of the tunnel's other *names* are covered."""
    found = covering(applications, host, path)
    first = found[0] if found else None
    below = (match for match in covering(applications, host) if match not in found)
    beside = [name for name in dict.fromkeys(names) if name != host][:_MOST_NEIGHBOURS]
    kin = frozenset(kin_of(host, beside).pattern)
    return AccessCoverage(
        hostname=host,
        path=path,
        match=first,
        others=found[1:],
        below=tuple(match for match in below if split_uri(match.destination.uri)[1]),
        near=() if first else near_misses(applications, host),
        applications=len(applications),
        neighbours=tuple(
            Neighbour(hostname=name, covered=_is_covered(applications, name), kin=name in kin) for name in beside
        ),
    )


def _is_covered(applications: Sequence[AccessApplication], name: str) -> bool:
    found = covering(applications, name, "/")
    return bool(found) and not found[0].open


async def _with_policies(cloudflare: Cloudflare, account: str, coverage: AccessCoverage) -> AccessCoverage:
    """Ask for the policies of the applications that decide for this host, where the list did not hold them."""
    matches = [match for match in (coverage.match, *coverage.below) if match is not None]
    lacking = {m.application.id for m in matches if isinstance(m.application.policies, Unavailable)}
    if not lacking:
        return coverage
    order = sorted(lacking)
    read = await together(*(_policies(cloudflare, account, ident) for ident in order))
    policies = dict(zip(order, read, strict=True))
    return replace(
        coverage,
        match=None if coverage.match is None else _completed(coverage.match, policies),
        below=tuple(_completed(match, policies) for match in coverage.below),
    )


def _completed(match: AccessMatch, policies: Mapping[str, tuple[AccessPolicy, ...] | Unavailable]) -> AccessMatch:
    found = policies.get(match.application.id)
    return match if found is None else replace(match, application=replace(match.application, policies=found))


async def _policies(cloudflare: Cloudflare, account: str, ident: str) -> tuple[AccessPolicy, ...] | Unavailable:
    path = f"{account}/access/apps/{ident}/policies"
    raw = await _spared(cloudflare, path, wanted="the application's policies", permission=APPS_READ)
    return raw if isinstance(raw, Unavailable) else parse_policies(raw)


async def _tokens(cloudflare: Cloudflare, account: str, token: AccessToken) -> tuple[ServiceToken, ...] | Unavailable:
    path = f"{account}/access/service_tokens"
    raw = await _spared(cloudflare, path, wanted="the service tokens", permission=TOKENS_READ)
    if isinstance(raw, Unavailable):
        return raw
    try:
        ours = await token.client_id()
    except SourceError:
        ours = ""
    return tuple(found for item in raw if (found := parse_token(item, ours)) is not None)


async def _organisation(cloudflare: Cloudflare, account: str) -> AccessOrganisation | Unavailable:
    wanted = "the settings of the Access organisation"
    try:
        answer = await cloudflare.get(f"{account}/access/organizations", {})
    except SourceError as error:
        return _gap(wanted, error)
    gap = refusal(answer, wanted, ORGANISATIONS_READ)
    return gap or parse_organisation(as_map(result_of(answer)))


async def _names_of_tunnel(cloudflare: Cloudflare, zone: ZoneFacts) -> tuple[str, ...]:
    """Return the hostnames of the zone that lead to the same tunnel; none when that cannot be had."""
    if not zone.tunnel:
        return ()
    query = {"type": "CNAME", "content.exact": f"{zone.tunnel}.cfargotunnel.com"}
    raw = await _spared(
        cloudflare,
        f"/zones/{zone.id}/dns_records",
        query,
        wanted="the zone's records",
        permission="Zone > DNS > Read",
    )
    if isinstance(raw, Unavailable):
        return ()
    end = query["content.exact"]
    items = [as_map(item) for item in raw]
    same = (item for item in items if str(item.get("content") or "").lower().rstrip(".") == end)
    return tuple(clean(str(item.get("name") or "").lower(), 253) for item in same if item.get("proxied") is True)


async def _spared(
    cloudflare: Cloudflare, path: str, query: Mapping[str, str] | None = None, *, wanted: str, permission: str
) -> tuple[Any, ...] | Unavailable:
    """List what the rest can do without: a failure costs only this."""
    try:
        return await list_all(cloudflare, path, query or {}, wanted=wanted, permission=permission)
    except SourceError as error:
        return _gap(wanted, error)


def _gap(wanted: str, error: SourceError) -> Unavailable:
    return Unavailable(wanted=wanted, reason=clean(error.message), enable_with=clean(error.hint))
