"""Which certificates are trusted: the TLS contexts for one set of roots. Connects to nothing."""

from __future__ import annotations

import ssl
from typing import Final

from ingressdoctor.errors import ConfigError
from ingressdoctor.model.text import clean

__all__ = ["ALPN", "Trust"]

ALPN: Final = ("h2", "http/1.1")


class Trust:
    """The TLS contexts for one set of roots: a CA file, or the system's (certifi's where the system has none).

    Raises:
        ConfigError: the CA file cannot be read or holds no certificate.
    """

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._contexts: dict[tuple[bool, bool, tuple[str, ...]], ssl.SSLContext] = {}
        if ca_file:
            self.context(verify=True, hostname=True, alpn=ALPN)

    def context(self, *, verify: bool, hostname: bool, alpn: tuple[str, ...]) -> ssl.SSLContext:
        """Return the context that verifies the chain and, if *hostname*, the name; built once each."""
        key = (verify, hostname, alpn)
        if key not in self._contexts:
            context = self._verifying() if verify else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = verify and hostname
            # Browsers, Go and Java look for a name among the subjectAltNames only; OpenSSL would take the common name.
            context.hostname_checks_common_name = False
            context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
            context.set_alpn_protocols(list(alpn))
            self._contexts[key] = context
        return self._contexts[key]

    def _verifying(self) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(cafile=self._ca_file or _fallback_roots())
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"The CA file {clean(self._ca_file, 200)} cannot be used: {type(error).__name__}.",
                hint="Name a readable PEM file in ca_file under [http], or leave it out for the system's roots.",
            ) from error
        # Python 3.13 turned this on; browsers and curl do not refuse what it refuses.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context


def _fallback_roots() -> str | None:
    paths = ssl.get_default_verify_paths()
    if paths.cafile or paths.capath:
        return None
    import certifi  # only where the system has no roots, as in slim containers

    return certifi.where()
