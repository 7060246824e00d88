"""What lines of cloudflared's log mean: signatures by substring, each with a code. Data, and the one function over it.

Source: cloudflared connection/, supervisor/, proxy/, ingress/, edgediscovery/, token/ (messages); Go's net and
crypto/tls (errors of dialling an origin).
"""

from __future__ import annotations

from typing import Final

import msgspec

__all__ = ["NOISE", "ORIGIN", "Signature", "signature_of"]


class Signature(msgspec.Struct, frozen=True):
    """A code and what a line must hold for it: every text of one of the alternatives."""

    code: str
    alternatives: tuple[tuple[str, ...], ...]


def _any(code: str, *texts: str) -> Signature:
    return Signature(code, tuple((text,) for text in texts))


# The first that fits counts, so that the special stands before the general.
_SIGNATURES: Final = (
    Signature("access-no-token", (("AccessJWTValidator", "no access token"),)),
    Signature("access-wrong-audience", (("AccessJWTValidator", "[aud]"),)),
    _any("access-not-verified", "error while processing middleware handler AccessJWTValidator"),
    Signature("origin-no-such-host", (("lookup ", "no such host"),)),
    Signature("cluster-dns", (("lookup ", "server misbehaving"), ("lookup ", ":53", "i/o timeout"))),
    _any("origin-wrong-name", "x509: certificate is valid for", "x509: cannot validate certificate for"),
    _any("origin-wrong-name", "x509: certificate is not valid for any names"),
    _any("origin-expired", "x509: certificate has expired or is not yet valid"),
    _any("origin-no-san", "x509: certificate relies on legacy Common Name"),
    _any(
        "origin-plain", "server gave HTTP response to HTTPS client", "first record does not look like a TLS handshake"
    ),
    _any("origin-tls", 'malformed HTTP response "\\x15', 'malformed HTTP response \\"\\x15', "malformed HTTP response"),
    _any("origin-client-certificate", "tls: certificate required", "remote error: tls: bad certificate"),
    _any("origin-tls-timeout", "net/http: TLS handshake timeout"),
    Signature("tls-inspection", (("TLS handshake with edge error",),)),
    _any("bad-secret", "Unauthorized: Invalid tunnel secret", "Invalid tunnel secret"),
    _any("tunnel-gone", "Unauthorized: Failed to get tunnel", "Unauthorized: Tunnel not found"),
    _any("wrong-account", "Unauthorized: Account doesn't have tunnel"),
    _any("duplicate", "already connected to this server, trying another address"),
    _any("udp-judged-broken", "If this log occurs persistently, and cloudflared is unable to connect to"),
    _any("fallback", "Switching to fallback protocol http2"),
    _any("udp-blocked", "failed to dial to edge with quic", "Failed to dial a quic connection"),
    _any("udp-blocked", "Failed to create new quic connection", "sendmsg: operation not permitted"),
    Signature(
        "tcp-blocked", (("DialContext error", ":7844"), ("Unable to establish connection with Cloudflare edge",))
    ),
    _any("edge-dns", "error looking up Cloudflare edge IPs", "Could not lookup srv records", "edge discovery: error"),
    _any("no-edge-address", "there are no free edge addresses left"),
    Signature("precheck-udp", (("precheck", "UDP Connectivity", "fail"),)),
    Signature("precheck-tcp", (("precheck", "TCP Connectivity", "fail"),)),
    _any("no-rules", "No ingress rules were defined in provided config"),
    _any("config-syntax", "error parsing YAML in config file"),
    Signature("config-missing", (("open /", "no such file or directory"),)),
    _any("config-refused", "Couldn't start tunnel", "The last ingress rule must match all URLs"),
    _any("config-refused", "meaning the rules which follow it will never be triggered", "has an invalid regex"),
    _any("config-refused", "is an invalid address, ", "Hostname patterns can have at most one wildcard"),
    _any("config-refused", "Hostname cannot contain a port", "Error loading cert pool", "invalid HTTP status code"),
    _any("remote-refused", "Failed to deserialize new configuration", "Failed to update ingress"),
    _any("token-invalid", "Provided Tunnel token is not valid"),
    _any("credentials-missing", "Tunnel credentials file", "tunnel credentials file not found"),
    _any("credentials-missing", "contained invalid JSON", "should be .json but you gave a .pem"),
    _any("tunnel-by-name", "Cannot determine default origin certificate path", "didn't specify origincert path"),
    _any("tunnel-by-name", "is neither the ID nor the name of any of your tunnels"),
    _any("tunnel-not-named", "requires the ID or name of the tunnel to run"),
    _any("bad-arguments", "to start tunnel ID", "flag provided but not defined", "DNS Proxy is no longer supported"),
    _any("port-taken", "Error opening metrics server listener"),
    _any("too-many-files", "too many open files"),
    Signature("origin-refused", (("connect: connection refused",),)),
    Signature("origin-no-route", (("connect: no route to host",), ("connect: network is unreachable",))),
    Signature("origin-timeout", (("Unable to reach the origin service", "i/o timeout"),)),
    _any("origin-untrusted", "x509: certificate signed by unknown authority", "x509: "),
    _any("origin-handshake", "remote error: tls:"),
    Signature("origin-closed", (("Unable to reach the origin service", "EOF"),)),
    _any("origin-closed", "connection reset by peer", "http: server closed idle connection"),
    _any("client-gone", "Incoming request ended abruptly: context canceled", "canceled by remote with error code 0"),
    _any("lost", "Lost connection with the edge", "failed to accept QUIC stream", "Serve tunnel error"),
    _any("lost", "Connection terminated", "failed to serve tunnel connection"),
    _any("registered", "Registered tunnel connection"),
    _any("unregistered", "Unregistered tunnel connection"),
    _any("shutdown", "Initiating graceful shutdown"),
    _any("banner", "Starting tunnel"),
    _any("remote-config", "Updated to new configuration"),
    _any("refused-by-edge", "Register tunnel error from server side", "failed to serve the control stream"),
)

ORIGIN: Final = frozenset(item.code for item in _SIGNATURES if item.code.startswith("origin-")) | {"cluster-dns"}
NOISE: Final = frozenset(("client-gone", "duplicate", "lost", "shutdown", "unregistered", "remote-config"))


def signature_of(line: str) -> str:
    """Return the code of a line, or the empty string for one that nobody needs to know."""
    for item in _SIGNATURES:
        if any(all(text in line for text in texts) for texts in item.alternatives):
            return item.code
    return ""
