"""TLS options as Traefik builds them from TLSOptions.

Secrets are never read: client CAs count as present where an option names them. Which option serves which host is
``sni_table.py``'s business, which certificate is shown that of ``certificates.py``.

Source: traefik: pkg/provider/kubernetes/crd/kubernetes.go (buildTLSOptions), pkg/tls/tlsmanager.go (Get,
buildTLSConfig), pkg/tls/cipher.go (v3.7.9).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import msgspec

from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import NOT_READ, Custom, SecretShape
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.traefik.middlewares import as_list, as_map
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, ProviderSettings
from ingressdoctor.routing.traefik.version import Version

__all__ = [
    "DEFAULT_OPTION",
    "TlsOption",
    "TlsOptions",
    "build_tls_options",
    "is_cipher",
]

DEFAULT_OPTION: Final = "default"
_NORMALISED: Final = ((3, 7, 1), (3, 6, 17), (2, 11, 46))
_SUFFIX: Final = f"@{CRD_PROVIDER}"
_CA_KEYS: Final = frozenset({"tls.ca", "ca.crt"})
_CLIENT_AUTH: Final = (
    "NoClientCert",
    "RequestClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
)
_CURVE: Final = re.compile(
    r"secp(?:256|384|521)r1|CurveP(?:256|384|521)|X25519(?:MLKEM768)?|secp256r1mlkem768|secp384r1mlkem1024"
)
_CBC_GCM: Final = r"RC4_128_SHA|AES_128_CBC_SHA(?:256)?|AES_256_CBC_SHA|AES_128_GCM_SHA256|AES_256_GCM_SHA384"
_CIPHER: Final = re.compile(
    rf"TLS_(?:RSA|ECDHE_RSA|ECDHE_ECDSA)_WITH_(?:{_CBC_GCM})|TLS_(?:ECDHE_)?RSA_WITH_3DES_EDE_CBC_SHA|"
    r"TLS_ECDHE_(?:RSA|ECDSA)_WITH_CHACHA20_POLY1305(?:_SHA256)?|"
    r"TLS_AES_128_GCM_SHA256|TLS_AES_256_GCM_SHA384|TLS_CHACHA20_POLY1305_SHA256|TLS_FALLBACK_SCSV"
)


class TlsOption(msgspec.Struct, frozen=True, kw_only=True):
    """One set of TLS options.

    ``id`` is ``ns-name``, or ``default``; ``broken`` is Traefik's reason why it cannot be used, empty when it can;
    ``client_auth`` what it asks of the client's certificate, ``client_cas`` whether a Secret that it names gives CAs.
    """

    id: str
    ref: str = ""
    sni_strict: bool = False
    min_version: str = ""
    max_version: str = ""
    client_auth: str = ""
    client_cas: bool = False
    alpn: tuple[str, ...] = ("h2", "http/1.1", "acme-tls/1")
    broken: str = ""

    @property
    def wants_certificate(self) -> bool:
        """Whether a client without a certificate is refused."""
        chosen = self.client_auth or ("RequireAndVerifyClientCert" if self.client_cas else "")
        return chosen in ("RequireAnyClientCert", "RequireAndVerifyClientCert")


# What every router has that names none, where nobody wrote an option of that name.
_BUILT_IN: Final = TlsOption(id=DEFAULT_OPTION, min_version="VersionTLS12")


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The TLS options of the cluster by id; ``complete`` is False when TLSOptions could not all be read.

    ``rivals`` are the namespaces that each define an option "default"; none of them is used then.
    """

    by_id: Mapping[str, TlsOption] = msgspec.field(default_factory=dict)
    complete: bool = False
    rivals: tuple[str, ...] = ()
    normalised: bool = True

    def find(self, qualified: str) -> TlsOption | None:
        """Return the option that a reference means; an unreferenced router has the default. None: there is none."""
        if qualified in ("", DEFAULT_OPTION):
            return self.by_id.get(DEFAULT_OPTION, _BUILT_IN)
        name = qualified.removesuffix(_SUFFIX)
        if not qualified.endswith(_SUFFIX):
            return None
        if self.normalised:
            return self.by_id.get(name)
        return next((item for key, item in self.by_id.items() if normalize(key) == normalize(name)), None)

    def problem(self, qualified: str) -> str | None:
        """Say why an option cannot be used, in Traefik's words; empty when it can, None when that is not known."""
        found = self.find(qualified)
        if found is not None:
            return found.broken
        own = qualified.endswith((_SUFFIX, "@kubernetes"))
        return f"unknown TLS options: {qualified}" if self.complete and own else None


