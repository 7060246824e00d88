"""Whom the Access application lets through: bypasses, paths that it leaves out, and the audience cloudflared checks.

Source: Cloudflare's documentation of policies, application paths and of validating tokens at the origin.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AccessCoverage,
    AccessMatch,
    Command,
    ConfigHome,
    Finding,
    OutsideProbe,
    Preferences,
    Remedy,
    Symptom,
    Target,
    TunnelConfig,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.access_common import (
    ACCESS_API,
    Wanted,
    audience_of,
    is_harmless,
    on_tunnel,
    shown,
    wanted_login,
)
from ingressdoctor_checks.outside_view import SEEN, curl

__all__ = ["audience_mismatch", "bypass_policy", "path_gap"]


_NOT_ASKED = "The name does not lead to a tunnel, so nobody asked which applications there are."


@check(
    id="access.bypass-policy",
    title="The Access application does not let everybody through",
    step="outside",
    link="visitor → login",
)
def bypass_policy(
    target: Target,
    coverage: AccessCoverage | Unavailable,
    zone: ZoneFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    probe: OutsideProbe | Unavailable,
) -> Iterator[Finding]:
    """A Bypass policy for everyone, or a destination that is excepted, switches the login off."""
    if isinstance(coverage, Unavailable):
        yield _without_api(coverage, probe) if on_tunnel(zone, route) else skip("The name does not lead to a tunnel.")
        return
    match = coverage.match
    if match is None:
        covers = "No Access application covers the name." if coverage.relevant else _NOT_ASKED
        yield skip(covers)
        return
    policies = match.application.policies
    if isinstance(policies, Unavailable) and not match.destination.public:
        yield unknown(
            f"The policies of {shown(match)} could not be read: {policies.reason}.", enable_with=policies.enable_with
        )
    elif not match.open:
        yield ok(f"{shown(match)} lets nobody through without a login.", seen=_policies(match), where=ACCESS_API)
    elif is_harmless(target.path):
        yield ok(f"{shown(match)} lets everybody through at {target.path}, as probes need it.", where=ACCESS_API)
    else:
        yield warn(
            f"{shown(match)} lets everybody through without a login.",
            subject=target.hostname,
            seen=_policies(match),
            where=ACCESS_API,
            remedy=Remedy(
                text="Right for a page that is public on purpose. Otherwise remove the policy with the action Bypass "
                "(or the exception of the destination); for machines use Service Auth with a service token.",
                commands=(curl(target.url),),
                proof=curl(target.url),
            ),
        )


@check(
    id="access.path-gap",
    title="Access covers every path of the host alike",
    step="outside",
    link="visitor → login",
)
def path_gap(
    target: Target, coverage: AccessCoverage | Unavailable, route: TunnelRoute | Unavailable, preferences: Preferences
) -> Iterator[Finding]:
    """Paths of the host that another application leaves open, or a path that is open while others are not."""
    if isinstance(coverage, Unavailable):
        yield skip("The Access applications were not read; see access.bypass-policy.")
        return
    opened = [match for match in coverage.below if match.open]
    closed = [match for match in coverage.below if not match.open]
    harmless = [match for match in opened if is_harmless(match.destination.uri.partition("/")[2])]
    if coverage.match is None and closed:
        yield _in_part(target, coverage, closed, wanted_login(target.hostname, coverage, preferences, route))
    elif coverage.match is None:
        yield skip("No Access application covers the name." if coverage.relevant else _NOT_ASKED)
    elif coverage.match.open or len(opened) == len(harmless):
        beside = f"; open for probes: {_uris(harmless)}" if harmless else ""
        yield ok(f"No path of {target.hostname} is treated differently by mistake{beside}.", where=ACCESS_API)
    else:
        risky = [match for match in opened if match not in harmless]
        yield _gap(target, f"Some paths of {target.hostname} need no login: {_uris(risky)}.", risky)


def _in_part(target: Target, coverage: AccessCoverage, closed: list[AccessMatch], wanted: Wanted | None) -> Finding:
    """Judge a path that no application covers while they do cover others: right for a site with a closed part."""
    if wanted is not None and wanted.login and wanted.sure:
        return skip("The whole host should ask for a login; see access.exposed.")
    summary = f"Access covers parts of {target.hostname} only ({_uris(closed)}): {coverage.path} is open."
    if wanted is None or not wanted.login:
        return ok(summary, where=ACCESS_API)
    return _gap(target, summary, closed)


def _gap(target: Target, summary: str, matches: list[AccessMatch]) -> Finding:
    return warn(
        summary,
        subject=target.hostname,
        seen={match.destination.uri: shown(match) for match in matches[:5]},
        where=ACCESS_API,
        remedy=Remedy(
            text="The most specific application decides for a path and inherits nothing. Cover the host without a "
            "path, and keep exceptions as narrow as they can be. /path/* leaves out /path itself.",
            commands=(curl(target.url),),
            proof=curl(target.url),
        ),
    )


@check(
    id="access.audience-mismatch",
    title="cloudflared accepts the tokens of the application that stands before it",
    step="outside",
    link="login → cloudflared",
    causes=(str(Symptom.HTTP_403), "edge.http-error"),
)
def audience_mismatch(
    target: Target,
    probe: OutsideProbe | Unavailable,
    coverage: AccessCoverage | Unavailable,
    route: TunnelRoute | Unavailable,
) -> Iterator[Finding]:
    """The rule demands a token of Access, but lists another audience than the application's, or none."""
    origin = route.origin if isinstance(route, TunnelRoute) else None
    if origin is None or not origin.access_required:
        yield skip("cloudflared's rule does not check tokens of Access itself.")
        return
    audience, listed = audience_of(probe, coverage), origin.access_audiences
    if listed and not audience:
        yield unknown(
            "Which audience the application has was not told, neither by its login nor by the API.",
            enable_with=coverage.enable_with if isinstance(coverage, Unavailable) else "Let the API token read Access.",
        )
    elif audience and audience in listed:
        yield ok("cloudflared's rule lists the application's audience.", seen={"audience": audience})
    else:
        what = f"lists {', '.join(listed)}" if listed else "lists none, so that no token fits"
        yield fail(
            f"cloudflared refuses every request for {target.hostname}: its rule demands an audience and {what}.",
            subject=target.hostname,
            seen={"audTag of the rule": ", ".join(listed) or "(empty)", "the application's": audience or "(not told)"},
            where=route.rule.shown if isinstance(route, TunnelRoute) and route.rule is not None else "",
            remedy=Remedy(
                text="Copy the Application Audience tag of the application into originRequest.access.audTag of the "
                "rule, then restart cloudflared, which reads its file once."
                + (f" The tag is {audience}." if audience else ""),
                commands=_configuration(route),
                proof=curl(target.url),
            ),
        )


