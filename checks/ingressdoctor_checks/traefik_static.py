"""How Traefik was started: where its configuration comes from, which version runs, whose client addresses it believes.

Source: Traefik's loaders (file, arguments, environment: the first that yields anything wins), its image tags, its
forwarded headers and ipStrategy.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    Container,
    Controller,
    Custom,
    Finding,
    OutsideProbe,
    Pod,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Unavailable,
    as_map,
    changes,
    check,
    fail,
    look,
    of_same_family,
    ok,
    skip,
    uncovered,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import API, STEP, describe, edit, logs_of
from ingressdoctor_checks.traefik_objects import middlewares_of

__all__ = ["forwarded_headers", "static_source", "version"]

_LINK: Final = "Traefik's start"
_REFUSED: Final = 403
_SHOWN: Final = 4
_TAG: Final = re.compile(r":v?(\d+\.\d+(?:\.\d+)?[\w.-]*)(?:@|$)")


def _traefik_of(pod: Pod) -> Container | None:
    return next((item for item in pod.containers if "traefik" in (item.image or "").lower()), None)


@check(
    id="traefik.static-source",
    title="Traefik's static configuration comes from one source",
    step=STEP,
    link=_LINK,
)
def static_source(controller: Controller) -> Iterator[Finding]:
    """A file makes all arguments dead, and arguments make all TRAEFIK_ variables dead."""
    if controller.pods_unread is not None:
        yield unknown(
            f"How Traefik was started could not be seen: {controller.pods_unread.reason}.",
            enable_with=controller.pods_unread.enable_with,
        )
        return
    if not controller.pods:
        yield skip("There is no Traefik pod whose start could be looked at.")
        return
    static = controller.static
    container = _traefik_of(controller.pods[0])
    flags = [word for word in (container.args or ()) if word and word.startswith("-")] if container else []
    names = (
        [item.name for item in (container.env or ()) if item.name.upper().startswith("TRAEFIK_")] if container else []
    )
    subject = f"Traefik {controller.namespace}/{controller.workload}"
    ignored = {}
    if static.source == "file" and len(flags) > 1:
        ignored = {"read": "the file", "ignored": f"{len(flags) - 1} arguments"}
    elif static.source == "args" and names:
        ignored = {"read": "the arguments", "ignored": ", ".join(names[:6])}
    if ignored:
        yield warn(
            f"Traefik reads its static configuration from {ignored['read']} only; {ignored['ignored']} have no effect.",
            subject=subject,
            where=API,
            seen=ignored,
            remedy=Remedy(
                text="Keep one source: a file wins over arguments, and arguments over TRAEFIK_ variables; they are "
                "never merged.",
                commands=(
                    look("kubectl", "-n", controller.namespace, "get", f"deploy/{controller.workload}", "-o", "yaml"),
                    changes("kubectl", "-n", controller.namespace, "edit", f"deploy/{controller.workload}"),
                ),
                proof=logs_of(controller),
            ),
        )
        return
    yield ok(f"Traefik reads its static configuration from one source: {static.source}.", subject=subject, where=API)


@check(
    id="traefik.version",
    title="All Traefik pods run one known version",
    step=STEP,
    link=_LINK,
)
def version(controller: Controller) -> Iterator[Finding]:
    """Routes are judged for one version; pods of different ones may take different routes."""
    images = {pod.name: (item.image or "") for pod in controller.pods if (item := _traefik_of(pod)) is not None}
    tags = {name: match.group(1) if (match := _TAG.search(image)) else "" for name, image in images.items()}
    different = sorted({tag for tag in tags.values() if tag})
    subject = f"Traefik {controller.namespace}/{controller.workload}"
    rollout = look("kubectl", "-n", controller.namespace, "rollout", "status", f"deploy/{controller.workload}")
    if len(different) > 1:
        yield warn(
            f"Traefik's pods run different versions ({', '.join(different)}): the same request may take different "
            "routes.",
            subject=subject,
            where=API,
            seen=images,
            remedy=Remedy(text="Let the rollout finish, or see what holds it up.", commands=(rollout,), proof=rollout),
        )
    elif controller.pods_unread is not None:
        yield unknown(
            f"Traefik's version could not be seen: {controller.pods_unread.reason}.",
            enable_with=controller.pods_unread.enable_with,
        )
    elif not controller.version:
        yield skip("The image does not tell Traefik's version; routes are judged as the newest known one would.")
    elif controller.version.startswith(("1.", "2.")):
        yield warn(
            f"Traefik {controller.version} is of an old line, which reads rules in their old form.",
            subject=subject,
            where=API,
            seen={"version": controller.version, **images},
            remedy=Remedy(
                text="Plan the step to version 3: core.defaultRuleSyntax=v2 keeps old rules working meanwhile; the "
                "API group traefik.containo.us and Ingress path templates are gone there.",
                commands=(look("kubectl", "get", "ingressroutes.traefik.io", "-A"),),
                proof=rollout,
            ),
        )
    else:
        yield ok(f"Traefik {controller.version} runs on {len(controller.pods)} pods.", subject=subject, where=API)


@check(
    id="traefik.forwarded-headers",
    title="Whatever judges client addresses sees the client's",
    step=STEP,
    link="Traefik → client address",
    causes=("http-403", "http-429"),
)
def forwarded_headers(
    decision: RouteDecision,
    objects: RoutingObjects | Unavailable,
    controller: Controller,
    outside: OutsideProbe | Unavailable,
    ranges: AddressRanges,
) -> Iterator[Finding]:
    """An address list behind the edge judges the edge's address, unless it looks into trusted X-Forwarded-For.

    A list of nothing but Cloudflare's ranges is meant for the edge, and has to hold them all.
    """
    winner = decision.winner
    if winner is None or winner.provider == "internal":
        yield skip("No route takes the request, so nothing judges the client's address.")
        return
    lists = [item for item in middlewares_of(winner, objects) if _sources(item)]
    if not lists:
        yield skip("No middleware of the route judges the client's address.")
        return
    if isinstance(outside, Unavailable):
        yield unknown("Whether the edge stands before Traefik could not be seen.", enable_with="Let the tool reach it.")
        return
    if not outside.edge:
        yield ok("No edge stands before Traefik whose address could be judged instead of the client's.")
        return
    point = controller.static.entry_point(decision.request.entry_point)
    trusts = point is not None and (point.forwarded_insecure or bool(point.forwarded_trusted))
    for item in lists:
        strategy = as_map(as_map(_spec(item)).get("ipStrategy"))
        blind = not strategy.get("depth") and not strategy.get("excludedIPs")
        if trusts and not blind:
            continue
        if blind and not uncovered(_ranges(item), ranges.cidrs):
            yield _for_the_edge(item, ranges, outside)
            return
        why = "it has no ipStrategy" if blind else "the entry point trusts nobody's X-Forwarded-For"
        yield warn(
            f"{item.ref} judges the address of Cloudflare's edge instead of the visitor's: {why}.",
            subject=item.ref,
            where=API,
            seen={
                "ipStrategy": ", ".join(f"{key}: {value}" for key, value in strategy.items()) or "none",
                "trusted": ", ".join(point.forwarded_trusted) if point and point.forwarded_trusted else "nobody",
                "answer from outside": str(outside.last.status),
            },
            remedy=Remedy(
                text="Trust the edge's ranges in the entry point's forwardedHeaders.trustedIPs, and set "
                "ipStrategy.depth: 1; or list the edge's ranges if only the edge shall come in.",
                commands=(describe(item.ref), changes(*edit(item.ref))),
                proof=describe(item.ref),
            ),
        )
        return
    yield ok("The route's address list looks at the forwarded address of the client.", subject=lists[0].ref)


def _for_the_edge(item: Custom, ranges: AddressRanges, outside: OutsideProbe) -> Finding:
    """What is to be said of a list that lets the edge in, and nobody else."""
    wanted = of_same_family(ranges.cidrs, _ranges(item))
    lacks = uncovered(wanted, _ranges(item))
    if not lacks:
        return ok(f"{item.ref} lets all of Cloudflare's ranges in, and nobody else.", subject=item.ref, where=API)
    refused = outside.last.status == _REFUSED
    summary = f"{item.ref} lets Cloudflare alone in, and lacks {len(lacks)} of its {len(wanted)} ranges"
    return (fail if refused else warn)(
        f"{summary}: requests from there {'are' if refused else 'would be'} refused.",
        subject=item.ref,
        where=API,
        seen={
            "missing": ", ".join(lacks[:_SHOWN]) + (" …" if len(lacks) > _SHOWN else ""),
            "answer from outside": str(outside.last.status),
            "compared with": f"{ranges.source} ({ranges.as_of})",
        },
        remedy=Remedy(
            text="Write today's whole list into sourceRange (ips-v4, and ips-v6 where the origin has IPv6).",
            commands=(
                look("curl", "-sS", "https://www.cloudflare.com/ips-v4"),
                changes(*edit(item.ref)),
            ),
            proof=describe(item.ref),
        ),
    )


def _ranges(item: Custom) -> tuple[str, ...]:
    """The networks that an address list lets in."""
    listed = as_map(_spec(item)).get("sourceRange")
    return tuple(str(text) for text in listed) if isinstance(listed, list) else ()


def _spec(item: Custom) -> object:
    return item.spec.get("ipAllowList") or item.spec.get("ipWhiteList")


def _sources(item: Custom) -> bool:
    """Tell whether the address list lets some addresses in and others not."""
    ranges = _ranges(item)
    return bool(ranges) and not {"0.0.0.0/0", "::/0"} & set(ranges)