def build_tls_options(
    loaded: Loaded[Custom] | Unavailable,
    settings: ProviderSettings,
    version: Version,
    secrets: Loaded[SecretShape] | Unavailable = NOT_READ,
) -> TlsOptions:
    """Build all options; a TLSOption named "default" in exactly one namespace replaces the default for everyone.

    Secrets with CAs that nobody looked for are taken as sound.
    """
    authorities = _authorities(secrets)
    normalised = version.since(*_NORMALISED)
    if not isinstance(loaded, Loaded):
        return TlsOptions(normalised=normalised)
    by_id: dict[str, TlsOption] = {}
    defaults: list[str] = []
    for item in loaded.items:
        if not settings.watches(item.namespace) or not settings.selects(item.labels):
            continue
        is_default = item.name == DEFAULT_OPTION
        if is_default:
            defaults.append(item.namespace)
        option = _option(item, DEFAULT_OPTION if is_default else f"{item.namespace}-{item.name}", authorities)
        by_id[option.id] = option
    if len(defaults) > 1:
        del by_id[DEFAULT_OPTION]
    rivals = tuple(sorted(defaults)) if len(defaults) > 1 else ()
    return TlsOptions(by_id=by_id, complete=not loaded.broken, rivals=rivals, normalised=normalised)


def _authorities(secrets: Loaded[SecretShape] | Unavailable) -> frozenset[tuple[str, str]] | None:
    """Return the Secrets that Traefik takes a CA from, None when they are not all known; Helm's own it leaves out."""
    if not isinstance(secrets, Loaded) or secrets.broken:
        return None
    return frozenset(
        (item.namespace, item.name)
        for item in secrets.items
        if item.labels.get("owner") != "helm" and not _CA_KEYS.isdisjoint(item.keys)
    )


def _option(item: Custom, name: str, authorities: frozenset[tuple[str, str]] | None) -> TlsOption:
    spec = item.spec
    client = as_map(spec.get("clientAuth"))
    named = [str(secret) for secret in as_list(client.get("secretNames"))]
    # One that does not exist, or holds no CA, is left out with a log line; the option is built without it.
    cas = any(authorities is None or (item.namespace, secret) in authorities for secret in named)
    chosen = str(client.get("clientAuthType") or "")
    alpn = spec.get("alpnProtocols")
    option = TlsOption(id=name)
    return TlsOption(
        id=name,
        ref=item.ref,
        sni_strict=spec.get("sniStrict") is True,
        min_version=str(spec.get("minVersion") or ""),
        max_version=str(spec.get("maxVersion") or ""),
        client_auth=chosen,
        client_cas=cas,
        alpn=tuple(str(word) for word in as_list(alpn)) if alpn is not None else option.alpn,
        broken=_problem(spec, chosen, cas=cas),
    )


def _problem(spec: Mapping[str, object], client_auth: str, *, cas: bool) -> str:
    if client_auth in ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert") and not cas:
        return f"building TLS config: invalid clientAuthType: {client_auth}, CAFiles is required"
    if client_auth and client_auth not in _CLIENT_AUTH:
        return f'building TLS config: unknown client auth type "{client_auth}"'
    for cipher in as_list(spec.get("cipherSuites")):
        if not is_cipher(str(cipher)):
            return f"building TLS config: invalid CipherSuite: {cipher}"
    for curve in as_list(spec.get("curvePreferences")):
        if not _CURVE.fullmatch(str(curve)):
            return f"building TLS config: invalid CurveID in curvePreferences: {curve}"
    return ""


def is_cipher(name: str) -> bool:
    """Tell whether Traefik knows a cipher suite."""
    return _CIPHER.fullmatch(name) is not None
