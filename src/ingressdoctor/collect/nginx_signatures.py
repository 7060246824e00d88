"""What lines of ingress-nginx's log mean: signatures by substring, each with a code. Data, and one function over it.

On the Alpine image errno texts are musl's, so the number is what counts.
Source: kubernetes/ingress-nginx internal/ingress/controller (klog messages), nginx's error log.
"""

from __future__ import annotations

from typing import Final

__all__ = ["signature_of"]

# The first that fits counts, so that the special stands before the general: code, and what a line must hold for it.
_SIGNATURES: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("reload-failed", ("Unexpected failure reloading the backend",)),
    ("reload-failed", ("Error reloading NGINX",)),
    ("reload-failed", ("nginx: [emerg]",)),
    ("denied", ("location denied, reason",)),
    ("risky", ("contains risky annotation",)),
    ("risky", ("is too risky for environment",)),
    ("annotation-invalid", ("annotation", "contains invalid value")),
    ("annotation-invalid", ("annotation contains invalid word",)),
    ("class", ("error while validating ingress class",)),
    ("certificate-missing", ("Error getting SSL certificate",)),
    ("certificate-wrong-name", ("does not contain a Common Name or Subject Alternative Name for server",)),
    ("no-service", ("Error obtaining Endpoints for Service", "no object matching key")),
    ("no-service", ("Error obtaining Service",)),
    ("no-endpoint", ("does not have any active Endpoint",)),
    ("no-endpoint", ("no peer was returned, balancer",)),
    ("upstream-plain", ("SSL_do_handshake() failed", "while SSL handshaking to upstream")),
    ("upstream-plain", ("peer closed connection in SSL handshake",)),
    ("upstream-certificate", ("upstream SSL certificate",)),
    ("upstream-not-http2", ("upstream sent too large http2 frame: 4740180",)),
    ("upstream-not-http2", ("upstream sent invalid http2 frame",)),
    ("upstream-not-http1", ("upstream sent no valid HTTP/1.0 header",)),
    ("upstream-not-http1", ("upstream sent invalid header",)),
    ("upstream-refused", ("connect() failed (111:",)),
    ("upstream-unreachable", ("connect() failed (113:",)),
    ("upstream-dropped", ("upstream timed out (110:", "while connecting to upstream")),
    ("upstream-slow", ("upstream timed out (110:",)),
    ("upstream-header-too-big", ("upstream sent too big header",)),
    ("upstream-closed", ("upstream prematurely closed connection",)),
    ("upstream-closed", ("recv() failed (104:",)),
    ("proxy-protocol", ("while reading PROXY protocol",)),
    ("body-too-large", ("client intended to send too large body",)),
    ("rate-limited", ("limiting requests, excess",)),
    ("rate-limited", ("limiting connections by zone",)),
    ("forbidden", ("access forbidden by rule",)),
    ("auth-unexpected", ("auth request unexpected status",)),
)


def signature_of(line: str) -> str:
    """Return the code of a line of the log, empty for a line that means nothing here."""
    return next((code for code, parts in _SIGNATURES if all(part in line for part in parts)), "")
