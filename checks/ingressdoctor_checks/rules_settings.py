"""What a rule's originRequest sets: the Host that the origin gets, verification, and the demand for an Access token.

Source: cloudflared ingress/config.go (originRequest), ingress/ingress.go (a token is demanded by a rule's own alone).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Finding,
    NginxDecision,
    OutsideProbe,
    RouteDecision,
    TunnelRoute,
    Unavailable,
    check,
    fail,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.outside_view import came_through
from ingressdoctor_checks.rules_common import STEP, remedy_of, ruled

__all__ = ["access_not_enforced", "host_header", "verify_off"]

_LINK: Final = "cloudflared → origin"
_WHERE: Final = "the rule, and what the origin answers"
_REFUSES_NAME: Final = frozenset((400, 404, 421))


@check(
    id="rule.host-header",
    title="The origin gets a Host that it knows",
    step=STEP,
    link=_LINK,
    causes=(
        *("app-404", "controller-404", "http-421", "http-400", "edge.http-error"),
        *("nginx.route-missing", "traefik.route-missing"),
    ),
)
def host_header(
    route: TunnelRoute | Unavailable,
    probe: OutsideProbe | Unavailable,
    nginx: NginxDecision | Unavailable,
    decision: RouteDecision | Unavailable,
) -> Iterator[Finding]:
    """``httpHostHeader`` replaces the visitor's Host; the origin routes by it."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    header = found.origin.host_header
    if not header:
        yield ok("The origin gets the visitor's own Host.", subject=found.rule.shown)
        return
    seen = {"rule": found.rule.shown, "httpHostHeader": header}
    if isinstance(probe, Unavailable) or not came_through(probe) or probe.last.status not in _REFUSES_NAME:
        yield ok(f"The origin gets the Host {header}, and nothing says that it does not know it.", seen=seen)
        return
    # What the controller has no route for, the Host is to blame for; an application may have its own reasons.
    decided = nginx.decision if isinstance(nginx, NginxDecision) else decision
    say = fail if isinstance(decided, RouteDecision) and _unknown_to(decided, header) else warn
    yield say(
        f"The origin answers {probe.last.status} to the Host {header}, which the rule puts in place of the visitor's.",
        subject=found.config.source.ref,
        where=_WHERE,
        seen=seen | {"status": str(probe.last.status)},
        remedy=remedy_of(found, "Set httpHostHeader to a name that the origin serves, or leave it out."),
    )


def _unknown_to(decided: RouteDecision, header: str) -> bool:
    """Tell whether the controller was asked for this Host, and knows no route for it."""
    asked = decided.request.host.lower() == header.partition(":")[0].lower()
    return asked and decided.winner is None and not decided.unread


@check(
    id="rule.verify-off",
    title="cloudflared verifies the origin's certificate",
    step=STEP,
    link=_LINK,
)
def verify_off(route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """With noTLSVerify anybody on the way may be the origin."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    if not found.origin.tls:
        yield skip("The rule speaks plain HTTP, so there is nothing to verify.")
    elif found.origin.verify:
        yield ok("The origin's certificate is verified.", subject=found.rule.shown)
    else:
        yield warn(
            f"{found.rule.shown} takes any certificate of the origin (noTLSVerify).",
            subject=found.config.source.ref,
            where=found.config.source.ref,
            seen={"rule": found.rule.shown},
            remedy=remedy_of(
                found, "Name the CA as originRequest.caPool and the certificate's name as originServerName."
            ),
        )


@check(
    id="rule.access-not-enforced",
    title="What the configuration demands of Access is enforced",
    step=STEP,
    link="Access → cloudflared",
)
def access_not_enforced(route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """``originRequest.access`` at the top level does nothing: only a rule's own is looked at."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    if not found.origin.access_idle:
        text = "The rule itself demands a token of Access." if found.origin.access_required else "No token is demanded."
        yield ok(text, subject=found.rule.shown)
        return
    yield warn(
        f"{found.config.source.ref} demands a token of Access at its top level, where nothing enforces it.",
        subject=found.config.source.ref,
        where=found.config.source.ref,
        seen={"rule": found.rule.shown, "originRequest.access": "at the top level only"},
        remedy=remedy_of(found, "Write the access section into the originRequest of each rule."),
    )
