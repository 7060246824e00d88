"""The part of ``ingressdoctor.route/v1`` about who may reach whom: NetworkPolicies and kube-proxy."""

from __future__ import annotations

import msgspec

__all__ = ["PolicySideV1", "PolicyV1", "ProxyV1"]


class PolicySideV1(msgspec.Struct, frozen=True, kw_only=True):
    """What the policies of one end say; ``policy`` is empty when none selects it, ``rule`` counts from 1."""

    direction: str
    allowed: bool | None
    policy: str
    rule: int | None
    why: str


class PolicyV1(msgspec.Struct, frozen=True, kw_only=True):
    """Whether NetworkPolicies let one connection of the request's way through.

    ``allowed`` is null when that could not be decided, or (then ``unknown`` says why) not be looked at; ``policy`` and
    ``rule`` are those to look at. ``not_evaluated`` are policies of a network plugin's own kinds, ``limits`` what else
    the verdict leaves open.
    """

    connection: str
    target: str
    port: int | None = None
    source: str = ""
    destination: str = ""
    allowed: bool | None = None
    why: str = ""
    direction: str = ""
    policy: str = ""
    rule: int | None = None
    sides: tuple[PolicySideV1, ...] = ()
    policies: tuple[str, ...] = ()
    not_evaluated: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    unknown: str = ""


class ProxyV1(msgspec.Struct, frozen=True, kw_only=True):
    """What kube-proxy on one node does with a connection to a clusterIP, or to a node port (``address`` is empty).

    Without ``endpoints`` it is refused, or ``dropped`` when only other nodes have some.
    """

    target: str
    address: str
    port: int
    node: str
    endpoints: tuple[str, ...]
    dropped: bool
