"""Annotations that look like Traefik's and that Traefik does not read, or that cost it the whole Ingress.

Source: Traefik's Ingress provider: ``router.*`` is read from Ingresses, ``service.*`` from Services, and IngressRoutes
have neither; one unknown key below ``router.`` or ``service.`` drops what it stands on.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from ingressdoctor.api import (
    BackendView,
    DropReason,
    Finding,
    Ingress,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    RoutingObjects,
    Status,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    ok,
    unknown,
    warn,
)
from ingressdoctor_checks.traefik_common import (
    API,
    LINK_ROUTE,
    ROUTE_EFFECTS,
    STEP,
    describe,
    edit,
    kube_name,
    proof_of,
    split_ref,
    weight_of,
)
from ingressdoctor_checks.traefik_objects import (
    PREFIX,
    SERVICE_KEYS,
    Observed,
    ingress_route_of,
    ingresses_of,
    misspelt_service_keys,
    observed,
)
from ingressdoctor_checks.undecided import undecided

__all__ = ["annotation_misread"]

_ROUTER: Final = (
    *("router.entrypoints", "router.middlewares", "router.priority", "router.rulesyntax", "router.pathmatcher"),
    *("router.tls", "router.tls.options", "router.tls.certresolver", "router.observability.accesslogs"),
)
_READ: Final = f"{PREFIX}router."
# Prefixes of other products that carry the word, and are read by somebody.
_OTHERS: Final = ("hub.traefik.io/", "kubectl.kubernetes.io/", "meta.helm.sh/", "argocd.argoproj.io/")
_OURS: Final = re.compile(r"[a-z0-9.-]*traefik[a-z0-9.-]*[/.]", re.IGNORECASE)
_OTHER_NOTE: Final = re.compile(r"\.(?:containo\.us|io)/(?:managed-by|version|chart)$")


class _Misread(msgspec.Struct, frozen=True):
    """One annotation without effect: on what, which key, why, and what would have one."""

    ref: str
    key: str
    value: str
    why: str
    cure: str


@check(
    id="traefik.annotation-misread",
    title="Traefik reads the annotations that are meant for it",
    step=STEP,
    link=LINK_ROUTE,
    causes=ROUTE_EFFECTS,
)
def annotation_misread(
    decision: RouteDecision,
    objects: RoutingObjects | Unavailable,
    view: BackendView | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """A key in the wrong place or with the wrong name does nothing; below router. it costs the whole Ingress."""
    if isinstance(objects, Unavailable):
        yield unknown(
            f"The annotations of the routes could not be looked at: {objects.reason}.", enable_with=objects.enable_with
        )
        return
    dropped = [route for route in decision.dropped if route.reason is DropReason.ANNOTATION]
    refs = set()
    for route in dropped:
        if route.ref in refs:
            continue
        refs.add(route.ref)
        say = fail if weight_of(route, decision, target.hostname) is Status.FAIL else warn
        nearest = _nearest(route.related.removeprefix(PREFIX).lower(), _ROUTER)
        yield say(
            f"Traefik leaves the whole {route.ref} out, because it cannot read its annotation "
            f"{route.related or '(path matcher)'}"
            + (f"; did you mean {PREFIX}{nearest}?" if nearest else f": {route.detail}."),
            subject=route.ref,
            where=API,
            seen={"Traefik": route.detail, "rule": route.rule, "log line to look for": route.log_line},
            remedy=Remedy(
                text=f"Correct or remove the annotation {route.related}: one wrong key costs the whole Ingress.",
                commands=(describe(route.ref), changes(*edit(route.ref))),
                proof=proof_of(target),
            ),
        )
    spoiled = _spoiled_service(decision, view)
    if spoiled is not None:
        refs.add(spoiled.service.ref if spoiled.service else "")
        yield _on_spoiled(spoiled, decision, observed(decision, outside, origin), target)
    found = [item for item in _misread(decision, objects, view, target) if item.ref not in refs]
    if found:
        yield from _grouped(found)
    elif not dropped and spoiled is None:
        yield undecided(decision) or ok("Every annotation that is meant for Traefik stands where Traefik reads it.")


def _spoiled_service(decision: RouteDecision, view: BackendView | Unavailable) -> BackendView | None:
    """Return the backend of the winning Ingress, if its Service has a key that Traefik cannot read."""
    winner = decision.winner
    if isinstance(view, Unavailable) or view.service is None or winner is None or view.route != winner.ref:
        return None
    by_ingress = winner.provider == "kubernetes"
    return view if by_ingress and misspelt_service_keys(view.service) else None


def _on_spoiled(view: BackendView, decision: RouteDecision, answer: Observed, target: Target) -> Finding:
    keys = misspelt_service_keys(view.service) if view.service else ()
    ref = view.service.ref if view.service else ""
    nearest = _nearest(keys[0].removeprefix(PREFIX).lower(), SERVICE_KEYS)
    # Another route of the host may answer instead, with whatever it has at this path.
    say = fail if answer.status == 404 else warn
    removals = tuple(f"{key}-" for key in keys[:4])
    return say(
        f"Traefik leaves {view.route} out for this path, because it cannot read the annotation {keys[0]} of {ref}"
        + (f"; did you mean {PREFIX}{nearest}?" if nearest else "."),
        subject=ref,
        where=API,
        seen={
            **{key: view.service.annotations[key] for key in keys[:4] if view.service},
            "log line to look for": f"Cannot create service serviceName={view.ref.name}",
            "answer": str(answer),
        },
        remedy=Remedy(
            text="Correct or remove it: one unknown key below service. costs every Ingress path to it.",
            commands=(
                describe(ref),
                changes("kubectl", "-n", view.ref.namespace, "annotate", "service", view.ref.name, *removals),
            ),
            proof=proof_of(target),
        ),
    )


def _grouped(found: list[_Misread]) -> Iterator[Finding]:
    """Yield one finding per object: its keys have one remedy."""
    for ref in dict.fromkeys(item.ref for item in found):
        mine = [item for item in found if item.ref == ref]
        first = mine[0]
        more = f" (and {len(mine) - 1} more)" if len(mine) > 1 else ""
        namespace = split_ref(ref)[1]
        removals = tuple(f"{item.key}-" for item in mine[:4])
        yield warn(
            f"Traefik does not read the annotation {first.key} of {ref}{more}: {first.why}.",
            subject=ref,
            where=API,
            seen={item.key: item.value for item in mine[:8]},
            remedy=Remedy(
                text=" ".join(dict.fromkeys(item.cure for item in mine)),
                commands=(describe(ref), changes("kubectl", "-n", namespace, "annotate", kube_name(ref), *removals)),
                proof=describe(ref),
            ),
        )


def _misread(
    decision: RouteDecision, objects: RoutingObjects, view: BackendView | Unavailable, target: Target
) -> Iterator[_Misread]:
    taken = {route.ref: None for route in decision.candidates}
    for item in ingresses_of(sorted(taken), objects):
        if not _are_read(item.metadata.annotations) and _is_for(item, target.hostname):
            yield from _on_ingress(item.ref, item.annotations, item)
    for ref in taken:
        route = ingress_route_of(ref, objects)
        if route is not None and route.metadata.annotations:
            yield from _on_ingress_route(ref, route.annotations)
    winner = decision.winner
    if isinstance(view, Unavailable) or view.service is None or winner is None or view.route != winner.ref:
        return
    if view.service.metadata.annotations:
        yield from _on_service(view.service.ref, view.service.annotations, winner.provider)


def _are_read(annotations: Mapping[str, object] | None) -> bool:
    """Tell whether Traefik reads all of these annotations of an Ingress, as it does for most."""
    return not annotations or all(key.startswith(_READ) for key in annotations)


def _is_for(item: Ingress, hostname: str) -> bool:
    wildcard = "*." + hostname.partition(".")[2]
    return any((rule.host or "").lower() in ("", hostname, wildcard) for rule in item.spec.rules or ())


def _meant(annotations: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Yield key, option below Traefik's prefix (empty under another prefix) and value of everything like Traefik's."""
    for key, value in annotations.items():
        if key.startswith(PREFIX):
            yield key, key.removeprefix(PREFIX).lower(), value
        elif _OURS.match(key) and not key.startswith(_OTHERS) and not _OTHER_NOTE.search(key):
            yield key, "", value


