"""What Traefik leaves out of objects that it takes otherwise: the route stays, and something of it is not as written.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go (ServersTransports), cmd/traefik/traefik.go (resolvers).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.evidence.answer import Shortfall
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.routes import Custom, RoutingObjects
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.routing.traefik.certificates import Shapes, known_secrets, secret_problem
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER
from ingressdoctor.routing.traefik.table import RouteTable
from ingressdoctor.routing.traefik.tls_options import is_cipher

__all__ = ["resolver_shortfalls", "transport_shortfalls", "transports_of"]

_RESOLVER: Final = "traefik.ingress.kubernetes.io/router.tls.certresolver"
_VERSIONS: Final = frozenset({"VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"})
_CA_KEYS: Final = frozenset({"tls.ca", "ca.crt"})
_WITHOUT_CA: Final = "Traefik trusts the system's CAs only, so TLS to the backend may end with 500"


def transport_shortfalls(objects: RoutingObjects) -> dict[str, tuple[Shortfall, ...]]:
    """Return what is left out of each ServersTransport, by its qualified id; ConfigMaps with CAs are not looked at."""
    loaded = objects.servers_transports
    shapes = known_secrets(objects.secrets)
    found = {
        f"{normalize(f'{item.namespace}-{item.name}')}@{CRD_PROVIDER}": tuple(_of_transport(item, shapes))
        for item in (loaded.items if isinstance(loaded, Loaded) else ())
    }
    return {name: shortfalls for name, shortfalls in found.items() if shortfalls}


def _of_transport(item: Custom, shapes: Shapes | None) -> Iterator[Shortfall]:
    spec = item.spec
    sources = [as_map(one) for one in as_list(spec.get("rootCAs"))]
    for source in sources:
        if source.get("secret") and source.get("configMap"):
            log = "Error while loading CA: both Secret and ConfigMap are defined"
            yield Shortfall(ref=item.ref, log=log, effect=_WITHOUT_CA)
    named = [source.get("secret") for source in sources if source.get("secret") and not source.get("configMap")]
    for secret in (*as_list(spec.get("rootCAsSecrets")), *named):
        if said := _ca_problem(shapes, item.namespace, str(secret)):
            yield Shortfall(ref=item.ref, log=f"Error while loading CA Secret: {said}", effect=_WITHOUT_CA)
    for secret in as_list(spec.get("certificatesSecrets")):
        if said := secret_problem(shapes, item.namespace, str(secret)):
            log = f"Error while loading certificates {secret}: {said}"
            yield Shortfall(ref=item.ref, log=log, effect="Traefik shows the backend no client certificate")
    odd = next((str(name) for name in as_list(spec.get("cipherSuites")) if not is_cipher(str(name))), "")
    if odd:
        log = f"cipher suite not supported: {odd}, falling back to default CipherSuite."
        yield Shortfall(ref=item.ref, log=log, effect="the default cipher suites are offered to the backend")
    for option, word in (("minVersion", "minimum"), ("maxVersion", "maximum")):
        written = str(spec.get(option) or "")
        if written and written not in _VERSIONS:
            log = f"invalid TLS {word} version: {written}"
            yield Shortfall(ref=item.ref, log=log, effect=f"the default {word} version counts")


def _ca_problem(shapes: Shapes | None, namespace: str, name: str) -> str:
    if shapes is None:
        return ""
    shape = shapes.get((namespace, name))
    if shape is None:
        return f"secret '{namespace}/{name}' not found"
    # A Secret with one key only is taken as the CA, whatever the key is called.
    if len(shape.keys) == 1 or not _CA_KEYS.isdisjoint(shape.filled):
        return ""
    return f"secret '{namespace}/{name}' has no CA block: secret {namespace}/{name} contains neither tls.ca nor ca.crt"


def resolver_shortfalls(objects: RoutingObjects, table: RouteTable) -> dict[str, tuple[Shortfall, ...]]:
    """Return the routes that name a certificate resolver which the static configuration does not define, by object."""
    static = table.static
    if static.unreadable:
        return {}
    prefix = "certificatesresolvers."
    defined = {name.removeprefix(prefix).partition(".")[0] for name in static.options if name.startswith(prefix)}
    found: dict[str, tuple[Shortfall, ...]] = {}
    for ref, resolver in _resolvers(objects):
        if resolver and resolver.lower() not in defined:
            log = f"Router uses a nonexistent certificate resolver certificateResolver={resolver}"
            found[ref] = (Shortfall(ref=ref, log=log, effect="nobody obtains a certificate: the default one is shown"),)
    return found


def _resolvers(objects: RoutingObjects) -> Iterator[tuple[str, str]]:
    routes = objects.ingress_routes
    for item in routes.items if isinstance(routes, Loaded) else ():
        yield item.ref, str(as_map(item.spec.get("tls")).get("certResolver") or "")
    ingresses: tuple[Ingress, ...] = objects.ingresses.items if isinstance(objects.ingresses, Loaded) else ()
    for ingress in ingresses:
        written = {key.lower(): value for key, value in ingress.annotations.items()}
        yield ingress.ref, written.get(_RESOLVER, "")


def transports_of(table: RouteTable) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the qualified ids of the ServersTransports that each router uses, by its object and rule."""
    routers = (router for group in (*table.by_host.values(), table.anywhere) for router in group)
    return {
        (router.draft.ref, router.draft.rule): names
        for router in routers
        if (names := tuple(one.transport for one in router.draft.resolved if one.transport))
    }
