"""Does Traefik speak to the pods what they speak: http, https, or HTTP/2 in the clear for gRPC?

Source: Traefik's choice of scheme (https for port 443 or a port name that starts with https; h2c only when told), and
the answers that a wrong one leads to.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.api import (
    BackendView,
    Command,
    ControllerLogs,
    Finding,
    OriginProbe,
    OutsideProbe,
    Protocol,
    Remedy,
    RouteDecision,
    Target,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.backend_common import NO_HTTP, STEP, backend_of, kubectl, proof_of_pods, subject
from ingressdoctor_checks.traefik_objects import Observed, observed

__all__ = ["protocol_mismatch"]

_WITHOUT_ANNOTATIONS: Final = ("kubernetescrd", "kubernetesgateway")
_GATEWAY_APP: Final = {
    "http": "http",
    "https": "https",
    "kubernetes.io/h2c": "h2c",
    "kubernetes.io/ws": "http",
    "kubernetes.io/wss": "https",
}
_SCHEME: Final = "traefik.ingress.kubernetes.io/service.serversscheme"
_H2C_NAME: Final = re.compile(r"(?:.*-)?(?:grpc|h2c)|(?:grpc|h2c)-.*", re.DOTALL)
_H2C_APP: Final = frozenset(["kubernetes.io/h2c", "h2c", "grpc", "http2"])
_WANTS_TLS: Final = (
    b"client sent an http request to an https server",
    b"the plain http request was sent to https port",
    b"speaking plain http to an ssl-enabled server port",
    b"requires tls",
)
_GRPC_BROKEN: Final = frozenset(["2", "12", "13", "14"])
_BROKEN: Final = frozenset([500, 502, 415, 464])
_TRAEFIK_500: Final = b"Internal Server Error"
_TLS_RECORD: Final = "first record does not look like a TLS handshake"


class _Spoken(msgspec.Struct, frozen=True):
    """What Traefik speaks to the pods, and why it does."""

    scheme: str
    why: str


@check(
    id="backend.protocol-mismatch",
    title="Traefik speaks to the pods what they speak",
    step=STEP,
    link="controller → pod protocol",
    causes=("http-500", "http-502", "http-400", "edge-502", "backend.target-port-closed", "traefik.log-errors"),
)
def protocol_mismatch(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
    target: Target,
) -> Iterator[Finding]:
    """GRPC without h2c, http to an https port and https to an http port all fail after the connection is made."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if backend.port is None or not backend.serving or not backend.live:
        yield skip("No endpoint takes requests, so no protocol is spoken.")
        return
    if backend.tunnel or backend.nginx or decision.request.raw_port:
        yield skip(
            NO_HTTP
            if decision.request.raw_port
            else "ingress-nginx dials this Service; its annotation says by which protocol, and is judged there."
            if backend.nginx
            else "cloudflared dials this Service; its rule says by which protocol, and is judged there."
        )
        return
    spoken = _spoken(decision, backend)
    answer = observed(decision, outside, origin)
    body = b"" if answer.exchange is None else answer.exchange.body.lower()
    if body and spoken.scheme != "https" and any(sign in body for sign in _WANTS_TLS):
        yield _finding(backend, spoken, "https", f"the pods say that they want TLS ({answer.status})", answer)
        return
    if spoken.scheme == "https" and (sign := _wants_plain(answer, logs)):
        yield _finding(backend, spoken, "http", sign, answer)
        return
    if spoken.scheme == "http" and (sign := _wants_h2c(backend, target)) and not _undeclared(backend):
        yield _finding(backend, spoken, "h2c", sign, answer)
        return
    yield ok(f"Traefik speaks {spoken.scheme} to the pods of {subject(backend)}, since {spoken.why}.")


def _spoken(decision: RouteDecision, backend: BackendView) -> _Spoken:
    """Return the scheme that Traefik chooses."""
    port = backend.port
    if backend.ref.scheme:
        return _Spoken(backend.ref.scheme, "the route names it")
    if (said := _by_gateway(decision, backend)) is not None:
        return said
    if named := _by_annotation(decision, backend):
        return _Spoken(named, "the Service's annotation names it")
    if port is not None and port.port == 443:
        return _Spoken("https", "the Service's port is 443")
    if port is not None and (port.name or "").startswith("https"):
        return _Spoken("https", f"the port's name is {port.name}")
    return _Spoken("http", "nothing names another protocol")


