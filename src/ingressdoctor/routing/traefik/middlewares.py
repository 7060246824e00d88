"""Which middlewares Traefik has, and how a route's reference to one is resolved.

What is wrong with one by itself is the business of ``middleware_specs.py`` and ``middleware_refusals.py``.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go (resolveReference; makeMiddlewareKeys before 3.7.1),
pkg/server/middleware/middlewares.go, pkg/server/recursion/recursion.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.routes import Custom, DropReason
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.middleware_refusals import Secrets, provider_problem
from ingressdoctor.routing.traefik.middleware_specs import MULTI_TYPES, constructor_problem, types_of
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, INGRESS_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = ["ONE_RULE_FOR_NAMES", "Known", "Problem", "as_list", "as_map", "resolve", "resolve_tcp"]

_SUFFIX: Final = f"@{CRD_PROVIDER}"
_MAX_CHAIN: Final = 20
_STRICT_CHAINS: Final = ((3, 6, 14), (2, 11, 43))
ONE_RULE_FOR_NAMES: Final = ((3, 7, 1), (3, 6, 17), (2, 11, 46))


class Problem(msgspec.Struct, frozen=True):
    """Why a reference or a middleware takes its route out: reason, Traefik's words, the object meant."""

    reason: DropReason
    detail: str
    related: str = ""


class Known(msgspec.Struct, frozen=True):
    """The middlewares of the cluster by id, or ``None`` when they may not be read.

    ``secrets`` is None when Secrets were not looked at; then what needs one counts as sound. ``plugins`` are the
    plugins that Traefik loads, ``providers`` the providers it runs; None when that is not known. ``refused`` and
    ``broken`` hold problems of middlewares that lie in the Services they name: the provider's, and Traefik's own.
    ``cache`` remembers answers.
    """

    by_id: Mapping[str, Custom] | None
    settings: ProviderSettings
    version: Version
    secrets: Secrets | None = None
    plugins: frozenset[str] | None = None
    providers: frozenset[str] | None = None
    refused: Mapping[str, Problem] = msgspec.field(default_factory=dict)
    broken: Mapping[str, Problem] = msgspec.field(default_factory=dict)
    cache: dict[str, Problem | None] = msgspec.field(default_factory=dict)

    def problem(self, qualified: str) -> Problem | None:
        """Say why a middleware cannot be built; None when it can, or when that cannot be told."""
        if qualified not in self.cache:
            self.cache[qualified] = self._problem(qualified, ())
        return self.cache[qualified]

    def _problem(self, qualified: str, seen: tuple[str, ...]) -> Problem | None:
        provider = qualified.rpartition("@")[2]
        nobody = self.providers is not None and provider not in self.providers
        if nobody or provider == INGRESS_PROVIDER:  # a bare name in an Ingress; that provider makes none
            return Problem(DropReason.MIDDLEWARE_MISSING, f'middleware "{qualified}" does not exist', qualified)
        if not qualified.endswith(_SUFFIX) or self.by_id is None:
            return None
        name = qualified.removesuffix(_SUFFIX)
        found = self.by_id.get(name)
        missing = f'middleware "{qualified}" does not exist'
        if found is None:
            return Problem(DropReason.MIDDLEWARE_MISSING, missing, qualified)
        if refused := self._refused(name, found):
            return Problem(DropReason.MIDDLEWARE_MISSING, f"{missing} ({refused.detail})", found.ref)
        if qualified in seen or len(seen) > _MAX_CHAIN:
            path = "->".join(f"middleware:{one}" for one in (*seen, qualified))
            detail = f"could not instantiate middleware {qualified}: recursion detected in {path}"
            return Problem(DropReason.MIDDLEWARE_INVALID, detail, qualified)
        return self._own_problem(found, qualified) or self._chain_problem(found, (*seen, qualified))

    def _refused(self, name: str, found: Custom) -> Problem | None:
        """Return why the provider leaves the middleware out; its users then miss it."""
        said = provider_problem(found.spec, found.namespace, self.secrets)
        if said:
            return Problem(DropReason.MIDDLEWARE_MISSING, said, found.ref)
        if name in self.refused:
            return self.refused[name]
        outcome = next((item for item in self._chained(found) if isinstance(item, Problem)), None)
        return outcome and replace(outcome, detail=f"Error while reading chain middleware: {outcome.detail}")

    def _own_problem(self, found: Custom, qualified: str) -> Problem | None:
        types = types_of(found.spec, self.version, plugins=self.plugins is None or bool(self.plugins))
        if not types:
            detail = (
                f'invalid middleware "{qualified}" configuration: invalid middleware type or middleware does not exist'
            )
            return Problem(DropReason.MIDDLEWARE_INVALID, detail, found.ref)
        if len(types) > 1:
            return Problem(DropReason.MIDDLEWARE_INVALID, MULTI_TYPES, found.ref)
        name = qualified.removesuffix(_SUFFIX)
        if name in self.broken:
            return self.broken[name]
        detail = constructor_problem(types[0], as_map(found.spec[types[0]]), self.version)
        if types[0] == "plugin" and self.plugins is not None:
            unknown = sorted(set(as_map(found.spec["plugin"])) - self.plugins)
            detail = f"plugin: unknown plugin type: {unknown[0]}" if unknown else ""
        return Problem(DropReason.MIDDLEWARE_INVALID, detail, found.ref) if detail else None

    def _chained(self, found: Custom) -> tuple[str | Problem, ...]:
        # Before chains obeyed the rules about namespaces, every reference in one was good.
        strict = self.version.since(*_STRICT_CHAINS)
        settings = (
            self.settings
            if strict
            else replace(self.settings, allow_cross_namespace=True, cross_provider_namespaces=None)
        )
        items = as_list(as_map(found.spec.get("chain")).get("middlewares"))
        return tuple(resolve(as_map(item), found.namespace, settings, self.version) for item in items)

    def _chain_problem(self, found: Custom, seen: tuple[str, ...]) -> Problem | None:
        # Handlers are built from the last to the first, so the last bad one is the one that Traefik names.
        for name in reversed(self._chained(found)):
            if isinstance(name, str) and (problem := self._problem(name, seen)):
                return problem
        return None


