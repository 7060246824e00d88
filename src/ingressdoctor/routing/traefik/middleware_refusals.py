"""Why the CRD provider leaves one HTTP Middleware out: Secrets it needs and values it reads itself.

A Middleware that is left out is missing for everyone who uses it. References to Services and to other Middlewares are
not looked at here.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go (create*Middleware, loadCASecret, loadAuthTLSSecret).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from ingressdoctor.evidence.routes import SecretShape
from ingressdoctor.model.untyped import as_map
from ingressdoctor.routing.traefik.durations import duration_problem

__all__ = ["Secrets", "provider_problem"]

Secrets: TypeAlias = "Mapping[tuple[str, str], SecretShape]"
_DURATIONS: Final = (
    ("rateLimit", "rateLimit", ("period",)),
    ("retry", "retry", ("initialInterval",)),
    ("circuitBreaker", "circuit breaker", ("checkPeriod", "fallbackDuration", "recoveryDuration")),
)


def provider_problem(spec: Mapping[str, Any], namespace: str, secrets: Secrets | None) -> str:
    """Return why the provider leaves a Middleware out, apart from references to other objects with routes."""
    for name, what in (("basicAuth", "basic auth"), ("digestAuth", "digest auth")):
        if isinstance(spec.get(name), dict):
            said = _credentials(spec[name], namespace, secrets, basic=name == "basicAuth")
            if said:
                return f"Error while reading {what} middleware: {said}"
    forward = spec.get("forwardAuth")
    if isinstance(forward, dict) and (said := _forward_auth(forward, namespace, secrets)):
        return f"Error while reading forward auth middleware: {said}"
    for name, what, fields in _DURATIONS:
        section = as_map(spec.get(name))
        values = (section[field] for field in fields if section.get(field) is not None)
        said = next((problem for value in values if (problem := duration_problem(value))), "")
        if said:
            return f"Error while reading {what} middleware: {said}"
    return ""


def _forward_auth(spec: Mapping[str, Any], namespace: str, secrets: Secrets | None) -> str:
    if not spec.get("address"):
        return "forward authentication requires an address"
    tls = as_map(spec.get("tls"))
    authority, pair = str(tls.get("caSecret") or ""), str(tls.get("certSecret") or "")
    if secrets is None:
        return ""
    if authority and (said := _authority(authority, namespace, secrets)):
        return f"failed to load auth ca secret: {said}"
    said = _key_pair(pair, namespace, secrets) if pair else ""
    return said and f"failed to load auth secret: {said}"


def _authority(name: str, namespace: str, secrets: Secrets) -> str:
    shape = secrets.get((namespace, name))
    if shape is None:
        return f"secret '{namespace}/{name}' not found"
    if len(shape.keys) == 1 or {"tls.ca", "ca.crt"} & set(shape.keys):
        return ""
    return f"secret '{namespace}/{name}' has no CA block: secret {namespace}/{name} contains neither tls.ca nor ca.crt"


def _key_pair(name: str, namespace: str, secrets: Secrets) -> str:
    shape = secrets.get((namespace, name))
    if shape is None:
        return f"secret '{namespace}/{name}' does not exist"
    for there, said in ((shape.keys, "is missing the following"), (shape.filled, "contains the following empty")):
        lacking = [key for key in ("tls.crt", "tls.key") if key not in there]
        if lacking:
            return f"secret {namespace}/{name} {said} TLS data entries: {', '.join(lacking)}"
    return ""


def _credentials(spec: Mapping[str, Any], namespace: str, secrets: Secrets | None, *, basic: bool) -> str:
    name = str(spec.get("secret") or "")
    if not name:
        return "auth secret must be set"
    if secrets is None:
        return ""
    shape = secrets.get((namespace, name))
    quoted = f"'{namespace}/{name}'"
    if shape is None:
        return f"secret {quoted} not found"
    if basic and shape.type == "kubernetes.io/basic-auth":
        there = {"username", "password"} <= set(shape.keys)
        missing = f"secret {quoted} must contain both username and password keys"
        return "" if there else f"failed to load basic auth credentials: {missing}"
    said = ""
    if len(shape.keys) != 1:
        said = f"found {len(shape.keys)} elements for secret {quoted}, must be single element exactly"
    elif not shape.filled:
        said = f"secret {quoted} does not contain any credentials"
    kind = "basic" if basic else "digest"
    return said and f"failed to load {kind} auth credentials: {said}"