def _by_annotation(decision: RouteDecision, backend: BackendView) -> str:
    """Return the scheme that the Service's annotation names, which Traefik reads for Ingresses; empty for none."""
    if backend.service is None or not backend.service.metadata.annotations:
        return ""
    if decision.winner is None or decision.winner.provider in _WITHOUT_ANNOTATIONS:
        return ""
    return next((value for key, value in backend.service.annotations.items() if key.lower() == _SCHEME), "")


def _by_gateway(decision: RouteDecision, backend: BackendView) -> _Spoken | None:
    """Return the scheme of a route of the Gateway API, None where it is chosen as for any other route."""
    port, winner = backend.port, decision.winner
    if winner is None or winner.provider != "kubernetesgateway":
        return None
    app = (port.app_protocol or "").lower() if port is not None else ""
    if app in _GATEWAY_APP:
        return _Spoken(_GATEWAY_APP[app], f"the Service's port has appProtocol {app}")
    return _Spoken("h2c", "it is a GRPCRoute's") if winner.ref.startswith("GRPCRoute ") else None


def _wants_h2c(backend: BackendView, target: Target) -> str:
    """Say what shows that the pods want HTTP/2 in the clear; empty when nothing does."""
    port = backend.port
    if port is not None and (port.app_protocol or "").lower() in _H2C_APP:
        return f"the Service's port has appProtocol {port.app_protocol}"
    name = ((port.name if port is not None else "") or "").lower()
    if _H2C_NAME.fullmatch(name):
        return f"the Service's port is named {name}"
    return "gRPC is asked for" if target.protocol is Protocol.GRPC else ""


def _undeclared(backend: BackendView) -> bool:
    """Tell whether the pods declare ports and not the one that is dialled: then nobody listens there at all."""
    pods = [pod for pod in backend.current_pods if pod.ready]
    declared = {entry.container_port for pod in pods for item in pod.containers for entry in item.ports or ()}
    dialled = {item.port for item in backend.serving if item.port}
    return bool(declared and dialled) and not dialled & declared


def _wants_plain(answer: Observed, logs: ControllerLogs | Unavailable) -> str:
    """Say what shows that the pods speak without TLS; empty when nothing does, or their certificate is the trouble."""
    if answer.exchange is None or answer.status not in (500, 502):
        return ""
    errors = () if isinstance(logs, Unavailable) else logs.errors
    if any(_TLS_RECORD in line for line in errors):
        return "Traefik's log says that the pods answer without TLS"
    untrusted = any("x509:" in line for line in errors)
    own = answer.exchange.body == _TRAEFIK_500
    return "Traefik's own 500 says that no TLS came about" if own and not untrusted else ""


def _finding(backend: BackendView, spoken: _Spoken, wanted: str, sign: str, answer: Observed) -> Finding:
    status = "" if answer.exchange is None else answer.exchange.header("grpc-status")
    broken = answer.status in _BROKEN or status in _GRPC_BROKEN or (wanted == "https" and answer.status == 400)
    say = fail if broken else warn
    name = subject(backend)
    return say(
        f"Traefik speaks {spoken.scheme} to the pods of {name} ({spoken.why}), but {sign}: they want {wanted}"
        + (f"; it answers {answer.status}." if broken else "."),
        subject=name,
        where="the Service's port and what was answered",
        seen={
            "Service port": f"{backend.port.name or '(no name)'} {backend.port.port}" if backend.port else "unknown",
            "appProtocol": (backend.port.app_protocol if backend.port else "") or "none",
            "answer": str(answer),
            **({"grpc-status": status} if status else {}),
        },
        remedy=Remedy(
            text=f"Behind an Ingress annotate the Service with {_SCHEME}: {wanted}; in an IngressRoute write scheme: "
            f"{wanted} beside the service. Traefik does not read appProtocol of a Service.",
            commands=_commands(backend, wanted),
            proof=proof_of_pods(backend),
        ),
    )


def _commands(backend: BackendView, wanted: str) -> tuple[Command, ...]:
    service = look(*kubectl(backend.ref.namespace, "get", "service", backend.ref.name, "-o", "yaml"))
    if backend.route.startswith("Ingress "):
        words = ("annotate", "service", backend.ref.name, f"{_SCHEME}={wanted}", "--overwrite")
        return service, changes(*kubectl(backend.ref.namespace, *words))
    route = backend.route.rpartition("/")[2]
    return service, changes(*kubectl(backend.ref.namespace, "edit", "ingressroutes.traefik.io", route))
