"""Does something ask for a login before a management name? What visitors meet decides; the API says why.

Never alarms about a public service behind a tunnel: which names should ask is decided in ``access_common``.
Source: Cloudflare's documentation of Access applications and of how tunnels are reached.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AccessCoverage,
    AccessOrganisation,
    Decision,
    Finding,
    OutsideProbe,
    Preferences,
    Remedy,
    Symptom,
    Target,
    TunnelRoute,
    Unavailable,
    ZoneFacts,
    check,
    clean,
    fail,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.access_common import (
    ACCESS_API,
    Wanted,
    asks_itself,
    is_harmless,
    on_tunnel,
    shown,
    wanted_login,
)
from ingressdoctor_checks.outside_view import SEEN, answered, curl

__all__ = ["exposed"]


@check(
    id="access.exposed",
    title="A management name asks for a login",
    step="outside",
    link="visitor → login",
    causes=(str(Symptom.EXPOSED),),
)
def exposed(
    target: Target,
    probe: OutsideProbe | Unavailable,
    zone: ZoneFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    coverage: AccessCoverage | Unavailable,
    preferences: Preferences,
) -> Iterator[Finding]:
    """No Access login meets the visitor, no application covers the name, and it is one that should be covered."""
    configured = preferences.wants_login(target.hostname)
    if configured is False:
        yield skip("The configuration calls the name public ([access] public).")
    elif not on_tunnel(zone, route) and not configured:
        yield skip("The name does not lead to a tunnel, so nothing says that a login should stand before it.")
    elif isinstance(probe, Unavailable) or not answered(probe.last):
        yield skip("No answer came, so nothing is open to visitors.")
    elif probe.gate is not None or probe.access_login:
        yield _asked(target, probe, coverage)
    elif probe.challenge:
        yield skip("A challenge stands before it; whether a login follows cannot be seen.")
    elif isinstance(coverage, AccessCoverage) and coverage.match is not None:
        yield _covered_and_open(target, probe, coverage)
    else:
        yield _uncovered(target, probe, coverage, wanted_login(target.hostname, coverage, preferences, route))


def _asked(target: Target, probe: OutsideProbe, coverage: AccessCoverage | Unavailable) -> Finding:
    gate = probe.gate
    seen = {"login": gate.login if gate is not None else probe.access_login}
    if isinstance(coverage, AccessCoverage) and coverage.match is not None:
        seen["application"] = shown(coverage.match)
    return ok(f"Cloudflare Access asks visitors of {target.hostname} to log in.", seen=seen, where=SEEN)


def _covered_and_open(target: Target, probe: OutsideProbe, coverage: AccessCoverage) -> Finding:
    """Judge a visit that met no login although an application covers the URL."""
    match = coverage.match
    if match is None or match.open:
        return skip("An application covers the name and lets everybody through; see access.bypass-policy.")
    policies = match.application.policies
    if isinstance(policies, Unavailable):
        return unknown(
            f"{shown(match)} covers it, yet no login came, and its policies could not be read: {policies.reason}.",
            enable_with=policies.enable_with or "Let the API token read Access: Apps and Policies.",
        )
    if any(policy.decision is Decision.BYPASS for policy in policies):
        return ok(
            f"{shown(match)} covers the name; a Bypass policy for some lets this machine through.",
            seen={"policies": ", ".join(f"{p.decision.value} {p.name}".strip() for p in policies[:8])},
            where=ACCESS_API,
        )
    return warn(
        f"{shown(match)} covers {target.hostname}, yet a visitor was not asked to log in.",
        subject=target.hostname,
        seen=_seen(probe) | {"application": shown(match)},
        where=SEEN,
        remedy=Remedy(
            text="A change takes up to a minute. Otherwise look whether the record is proxied, and whether another "
            "account's zone or a Worker answers for the name.",
            commands=(curl(target.url),),
            proof=curl(target.url),
        ),
    )


def _uncovered(
    target: Target, probe: OutsideProbe, coverage: AccessCoverage | Unavailable, wanted: Wanted | None
) -> Finding:
    host, own = target.hostname, asks_itself(probe)
    if wanted is not None and wanted.login and isinstance(coverage, Unavailable) and is_harmless(target.path):
        wanted = None
    if wanted is None:
        return unknown(
            f"No login stands before {host}, and whether one should could not be told: {_reason(coverage)}.",
            enable_with=_enable(coverage),
            seen=_seen(probe),
        )
    if not wanted.login:
        return ok(
            f"No login stands before {host}: a public service through a tunnel.",
            seen=_seen(probe) | {"why no login is missed": wanted.why},
            where=SEEN,
        )
    if probe.edge_error is not None or probe.last.status >= 500 or _nothing_behind(probe):
        return _closed_for_now(target, probe, coverage, wanted)
    if own and not wanted.sure:
        return ok(f"{host} asks for a login of its own.", seen=_seen(probe), where=SEEN)
    verdict = fail if wanted.sure else warn
    beside = " Only a login of its own stands before it." if own else ""
    return verdict(
        f"{host} is open to the whole world: nothing of Cloudflare Access stands before it.{beside}",
        subject=host,
        seen=_seen(probe) | {"why it should ask for a login": wanted.why} | _about(coverage),
        where=SEEN,
        symptom=Symptom.EXPOSED if wanted.sure else None,
        remedy=_protect(target, coverage),
    )


def _closed_for_now(
    target: Target, probe: OutsideProbe, coverage: AccessCoverage | Unavailable, wanted: Wanted
) -> Finding:
    """Judge a name without a login that shows nothing but errors."""
    if _denies_unmatched(coverage):
        return _denied(target, probe)
    if wanted.sure:
        return _open_later(target, probe, wanted)
    return skip("Nothing but errors is answered, and it is not sure that a login should stand before it.")


def _open_later(target: Target, probe: OutsideProbe, wanted: Wanted) -> Finding:
    return warn(
        f"No login stands before {target.hostname}: as soon as it works, it is open to the whole world.",
        subject=target.hostname,
        seen=_seen(probe) | {"why it should ask for a login": wanted.why},
        where=SEEN,
        remedy=_protect(target, Unavailable(wanted="", reason="")),
    )


def _denied(target: Target, probe: OutsideProbe) -> Finding:
    return warn(
        f"No application covers {target.hostname}, and the Access organisation denies such hosts: nobody gets in.",
        subject=target.hostname,
        seen=_seen(probe) | {"deny_unmatched_requests": "true"},
        where=ACCESS_API,
        remedy=_protect(target, Unavailable(wanted="", reason="")),
    )


def _denies_unmatched(coverage: AccessCoverage | Unavailable) -> bool:
    organisation = coverage.organisation if isinstance(coverage, AccessCoverage) else None
    return isinstance(organisation, AccessOrganisation) and organisation.denies_unmatched


def _nothing_behind(probe: OutsideProbe) -> bool:
    """Tell whether the answer is cloudflared's own: its catch-all or its token check, both without a body."""
    return probe.last.status in {403, 404} and not probe.last.body and not probe.last.header("content-type")


