"""TLS options of one host: an option is chosen by the name in the handshake, so routes of a host must agree.

Source: Traefik's TLS options per SNI: routes of one host that name different options all get the default.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from msgspec.structs import replace

from ingressdoctor.api import (
    CandidateRoute,
    DroppedRoute,
    DropReason,
    Finding,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Target,
    Unavailable,
    as_map,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.traefik_common import (
    API,
    ROUTE_EFFECTS,
    STEP,
    blame,
    cannot_use_option,
    describe,
    edit,
    names_host,
    proof_of,
    split_ref,
)
from ingressdoctor_checks.traefik_objects import (
    PREFIX,
    ingress_route_of,
    ingresses_of,
    middleware_id,
    observed,
)
from ingressdoctor_checks.undecided import undecided

__all__ = ["tls_option_conflict"]

_KEY: Final = f"{PREFIX}router.tls.options"


@check(
    id="traefik.tls-option-conflict",
    title="The host's routes agree on their TLS option",
    step=STEP,
    link="Traefik's TLS options",
    causes=(
        *("http-421", "tls-handshake", "edge-525", "edge-520", "lb.origin-unreachable"),
        *("traefik.no-arrivals", *ROUTE_EFFECTS),
    ),
)
def tls_option_conflict(
    decision: RouteDecision,
    objects: RoutingObjects | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """With different options on one host Traefik uses its default: client certificates and minimum versions are off."""
    if not decision.request.tls:
        yield skip("The request does not use TLS.")
        return
    if isinstance(objects, Unavailable):
        yield undecided(decision) or skip("The routes could not be read, so neither could their TLS options.")
        return
    if broken := tuple(route for route in decision.dropped if cannot_use_option(route)):
        lost = replace(decision, dropped=broken)
        yield from blame(lost, target, (DropReason.TLS_OPTION,), partial(_broken, target=target), fine="")
        return
    named: dict[str, str] = {}
    for route in decision.candidates:
        if route.provider != "internal" and names_host(route.rule, target.hostname):
            named.setdefault(_option_of(route, objects) or "default", route.ref)
    if len(named) < 2:
        option = next(iter(named), "default")
        yield ok(f"The host's routes use one TLS option: {option}.")
        return
    answer = observed(decision, outside, origin)
    misdirected = answer.status == 421
    refs = list(named.values())
    say = fail if misdirected else warn
    yield say(
        f"The routes of {target.hostname} name different TLS options ({', '.join(named)}): Traefik uses the default "
        "one for all of them" + (", and answers 421." if misdirected else "."),
        subject=refs[0],
        where=API,
        seen={ref: f"TLS option {option}" for option, ref in named.items()} | {"answer": str(answer)},
        remedy=Remedy(
            text="Name the same TLS option in every route of the host. Until then client certificates and a minimum "
            "version that one of them asks for are not enforced.",
            commands=(*(describe(ref) for ref in refs[:2]), changes(*edit(refs[-1]))),
            proof=proof_of(target),
        ),
    )


def _broken(route: DroppedRoute, target: Target) -> tuple[str, Remedy]:
    summary = (
        f"Traefik cannot use the TLS option {route.related} of {route.ref}, and closes every TLS connection for it "
        f"({route.detail})."
    )
    remedy = Remedy(
        text="Create or correct the TLSOption, or take the reference out of the route.",
        commands=(
            look("kubectl", "-n", split_ref(route.ref)[1], "get", "tlsoptions.traefik.io"),
            describe(route.ref),
            changes(*edit(route.ref)),
        ),
        proof=proof_of(target),
    )
    return summary, remedy


def _option_of(route: CandidateRoute, objects: RoutingObjects) -> str:
    """Return the id of the TLS option that a route's object names; empty for none."""
    item = ingress_route_of(route.ref, objects)
    if item is not None:
        options = as_map(as_map(item.spec.get("tls")).get("options"))
        name = str(options.get("name") or "")
        if not name or "@" in name or name == "default":
            return name
        return middleware_id(str(options.get("namespace") or item.namespace), name)
    for ingress in ingresses_of((route.ref,), objects):
        keys = {key.lower(): value for key, value in (ingress.metadata.annotations or {}).items()}
        return (keys.get(_KEY) or "").strip()
    return ""