def _configuration(route: TunnelRoute | Unavailable) -> tuple[Command, ...]:
    """Return the command that shows the rules, where they stand in a ConfigMap."""
    config = route.config if isinstance(route, TunnelRoute) else None
    if not isinstance(config, TunnelConfig) or config.source.home is not ConfigHome.CONFIG_MAP:
        return ()
    return (look("kubectl", "-n", config.source.namespace, "get", "configmap", config.source.name, "-o", "yaml"),)


def _without_api(coverage: Unavailable, probe: OutsideProbe | Unavailable) -> Finding:
    if isinstance(probe, OutsideProbe) and probe.gate is not None:
        return ok("A login came, so not everybody is let through here.", seen={"login": probe.gate.login}, where=SEEN)
    if not coverage.enable_with:
        return skip(f"{coverage.wanted} could not be read: {coverage.reason}.")
    return unknown(f"{coverage.wanted} could not be read: {coverage.reason}.", enable_with=coverage.enable_with)


def _policies(match: AccessMatch) -> dict[str, str]:
    policies = match.application.policies
    if isinstance(policies, Unavailable):
        return {"destination": "excepted from the login"}
    return {"policies": ", ".join(f"{p.decision.value} {p.name}".strip() for p in policies[:8]) or "none"}


def _uris(matches: list[AccessMatch]) -> str:
    more = f" and {len(matches) - 3} more" if len(matches) > 3 else ""
    return ", ".join(match.destination.uri for match in matches[:3]) + more
