"""The item about the certificate of a new public hostname: is one issued, and by which object would it be? Pure.

Source: cert-manager's API (Certificate), and its ingress-shim (one for each TLS entry of an annotated Ingress).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from ingressdoctor.collect.onboard_common import as_yaml, done, missing, slug_of, unseen
from ingressdoctor.collect.onboard_route import Neighbour
from ingressdoctor.evidence.certificates import CertificateChain
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.onboarding import NextAction, OnboardItem
from ingressdoctor.evidence.routes import CandidateRoute, Custom
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import changes, look
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["Certificates", "certificate_item", "secret_for"]

_IDENT: Final = "certificate"
_TITLE: Final = "cert-manager has issued its certificate"
_SHIM: Final = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """cert-manager's Certificates, the chain of the one that the route asks for, and the route itself."""

    listed: Loaded[Custom] | Unavailable
    chain: CertificateChain | Unavailable
    winner: CandidateRoute | None = None


def certificate_item(host: str, found: Certificates, neighbour: Neighbour | None) -> OnboardItem:
    """Judge whether a Certificate covers the host and is ready, and is the one that the route serves."""
    listed = found.listed
    if isinstance(listed, Unavailable):
        return unseen(_IDENT, _TITLE, listed)
    if not listed.installed:
        gap = Unavailable(
            wanted="certificates",
            reason="cert-manager is not installed",
            enable_with=f"Look at what is served: ingressdoctor {host}",
        )
        return unseen(_IDENT, _TITLE, gap)
    covering = [item for item in listed.items if any(_covers(name, host) for name in _names(item))]
    served = _served(found, covering)
    if served is None and covering and found.winner is not None and found.winner.tls_secret:
        first = covering[0]
        return missing(
            _IDENT,
            _TITLE,
            f"{first.ref} covers it and fills Secret {as_text(first.spec.get('secretName'))}, but the route serves "
            f"{found.winner.tls_secret.rpartition('/')[2]}.",
            NextAction(text=f"Name that Secret in {found.winner.ref}, in the namespace of the Certificate."),
        )
    best = served or next((item for item in covering if _ready(item)), covering[0] if covering else None)
    if best is None:
        return missing(_IDENT, _TITLE, "no Certificate covers it.", _write(host, listed.items, neighbour))
    if _ready(best):
        until = as_text(best.status.get("notAfter"))
        return done(_IDENT, _TITLE, f"{best.ref} is ready{f', until {until[:10]}' if until else ''}.")
    return missing(_IDENT, _TITLE, f"{best.ref} is not ready: {_why(best, found.chain)}", _wait(best))


def secret_for(host: str, listed: Loaded[Custom] | Unavailable, namespace: str) -> str:
    """Return the Secret of a Certificate in *namespace* that covers the host already, or the empty string."""
    items = () if isinstance(listed, Unavailable) else listed.items
    mine = (item for item in items if item.namespace == namespace and any(_covers(name, host) for name in _names(item)))
    return next((as_text(item.spec.get("secretName")) for item in mine), "")


def _names(item: Custom) -> tuple[str, ...]:
    names = [as_text(name).lower() for name in as_list(item.spec.get("dnsNames"))]
    return tuple(name for name in (*names, as_text(item.spec.get("commonName")).lower()) if name)


def _covers(name: str, host: str) -> bool:
    """A wildcard of a certificate stands for exactly one label."""
    return name == host or (name.startswith("*.") and host.partition(".")[2] == name[2:])


def _ready(item: Custom) -> bool:
    return any(
        as_text(as_map(entry).get("type")) == "Ready" and as_text(as_map(entry).get("status")) == "True"
        for entry in as_list(item.status.get("conditions"))
    )


def _served(found: Certificates, covering: Sequence[Custom]) -> Custom | None:
    """Return the Certificate that fills the Secret which the winning route names."""
    winner = found.winner
    if winner is None or not winner.tls_secret:
        return None
    owner, _, secret = winner.tls_secret.rpartition("/")
    namespace = owner or winner.namespace
    return next(
        (item for item in covering if (item.namespace, item.spec.get("secretName")) == (namespace, secret)), None
    )


def _why(item: Custom, chain: CertificateChain | Unavailable) -> str:
    deepest = chain.deepest if isinstance(chain, CertificateChain) else None
    if deepest is not None and deepest.reason:
        return f"{deepest.ref}: {clean(deepest.reason, 200)}"
    conditions = [as_map(entry) for entry in as_list(item.status.get("conditions"))]
    words = [as_text(entry.get("message")) for entry in conditions if as_text(entry.get("message"))]
    return clean(words[0], 200) if words else "it has no status yet"


def _wait(item: Custom) -> NextAction:
    words = ("kubectl", "-n", item.namespace)
    return NextAction(
        text="See what it waits for: an order by DNS-01 takes a minute or two, and says why when it fails.",
        commands=(
            look(*words, "describe", "certificate", item.name),
            look(*words, "get", "certificaterequests,orders,challenges"),
        ),
    )


def _write(host: str, items: Sequence[Custom], neighbour: Neighbour | None) -> NextAction:
    """Return a Certificate with the issuer of the neighbour's; an annotated Ingress makes its own."""
    item = neighbour.item if neighbour is not None else None
    if isinstance(item, Ingress) and any(item.annotations.get(key) for key in _SHIM):
        return NextAction(
            text="cert-manager makes it from the annotation of the Ingress as soon as that is applied.",
            commands=(look("kubectl", "-n", item.namespace, "get", "certificates"),),
        )
    like = _like(items, neighbour)
    if like is None:
        return NextAction(
            text="Create a Certificate for it, or annotate the Ingress with cert-manager.io/cluster-issuer.",
            commands=(look("kubectl", "get", "clusterissuers"),),
        )
    namespace = item.namespace if item is not None else like.namespace
    return NextAction(
        text=f"Apply this Certificate, with the issuer of {like.ref}; the route names its Secret.",
        place=f"a manifest beside that of {like.ref}",
        paste=as_yaml(
            {
                "apiVersion": "cert-manager.io/v1",
                "kind": "Certificate",
                "metadata": {"name": slug_of(host), "namespace": namespace},
                "spec": {
                    "secretName": f"{slug_of(host)}-tls",
                    "dnsNames": [host],
                    "issuerRef": _issuer(like.spec.get("issuerRef")),
                },
            }
        ),
        commands=(
            changes("kubectl", "apply", "-f", "certificate.yaml"),
            look("kubectl", "-n", namespace, "get", "certificate", slug_of(host)),
        ),
    )


def _like(items: Sequence[Custom], neighbour: Neighbour | None) -> Custom | None:
    """Return the Certificate of the neighbour's Secret, else a ready one that has an issuer."""
    usable = [item for item in items if as_text(as_map(item.spec.get("issuerRef")).get("name"))]
    if neighbour is not None:
        where = (neighbour.item.namespace, neighbour.secret)
        found = next((item for item in usable if (item.namespace, item.spec.get("secretName")) == where), None)
        if found is not None:
            return found
    return next((item for item in usable if _ready(item)), None)


def _issuer(raw: object) -> dict[str, Any]:
    issuer = as_map(raw)
    return {key: clean(as_text(issuer.get(key)), 100) for key in ("group", "kind", "name") if issuer.get(key)}
