"""cert-manager's view of the certificate that the route asks for, and Argo CD's view of its owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ingressdoctor.evidence.kube import Condition
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.evidence import Unavailable

__all__ = ["CertificateChain", "ChainLink", "GitOpsView", "Stated", "TrackedResource"]


# Every custom resource holds its status; the name says where it matters.
Stated: TypeAlias = Custom


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the chain Certificate -> CertificateRequest -> Order -> Challenge, or the issuer that it waits for.

    ``state`` and ``reason`` are what the object says of itself; ``age_s`` is how long it has been in this state.
    """

    ref: str
    state: str
    reason: str
    conditions: tuple[Condition, ...] = ()
    age_s: float | None = None
    raw: Mapping[str, Any] | None = None


class CertificateChain(msgspec.Struct, frozen=True, kw_only=True):
    """The Certificate that fills the TLS Secret of the winning route, followed to its deepest object.

    ``certificate`` is None when no Certificate writes that Secret (a hand-made Secret is legitimate). ``links`` go
    from the Certificate down; the last one carries the real reason. ``not_after``, ``renewal_time`` and
    ``last_failure`` are RFC 3339 or empty; ``failures`` counts issuances that failed in a row. ``rivals`` are other
    Certificates that write the same Secret.
    """

    secret: str
    certificate: ChainLink | None
    dns_names: tuple[str, ...] = ()
    not_after: str = ""
    renewal_time: str = ""
    issuer: str = ""
    links: tuple[ChainLink, ...] = ()
    unread: tuple[Unavailable, ...] = ()
    namespace: str = ""
    ready: bool = True
    issuing: bool = False
    failures: int = 0
    last_failure: str = ""
    rivals: tuple[str, ...] = ()

    @property
    def deepest(self) -> ChainLink | None:
        """The link that carries the real reason."""
        return self.links[-1] if self.links else self.certificate


class TrackedResource(msgspec.Struct, frozen=True, kw_only=True):
    """status.resources[] of an Argo CD Application, which ``application`` names.

    ``related`` tells that its name, namespace or Application shares a word with the target's hostname.
    """

    kind: str
    namespace: str
    name: str
    status: str
    health: str = ""
    application: str = ""
    related: bool = False

    @property
    def ref(self) -> str:
        """The object as it is named in findings."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


class GitOpsView(msgspec.Struct, frozen=True, kw_only=True):
    """The Applications that own, or should have made, the objects of this path.

    ``missing`` are tracked objects that are in git and not in the cluster; ``application`` is the owner of the
    route (empty when none tracks it); ``self_heal`` tells that manual fixes are reverted. ``listed`` is False when only
    the route's own annotation was read, which tells the owner's name and nothing of its state; ``stale`` are objects
    that an Application calls Synced and that are not in the cluster.
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
    namespace: str = ""
    listed: bool = False
    stale: tuple[TrackedResource, ...] = ()
