"""Does the application learn that visitors came by https?

In SSL modes Flexible and Off the edge asks the origin over http and says https in X-Forwarded-Proto. Traefik believes
that of peers that it trusts only; from others it writes what it sees itself, and the page then links to http.
Source: Traefik forwardedHeaders (pkg/middlewares/forwardedheaders); browsers block mixed content (W3C Mixed Content).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    AnswerSource,
    Command,
    Controller,
    EntryPoint,
    Finding,
    OriginPort,
    Outcome,
    OutsideProbe,
    Remedy,
    RouteDecision,
    Target,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.outside_view import curl
from ingressdoctor_checks.traefik_common import STEP
from ingressdoctor_checks.traefik_page import http_entry_point, http_links, untrusted, v4_of

__all__ = ["forwarded_proto"]

_WHERE: Final = "the page as a visitor gets it, and Traefik's static configuration"
_LIST: Final = "https://www.cloudflare.com/ips-v4"
_SHOWN: Final = 3


@check(
    id="traefik.forwarded-proto",
    title="The application learns that visitors came by https",
    step=STEP,
    link="edge → X-Forwarded headers",
    causes=("edge.redirect-loop", "edge.ssl-mode-flexible", "backend.redirect-loop", "redirect-loop"),
)
def forwarded_proto(
    target: Target,
    probe: OutsideProbe | Unavailable,
    controller: Controller | Unavailable,
    port: OriginPort,
    ranges: AddressRanges,
    decision: RouteDecision | Unavailable,
) -> Iterator[Finding]:
    """Links to http in a page over https, with the reason that the configuration gives; or that reason alone."""
    plain, links = port.plain, http_links(probe)
    if not plain and not links:
        yield skip("The edge does not ask the origin over http for visitors of https, as far as is known.")
        return
    point = http_entry_point(controller)
    lacks = untrusted(point, ranges) if plain and point is not None else ()
    distrusted = point is not None and lacks == v4_of(ranges)
    if links and plain:
        yield _mixed(target, links, controller, (point, lacks, distrusted))
    elif links:
        yield _only_links(target, links)
    elif distrusted and point is not None:
        own = isinstance(controller, Controller) and controller.static.redirects(point)
        looping = not own and _application_loops(probe, decision)
        yield _by_configuration(target, controller, point, looping=looping)
    elif point is None:
        gap = controller if isinstance(controller, Unavailable) else None
        yield unknown(
            f"Whether Traefik believes the edge's X-Forwarded-Proto could not be looked at"
            f"{f': {gap.reason}' if gap else ': its entry point for port 80 is not known'}.",
            enable_with=gap.enable_with if gap and gap.enable_with else "Let the kubeconfig read Traefik's pods.",
        )
    else:
        yield ok(
            f"Traefik's entry point {point.name} believes Cloudflare's X-Forwarded-Proto, and the page names no http "
            "address of its own.",
            where=_WHERE,
        )


def _mixed(
    target: Target,
    links: tuple[str, ...],
    controller: Controller | Unavailable,
    trust: tuple[EntryPoint | None, tuple[str, ...], bool],
) -> Finding:
    point, lacks, distrusted = trust
    if point is None:
        why = "X-Forwarded-Proto is lost on the way, or the application does not honour it"
    elif distrusted:
        why = f"Traefik's entry point {point.name} does not trust Cloudflare, and tells the application http"
    elif lacks:
        why = f"Traefik's entry point {point.name} trusts only some of Cloudflare's ranges ({len(lacks)} are missing)"
    else:
        why = "the application does not honour the X-Forwarded-Proto that Traefik passes on"
    if point is not None and lacks:
        text, commands = _remedy(point), _commands(controller)
    else:
        text = "Make the application build its links from X-Forwarded-Proto (trust the proxy), or write them relative."
        commands = ()
    return fail(
        f"The page of https://{target.hostname} loads {len(links)} of its own addresses over http, which browsers "
        f"block: {why}.",
        subject=f"https://{target.hostname}/",
        where=_WHERE,
        seen={"loaded over http": ", ".join(links[:_SHOWN]), **_trust(point)},
        remedy=Remedy(
            text=f"{text} SSL mode Full makes the edge ask over https, where the header says so by itself.",
            commands=(*commands, _page(target)),
            proof=_page(target),
        ),
    )


def _only_links(target: Target, links: tuple[str, ...]) -> Finding:
    return warn(
        f"The page of https://{target.hostname} names {len(links)} of its own addresses with http, which browsers "
        "block or upgrade.",
        subject=f"https://{target.hostname}/",
        where=_WHERE,
        seen={"named with http": ", ".join(links[:_SHOWN])},
        remedy=Remedy(
            text="Make the application build its links from X-Forwarded-Proto, or write them relative.",
            commands=(_page(target),),
            proof=_page(target),
        ),
    )


def _application_loops(probe: OutsideProbe | Unavailable, decision: RouteDecision | Unavailable) -> bool:
    """Tell whether visitors go in a circle that Traefik itself does not make."""
    if isinstance(probe, Unavailable) or not (probe.loop or probe.too_many_redirects):
        return False
    if isinstance(decision, Unavailable) or decision.outcome is not Outcome.ROUTED:
        return False
    return decision.predicted is None or decision.predicted.source is not AnswerSource.CONTROLLER


def _by_configuration(
    target: Target, controller: Controller | Unavailable, point: EntryPoint, *, looping: bool
) -> Finding:
    so = "so it sends them to https again and again" if looping else "which its links, redirects and cookies may follow"
    return (fail if looping else warn)(
        f"Traefik's entry point {point.name} does not trust Cloudflare's X-Forwarded-Proto: the application is told "
        f"http for every visitor of https, {so}.",
        subject=f"Traefik's entry point {point.name}",
        where=_WHERE,
        seen=_trust(point),
        remedy=Remedy(
            text=_remedy(point),
            commands=_commands(controller),
            proof=curl(target.url),
        ),
    )


def _trust(point: EntryPoint | None) -> dict[str, str]:
    if point is None:
        return {}
    option = f"entryPoints.{point.name}.forwardedHeaders.trustedIPs"
    return {option: ", ".join(point.forwarded_trusted[:_SHOWN]) or "not set"}


def _remedy(point: EntryPoint) -> str:
    return (
        f"Write Cloudflare's ranges ({_LIST}, ips-v6) into entryPoints.{point.name}.forwardedHeaders.trustedIPs; on "
        "K3s that is the HelmChartConfig of traefik in kube-system."
    )


def _commands(controller: Controller | Unavailable) -> tuple[Command, ...]:
    listed = look("curl", "-sS", _LIST)
    if isinstance(controller, Unavailable):
        return (listed,)
    args = "jsonpath={.items[0].spec.containers[0].args}"
    label = "app.kubernetes.io/name=traefik"
    return (listed, look("kubectl", "-n", controller.namespace, "get", "pods", "-l", label, "-o", args))


def _page(target: Target) -> Command:
    return look("curl", "-sS", target.url)