def resolve(
    reference: Mapping[str, Any], parent: str, settings: ProviderSettings, version: Version | None = None
) -> str | Problem:
    """Return the qualified id that a middleware reference of a route in namespace *parent* means."""
    name, namespace = str(reference.get("name") or ""), str(reference.get("namespace") or "")
    wording = (version or Version()).since(*ONE_RULE_FOR_NAMES)
    said = f"invalid reference to middleware {name}: "
    if "@" in name:
        if not settings.allow_cross_namespace and name.endswith(_SUFFIX):
            detail = said + (
                "when allowCrossNamespace is disabled, @kubernetescrd references are disallowed"
                if wording
                else "with crossnamespace disallowed, the namespace field needs to be explicitly specified"
            )
            return Problem(DropReason.MIDDLEWARE_CROSS_NAMESPACE, detail, name)
        allowed = settings.cross_provider_namespaces
        if allowed is not None and parent not in allowed and wording:
            detail = said + f'namespace "{parent}" is not in crossProviderNamespaces'
            return Problem(DropReason.MIDDLEWARE_CROSS_NAMESPACE, detail, name)
        return name
    namespace = namespace or parent
    if namespace != parent and not settings.allow_cross_namespace:
        detail = said + "allowCrossNamespace is disabled, cross-namespace are disallowed"
        if not wording:
            detail = f"middleware {namespace}/{name} is not in the IngressRoute namespace {parent}"
        return Problem(DropReason.MIDDLEWARE_CROSS_NAMESPACE, detail, f"Middleware {namespace}/{name}")
    return normalize(f"{namespace}-{name}") + _SUFFIX


def resolve_tcp(
    reference: Mapping[str, Any], parent: str, settings: ProviderSettings, version: Version
) -> str | Problem:
    """Return the qualified id that a reference of an IngressRouteTCP means; before 3.7.1 any name with @ was good."""
    name = str(reference.get("name") or "")
    older = not version.since(*ONE_RULE_FOR_NAMES)
    if older and "@" in name:
        return name
    found = resolve(reference, parent, settings, version)
    if older and isinstance(found, Problem):
        return replace(
            found, detail=found.detail.replace("the IngressRoute namespace", "the IngressRouteTCP namespace")
        )
    return found
