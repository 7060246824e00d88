"""Which middlewares Traefik has, and how a route's reference to one is resolved.

Middlewares with secrets (basicAuth ...) count as sound: Secrets are never read.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go (resolveReference), pkg/server/middleware/middlewares.go.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ingressdoctor.evidence.routes import Custom, DropReason
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, INGRESS_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["Known", "Problem", "as_list", "as_map", "resolve"]

_SUFFIX: Final = f"@{CRD_PROVIDER}"
_MAX_CHAIN: Final = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a reference or a middleware takes its route out: reason, Traefik's words, the object meant."""

    reason: DropReason
    detail: str
    related: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """The middlewares of the cluster by id, or ``None`` when they may not be read."""

    by_id: Mapping[str, Custom] | None
    settings: ProviderSettings
    version: Version

    def problem(self, qualified: str, seen: tuple[str, ...] = ()) -> Problem | None:
        """Say why a middleware cannot be built; None when it can, or when that cannot be told."""
        if qualified.endswith(f"@{INGRESS_PROVIDER}"):  # a bare name in an Ingress; that provider makes none
            return Problem(DropReason.MIDDLEWARE_MISSING, f'middleware "{qualified}" does not exist', qualified)
        if not qualified.endswith(_SUFFIX) or self.by_id is None:
            return None
        if qualified in seen or len(seen) > _MAX_CHAIN:
            path = "->".join((*seen, qualified))
            detail = f"could not instantiate middleware {qualified}: recursion detected in {path}"
            return Problem(DropReason.MIDDLEWARE_INVALID, detail, qualified)
        found = self.by_id.get(qualified.removesuffix(_SUFFIX))
        if found is None:
            return Problem(DropReason.MIDDLEWARE_MISSING, f'middleware "{qualified}" does not exist', qualified)
        return self._own_problem(found, qualified) or self._chain_problem(found, (*seen, qualified))

    def _own_problem(self, found: Custom, qualified: str) -> Problem | None:
        types = [key for key, value in found.spec.items() if value is not None]
        if not types:
            detail = (
                f'invalid middleware "{qualified}" configuration: invalid middleware type or middleware does not exist'
            )
            return Problem(DropReason.MIDDLEWARE_INVALID, detail, found.ref)
        if len(types) > 1:
            detail = (
                "cannot create middleware: multi-types middleware not supported, "
                "consider declaring two different pieces of middleware instead"
            )
            return Problem(DropReason.MIDDLEWARE_INVALID, detail, found.ref)
        for key in ("ipAllowList", "ipWhiteList"):
            if key in types and (detail := _allow_list_problem(as_map(found.spec[key]))):
                return Problem(DropReason.MIDDLEWARE_INVALID, detail, found.ref)
        return None

    def _chain_problem(self, found: Custom, seen: tuple[str, ...]) -> Problem | None:
        for item in as_list(as_map(found.spec.get("chain")).get("middlewares")):
            reference = as_map(item)
            strict = self.version.since((3, 6, 14), (2, 11, 43))
            outcome = resolve(reference, found.namespace, self.settings if strict else _permissive(self.settings))
            if isinstance(outcome, Problem):
                # A chain that breaks the namespace rule is left out as a whole, so its users miss it.
                detail = f'middleware "{seen[-1]}" does not exist ({outcome.detail})'
                return Problem(DropReason.MIDDLEWARE_MISSING, detail, found.ref)
            if problem := self.problem(outcome, seen):
                return problem
        return None


def resolve(reference: Mapping[str, Any], parent: str, settings: ProviderSettings) -> str | Problem:
    """Return the qualified id that a middleware reference of a route in namespace *parent* means."""
    name, namespace = str(reference.get("name") or ""), str(reference.get("namespace") or "")
    said = f"invalid reference to middleware {name}: "
    if "@" in name:
        if not settings.allow_cross_namespace and name.endswith(_SUFFIX):
            detail = said + "when allowCrossNamespace is disabled, @kubernetescrd references are disallowed"
            return Problem(DropReason.MIDDLEWARE_CROSS_NAMESPACE, detail, name)
        allowed = settings.cross_provider_namespaces
        if allowed is not None and parent not in allowed:
            detail = said + f'namespace "{parent}" is not in crossProviderNamespaces'
            return Problem(DropReason.MIDDLEWARE_CROSS_NAMESPACE, detail, name)
        return name
    namespace = namespace or parent
    if namespace != parent and not settings.allow_cross_namespace:
        detail = said + "allowCrossNamespace is disabled, cross-namespace are disallowed"
        return Problem(DropReason.MIDDLEWARE_CROSS_NAMESPACE, detail, f"Middleware {namespace}/{name}")
    return normalize(f"{namespace}-{name}") + _SUFFIX


def _permissive(settings: ProviderSettings) -> ProviderSettings:
    return ProviderSettings(
        **{
            **{field: getattr(settings, field) for field in settings.__dataclass_fields__},
            "allow_cross_namespace": True,
            "cross_provider_namespaces": None,
        }
    )


def _allow_list_problem(spec: Mapping[str, Any]) -> str:
    ranges = [str(item) for item in as_list(spec.get("sourceRange"))]
    if not ranges:
        return "sourceRange is empty, IPAllowLister not created"
    for text in ranges:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            shown = " ".join(ranges)
            return f"cannot parse CIDRs [{shown}]: parsing CIDR trusted IPs <nil>: invalid CIDR address: {text}"
    return ""


def as_map(value: object) -> Mapping[str, Any]:
    """Return a JSON object as a mapping, and anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> tuple[Any, ...]:
    """Return a JSON array as a tuple, and anything else as an empty one."""
    return tuple(value) if isinstance(value, (list, tuple)) else ()
