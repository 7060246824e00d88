"""cert-manager's view of the certificate that the route asks for, and Argo CD's view of its owner."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec

from ingressdoctor.evidence.dns import DnsReply
from ingressdoctor.evidence.kube import Condition, ManagedFields
from ingressdoctor.evidence.routes import Custom
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "CertificateChain",
    "ChainLink",
    "ChallengeRecords",
    "GitOpsView",
    "IssuerSolver",
    "IssuerView",
    "Stated",
    "TrackedResource",
]


# Every custom resource holds its status; the name says where it matters.
Stated: TypeAlias = Custom


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the chain Certificate -> CertificateRequest -> Order -> Challenge.

    ``state`` and ``reason`` are what the object says of itself, or what the one above says of it; ``age_s`` is how
    long it has been in this state. ``answer`` is the SHA-256 (hex) of what the TXT record of a DNS-01 challenge must
    hold; the value itself is not kept. ``created`` is when it was made, ``managed`` who set what of it since.
    """

    ref: str
    state: str
    reason: str
    conditions: tuple[Condition, ...] = ()
    age_s: float | None = None
    raw: Mapping[str, Any] | None = None
    answer: str = ""
    created: str = ""
    managed: tuple[ManagedFields, ...] = ()

    @property
    def kind(self) -> str:
        """The object's kind."""
        return self.ref.partition(" ")[0]

    def condition(self, kind: str) -> Condition | None:
        """Return the condition of one type."""
        return next((entry for entry in self.conditions if entry.type == kind), None)


class IssuerSolver(msgspec.Struct, frozen=True, kw_only=True):
    """One solver of an ACME issuer: ``kind`` is dns01 or http01, the rest its selector (empty: takes every name)."""

    kind: str
    zones: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    labels: bool = False


class IssuerView(msgspec.Struct, frozen=True, kw_only=True):
    """The issuer that a Certificate names, read where nothing below the request tells why it waits.

    ``found`` is False when there is none of this name; ``others`` are those of its kind that exist. ``reason`` and
    ``message`` are those of its Ready condition; ``solvers`` is None for an issuer that is not ACME.
    """

    ref: str
    found: bool
    ready: bool = False
    reason: str = ""
    message: str = ""
    solvers: tuple[IssuerSolver, ...] | None = None
    others: tuple[str, ...] = ()


class CertificateChain(msgspec.Struct, frozen=True, kw_only=True):
    """The Certificate that fills the TLS Secret of the winning route, followed to its deepest object.

    ``certificate`` is None when no Certificate writes that Secret (a hand-made Secret is legitimate). ``links`` go
    from the Certificate down; the last one carries the real reason. ``not_before``, ``not_after``, ``renewal_time``
    and ``last_failure`` are RFC 3339 or empty; ``renewal_off`` tells that nobody renews it, by its own spec.
    ``failures`` counts issuances that failed in a row. ``rivals`` are other Certificates that write the same Secret;
    ``owner`` is the object that the Certificate was made for. ``issuer_seen`` is None where nobody had to look.
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
    not_before: str = ""
    renewal_off: bool = False
    owner: str = ""
    issuer_seen: IssuerView | Unavailable | None = None

    @property
    def deepest(self) -> ChainLink | None:
        """The link that carries the real reason."""
        return self.links[-1] if self.links else self.certificate


class ChallengeRecords(msgspec.Struct, frozen=True, kw_only=True):
    """What the zone's own servers hold for a DNS-01 challenge that is pending, asked one by one.

    ``name`` is ``_acme-challenge.<host>``; ``target`` where CNAMEs lead from there (empty: nowhere else), in ``zone``.
    ``replies`` are the servers' answers for the TXT record; ``right`` the servers that hold the expected value, None
    where the Challenge does not tell it. ``by_cname`` tells that the solver follows CNAMEs. ``caa`` are CAA records of
    ``caa_name``, the first name upwards that has any, looked up where the authority refused by them.
    """

    name: str
    target: str = ""
    zone: str = ""
    replies: tuple[DnsReply, ...] = ()
    right: tuple[str, ...] | None = None
    by_cname: bool = False
    caa_name: str = ""
    caa: tuple[str, ...] = ()

    @property
    def values(self) -> tuple[str, ...]:
        """Every TXT value that some server holds."""
        return tuple(dict.fromkeys(value for reply in self.replies for value in reply.of("TXT")))


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
