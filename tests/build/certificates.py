"""Objects of cert-manager and Argo CD, and the evidence made of them."""

from __future__ import annotations

from typing import Any

import msgspec

from build.backend import CLOCK, HOST, NAMESPACE, a_decision
from build.values import replace
from ingressdoctor.api import (
    CertificateChain,
    DnsRecord,
    DnsReply,
    Ingress,
    IssuerSolver,
    IssuerView,
    Loaded,
    Rcode,
    RouteDecision,
    RoutingObjects,
)
from ingressdoctor.collect.certificates import chain_of
from ingressdoctor.evidence.certificates import Stated

RECORD = f"_acme-challenge.{HOST}"
UIDS = {"Certificate": "c-1", "CertificateRequest": "r-1", "Order": "o-1", "Challenge": "h-1"}
PARENTS = {"CertificateRequest": "Certificate", "Order": "CertificateRequest", "Challenge": "Order"}


def an_object(
    kind: str,
    name: str = "web",
    *,
    spec: dict[str, Any] | None = None,
    status: dict[str, Any] | None = None,
    created: str = "2026-11-21T11:00:00Z",
    **meta: Any,
) -> Stated:
    """An object of cert-manager, owned by the one of its parent's kind called ``web``."""
    parent = PARENTS.get(kind)
    owners = [{"kind": parent, "name": "web", "uid": UIDS[parent]}] if parent else None
    raw = {
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "uid": UIDS.get(kind),
            "creationTimestamp": created,
            "ownerReferences": owners,
            **meta,
        },
        "spec": spec or {},
        "status": status or {},
    }
    return msgspec.convert(raw, Stated)


def ready(value: str = "True", reason: str = "Ready", message: str = "", when: str = "2026-11-21T11:00:00Z") -> Any:
    """A Ready condition."""
    return {"type": "Ready", "status": value, "reason": reason, "message": message, "lastTransitionTime": when}


def issuing(value: str = "True", message: str = "Issuing", when: str = "2026-11-21T11:00:00Z") -> Any:
    """An Issuing condition."""
    return {"type": "Issuing", "status": value, "reason": "x", "message": message, "lastTransitionTime": when}


def a_certificate(*conditions: Any, name: str = "web", secret: str = "web-tls", **status: Any) -> Stated:
    """A Certificate that writes the route's Secret; Ready unless conditions say otherwise."""
    spec = {
        "secretName": secret,
        "dnsNames": ["www.shop.example.org"],
        "issuerRef": {"kind": "ClusterIssuer", "name": "letsencrypt"},
    }
    dates = {"notAfter": "2027-01-10T00:00:00Z", "renewalTime": "2026-12-10T00:00:00Z"}
    return an_object(
        "Certificate", name, spec=spec, status={"conditions": [*conditions] or [ready()], **dates, **status}
    )


def a_chain(certificate: Stated | None = None, *below: Stated, rivals: tuple[Stated, ...] = ()) -> CertificateChain:
    """The chain from this Certificate down."""
    return chain_of((certificate or a_certificate(), *rivals), below, CLOCK)


def a_request(message: str = 'Waiting on certificate issuance from order shop/web: "pending"', **more: Any) -> Stated:
    """A CertificateRequest that waits."""
    return an_object("CertificateRequest", status={"conditions": [ready("False", "Pending", message)]}, **more)


def an_order(state: str = "pending", reason: str = "", **more: Any) -> Stated:
    """An ACME order."""
    return an_object("Order", status={"state": state, **({"reason": reason} if reason else {})}, **more)


def a_challenge(
    reason: str = "", state: str = "pending", *, presented: bool = False, follow: bool = False, **more: Any
) -> Stated:
    """An ACME challenge for the target's name; *follow* tells that its solver follows CNAMEs."""
    solver = {"dns01": {"cnameStrategy": "Follow"}} if follow else {"dns01": {}}
    spec = {"dnsName": HOST, "type": "DNS-01", "token": "T0KEN", "key": "K3Y", "solver": solver}
    return an_object("Challenge", spec=spec, status={"state": state, "reason": reason, "presented": presented}, **more)


def a_refused_request(*conditions: dict[str, Any], **more: Any) -> Stated:
    """A CertificateRequest with exactly these conditions."""
    return an_object("CertificateRequest", status={"conditions": list(conditions)}, **more)


def a_condition(kind: str, value: str = "True", reason: str = "", message: str = "") -> dict[str, Any]:
    """A condition."""
    return {"type": kind, "status": value, "reason": reason, "message": message}


def an_issuer(name: str = "letsencrypt", *conditions: dict[str, Any], **spec: Any) -> Stated:
    """A ClusterIssuer, ready unless conditions say otherwise, with one solver for every name."""
    acme = {"solvers": [{"dns01": {}}], **spec}
    found = conditions or (a_condition("Ready", "True", "ACMEAccountRegistered"),)
    raw = {
        "kind": "ClusterIssuer",
        "metadata": {"name": name},
        "spec": {"acme": acme},
        "status": {"conditions": list(found)},
    }
    return msgspec.convert(raw, Stated)


def an_issuer_view(**parts: Any) -> IssuerView:
    """The issuer of ``a_certificate``, ready, as it was read."""
    view = IssuerView(ref="ClusterIssuer letsencrypt", found=True, ready=True, solvers=(IssuerSolver(kind="dns01"),))
    return replace(view, **parts)


def a_txt(
    *values: str, rcode: Rcode = Rcode.NOERROR, server: str = "192.0.2.53:53", alias: str = "", name: str = RECORD
) -> DnsReply:
    """What one server says of the challenge's TXT record."""
    answers = [DnsRecord(name=name, rdtype="CNAME", ttl=60, data=f"{alias}.")] if alias else []
    answers += [DnsRecord(name=alias or name, rdtype="TXT", ttl=60, data=f'"{value}"') for value in values]
    return DnsReply(name=name, rdtype="TXT", server=server, rcode=rcode, answers=tuple(answers), authoritative=True)


def an_application(
    name: str = "shop-prod",
    *,
    resources: list[dict[str, Any]] | None = None,
    sync: str = "OutOfSync",
    automated: dict[str, Any] | None = None,
    **status: Any,
) -> Stated:
    """An Argo CD Application that tracks these resources."""
    raw = {
        "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {"syncPolicy": {"automated": automated} if automated is not None else {}},
        "status": {
            "sync": {"status": sync},
            "health": {"status": "Missing"},
            "resources": resources or [],
            **status,
        },
    }
    return msgspec.convert(raw, Stated)


def a_resource(
    kind: str = "IngressRoute", name: str = "web", *, status: str = "OutOfSync", **more: Any
) -> dict[str, Any]:
    """One entry of status.resources."""
    return {"kind": kind, "namespace": NAMESPACE, "name": name, "status": status, **more}


def by_an_ingress(**more: Any) -> RouteDecision:
    """A decision for the route of an Ingress."""
    found = a_decision(**more)
    return found if found.winner is None else replace(found, winner=replace(found.winner, ref="Ingress shop/web"))


def an_ingress_of(*annotations: str) -> RoutingObjects:
    """Routing objects of which one is the Ingress of ``by_an_ingress``, with these annotations, each "true"."""
    meta = {"name": "web", "namespace": NAMESPACE, "annotations": dict.fromkeys(annotations, "true")}
    item = msgspec.convert({"kind": "Ingress", "metadata": meta}, Ingress)
    return RoutingObjects(
        ingress_routes=Loaded(),
        ingresses=Loaded(items=(item,)),
        middlewares=Loaded(),
        ingress_classes=Loaded(),
        traefik_services=Loaded(),
    )
