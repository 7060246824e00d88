"""Follow the Certificate behind the route's TLS Secret down to the object that carries the reason.

One request when it is Ready and nothing is going on; otherwise the requests, orders and challenges of the namespace,
each only if the one before points further down, and the issuers where it does not. What a request tells of its order is
not read again. The Secret itself is never read. What the reasons mean is the checks' job.
Source: cert-manager docs and API (cert-manager.io/v1, acme.cert-manager.io/v1).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.certificate_issuer import read_issuer
from ingressdoctor.collect.certificate_times import renewal_off, renewal_time
from ingressdoctor.collect.kinds import CERTIFICATE_REQUESTS, CERTIFICATES, CHALLENGES, ORDERS, Kind
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.evidence.certificates import CertificateChain, ChainLink, IssuerView, Stated
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.kube import Condition, Meta
from ingressdoctor.evidence.routes import Custom, RouteDecision
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.sources.base import Kubernetes

__all__ = ["certificate_chain", "chain_of", "link_of", "order_of", "owned_by", "writer_of"]

_WANTED: Final = "the certificate that cert-manager keeps for this route"
_ORDER: Final = re.compile(r'order (?:resource )?"?(?:[a-z0-9.-]+/)?([a-z0-9][a-z0-9.-]*)"?')
_ORDER_FAILED: Final = re.compile(r'order is in "(\w+)" state: *(\S.*)', re.DOTALL)
_ORDER_WAITS: Final = re.compile(r'issuance from order \S+ "(\w+)"')


class _Below(msgspec.Struct, frozen=True, kw_only=True):
    """What was found below a Certificate."""

    items: tuple[Stated, ...] = ()
    unread: tuple[Unavailable, ...] = ()
    issuer: IssuerView | Unavailable | None = None


def _stated(kind: Kind[Custom]) -> Kind[Stated]:
    return Kind(Stated, kind.name, kind.group, kind.version, kind.plural, custom=True)


@collector(wanted=_WANTED, timeout_s=20.0)
async def certificate_chain(kube: Kubernetes, decision: RouteDecision, clock: Clock) -> CertificateChain | Unavailable:
    """Read the Certificate that writes the winning route's TLS Secret, and what it waits for."""
    winner = decision.winner
    if winner is None or not winner.tls_secret:
        return Unavailable(wanted=_WANTED, reason="the route names no TLS Secret")
    owner, _, secret = winner.tls_secret.rpartition("/")
    namespace = owner or winner.namespace
    loaded = await list_kind(kube, _stated(CERTIFICATES), namespace=namespace)
    if isinstance(loaded, Unavailable):
        return loaded
    if not loaded.installed:
        return Unavailable(wanted=_WANTED, reason="cert-manager is not installed")
    writers = writer_of(loaded.items, secret)
    if not writers:
        return CertificateChain(secret=secret, namespace=namespace, certificate=None)
    below = _Below() if _settled(writers[0]) else await _below(kube, namespace, writers[0])
    chain = chain_of(writers, below.items, clock, below.unread)
    return replace(chain, issuer_seen=below.issuer)


async def _below(kube: Kubernetes, namespace: str, certificate: Stated) -> _Below:
    """Walk down by ownerReference; stop where there is no child, or where we may not look.

    A request that says why its order failed needs nothing more. Otherwise the challenge speaks, which names its order;
    without one, a waiting order waits for a solver, which the issuer tells. A request that waits without an order
    waits for its issuer.
    """
    requests = await list_kind(kube, _stated(CERTIFICATE_REQUESTS), namespace=namespace)
    if isinstance(requests, Unavailable):
        return _Below(unread=(requests,))
    request = next(iter(owned_by(certificate, requests.items)), None)
    teller = request or certificate
    items = (request,) if request is not None else ()
    order, said = order_of(teller), _reason(teller)
    if failed := _ORDER_FAILED.search(said):
        return _Below(items=(*items, _told(teller, order, failed.group(1), failed.group(2))))
    if request is not None and order:
        return await _below_request(kube, certificate, request, order)
    if request is not None and (_ended(request) or _state(request) == "ready"):
        return _Below(items=items)
    return _Below(items=items, issuer=await read_issuer(kube, certificate.spec, namespace))