def _on_ingress(ref: str, annotations: Mapping[str, str], item: Ingress) -> Iterator[_Misread]:
    for key, option, value in _meant(annotations):
        if option.startswith("router."):
            continue
        if option.startswith("service."):
            sticky = " (so sessions are not sticky)" if option.startswith("service.sticky") else ""
            where = _services(item)
            yield _Misread(
                ref, key, value, f"service options are read from the Service only{sticky}", f"Move it to {where}."
            )
            continue
        yield _unknown_key(ref, key, value, (*_ROUTER, *SERVICE_KEYS))
    for key, value in annotations.items():
        if key.startswith("nginx.ingress.kubernetes.io/"):
            cure = "Write what it did as a Middleware and name that in router.middlewares, or remove it."
            yield _Misread(ref, key, value, "it is ingress-nginx's", cure)


def _services(item: Ingress) -> str:
    """Return the Services that an Ingress sends to, as words."""
    paths = (path for rule in item.spec.rules or () for path in (rule.http.paths if rule.http else None) or ())
    names = {path.backend.service.name for path in paths if path.backend.service is not None}
    return f"Service {', '.join(sorted(name for name in names if name))}" if any(names) else "the Service"


def _on_ingress_route(ref: str, annotations: Mapping[str, str]) -> Iterator[_Misread]:
    for key, _, value in _meant(annotations):
        why = "an IngressRoute has its options in its spec"
        yield _Misread(ref, key, value, why, "Write it into spec.routes[] (priority, middlewares, services[].sticky).")


def _on_service(ref: str, annotations: Mapping[str, str], provider: str) -> Iterator[_Misread]:
    for key, option, value in _meant(annotations):
        if option.startswith("router."):
            yield _Misread(ref, key, value, "router options are read from the Ingress only", "Move it to the Ingress.")
        elif provider == "kubernetescrd":
            why = "an IngressRoute sends here, and its service options are in its spec"
            yield _Misread(ref, key, value, why, "Write it into spec.routes[].services[] of the IngressRoute.")
        elif option not in SERVICE_KEYS:
            yield _unknown_key(ref, key, value, SERVICE_KEYS)


def _unknown_key(ref: str, key: str, value: str, known: tuple[str, ...]) -> _Misread:
    nearest = _nearest(re.split(r"[/]", key)[-1].lower(), known)
    cure = f"Write {PREFIX}{nearest}." if nearest else "Remove it, or write its present form."
    why = f"there is no such key; did you mean {PREFIX}{nearest}" if nearest else "no key of this name exists"
    return _Misread(ref, key, value, why, cure)


def _nearest(option: str, known: tuple[str, ...]) -> str:
    found = difflib.get_close_matches(option, known, n=1, cutoff=0.75)
    return found[0] if found else next((name for name in known if name.split(".", 1)[1] == option), "")
