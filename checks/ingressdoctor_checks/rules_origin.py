"""Does the rule speak to its origin as the origin wants it: scheme, certificate, names, address?

Judged by what cloudflared logs of this origin, and by the Service that the rule names. Source: cloudflared
ingress/origin_service.go (TLS settings), ingress/config.go (originRequest), Go's crypto/tls and net/http (errors).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    BackendView,
    Clock,
    CloudflaredLogs,
    Finding,
    LoggedSignature,
    OutsideProbe,
    TunnelRoute,
    Unavailable,
    check,
    fail,
    is_private,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.rules_common import STEP, Ruled, complaint, remedy_of, ruled
from ingressdoctor_checks.tunnel_workloads import errors_of_edge

__all__ = ["origin_name_mismatch", "origin_untrusted", "scheme_mismatch"]

_LINK: Final = "cloudflared → origin"
_BAD_GATEWAY: Final = ("edge-502", "edge.error-page", "tunnel.log-errors")
_WHERE: Final = "the rule, and cloudflared's log"
_TLS_NAMES: Final = ("https", "tls")


def _facts(found: Ruled, line: LoggedSignature | None) -> dict[str, str]:
    return {"rule": found.rule.shown, **({"log": line.line, "times": str(line.count)} if line is not None else {})}


@check(
    id="rule.scheme-mismatch",
    title="The rule names the scheme that the origin speaks",
    step=STEP,
    link=_LINK,
    causes=(*_BAD_GATEWAY, "http-400", "redirect-loop", "edge.http-error", "edge.redirect-loop"),
)
def scheme_mismatch(
    route: TunnelRoute | Unavailable,
    view: BackendView | Unavailable,
    logs: CloudflaredLogs | Unavailable,
    probe: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """TLS spoken to a plain port, or plain HTTP to a port with TLS."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    origin = found.origin
    if not origin.host or origin.scheme not in ("http", "https", "ws", "wss"):
        yield skip("The rule's service has no scheme that could be the wrong one.")
        return
    line, now = complaint(logs, probe, clock, "origin-plain" if origin.tls else "origin-tls")
    wants = "http" if origin.tls else "https"
    if line is None and not origin.tls and _says_tls_wanted(probe):
        line, now = None, True
    elif line is None and not _port_says(view, tls=not origin.tls):
        yield ok(f"Nothing says that {origin.host} wants {wants} instead of {origin.scheme}.", subject=found.rule.shown)
        return
    say = fail if now else warn
    other = "answers without TLS" if origin.tls else "speaks TLS"
    yield say(
        f"{found.rule.shown} says {origin.scheme}, but the origin {other}.",
        subject=found.config.source.ref,
        where=_WHERE,
        seen=_facts(found, line) | _port_facts(view),
        remedy=remedy_of(found, f"Write {wants}://{origin.host} with the port that speaks it, then restart the pods."),
    )


def _says_tls_wanted(probe: OutsideProbe | Unavailable) -> bool:
    body = probe.last.body[:2_000].lower() if isinstance(probe, OutsideProbe) else b""
    return b"http request to an https server" in body or b"plain http request was sent to https port" in body


def _port_says(view: BackendView | Unavailable, *, tls: bool) -> bool:
    """Tell whether the Service's port is declared for TLS (or, for *tls* False, for plain HTTP)."""
    if isinstance(view, Unavailable) or view.port is None or not view.tunnel or view.nginx:
        return False
    name, app = (view.port.name or "").lower(), (view.port.app_protocol or "").lower()
    if tls:
        return app in _TLS_NAMES or name in _TLS_NAMES or (view.port.port == 443 and not name)
    return app == "http"


def _port_facts(view: BackendView | Unavailable) -> dict[str, str]:
    if isinstance(view, Unavailable) or view.port is None:
        return {}
    return {"Service port": f"{view.port.port} {view.port.name or ''} {view.port.app_protocol or ''}".strip()}


