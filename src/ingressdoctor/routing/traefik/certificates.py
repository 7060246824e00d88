"""The certificates that Traefik holds, by the Secrets that its objects name, and which of them it shows for an SNI.

Secrets are never read: what names a certificate has must be told, and where it was not, the choice is open.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go (buildTLSStores, getTLS, getTLSHTTP), ingress/kubernetes.go
(getCertificates), pkg/tls/certificate_store.go (GetBestCertificate, matchDomain).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Final, TypeAlias

import msgspec

from ingressdoctor.evidence.answer import Shortfall
from ingressdoctor.evidence.controller import StaticConfig
from ingressdoctor.evidence.kube import Ingress, Loaded
from ingressdoctor.evidence.routes import Custom, DroppedRoute, DropReason, RoutingObjects, SecretShape
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.untyped import as_list, as_map, as_text
from ingressdoctor.routing.traefik.settings import CRD, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = [
    "Chosen",
    "KnownCertificate",
    "Names",
    "Shelf",
    "build_shelf",
    "known_secrets",
    "secret_problem",
]

Names: TypeAlias = "Mapping[tuple[str, str], tuple[str, ...]]"
Shapes: TypeAlias = "Mapping[tuple[str, str], SecretShape]"

_GENERATED: Final = "TRAEFIK DEFAULT CERT"
_SILENT: Final = frozenset([DropReason.CLASS, DropReason.NAMESPACE, DropReason.LABEL, DropReason.PROVIDER])
_SKIPS_ONE: Final = (3, 7, 0)  # before, one bad Secret costs the whole TLSStore
_PAIR: Final = ("tls.crt", "tls.key")


class KnownCertificate(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate that Traefik holds: the names on it (common name and SANs), None when not known, and its Secret."""

    names: tuple[str, ...] | None
    ref: str = ""


class Chosen(msgspec.Struct, frozen=True):
    """The certificate of a handshake, and why that one; ``fits`` tells whether it has the SNI, None when not known."""

    fits: bool | None
    ref: str = ""
    why: str = ""


