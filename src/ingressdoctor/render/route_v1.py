"""The JSON of ``ingressdoctor route``, apart from the values inside: ``ingressdoctor.route/v1`` and ``routes/v1``.

Keys never vanish within v1; new ones may come. Nothing is drawn here.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from ingressdoctor.render.reach_v1 import PolicyV1, ProxyV1

__all__ = [
    "BackendV1",
    "CandidateV1",
    "ClashV1",
    "ControllerV1",
    "DroppedV1",
    "EndpointV1",
    "HostRoutesV1",
    "LiveV1",
    "MiddlewareV1",
    "PathV1",
    "PredictedV1",
    "RequestV1",
    "RouteV1",
    "RoutesV1",
    "ServiceV1",
    "SkippedV1",
]


class BackendV1(msgspec.Struct, frozen=True, kw_only=True):
    """A Service, or another backend, that a route points at; ``weight`` is null where none is written."""

    kind: str
    namespace: str
    name: str
    port: str
    scheme: str
    weight: int | None


class CandidateV1(msgspec.Struct, frozen=True, kw_only=True):
    """One router in the order in which they are tried; ``matches`` is null when it cannot be decided."""

    ref: str
    rule: str
    priority: int
    entry_points: tuple[str, ...]
    matches: bool | None
    why: str
    backends: tuple[BackendV1, ...]
    middlewares: tuple[str, ...]
    tls: bool
    tls_secret: str
    provider: str


class DroppedV1(msgspec.Struct, frozen=True, kw_only=True):
    """A route that exists as an object, but not in the controller.

    ``matches`` tells whether the request would have been its own, null when its rule cannot be judged; ``column`` is
    where in the rule the mistake is, counted from 1, null when the reason is another.
    """

    ref: str
    rule: str
    reason: str
    detail: str
    log_line: str
    related: str
    matches: bool | None
    column: int | None
    backends: tuple[BackendV1, ...]


class RequestV1(msgspec.Struct, frozen=True, kw_only=True):
    """The request as the controller sees it."""

    host: str
    path: str
    query: str
    method: str
    tls: bool
    entry_point: str
    sni: str
    headers: dict[str, str]
    client_ip: str


class ControllerV1(msgspec.Struct, frozen=True, kw_only=True):
    """Which controller was asked; ``source`` is where its static configuration is from: args, env, file or assumed."""

    kind: str
    name: str
    service: str
    version: str
    source: str


class PathV1(msgspec.Struct, frozen=True, kw_only=True):
    """From the public port to the entry point; ``gap`` says where the way ends, empty when it arrives."""

    port: int
    service_port: int | None
    target_port: str
    container_port: int
    entry_point: str
    gap: str


class MiddlewareV1(msgspec.Struct, frozen=True, kw_only=True):
    """One middleware of the winner, in the order of the request; ``depth`` above 0 means inside a chain."""

    ref: str
    type: str
    effect: str
    depth: int


class EndpointV1(msgspec.Struct, frozen=True, kw_only=True):
    """One address behind a Service; ``used`` tells whether Traefik sends new requests there."""

    address: str
    port: int | None
    pod: str
    ready: bool
    used: bool


class ServiceV1(msgspec.Struct, frozen=True, kw_only=True):
    """One backend of the winner down to its endpoints.

    ``exists`` is null when that could not be looked at; ``endpoints`` is null when they could not, ``pods`` when
    the pods that the Service selects are not known; ``unknown`` says why.
    """

    namespace: str
    name: str
    port: str
    exists: bool | None
    service_port: int | None
    target_port: str
    endpoints: tuple[EndpointV1, ...] | None
    pods: tuple[str, ...] | None
    unknown: str


class PredictedV1(msgspec.Struct, frozen=True, kw_only=True):
    """The answer that the client should get, from configuration alone.

    ``source`` says who makes it: controller, backend, nobody or unknown; ``status`` is null where that cannot be told.
    ``end`` says how a connection ends that gets no HTTP answer, null otherwise; ``path`` is what the backend sees.
    """

    source: str
    status: int | None
    why: str
    body: str
    location: str
    end: str | None
    path: str
    certificate: str
    log: str
    limits: tuple[str, ...]


class SkippedV1(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the files that was not used; ``serious`` when a route may have been lost with it."""

    where: str
    what: str
    serious: bool


class DifferenceV1(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that another controller does otherwise."""

    what: str
    here: str
    there: str


class ComparisonV1(msgspec.Struct, frozen=True, kw_only=True):
    """What the controller that really serves the host does with the same objects; nothing differs in an empty list."""

    other: str
    differences: tuple[DifferenceV1, ...]


class RouteV1(msgspec.Struct, frozen=True, kw_only=True):
    """What the model of the controller concludes for one request."""

    schema: Literal["ingressdoctor.route/v1"] = "ingressdoctor.route/v1"
    url: str
    exit_code: int
    outcome: str
    origin: str
    request: RequestV1
    controller: ControllerV1
    path: PathV1 | None
    winner: CandidateV1 | None
    candidates: tuple[CandidateV1, ...]
    elsewhere: tuple[CandidateV1, ...]
    middlewares: tuple[MiddlewareV1, ...]
    services: tuple[ServiceV1, ...]
    policies: tuple[PolicyV1, ...]
    kube_proxy: tuple[ProxyV1, ...]
    predicted: PredictedV1 | None
    predicted_status: int | None
    dropped: tuple[DroppedV1, ...]
    near: tuple[str, ...]
    limits: tuple[str, ...]
    unread: tuple[str, ...]
    assumed: tuple[str, ...]
    skipped: tuple[SkippedV1, ...]
    ignored: dict[str, int]
    compared: ComparisonV1 | None


class LiveV1(msgspec.Struct, frozen=True, kw_only=True):
    """One router that the controller has."""

    ref: str
    rule: str
    priority: int
    entry_points: tuple[str, ...]
    tls: bool
    provider: str
    middlewares: tuple[str, ...]
    backends: tuple[BackendV1, ...]


class ClashV1(msgspec.Struct, frozen=True, kw_only=True):
    """One route that loses requests; ``by`` is the route that takes them, empty when the rule itself is at fault."""

    kind: str
    fails: bool
    route: str
    rule: str
    priority: int
    entry_points: tuple[str, ...]
    by: str
    by_rule: str
    by_priority: int | None
    example: str
    why: str


class HostRoutesV1(msgspec.Struct, frozen=True, kw_only=True):
    """One host; ``host`` is empty for routes without one."""

    host: str
    routes: tuple[LiveV1, ...]
    clashes: tuple[ClashV1, ...]
    dropped: tuple[DroppedV1, ...]


class ShortfallV1(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an object that Traefik leaves out while it takes the rest."""

    ref: str
    log: str
    effect: str


class RoutesV1(msgspec.Struct, frozen=True, kw_only=True):
    """Every route of a cluster or of files, by host."""

    schema: Literal["ingressdoctor.routes/v1"] = "ingressdoctor.routes/v1"
    exit_code: int
    origin: str
    controller: ControllerV1
    routers: int
    dropped: int
    unreachable: int
    warnings: int
    hosts: tuple[HostRoutesV1, ...]
    shortfalls: tuple[ShortfallV1, ...]
    limits: tuple[str, ...]
    unread: tuple[str, ...]
    assumed: tuple[str, ...]
    skipped: tuple[SkippedV1, ...]
    ignored: dict[str, int]