def _over_tls(route: TunnelRoute | Unavailable) -> Ruled | Finding:
    """Return the rule whose origin shows a certificate, or why there is none to judge."""
    found = ruled(route)
    if isinstance(found, Finding) or found.origin.tls:
        return found
    return skip("The rule speaks plain HTTP, so no certificate is looked at.")


@check(
    id="rule.origin-untrusted",
    title="cloudflared trusts the origin's certificate",
    step=STEP,
    link=_LINK,
    causes=_BAD_GATEWAY,
)
def origin_untrusted(
    route: TunnelRoute | Unavailable,
    logs: CloudflaredLogs | Unavailable,
    probe: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """A private CA, a self-signed or an expired certificate."""
    found = _over_tls(route)
    if isinstance(found, Finding):
        yield found
        return
    line, now = complaint(logs, probe, clock, "origin-untrusted", "origin-expired", "origin-no-san")
    if line is None and isinstance(logs, Unavailable) and errors_of_edge(probe) == 502 and _unsigned(found):
        yield _never_trusted(found)
        return
    if line is None:
        how = "is not verified (noTLSVerify)" if not found.origin.verify else "gave no cause for complaint"
        yield ok(f"The origin's certificate {how}.", subject=found.rule.shown)
        return
    what = {
        "origin-expired": "it has expired",
        "origin-no-san": "it names no host",
    }.get(line.code, "nobody whom cloudflared trusts has signed it")
    yield (fail if now else warn)(
        f"cloudflared refuses the certificate of {found.origin.host}: {what}.",
        subject=found.config.source.ref,
        where=_WHERE,
        seen=_facts(found, line) | {"caPool": found.origin.ca_pool or "not set"},
        remedy=remedy_of(
            found,
            "Renew it."
            if line.code == "origin-expired"
            else "Mount the CA's certificate and name it as originRequest.caPool; inside one cluster plain http does "
            "too, and as a last resort noTLSVerify: true.",
        ),
    )


def _unsigned(found: Ruled) -> bool:
    """Tell whether a certificate that anybody trusts is out of the question: no public CA signs for such a name."""
    origin = found.origin
    inside = origin.backend is not None or (origin.address and is_private(origin.host)) or origin.host == "localhost"
    return origin.verify and not origin.ca_pool and bool(inside) and origin.server_name == origin.host


def _never_trusted(found: Ruled) -> Finding:
    return fail(
        f"cloudflared verifies the certificate of {found.origin.host}, for which no public CA signs any.",
        subject=found.config.source.ref,
        where=found.config.source.ref,
        seen=_facts(found, None)
        | {"caPool": "not set", "originServerName": "not set", "log": "not readable from here"},
        remedy=remedy_of(
            found, "Set originServerName to a name of its certificate and caPool to its CA, or noTLSVerify: true."
        ),
    )


@check(
    id="rule.origin-name-mismatch",
    title="The origin's certificate is for the name that cloudflared verifies",
    step=STEP,
    link=_LINK,
    causes=_BAD_GATEWAY,
)
def origin_name_mismatch(
    route: TunnelRoute | Unavailable,
    logs: CloudflaredLogs | Unavailable,
    probe: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """Without originServerName it is the host of the service, which public certificates never have."""
    found = _over_tls(route)
    if isinstance(found, Finding):
        yield found
        return
    origin = found.origin
    line, now = complaint(logs, probe, clock, "origin-wrong-name", "origin-handshake")
    if line is None:
        yield ok(f"Nothing says that the certificate is not for {origin.server_name}.", subject=found.rule.shown)
        return
    yield (fail if now else warn)(
        f"The origin's certificate is not for {origin.server_name}, which is the name that cloudflared verifies.",
        subject=found.config.source.ref,
        where=_WHERE,
        seen=_facts(found, line) | {"verified name": origin.server_name},
        remedy=remedy_of(
            found, "Set originRequest.originServerName to a name of the certificate (or matchSNItoHost: true)."
        ),
    )