class Shelf(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All certificates of one Traefik, in loading order.

    ``default`` is what it shows where none has the SNI; ``unknown`` says where others may come from.
    """

    certificates: tuple[KnownCertificate, ...] = ()
    default: str = _GENERATED
    unknown: tuple[str, ...] = ()
    shortfalls: tuple[Shortfall, ...] = ()

    def choose(self, server_name: str) -> Chosen:
        """Return the certificate for an SNI. Validity in time never counts; of equal names the first one stays."""
        if self._open is not None:
            return self._open
        wanted = server_name.strip().lower()
        wild = ".".join(["*", *wanted.split(".")[1:]])
        for key, item in self._by_names:
            name = next((one for one in key.split(",") if wanted and (one == wanted or one.rstrip(".") == wild)), "")
            if name:
                return Chosen(fits=True, ref=item.ref, why=f"it has the name {name}")
        return Chosen(fits=False, ref=self.default, why=f"no other has the name {wanted or 'that no SNI asks for'}")

    @cached_property
    def _open(self) -> Chosen | None:
        """What is said of every SNI while some certificates are not known, None where all are."""
        unknown = [*self.unknown, *(f"the names on {item.ref}" for item in self.certificates if item.names is None)]
        return Chosen(None, why=f"not known: {', '.join(unknown[:3])}") if unknown else None

    @cached_property
    def _by_names(self) -> tuple[tuple[str, KnownCertificate], ...]:
        """The certificates by their names, in the order in which Traefik looks for one."""
        found: dict[str, KnownCertificate] = {}
        for item in self.certificates:
            found.setdefault(",".join(sorted(name.lower() for name in item.names or ())), item)
        return tuple((key, found[key]) for key in sorted(found, reverse=True))


def build_shelf(
    objects: RoutingObjects,
    static: StaticConfig,
    version: Version,
    dropped: Iterable[DroppedRoute] = (),
    names: Names | None = None,
) -> Shelf:
    """Collect the certificates; *dropped* tells what the providers do not look at, *names* what is on a Secret's."""
    shapes = known_secrets(objects.secrets)
    filtered = frozenset(item.ref for item in dropped if _is_skipped(item))
    found: dict[tuple[str, str], None] = {}
    shortfalls: list[Shortfall] = []
    for ref, namespace, wanted in (*_of_routes(objects), *_of_ingresses(objects), *_of_gateways(objects)):
        for secret in wanted if ref not in filtered else ():
            if said := secret_problem(shapes, namespace, secret):
                shortfalls.append(
                    Shortfall(ref=ref, log=f"Error configuring TLS: {said}", effect="default certificate")
                )
                break  # an Ingress loads none of the Secrets behind the first bad one
            found[namespace, secret] = None
    stores = _of_stores(objects.tls_stores, ProviderSettings.read(static, CRD), version, shapes)
    shortfalls += stores.shortfalls
    keys = (*sorted((*found, *stores.secrets)),)
    known = names or {}
    return Shelf(
        certificates=tuple(
            KnownCertificate(names=known.get(key), ref=f"Secret {key[0]}/{key[1]}") for key in dict.fromkeys(keys)
        ),
        default=stores.default,
        unknown=(*_sources(static), *_unread(objects)),
        shortfalls=tuple(shortfalls),
    )


def _is_skipped(item: DroppedRoute) -> bool:
    """Tell whether a provider leaves the whole object out before it loads the certificates that it names."""
    if item.reason in _SILENT:
        return not item.log_line
    return item.reason is DropReason.ANNOTATION or item.detail.startswith("Skipping Ingress")


def known_secrets(secrets: Loaded[SecretShape] | Unavailable) -> Shapes | None:
    """Return the Secrets that Traefik sees, None when they are not all known; it leaves out those that Helm keeps."""
    if not isinstance(secrets, Loaded) or secrets.broken:
        return None
    return {(item.namespace, item.name): item for item in secrets.items if item.labels.get("owner") != "helm"}


def secret_problem(shapes: Shapes | None, namespace: str, name: str) -> str:
    """Say why a Secret gives no key pair, in Traefik's words; empty when it does, or is not known."""
    if shapes is None:
        return ""
    shape = shapes.get((namespace, name))
    ref = f"{namespace}/{name}"
    if shape is None:
        return f"secret {ref} does not exist"
    if missing := [key for key in _PAIR if key not in shape.keys]:
        return f"secret {ref} is missing the following TLS data entries: {', '.join(missing)}"
    if empty := [key for key in _PAIR if key not in shape.filled]:
        return f"secret {ref} contains the following empty TLS data entries: {', '.join(empty)}"
    return ""


def _of_routes(objects: RoutingObjects) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for kind in (objects.ingress_routes, objects.ingress_route_tcps):
        for item in kind.items if isinstance(kind, Loaded) else ():
            secret = str(as_map(item.spec.get("tls")).get("secretName") or "")
            yield item.ref, item.namespace, (secret,) if secret else ()


def _of_ingresses(objects: RoutingObjects) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    found: tuple[Ingress, ...] = objects.ingresses.items if isinstance(objects.ingresses, Loaded) else ()
    for item in found:
        yield item.ref, item.namespace, tuple(tls.secret_name for tls in item.spec.tls or () if tls.secret_name)


def _of_gateways(objects: RoutingObjects) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for item in objects.gateways.items if isinstance(objects.gateways, Loaded) else ():
        for listener in as_list(item.spec.get("listeners")):
            for raw in as_list(as_map(as_map(listener).get("tls")).get("certificateRefs")):
                reference = as_map(raw)
                if name := as_text(reference.get("name")):
                    yield item.ref, as_text(reference.get("namespace")) or item.namespace, (name,)


class _Stores(msgspec.Struct, frozen=True):
    secrets: tuple[tuple[str, str], ...] = ()
    default: str = _GENERATED
    shortfalls: tuple[Shortfall, ...] = ()


def _of_stores(
    loaded: Loaded[Custom] | Unavailable, settings: ProviderSettings, version: Version, shapes: Shapes | None
) -> _Stores:
    """Judge the TLSStores; only the one called "default" serves, and where several are, none gives the default."""
    items = [
        item
        for item in (loaded.items if isinstance(loaded, Loaded) and settings.enabled else ())
        if item.name == "default" and settings.watches(item.namespace) and settings.selects(item.labels)
    ]
    found = [_of_store(item, version, shapes) for item in items]
    shortfalls = [one for store in found for one in store.shortfalls]
    default = next((store.default for store in found), _GENERATED)
    if len(items) > 1:
        rivals = " ".join(sorted(item.namespace for item in items))
        log = f"Default TLS Stores defined in multiple namespaces: [{rivals}]"
        shortfalls.append(Shortfall(ref=items[0].ref, log=log, effect="none of them gives the default certificate"))
        default = _GENERATED
    return _Stores(tuple(key for store in found for key in store.secrets), default, tuple(shortfalls))


def _of_store(item: Custom, version: Version, shapes: Shapes | None) -> _Stores:
    namespace, dropped = item.namespace, "the store is dropped"
    certificate = str(as_map(item.spec.get("defaultCertificate")).get("secretName") or "")
    if certificate and (said := secret_problem(shapes, namespace, certificate)):
        log = f"Could not get certificate blocks: {said}"
        if said.endswith("does not exist"):
            log = f"Secret {namespace}/{certificate} does not exist"
        return _Stores(shortfalls=(Shortfall(ref=item.ref, log=log, effect=dropped),))
    listed = [str(as_map(one).get("secretName") or "") for one in as_list(item.spec.get("certificates"))]
    bad = {name: said for name in listed if (said := secret_problem(shapes, namespace, name))}
    if bad and not version.since(_SKIPS_ONE):
        log = f"Failed to load certificates: {next(iter(bad.values()))}"
        return _Stores(shortfalls=(Shortfall(ref=item.ref, log=log, effect=dropped),))
    retried = "skipping (will retry on next configuration refresh)"
    return _Stores(
        tuple((namespace, name) for name in listed if name not in bad),
        f"Secret {namespace}/{certificate}" if certificate else _GENERATED,
        tuple(
            Shortfall(
                ref=item.ref,
                log=f"Unable to read certificate secret {namespace}/{name}, {retried}: {said}",
                effect="that certificate is left out",
            )
            for name, said in bad.items()
        ),
    )


def _sources(static: StaticConfig) -> Iterator[str]:
    """Yield what else may give certificates, as the static configuration tells."""
    if static.unreadable:
        yield "certificates by ways that the static configuration names"
    if any(name.startswith("certificatesresolvers.") for name in static.options):
        yield "certificates that Traefik's own resolvers obtained"
    if any(name == "providers.file" or name.startswith("providers.file.") for name in static.options):
        yield "certificates in files"


def _unread(objects: RoutingObjects) -> Iterator[str]:
    for kind in (objects.ingress_routes, objects.ingress_route_tcps, objects.ingresses, objects.tls_stores):
        if not isinstance(kind, Loaded):
            yield f"{kind.wanted}: {kind.reason}"
