"""The login page of Cloudflare Access: the healthy answer of a management name, an odd one before a public site.

Whether a login is missing is for ``access``; whom it lets through for ``access_policies``.
Source: Cloudflare's documentation of Access and of its login redirect.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import (
    AccessCoverage,
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
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.access_common import on_tunnel, wanted_login
from ingressdoctor_checks.outside_view import SEEN, answered, curl, visit_url

__all__ = ["access_login"]


@check(
    id="edge.access-login",
    title="An Access login stands only where one belongs",
    step="outside",
    link="visitor → edge",
)
def access_login(
    target: Target,
    probe: OutsideProbe,
    zone: ZoneFacts | Unavailable,
    route: TunnelRoute | Unavailable,
    coverage: AccessCoverage | Unavailable,
    preferences: Preferences,
) -> Iterator[Finding]:
    """An Access application covers a name: right on a tunnel and for management names, odd before a public site."""
    if probe.gate is None and not probe.access_login:
        yield ok("No Access login stands before it.") if answered(probe.last) else skip("No answer came.")
        return
    url = visit_url(probe, target)
    wanted = wanted_login(target.hostname, coverage, preferences, route)
    unseen = isinstance(zone, Unavailable) and wanted is not None and wanted.login
    if on_tunnel(zone, route) or preferences.wants_login(target.hostname) or unseen:
        yield _login_answers(probe, url)
        return
    yield warn(
        f"Cloudflare Access asks visitors of {url} to log in ({_login(probe)}){_beyond(probe)}.",
        subject=target.hostname,
        seen=_login_facts(probe),
        where=SEEN,
        symptom=Symptom.ACCESS_LOGIN,
        remedy=Remedy(
            text="Right for a management name. For a public one, take the hostname out of the Access application; look "
            "for a wildcard there that covers it.",
            commands=(curl(url),),
            proof=curl(url),
        ),
    )


def _login_answers(probe: OutsideProbe, url: str) -> Finding:
    return ok(f"The login of Cloudflare Access answers visitors of {url}.", seen=_login_facts(probe), where=SEEN)


def _login(probe: OutsideProbe) -> str:
    return probe.gate.login if probe.gate is not None else probe.access_login


def _beyond(probe: OutsideProbe) -> str:
    return ": nothing behind it can be seen" if probe.access_login else "; the service token passes it"


def _login_facts(probe: OutsideProbe) -> dict[str, str]:
    answer = probe.gate.exchange if probe.gate is not None else probe.last
    return {
        "status": str(answer.status),
        "location": clean(answer.header("location").partition("?")[0], 200) or "(none)",
        "application": clean(answer.header("cf-access-domain"), 253) or "(not told)",
    }
