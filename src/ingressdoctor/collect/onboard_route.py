"""The items about the route of a new public hostname: is it named, does Traefik take it, and what would name it? Pure.

A route to paste is made from the one of the most similar hostname: same kind, namespace, entry points and middlewares.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.collect.onboard_common import as_yaml, done, missing, nearest, slug_of, unseen
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.nginx import NginxDecision
from ingressdoctor.evidence.onboarding import NextAction, OnboardItem
from ingressdoctor.evidence.routes import Custom, KnownHosts, Outcome, RouteDecision, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import changes, look
from ingressdoctor.model.text import clean

__all__ = ["Neighbour", "Routing", "named_item", "neighbour_of", "route_yaml", "routed_item"]

_NAMED: Final = "route-object"
_NAMED_TITLE: Final = "An Ingress or IngressRoute names the hostname"
_ROUTED: Final = "controller-routes"
_TITLE: Final = "{name} routes it"
_KINDS: Final = ("IngressRoute", "Ingress")
# Annotations that belong to one object only, and must not be copied.
_OWN: Final = ("kubectl.kubernetes.io/", "argocd.argoproj.io/", "meta.helm.sh/", "lab.")


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """The route of a similar hostname, to be copied."""

    hostname: str
    item: Custom | Ingress

    @property
    def secret(self) -> str:
        """The TLS Secret that it names, or the empty string."""
        if isinstance(self.item, Ingress):
            entries = self.item.spec.tls or ()
            return next((entry.secret_name or "" for entry in entries if self.hostname in (entry.hosts or ())), "")
        tls = self.item.spec.get("tls")
        return str(tls.get("secretName") or "") if isinstance(tls, Mapping) else ""


def neighbour_of(host: str, hosts: KnownHosts | Unavailable, objects: RoutingObjects | Unavailable) -> Neighbour | None:
    """Return the route of the known hostname that is most like *host*."""
    if isinstance(hosts, Unavailable) or isinstance(objects, Unavailable):
        return None
    by_ref: dict[str, Custom | Ingress] = {}
    for loaded in (objects.ingress_routes, objects.ingresses):
        if isinstance(loaded, Loaded):
            by_ref |= {item.ref: item for item in loaded.items}
    known = [
        Neighbour(hostname=name, item=item)
        for name in nearest(host, hosts.hosts)
        for ref in hosts.hosts[name]
        if (item := by_ref.get(" ".join(ref.partition("#")[0].split()[:2]))) is not None
    ]
    return min(known, key=_only_redirects, default=None)


def _only_redirects(neighbour: Neighbour) -> bool:
    """Tell whether a route seems to send visitors to another name, so that it is no example."""
    item = neighbour.item
    told = item.annotations.values() if isinstance(item, Ingress) else (str(item.spec.get("routes")),)
    return any("redirect-to" in text or "redirect-www" in text for text in told)


def named_item(
    host: str,
    hosts: KnownHosts | Unavailable,
    neighbour: Neighbour | None,
    waiting: NextAction | None,
    secret: str = "",
) -> OnboardItem:
    """Judge whether a route names the host; what is in git only is to be synced, not written again.

    Args:
        host: The new hostname.
        hosts: The hostnames that routes name.
        neighbour: The route to copy.
        waiting: How to let Argo CD bring a route that is in git only.
        secret: A TLS Secret in the neighbour's namespace whose certificate covers the host already.
    """
    if isinstance(hosts, Unavailable):
        return unseen(_NAMED, _NAMED_TITLE, hosts)
    naming = hosts.naming(host)
    if naming:
        more = f" and {len(naming) - 1} more" if len(naming) > 1 else ""
        return done(_NAMED, _NAMED_TITLE, f"{naming[0]}{more}.")
    if hosts.unread:
        return unseen(_NAMED, _NAMED_TITLE, hosts.unread[0])
    detail = "none of the cluster names it."
    if waiting is not None:
        return missing(_NAMED, _NAMED_TITLE, f"{detail} Git may hold one already.", waiting)
    return missing(_NAMED, _NAMED_TITLE, detail, _write(host, neighbour, secret))


def _write(host: str, neighbour: Neighbour | None, secret: str) -> NextAction:
    if neighbour is None:
        return NextAction(
            text="Write an Ingress or IngressRoute that names it; no similar hostname is there to copy from.",
            commands=(look("kubectl", "get", "ingressroutes,ingresses", "-A"),),
        )
    item = neighbour.item
    return NextAction(
        text=f"Apply this route, made from {item.ref} ({neighbour.hostname}), or commit it where that one is kept in "
        "git. Put the Service and port of the new application in.",
        place=f"a manifest beside that of {item.ref}",
        paste=route_yaml(host, neighbour, secret),
        commands=(changes("kubectl", "apply", "-f", "route.yaml"), look("ingressdoctor", "route", f"https://{host}/")),
    )


def route_yaml(host: str, neighbour: Neighbour, secret: str = "") -> str:
    """Return the neighbour's route as it would be for *host*: own name, host and TLS Secret; the rest as it is."""
    item, old = neighbour.item, neighbour.hostname
    chosen = secret or f"{slug_of(host)}-tls"
    if isinstance(item, Ingress):
        spec, version = _ingress_spec(item, old, host, chosen), "networking.k8s.io/v1"
    else:
        spec, version = _route_spec(item, old, host, chosen), "traefik.io/v1alpha1"
    # With a Certificate that fills the Secret already, an annotation would make another one that fights for it.
    own = (*_OWN, "cert-manager.io/") if secret else _OWN
    kept = {key: value for key, value in item.annotations.items() if not key.startswith(own)}
    return as_yaml(
        {
            "apiVersion": version,
            "kind": _KINDS[isinstance(item, Ingress)],
            "metadata": {"name": slug_of(host), "namespace": item.namespace, "annotations": kept},
            "spec": spec,
        }
    )


