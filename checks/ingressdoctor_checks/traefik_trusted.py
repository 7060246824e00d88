"""Does the list of proxies that Traefik believes still hold all of Cloudflare's ranges?

Traefik deletes X-Forwarded-* of a peer that it does not trust: the application then sees the edge's address, and http
where the edge ended TLS. A list that was copied once goes stale when Cloudflare's changes, and only for some visitors.
Source: Traefik forwardedHeaders.trustedIPs (pkg/middlewares/forwardedheaders), Cloudflare's published ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AddressRanges,
    Controller,
    EntryPoint,
    Finding,
    OriginPort,
    OutsideProbe,
    Remedy,
    Unavailable,
    changes,
    check,
    fail,
    look,
    of_same_family,
    ok,
    skip,
    uncovered,
    warn,
)
from ingressdoctor_checks.traefik_page import http_entry_point, http_links

__all__ = ["trusted_ips_stale"]

_SHOWN: Final = 4
_LIST: Final = "https://www.cloudflare.com/ips-v4"


@check(
    id="traefik.trusted-ips-stale",
    title="Traefik believes all of Cloudflare's ranges, and no others in their place",
    step="controller",
    link="edge → X-Forwarded headers",
    causes=("traefik.forwarded-proto",),
)
def trusted_ips_stale(
    controller: Controller, ranges: AddressRanges, probe: OutsideProbe | Unavailable, port: OriginPort
) -> Iterator[Finding]:
    """A list of Cloudflare's ranges that lacks some of today's, or holds more than Cloudflare has."""
    points = [item for item in controller.static.entry_points if _lists_edge(item, ranges)]
    if not points:
        yield skip("No entry point trusts a list of Cloudflare's ranges.")
        return
    for point in points:
        lacks, more = _lacks(point, ranges), _more(point, ranges)
        if lacks or more:
            told = http_entry_point(controller)
            arrives = port.plain and told is not None and told.name == point.name
            harmed = bool(lacks and arrives and http_links(probe))
            yield _stale(controller, point, ranges, (lacks, more), harmed=harmed)
            return
    names = ", ".join(point.name for point in points)
    yield ok(
        f"The entry points {names} trust all of Cloudflare's ranges.",
        seen={"ranges": f"{ranges.source} ({ranges.as_of})"},
    )


def _lists_edge(point: EntryPoint, ranges: AddressRanges) -> bool:
    """Tell whether somebody wrote Cloudflare's ranges there: one of the list lies inside them, or is one of them."""
    trusted = point.forwarded_trusted
    return not point.forwarded_insecure and len(uncovered(trusted, ranges.cidrs)) < len(trusted)


def _lacks(point: EntryPoint, ranges: AddressRanges) -> tuple[str, ...]:
    """Return today's ranges that are not trusted; a list without IPv6 means an origin without it."""
    own = tuple(text for text in point.forwarded_trusted if not uncovered((text,), ranges.cidrs))
    return uncovered(of_same_family(ranges.cidrs, own), point.forwarded_trusted)


def _more(point: EntryPoint, ranges: AddressRanges) -> tuple[str, ...]:
    """Return trusted networks that hold one of Cloudflare's ranges and addresses of strangers besides."""
    beyond = uncovered(point.forwarded_trusted, ranges.cidrs)
    return tuple(text for text in beyond if len(uncovered(ranges.cidrs, (text,))) < len(ranges.cidrs))


def _stale(
    controller: Controller,
    point: EntryPoint,
    ranges: AddressRanges,
    found: tuple[tuple[str, ...], tuple[str, ...]],
    *,
    harmed: bool,
) -> Finding:
    lacks, more = found
    count = len(of_same_family(ranges.cidrs, point.forwarded_trusted))
    what = (
        f"lacks {len(lacks)} of {count} ranges of Cloudflare: requests from there lose X-Forwarded-For and -Proto"
        if lacks
        else f"holds {more[0]}, which is more than Cloudflare has: strangers there can forge X-Forwarded-For"
    )
    name = f"{controller.namespace}/{controller.workload}"
    seen_now = "; the page just got links to http" if harmed else ""
    return (fail if harmed else warn)(
        f"The list that Traefik's entry point {point.name} trusts {what}{seen_now}.",
        subject=f"Traefik {name}",
        where="Traefik's static configuration",
        seen={
            "option": f"entryPoints.{point.name}.forwardedHeaders.trustedIPs",
            **({"missing": ", ".join(lacks[:_SHOWN]) + (" …" if len(lacks) > _SHOWN else "")} if lacks else {}),
            **({"too wide": ", ".join(more[:_SHOWN])} if more else {}),
            "compared with": f"{ranges.source} ({ranges.as_of})",
        },
        remedy=Remedy(
            text="Write today's whole list (ips-v4, and ips-v6 where the origin has IPv6) into trustedIPs. On K3s that "
            "is the HelmChartConfig of traefik in kube-system.",
            commands=(
                look("curl", "-sS", _LIST),
                changes("kubectl", "-n", controller.namespace, "edit", controller.made_by),
            ),
            proof=look("kubectl", "-n", controller.namespace, "rollout", "status", controller.made_by),
        ),
    )