async def _below_request(kube: Kubernetes, certificate: Stated, request: Stated, order: str) -> _Below:
    """Look for the challenge of the request's order; without one, for why the order has none."""
    namespace = request.namespace
    challenges = await list_kind(kube, _stated(CHALLENGES), namespace=namespace)
    if isinstance(challenges, Unavailable):
        return _Below(items=(request,), unread=(challenges,))
    if found := owned_by(Stated(kind="Order", metadata=Meta(name=order)), challenges.items):
        return _Below(items=(request, found[0]))
    waits = _ORDER_WAITS.search(_reason(request))
    if waits is not None and waits.group(1) == "pending":
        told = _told(request, order, "pending", "")
        return _Below(items=(request, told), issuer=await read_issuer(kube, certificate.spec, namespace))
    orders = await list_kind(kube, _stated(ORDERS), namespace=namespace)
    if isinstance(orders, Unavailable):
        return _Below(items=(request,), unread=(orders,))
    mine = tuple(item for item in orders.items if item.name == order) or owned_by(request, orders.items)
    return _Below(items=(request, *mine[:1]))


def _ended(request: Stated) -> bool:
    """Whether the request was denied, is invalid or failed: then its issuer has nothing to add."""
    kinds = {entry.type: entry.status for entry in _conditions(request)}
    ready = _condition(request, "Ready")
    refused = kinds.get("Denied") == "True" or kinds.get("InvalidRequest") == "True"
    return refused or (ready is not None and ready.reason in ("Failed", "Denied"))


def _told(teller: Stated, name: str, state: str, reason: str) -> Stated:
    """Make the order as the object above tells of it."""
    meta = Meta(name=name, namespace=teller.namespace, creation_timestamp=teller.metadata.creation_timestamp)
    return Stated(kind="Order", metadata=meta, status={"state": state, "reason": reason.strip()})


def order_of(request: Stated) -> str:
    """Return the name of the ACME order that the request speaks of; empty for other kinds of issuers."""
    found = _ORDER.search(_reason(request))
    return found.group(1) if found else ""


def writer_of(certificates: tuple[Stated, ...], secret: str) -> tuple[Stated, ...]:
    """Return the Certificates that name *secret*, the one that cert-manager lets write it first: the oldest."""
    found = [item for item in certificates if item.spec.get("secretName") == secret]
    return tuple(sorted(found, key=lambda item: (item.metadata.creation_timestamp or "", item.name)))


def owned_by(parent: Stated, candidates: tuple[Stated, ...]) -> tuple[Stated, ...]:
    """Return the children of *parent*, the one to follow first.

    Unfinished ones come before finished ones, then those that give a reason, then the newest.
    """
    children = [
        item
        for item in candidates
        if any(
            owner.kind == parent.kind
            and owner.name == parent.name
            and (not owner.uid or not parent.metadata.uid or owner.uid == parent.metadata.uid)
            for owner in item.metadata.owner_references or ()
        )
    ]
    children.sort(key=lambda item: item.metadata.creation_timestamp or "", reverse=True)
    newest = children if parent.kind == "Order" else children[:1]
    return tuple(sorted(newest, key=lambda item: (_state(item) == "valid", not _reason(item))))