def _route_spec(item: Custom, old: str, host: str, secret: str) -> dict[str, Any]:
    spec = copy.deepcopy(item.spec)
    routes = spec.get("routes")
    mine = [
        {**route, "match": str(route.get("match")).replace(f"`{old}`", f"`{host}`")}
        for route in (routes if isinstance(routes, list) else ())
        if isinstance(route, dict) and f"`{old}`" in str(route.get("match"))
    ]
    spec["routes"] = mine or routes
    if isinstance(spec.get("tls"), dict) and spec["tls"].get("secretName"):
        spec["tls"] = {**spec["tls"], "secretName": secret}
    return spec


def _ingress_spec(item: Ingress, old: str, host: str, secret: str) -> dict[str, Any]:
    spec: dict[str, Any] = msgspec.to_builtins(item.spec)
    rules = [rule for rule in spec.get("rules") or () if isinstance(rule, dict) and rule.get("host") == old]
    spec["rules"] = [{**rule, "host": host} for rule in rules]
    if spec.get("tls"):
        spec["tls"] = [{"hosts": [host], "secretName": secret}]
    spec.pop("defaultBackend", None)
    return spec


class Routing(msgspec.Struct, frozen=True, kw_only=True):
    """Who routes: Traefik where there is one, else ingress-nginx where the request is followed into it."""

    decision: RouteDecision | Unavailable
    controller: Controller | Unavailable
    nginx: NginxDecision | Unavailable


def routed_item(host: str, routing: Routing, *, named: bool | None) -> OnboardItem:
    """Judge whether the controller takes requests for the host to a Service, by the model of its routing."""
    absent = isinstance(routing.controller, Unavailable)
    if absent and isinstance(routing.nginx, NginxDecision):
        return _by_model(host, routing.nginx.decision, "ingress-nginx", named=named)
    decision = routing.decision
    if isinstance(decision, Unavailable):
        return unseen(_ROUTED, _TITLE.format(name="The controller"), decision)
    if isinstance(routing.controller, Unavailable) and named is False:
        return missing(_ROUTED, _TITLE.format(name="The controller"), "no route names it yet.")
    if isinstance(routing.controller, Unavailable) and decision.outcome is not Outcome.ROUTED:
        # What no Traefik reads may be served by another controller, which was not asked.
        gap = Unavailable(
            wanted="the ingress controller",
            reason=routing.controller.reason,
            enable_with=routing.controller.enable_with or f"Ask for it as visitors do: ingressdoctor {host}",
        )
        return unseen(_ROUTED, _TITLE.format(name="The controller"), gap)
    return _by_model(host, decision, "Traefik", named=named)


def _by_model(host: str, decision: RouteDecision, name: str, *, named: bool | None) -> OnboardItem:
    title, winner = _TITLE.format(name=name), decision.winner
    if decision.outcome in (Outcome.ROUTED, Outcome.REDIRECT) and winner is not None:
        ends = ", ".join(f"{item.kind} {item.namespace}/{item.name}:{item.port}" for item in winner.backends[:2])
        return done(_ROUTED, title, f"{winner.ref} takes https://{host}/{f' to {ends}' if ends else ''}.")
    if decision.outcome is Outcome.UNDECIDED or (decision.unread and named is not True):
        what = ", ".join(decision.unread[:2] or decision.limits[:2]) or "some routes"
        gap = Unavailable(
            wanted=f"{name}'s routes",
            reason=f"not everything could be read: {what}",
            enable_with="See what may be read: ingressdoctor access",
        )
        return unseen(_ROUTED, title, gap)
    return missing(_ROUTED, title, *_untaken(host, decision, name, named=named is not False))


def _untaken(host: str, decision: RouteDecision, name: str, *, named: bool) -> tuple[str, NextAction | None]:
    """Return why no router takes it, and what to do about that."""
    again = look("ingressdoctor", "route", f"https://{host}/")
    if decision.dropped:
        drop = decision.dropped[0]
        fix = NextAction(text="Correct that object.", commands=(again,))
        return f"{name} leaves {drop.ref} out: {clean(drop.detail, 200)}", fix
    if decision.elsewhere:
        where = decision.elsewhere[0]
        points = ", ".join(where.entry_points) or "no entry point"
        fix = NextAction(text="Name the entry point of https.", commands=(again,))
        return f"{where.ref} would take it, but only on {points}.", fix
    if not named:
        return "no route names it yet.", None
    return f"no router takes https://{host}/.", NextAction(text="Look which rule it misses.", commands=(again,))
