"""Read the issuer that a Certificate names: is there one of that name, is it ready, which names do its solvers take?

The issuers of that kind are listed, as a misspelt name is told by its neighbours. Issuers of other groups are other
programs' and left alone. Source: cert-manager's API (issuerRef: kind Issuer, group cert-manager.io unless written).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ingressdoctor.collect.kinds import CLUSTER_ISSUERS, ISSUERS, Kind
from ingressdoctor.collect.kube import list_kind
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.certificates import IssuerSolver, IssuerView
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.sources.base import Kubernetes

__all__ = ["issuer_of", "read_issuer"]

_GROUP: Final = "cert-manager.io"
_MOST: Final = 50


async def read_issuer(kube: Kubernetes, spec: Mapping[str, Any], namespace: str) -> IssuerView | Unavailable | None:
    """Return the issuer that *spec* of a Certificate in *namespace* names; None for another program's."""
    ref = as_map(spec.get("issuerRef"))
    kind = as_text(ref.get("kind")) or "Issuer"
    listed: Kind[Custom] | None = {"Issuer": ISSUERS, "ClusterIssuer": CLUSTER_ISSUERS}.get(kind)
    if (as_text(ref.get("group")) or _GROUP) != _GROUP or listed is None:
        return None
    scope = namespace if listed.namespaced else ""
    try:
        loaded = await list_kind(kube, listed, namespace=scope)
    except SourceError as error:
        return Unavailable(wanted=f"the {kind}", reason=error.message, enable_with=error.hint)
    if isinstance(loaded, Unavailable):
        return loaded
    name = as_text(ref.get("name"))
    if not loaded.installed:
        return Unavailable(wanted=f"the {kind}", reason=f"the kind {kind} is not installed")
    if loaded.broken and name not in {item.name for item in loaded.items}:
        return Unavailable(wanted=f"the {kind}", reason=f"an object has an unexpected shape: {loaded.broken[0]}")
    return issuer_of(kind, scope, name, loaded.items)


def issuer_of(kind: str, namespace: str, name: str, items: tuple[Custom, ...]) -> IssuerView:
    """Make the view of the issuer *name* among those of its kind."""
    ref = f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}"
    item = next((item for item in items if item.name == name), None)
    others = tuple(item.name for item in items if item.name != name)[:_MOST]
    if item is None:
        return IssuerView(ref=ref, found=False, others=others)
    conditions = [as_map(entry) for entry in as_list(item.status.get("conditions"))]
    ready = next((entry for entry in conditions if entry.get("type") == "Ready"), {})
    return IssuerView(
        ref=ref,
        found=True,
        ready=ready.get("status") == "True",
        reason=as_text(ready.get("reason")),
        message=as_text(ready.get("message")),
        solvers=_solvers(item.spec),
        others=others,
    )


def _solvers(spec: Mapping[str, Any]) -> tuple[IssuerSolver, ...] | None:
    if "acme" not in spec:
        return None
    found = []
    for raw in map(as_map, as_list(as_map(spec.get("acme")).get("solvers"))[:_MOST]):
        selector = as_map(raw.get("selector"))
        found.append(
            IssuerSolver(
                kind="dns01" if "dns01" in raw else "http01" if "http01" in raw else "unknown",
                zones=_words(selector.get("dnsZones")),
                names=_words(selector.get("dnsNames")),
                labels=bool(as_map(selector.get("matchLabels"))),
            )
        )
    return tuple(found)


def _words(raw: object) -> tuple[str, ...]:
    return tuple(word.lower() for word in as_list(raw)[:_MOST] if isinstance(word, str) and word)
