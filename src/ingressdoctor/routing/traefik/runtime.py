"""Say why Traefik disables a router that its provider made: what is only found out when the router is built.

The order is Traefik's, since only the first problem is ever said: entry points, priority, TLS options, service,
middlewares from the last to the first, rule.

Source: traefik: pkg/server/router/router.go, pkg/server/service/internalhandler.go, pkg/config/runtime.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom, DroppedRoute, DropReason, RoutingObjects
from ingressdoctor.model.untyped import as_map
from ingressdoctor.routing.traefik.compiled import Compiled, compile_rule, never_reason
from ingressdoctor.routing.traefik.crd_services import CrdServices, within
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.middlewares import Known, Problem
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.router import Draft
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, ProviderSettings, providers_on
from ingressdoctor.routing.traefik.tls_options import TlsOptions

__all__ = ["Runtime", "drop", "known_middlewares", "point_problem"]

_MAX_USER_PRIORITY: Final = 2**63 - 1 - 1000
_NEVER: Final = "never-matches"
_INTERNAL: Final = {
    "noop@internal": "",
    "acme-http@internal": "",
    "api@internal": "api is not enabled",
    "dashboard@internal": "dashboard is not enabled",
    "rest@internal": "rest is not enabled",
    "ping@internal": "ping is not enabled",
    "prometheus@internal": "prometheus is not enabled",
}
_SWITCHES: Final = {
    "api@internal": "api",
    "dashboard@internal": "api",
    "rest@internal": "providers.rest",
    "ping@internal": "ping",
    "prometheus@internal": "metrics.prometheus",
}


class Runtime(msgspec.Struct, frozen=True):
    """Everything besides the drafts that decides whether Traefik can build a router."""

    static: StaticConfig
    points: Mapping[str, EntryPoint]
    known: Known
    services: CrdServices
    tls_options: TlsOptions
    families: frozenset[str] = frozenset()

    def problem(self, draft: Draft, names: tuple[str, ...]) -> Problem | None:
        """Say why the router is disabled, apart from its rule."""
        return (
            self._entry_points(names, child=draft.parents)
            or _priority(draft)
            or self._tls(draft, names)
            or self._service(draft)
            or next((found for name in reversed(draft.middlewares) if (found := self.known.problem(name))), None)
        )

    def _entry_points(self, names: tuple[str, ...], *, child: bool) -> Problem | None:
        if self.static.unreadable or child or any(name in self.points for name in names):
            return None
        there = ", ".join(sorted(self.points)) or "none"
        missing = ", ".join(names) or "none"
        return Problem(DropReason.ENTRY_POINT, f"entry points {missing} do not exist; there are {there}", missing)

    def _tls(self, draft: Draft, names: tuple[str, ...]) -> Problem | None:
        terminated = draft.tls or any(name in self.points and self.points[name].tls for name in names)
        said = self.tls_options.problem(draft.tls_options) if terminated else ""
        if said is None and self._nobody_defines(draft.tls_options):
            said = f"unknown TLS options: {draft.tls_options}"
        if not said:
            return None
        return Problem(DropReason.TLS_OPTION, f"building router handler: {said}", draft.tls_options)

    def _service(self, draft: Draft) -> Problem | None:
        if draft.provider == CRD_PROVIDER and not draft.resolved and draft.name not in self.families:
            return Problem(DropReason.OTHER, "router has no service and no child routers")
        many = len(draft.resolved) > 1  # then the router has a weighted service of its own name
        for resolved in draft.resolved:
            above = (draft.name,) if many else ()
            problem = self._internal(resolved.service) or self.services.trouble(resolved, self.known, above)
            if problem and many:
                return replace(problem, detail=within(resolved, problem.detail))
            if problem:
                return problem
        return None

    def _nobody_defines(self, qualified: str) -> bool:
        return self.known.providers is not None and qualified.rpartition("@")[2] not in self.known.providers

    def _internal(self, service: str) -> Problem | None:
        if not service.endswith("@internal"):
            return None
        if service not in _INTERNAL:
            return Problem(DropReason.SERVICE_MISSING, f"unknown internal service {service}", service)
        switch = _SWITCHES.get(service)
        if switch is None or self.static.unreadable:
            return None
        on = self.static.enabled(switch) or any(
            name.startswith(switch + ".") for name in self.static.options if not self.static.flag(switch)
        )
        if on and service == "dashboard@internal":
            on = self.static.enabled("api.dashboard", default=True)
        return None if on else Problem(DropReason.SERVICE_MISSING, _INTERNAL[service], service)

    def compiled(self, draft: Draft, syntax: str) -> Compiled | Problem:
        """Compile the rule, or say why Traefik refuses it or nothing can ever match it."""
        try:
            rule = compile_rule(draft.rule, syntax, self.known.version)
        except RuleError as error:
            return Problem(DropReason.RULE, error.reason)
        if never := never_reason(rule):
            return Problem(DropReason.RULE, f"the rule is accepted but can never match: {never}", related=_NEVER)
        return rule


def _priority(draft: Draft) -> Problem | None:
    if draft.priority <= _MAX_USER_PRIORITY:
        return None
    said = f"the router priority {draft.priority} exceeds the max user-defined priority {_MAX_USER_PRIORITY}"
    return Problem(DropReason.PRIORITY, said)


def known_middlewares(
    objects: RoutingObjects, settings: ProviderSettings, services: CrdServices, static: StaticConfig
) -> Known:
    """Collect the middlewares that Traefik has, and what is wrong with the Services that they name."""
    by_id = _middlewares(objects, settings)
    secrets = None
    if isinstance(objects.secrets, Loaded) and not objects.secrets.broken:
        # Secrets that Helm keeps its releases in are left out of Traefik's cache.
        shapes = (item for item in objects.secrets.items if item.labels.get("owner") != "helm")
        secrets = {(item.namespace, item.name): item for item in shapes}
    known = Known(
        by_id, settings, services.version, secrets=secrets, plugins=_plugins(static), providers=providers_on(static)
    )
    refused: dict[str, Problem] = {}
    broken: dict[str, Problem] = {}
    for name, item in (by_id or {}).items():
        page = as_map(item.spec.get("errors")).get("service")
        if not isinstance(item.spec.get("errors"), dict):
            continue
        resolved = services.error_page(as_map(page), item.namespace)
        if isinstance(resolved, Problem):
            refused[name] = replace(resolved, detail=f"Error while reading error page middleware: {resolved.detail}")
        elif problem := services.trouble(resolved, known):
            broken[name] = problem
    return replace(known, refused=refused, broken=broken, cache={})


def _middlewares(objects: RoutingObjects, settings: ProviderSettings) -> dict[str, Custom] | None:
    # One that does not decode may be the very one that a route names.
    if not isinstance(objects.middlewares, Loaded) or objects.middlewares.broken:
        return None
    if not settings.enabled:
        return {}
    # The provider's filters hold for middlewares too: an unlabelled one looks missing.
    seen = (m for m in objects.middlewares.items if settings.watches(m.namespace) and settings.selects(m.labels))
    return {normalize(f"{item.namespace}-{item.name}"): item for item in seen}


def _plugins(static: StaticConfig) -> frozenset[str] | None:
    if static.unreadable:
        return None
    prefixes = ("experimental.plugins.", "experimental.localplugins.")
    return frozenset(
        name.removeprefix(prefix).partition(".")[0]
        for name in static.options
        for prefix in prefixes
        if name.startswith(prefix)
    )


def point_problem(point: EntryPoint, known: Known) -> Problem | None:
    """Say which middleware of an entry point takes out all its routers."""
    return next((found for name in reversed(point.middlewares) if (found := known.problem(name))), None)


def drop(draft: Draft, problem: Problem) -> DroppedRoute:
    """Return the route that has no working router."""
    silent = problem.related == _NEVER
    line = f"{problem.detail} routerName={draft.name}"
    if problem.reason is DropReason.RULE and not silent:
        line = f"error while parsing rule {draft.rule}: {problem.detail} routerName={draft.name}"
    elif problem.reason is DropReason.ENTRY_POINT:
        line = f"EntryPoint doesn't exist entryPointName={problem.related} routerName={draft.name}"
    return DroppedRoute(
        ref=draft.ref,
        rule=draft.rule,
        reason=problem.reason,
        detail=problem.detail,
        log_line="" if silent else line,
        related="" if silent else problem.related,
        backends=draft.backends,
    )
