"""cert-manager's view of the certificate that the route asks for, and Argo CD's view of its owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ingressdoctor.evidence.kube import Condition
from ingressdoctor.model.evidence import Unavailable

__all__ = ["CertificateChain", "ChainLink", "GitOpsView", "TrackedResource"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainLink:
    """One object of the chain Certificate -> CertificateRequest -> Order -> Challenge."""

    ref: str
    state: str
    reason: str
    conditions: tuple[Condition, ...] = ()
    age_s: float | None = None
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateChain:
    """The Certificate that fills the TLS Secret of the winning route, followed to its deepest object.

    ``certificate`` is None when no Certificate writes that Secret (a hand-made Secret is legitimate). ``links`` go
    from the Certificate down; the last one carries the real reason. ``not_after`` is RFC 3339 or empty.
    """

    secret: str
    certificate: ChainLink | None
    dns_names: tuple[str, ...] = ()
    not_after: str = ""
    renewal_time: str = ""
    issuer: str = ""
    links: tuple[ChainLink, ...] = ()
    unread: tuple[Unavailable, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedResource:
    """status.resources[] of an Argo CD Application."""

    kind: str
    namespace: str
    name: str
    status: str
    health: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GitOpsView:
    """The Applications that own, or should have made, the objects of this path.

    ``missing`` are tracked objects that are in git and not in the cluster; ``application`` is the owner of the
    route (empty when none tracks it); ``self_heal`` tells that manual fixes are reverted.
    """

    application: str
    sync_status: str
    health_status: str
    operation: str
    message: str
    self_heal: bool
    missing: tuple[TrackedResource, ...] = ()
    out_of_sync: tuple[TrackedResource, ...] = ()
    conditions: tuple[str, ...] = ()
