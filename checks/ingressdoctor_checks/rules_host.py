"""Do the rules list the hostname, does its own rule get the request, and is it a rule for the web?

Source: cloudflared ingress/ingress.go (the first rule that matches), ingress/origin_service.go (schemes that are not
HTTP are carried over a WebSocket, for ``cloudflared access``).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Controller,
    Finding,
    KnownHosts,
    OriginKind,
    Outcome,
    OutsideProbe,
    Protocol,
    Remedy,
    RouteDecision,
    RulePassed,
    Target,
    TunnelConfig,
    TunnelRoute,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.outside_view import works
from ingressdoctor_checks.rules_common import STEP, Ruled, config_of, curl, routes_command, ruled
from ingressdoctor_checks.tunnel_workloads import edit_config, restart

__all__ = ["host_missing", "served_both_ways", "service_kind", "shadowed"]

_LINK: Final = "hostname → rule"
_SHOWN: Final = 8
_FOR_CLIENTS: Final = frozenset(("ssh", "rdp", "smb"))
_WRONG_ANSWER: Final = (
    "app-404",
    "controller-404",
    "tunnel-404",
    "edge-502",
    "edge-504",
    "http-400",
    "http-401",
    "http-403",
    "http-421",
    "http-500",
    "http-502",
    "http-503",
    "http-504",
    "redirect-loop",
    "response-timeout",
    "edge.http-error",
)


@check(
    id="rule.host-missing",
    title="A rule lists the hostname",
    step=STEP,
    link=_LINK,
    causes=("tunnel-404", "app-404", "dns-nxdomain", "dns.no-such-name", "edge.unreachable", "edge.http-error"),
)
def host_missing(target: Target, route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """Without a rule of its own a name falls through to the catch-all."""
    found = config_of(route)
    if isinstance(found, Finding):
        yield found
        return
    way, config = found
    if config.missing or config.built_in:
        yield skip("There are no rules that could list it.")
    elif config.error:
        yield skip("cloudflared refuses this configuration, so that none of its rules counts.")
    elif way.rule is not None and not way.rule.catch_all and way.named:
        yield ok(f"{way.rule.shown} takes the request.", subject=config.source.ref, where=config.source.ref)
    elif way.rule is not None and way.origin is not None and not way.origin.status and way.by_record:
        yield _caught(target, way, config)
    else:
        yield _missing(target, way, config)


def _caught(target: Target, route: TunnelRoute, config: TunnelConfig) -> Finding:
    rule = route.rule.shown if route.rule is not None else "the catch-all"
    text = f"No rule lists {target.hostname}; {rule} takes it with everything else."
    return ok(text, subject=config.source.ref, where=config.source.ref)


def _missing(target: Target, route: TunnelRoute, config: TunnelConfig) -> Finding:
    named = [item for item in route.passed if not item.later]
    ends = f"; it falls through to {route.rule.shown}" if route.rule is not None else ""
    if named:
        summary = f"{named[0].rule.shown} names {target.hostname}, but {named[0].why}."
    elif route.near:
        summary = f"No rule lists {target.hostname}. Did you mean {route.near[0]}?"
    else:
        summary = f"No rule lists {target.hostname}{ends}."
    panels = [name for name in route.tenant if name not in route.near]
    return fail(
        summary,
        subject=config.source.ref,
        where=config.source.ref,
        seen={
            **({"nearest names": ", ".join(route.near)} if route.near else {}),
            **({"of the same tenant": ", ".join(panels[:_SHOWN])} if panels else {}),
            **({"also named in": ", ".join(route.elsewhere[:3])} if route.elsewhere else {}),
            **({"falls through to": route.rule.shown} if route.rule is not None else {}),
            "hostnames in the rules": ", ".join(config.hostnames[:_SHOWN])
            + (f" and {len(config.hostnames) - _SHOWN} more" if len(config.hostnames) > _SHOWN else ""),
        },
        remedy=Remedy(
            text=f"If {route.near[0]} is meant, ask for that. Otherwise add a rule above the catch-all:"
            if route.near
            else "Add a rule above the catch-all, then restart the pods:",
            manifest=f"- hostname: {target.hostname}\n  service: http://SERVICE.NAMESPACE.svc.cluster.local:PORT",
            commands=(*edit_config(config.source), *(restart(item) for item in route.workloads[:1])),
            proof=curl(route.near[0] if route.near else target.hostname),
        ),
    )


@check(
    id="rule.shadowed",
    title="No earlier rule takes the requests of the hostname's own",
    step=STEP,
    link=_LINK,
    causes=(
        *_WRONG_ANSWER,
        "backend.service-missing",
        "backend.port-missing",
        "backend.no-endpoints",
        "nginx.route-missing",
    ),
)
def shadowed(target: Target, route: TunnelRoute | Unavailable, probe: OutsideProbe | Unavailable) -> Iterator[Finding]:
    """The first rule that matches wins, however special a later one is."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    hidden = next((item for item in found.route.passed if _hides(found, item, target.hostname)), None)
    if hidden is None:
        yield ok(
            f"{found.rule.shown} is the first that matches, and none is more special.", subject=found.config.source.ref
        )
        return
    same = hidden.rule.service == found.rule.service
    say = warn if same or works(probe) else fail
    yield say(
        f"{found.rule.shown} stands before {hidden.rule.shown} and takes its requests.",
        subject=found.config.source.ref,
        where=found.config.source.ref,
        seen={
            "takes the request": found.rule.shown,
            "is never asked": hidden.rule.shown,
            **({"both lead to": found.rule.service} if same else {}),
        },
        remedy=Remedy(
            text=f"Move rule {hidden.rule.number} above rule {found.rule.number}, then restart the pods.",
            commands=(*edit_config(found.config.source), *(restart(item) for item in found.route.workloads[:1])),
            proof=look("cloudflared", "tunnel", "ingress", "rule", f"https://{target.hostname}/"),
        ),
    )