def chain_of(
    writers: tuple[Stated, ...], below: tuple[Stated, ...], clock: Clock, unread: tuple[Unavailable, ...] = ()
) -> CertificateChain:
    """Make the chain of the first of *writers* and the objects below it, in order."""
    certificate = writers[0]
    status, spec = certificate.status, certificate.spec
    issuer = as_map(spec.get("issuerRef"))
    ready, issuing = _condition(certificate, "Ready"), _condition(certificate, "Issuing")
    top = link_of(certificate, clock)
    failures = status.get("failedIssuanceAttempts")
    owners = certificate.metadata.owner_references or ()
    return CertificateChain(
        secret=as_text(spec.get("secretName")),
        namespace=certificate.namespace,
        certificate=top,
        dns_names=_names(spec),
        not_before=as_text(status.get("notBefore")),
        not_after=as_text(status.get("notAfter")),
        renewal_time=renewal_time(spec, status),
        renewal_off=renewal_off(spec),
        owner=next((f"{item.kind} {certificate.namespace}/{item.name}" for item in owners if item.name), ""),
        issuer=f"{as_text(issuer.get('kind')) or 'Issuer'} {as_text(issuer.get('name'))}".strip(),
        links=(top, *(link_of(item, clock) for item in below)),
        unread=unread,
        ready=ready is not None and ready.status == "True",
        issuing=issuing is not None and issuing.status == "True",
        failures=failures if isinstance(failures, int) and failures > 0 else 0,
        last_failure=as_text(status.get("lastFailureTime")),
        rivals=tuple(item.ref for item in writers[1:]),
    )


def _settled(certificate: Stated) -> bool:
    ready, issuing = _condition(certificate, "Ready"), _condition(certificate, "Issuing")
    return (
        ready is not None
        and ready.status == "True"
        and issuing is None
        and not certificate.status.get("lastFailureTime")
    )


def link_of(item: Stated, clock: Clock) -> ChainLink:
    """Make one link: state, reason, and for how long it has been so."""
    since = item.metadata.creation_timestamp or ""
    if item.kind == "Certificate":
        turned = _condition(item, "Issuing") or _condition(item, "Ready")
        since = (turned.last_transition_time if turned else "") or since
    return ChainLink(
        ref=item.ref,
        state=_state(item),
        reason=_reason(item),
        conditions=_conditions(item),
        age_s=clock.seconds_since(since),
        raw={"spec": _public(item.spec), "status": item.status},
        answer=_answer(item),
        created=item.metadata.creation_timestamp or "",
        managed=item.metadata.managed_fields or (),
    )


def _answer(item: Stated) -> str:
    """Return the digest of what the record of a DNS-01 challenge must hold, which is its spec.key."""
    key = as_text(item.spec.get("key"))
    dns01 = item.kind == "Challenge" and as_text(item.spec.get("type")).upper() == "DNS-01"
    return hashlib.sha256(key.encode()).hexdigest() if dns01 and key else ""


def _public(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Leave out what answers a challenge, and the signing request: they help nobody."""
    return {key: value for key, value in spec.items() if key not in ("key", "token", "request")}


def _state(item: Stated) -> str:
    """Return status.state of an Order or Challenge, else what the Ready condition says."""
    state = as_text(item.status.get("state"))
    if state or item.kind in ("Order", "Challenge"):
        return state or "pending"
    ready = _condition(item, "Ready")
    if ready is None:
        return "no status yet"
    return "ready" if ready.status == "True" else ready.reason or "not ready"


def _reason(item: Stated) -> str:
    """Return the object's own words: status.reason, else those of the condition that speaks of trouble."""
    said = as_text(item.status.get("reason"))
    if said or item.kind in ("Order", "Challenge"):
        return said
    for kind, bad in (("Denied", "True"), ("InvalidRequest", "True"), ("Issuing", "False"), ("Ready", "False")):
        condition = _condition(item, kind)
        if condition is not None and condition.status == bad and condition.message:
            return condition.message
    issuing = _condition(item, "Issuing")
    return (issuing.message or "") if issuing is not None else ""


def _conditions(item: Stated) -> tuple[Condition, ...]:
    raw = item.status.get("conditions")
    found = []
    for entry in raw if isinstance(raw, list) else ():
        try:
            found.append(msgspec.convert(entry, Condition, strict=False))
        except msgspec.ValidationError:
            continue
    return tuple(found)


def _condition(item: Stated, kind: str) -> Condition | None:
    return next((entry for entry in _conditions(item) if entry.type == kind), None)


def _names(spec: Mapping[str, Any]) -> tuple[str, ...]:
    raw = spec.get("dnsNames")
    names = [name for name in raw if isinstance(name, str)] if isinstance(raw, list) else []
    common = as_text(spec.get("commonName"))
    return tuple(dict.fromkeys([*names, *([common] if common else [])]))
