"""What the checks of ingress-nginx share: whether there is one to judge, what visitors meet, and commands to look.

Holds no check and judges nothing.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    Inapplicable,
    NginxController,
    NginxDecision,
    OutsideProbe,
    Target,
    Unavailable,
    changes,
    look,
    skip,
    unknown,
)
from ingressdoctor_checks.outside_view import came_through

__all__ = [
    "BROKEN_WAY",
    "LINK_ROUTE",
    "NO_ROUTE",
    "STEP",
    "describe",
    "edit",
    "fails",
    "logs_of",
    "nginx_of",
    "pods_of",
    "proof_of",
    "serves",
]

STEP: Final = "nginx"
LINK_ROUTE: Final = "ingress-nginx → route"
# What visitors see when nothing answers cloudflared, or themselves, and when nginx answers by itself.
BROKEN_WAY: Final = (
    *("edge-502", "edge-504", "response-timeout", "edge.error-page", "tunnel.log-errors"),
    *("grpc-unavailable", "grpc-internal", "grpc.status"),
    *("edge.unreachable", "connect-refused", "connect-timeout", "connect-reset", "empty-reply", "tls-handshake"),
)
# An Ingress that is not taken brings no certificate either.
NO_ROUTE: Final = (
    *("controller-404", "app-404", "grpc-unimplemented", "grpc.status"),
    *("nginx.default-certificate", "cert.origin-invalid", "edge.certificate-invalid", "tls-untrusted"),
)
_GRANT: Final = "Allow list on deployments and daemonsets (apps), services, pods and ingresses in all namespaces."


def nginx_of(nginx: NginxDecision | Unavailable) -> NginxDecision | Finding:
    """Return what ingress-nginx does, or the finding that says why there is nothing to judge."""
    if isinstance(nginx, Inapplicable):
        return skip(f"ingress-nginx has no part in it: {nginx.reason}.")
    if isinstance(nginx, Unavailable):
        return unknown(
            f"ingress-nginx could not be looked at: {nginx.reason}.", enable_with=nginx.enable_with or _GRANT
        )
    return nginx


def serves(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether visitors are seen to be answered without an error."""
    return isinstance(probe, OutsideProbe) and came_through(probe) and 0 < probe.last.status < 400


def fails(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether visitors are seen to be answered with an error, by whomever."""
    return isinstance(probe, OutsideProbe) and (probe.edge_error is not None or probe.last.status >= 400)


def describe(ref: str) -> Command:
    """Return the command that shows an Ingress whole."""
    return look("kubectl", *_words(ref, "get"), "-o", "yaml")


def edit(ref: str) -> Command:
    """Return the command that edits an Ingress."""
    return changes("kubectl", *_words(ref, "edit"))


def _words(ref: str, verb: str) -> tuple[str, ...]:
    kind, _, name = ref.partition(" ")
    namespace, _, bare = name.rpartition("/")
    return (*(("-n", namespace) if namespace else ()), verb, f"{kind.lower()}/{bare}")


def pods_of(found: NginxController) -> Command:
    """Return the command that shows the controller's pods."""
    return look("kubectl", "-n", found.namespace, "get", "pods", "-o", "wide")


def logs_of(found: NginxController) -> Command:
    """Return the command that shows the end of the controller's log."""
    return look("kubectl", "-n", found.namespace, "logs", f"{found.kind.lower()}/{found.name}", "--tail=100")


def proof_of(target: Target) -> Command:
    """Return the request that proves recovery."""
    url = target.url.replace("grpcs://", "https://", 1).replace("grpc://", "http://", 1)
    return look("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}\\n", url)