def _protect(target: Target, coverage: AccessCoverage | Unavailable) -> Remedy:
    near = coverage.near[:1] if isinstance(coverage, AccessCoverage) else ()
    where = f"the application that has {near[0]}" if near else "the application of its neighbours, or a new one,"
    return Remedy(
        text=f"In Zero Trust under Access > Applications add {target.hostname} as a destination to {where} with a "
        "policy for your people. Until then the tunnel can be stopped. If it is public on purpose, list it under "
        "public in [access] of the configuration.",
        commands=(curl(target.url),),
        proof=curl(target.url),
    )


def _seen(probe: OutsideProbe) -> dict[str, str]:
    last = probe.last
    start = clean(last.body[:80].decode("utf-8", "replace").strip(), 80)
    return {"status": str(last.status), "login of Access": "none"} | ({"answer": start} if start else {})


def _about(coverage: AccessCoverage | Unavailable) -> dict[str, str]:
    if isinstance(coverage, Unavailable):
        return {"applications": f"not read: {clean(coverage.reason, 200)}"}
    near = f"; near: {', '.join(coverage.near)}" if coverage.near else ""
    near += f"; other paths: {', '.join(item.destination.uri for item in coverage.below[:3])}" if coverage.below else ""
    return {"applications": f"none of {coverage.applications} covers it{near}"}


def _reason(coverage: AccessCoverage | Unavailable) -> str:
    return coverage.reason if isinstance(coverage, Unavailable) else "nothing tells"


def _enable(coverage: AccessCoverage | Unavailable) -> str:
    told = coverage.enable_with if isinstance(coverage, Unavailable) else ""
    return f"{told} Or list the name under management or public in [access] of the configuration.".strip()
