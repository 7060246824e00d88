"""The values between the providers and the table: routers as Traefik would build them, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from ingressdoctor.evidence.kube import Service
from ingressdoctor.evidence.routes import BackendRef, DroppedRoute

__all__ = ["Built", "Draft", "Resolved", "Services"]

Services = Mapping[tuple[str, str], Service | None]


class Resolved(msgspec.Struct, frozen=True):
    """What the CRD provider made of one service reference.

    ``service`` is the qualified id of a service that is defined elsewhere, empty for a Kubernetes Service;
    ``middlewares`` and ``transport`` are what the reference itself asks for; ``empty`` tells that the Service is known
    to have no servers, and Traefik then never looks for the transport.
    """

    backend: BackendRef
    service: str = ""
    middlewares: tuple[str, ...] = ()
    transport: str = ""
    empty: bool = False


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A router as its provider makes it, before entry points, rule and middlewares are judged.

    ``name`` is Traefik's own (``ns-name-hash@kubernetescrd``); ``middlewares`` are qualified ids; ``tls`` is the
    router's own (an entry point may add it); ``tls_options`` the qualified id of its TLS options, empty for the
    default; ``resolved`` what the references to services became (CRD only); ``parent_names`` the routers above it
    (then ``parents`` is set); ``observed`` tells that it has options of observability; ``priority`` 0 means the rule's
    length; ``uncertain`` says what could not be looked at about it.
    """

    ref: str
    name: str
    namespace: str
    provider: str
    rule: str
    syntax: str = ""
    priority: int = 0
    entry_points: tuple[str, ...] = ()
    middlewares: tuple[str, ...] = ()
    backends: tuple[BackendRef, ...] = ()
    resolved: tuple[Resolved, ...] = ()
    tls: bool = False
    tls_secret: str = ""
    tls_options: str = ""
    observed: bool = False
    parents: bool = False
    parent_names: tuple[str, ...] = ()
    uncertain: str = ""


class Built(msgspec.Struct, frozen=True):
    """What one provider makes of its objects, and what could not be evaluated."""

    drafts: tuple[Draft, ...] = ()
    dropped: tuple[DroppedRoute, ...] = ()
    limits: tuple[str, ...] = ()
