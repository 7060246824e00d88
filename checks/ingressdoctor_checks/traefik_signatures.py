"""What lines of Traefik's log mean, as data: a piece of the line, its cause, what to do. No check.

Source: message texts of Traefik v2.11 to v3.7, client-go's reflector.
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["SIGNATURES", "Signature", "meaning_of"]


class Signature(msgspec.Struct, frozen=True):
    """All ``pieces`` must be in the line; ``everywhere`` tells that it concerns every route, not one object's."""

    pieces: tuple[str, ...]
    cause: str
    remedy: str
    everywhere: bool = False


SIGNATURES: Final = (
    Signature(("field not found, node:", "flags"), "an option that this version does not know", "fix the flag", True),
    Signature(("incompatible deprecated install configuration",), "an option of Traefik 2", "remove the option", True),
    Signature(("bind: permission denied",), "a port below 1024 without the right to it", "use port 8000", True),
    Signature(("bind: address already in use",), "another process holds the port", "free the port", True),
    Signature(("no trusted IPs provided",), "proxyProtocol without a list", "set trustedIPs", True),
    Signature(("Command error",), "Traefik did not start", "read its error", True),
    Signature(("Cannot start the provider",), "a provider did not start", "see its endpoint and rights", True),
    Signature(("is forbidden: User", "serviceaccount"), "Traefik may not read a kind", "complete its role", True),
    Signature(("could not find the requested resource",), "a CRD is missing", "apply the CRDs of this version", True),
    Signature(("Error watching kubernetes events",), "the API cannot be watched", "see rights and network", True),
    Signature(("waiting for controller caches to sync",), "a kind cannot be read", "see rights and CRDs", True),
    Signature(("Failed to list ingress classes",), "IngressClasses may not be read", "complete its role", True),
    Signature(("Plugins are disabled",), "a plugin could not be loaded", "see egress and version", True),
    Signature(("Recovered from panic",), "a bug of Traefik", "upgrade Traefik", True),
    Signature(("Default TLS Options defined in multiple",), "two default TLSOptions", "keep one", True),
    Signature(("Failed to parse annotations",), "an annotation is misspelt", "fix the key or value"),
    Signature(("kubernetes service not found",), "the route's Service does not exist", "create it or fix the name"),
    Signature(("service not found",), "the Ingress' Service does not exist", "create it or fix the name"),
    Signature(("service port not found",), "the Service has no such port", "use a port of the Service"),
    Signature(("no endpoints found",), "no pod is ready", "see selector and readiness"),
    Signature(("no servers found for",), "no pod is ready", "see selector and readiness"),
    Signature(("externalName services not allowed",), "ExternalName is off", "set allowExternalNameServices"),
    Signature(("no clusterIP on headless service",), "nativeLB on a headless Service", "switch nativeLB off"),
    Signature(("not in the parent resource namespace",), "a Service of another namespace", "move it"),
    Signature(("allowCrossNamespace is disabled",), "a reference into another namespace", "move the object"),
    Signature(("is not in the IngressRoute namespace",), "a reference into another namespace", "move the object"),
    Signature(("is not in crossProviderNamespaces",), "a restricted reference", "add the namespace"),
    Signature(("is not within watched namespaces",), "a namespace Traefik does not watch", "extend the list"),
    Signature(("Error configuring TLS",), "the TLS Secret is missing or incomplete", "create the Secret"),
    Signature(("missing the following TLS data entries",), "a Secret of the wrong kind", "use tls.crt and tls.key"),
    Signature(("Unable to parse certificate",), "key and certificate do not fit", "renew the Secret"),
    Signature(("middleware", "does not exist"), "a middleware is missing", "create it or fix its name"),
    Signature(("the service", "does not exist"), "a service is missing", "see the earlier provider error"),
    Signature(("unknown TLS options",), "the TLSOption is missing", "create it or fix its name"),
    Signature(("with different TLS options",), "routes of one host disagree", "use one TLSOption per host"),
    Signature(("EntryPoint doesn't exist",), "the entry point does not exist", "fix its name"),
    Signature(("No valid entryPoint for this router",), "no entry point exists", "fix its name"),
    Signature(("unexpected number of parameters",), "several values in one matcher", "split with ||"),
    Signature(("unsupported function",), "a matcher that does not exist", "fix its name"),
    Signature(("error while parsing rule",), "the rule is not valid", "fix the rule"),
    Signature(("error while adding rule",), "the rule is not valid", "fix the rule"),
    Signature(("exceeds the max user-defined priority",), "the priority is too high", "lower it"),
    Signature(("sourceRange is empty",), "an empty allow list", "fill the list"),
    Signature(("cannot parse CIDRs",), "an invalid address in an allow list", "fix the list"),
    Signature(("first record does not look like a TLS handshake",), "https to a plain port", "fix scheme or port name"),
    Signature(("x509:",), "the backend's certificate is not trusted", "set a ServersTransport"),
    Signature(("servers transport not found",), "the ServersTransport is missing", "create it"),
    Signature(("nonexistent certificate resolver",), "the certificate resolver is missing", "define it"),
    Signature(("Unable to obtain ACME certificate",), "an ACME challenge failed", "see DNS and port 80"),
    Signature(("Health check failed",), "the backend fails its health check", "see path and port"),
    Signature(("multi-types middleware not supported",), "two types in one middleware", "split it"),
    Signature(("Error while reading", "middleware"), "a middleware's Secret cannot be used", "fix the Secret"),
)


def meaning_of(line: str) -> Signature | None:
    """Return the first signature whose pieces are all in the line."""
    return next((item for item in SIGNATURES if all(piece in line for piece in item.pieces)), None)