def _hides(found: Ruled, item: RulePassed, host: str) -> bool:
    """Tell whether a rule that only comes later is more special than the one that takes the request."""
    if not item.later:
        return False
    exact, taken = item.rule.hostname.lower() == host, found.rule.hostname.lower() == host
    if exact != taken:
        return exact
    return bool(item.rule.path) and not found.rule.path


@check(
    id="rule.service-kind",
    title="The rule's service speaks HTTP",
    step=STEP,
    link="rule → service",
    causes=("edge-502", "app-404", "edge.http-error", "grpc-internal", "grpc.status"),
)
def service_kind(target: Target, route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """A service of another scheme is meant for ``cloudflared access``; a browser gets an empty page."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    origin = found.origin
    if origin.kind in (OriginKind.HTTP, OriginKind.UNIX, OriginKind.HELLO):
        yield ok(f"{origin.service} is spoken to over HTTP.", subject=found.rule.shown)
        return
    if origin.kind is OriginKind.STATUS:
        yield _status(target, found)
        return
    known = origin.scheme in _FOR_CLIENTS or origin.kind in (OriginKind.BASTION, OriginKind.SOCKS)
    if known:
        text = f"{found.rule.shown} is for 'cloudflared access {origin.scheme or 'tcp'}', not for browsers"
    else:
        text = f"{found.rule.shown} is no HTTP: a browser gets 200 with an empty page, and the origin no request"
    say = warn if known or target.protocol is Protocol.MYSQL else fail
    yield say(
        f"{text}.",
        subject=found.config.source.ref,
        where=found.config.source.ref,
        seen={"service": origin.service, "kind": origin.kind.value},
        remedy=Remedy(
            text="For browsers write http:// or https://. Any other scheme, also h2c:// and grpc://, is carried as "
            "raw TCP.",
            commands=edit_config(found.config.source),
            proof=routes_command(found.config),
        ),
    )


def _status(target: Target, found: Ruled) -> Finding:
    text = f"{found.rule.shown} answers {found.origin.status} itself, on purpose."
    if found.origin.status < 400:
        return ok(text, subject=found.rule.shown)
    return warn(
        text,
        subject=found.config.source.ref,
        where=found.config.source.ref,
        seen={"service": found.origin.service},
        remedy=Remedy(
            text=f"If {target.hostname} should lead somewhere, name a Service in its rule.",
            commands=edit_config(found.config.source),
            proof=curl(target.hostname),
        ),
    )


@check(
    id="rule.served-both-ways",
    title="The name is served by the tunnel only",
    step=STEP,
    link="tunnel ↔ public route",
)
def served_both_ways(
    target: Target,
    route: TunnelRoute | Unavailable,
    decision: RouteDecision | Unavailable,
    hosts: KnownHosts | Unavailable,
    controller: Controller | Unavailable,
) -> Iterator[Finding]:
    """A public route for the same name goes around Access: whoever knows the controller's address gets in."""
    found = ruled(route)
    if isinstance(found, Finding):
        yield found
        return
    if isinstance(decision, Unavailable) or isinstance(hosts, Unavailable) or isinstance(controller, Unavailable):
        yield skip("The routes of a public controller could not be read, or there is none.")
        return
    naming = hosts.naming(target.hostname)
    winner = decision.winner if decision.outcome is Outcome.ROUTED else None
    backend, service = found.origin.backend, controller.service
    through = (
        backend is not None
        and service is not None
        and (backend.namespace, backend.name)
        == (
            service.namespace,
            service.name,
        )
    )
    if winner is None or not naming or through or found.origin.address:
        yield ok("No public route of the cluster serves the name beside the tunnel.", subject=target.hostname)
        return
    yield warn(
        f"{naming[0]} serves {target.hostname} too: who dials the controller directly gets past Access.",
        subject=naming[0],
        where="routes of the cluster",
        seen={"by the tunnel": found.rule.shown, "by the controller": winner.ref},
        remedy=Remedy(
            text="Remove that route, or keep it for the inside only: an allow list, or an entry point without public "
            "port.",
            commands=(look("ingressdoctor", "route", f"https://{target.hostname}/"),),
            proof=look("ingressdoctor", "route", f"https://{target.hostname}/"),
        ),
    )
