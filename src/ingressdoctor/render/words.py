"""Symptoms in an operator's words. The ids are the contract; these texts are not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from ingressdoctor.model.symptom import Symptom

__all__ = ["in_short", "in_words", "listed", "one_line"]

_WORDS: Final[Mapping[Symptom, str]] = MappingProxyType(
    {
        Symptom.OFFLINE: "this machine is offline",
        Symptom.DNS_NXDOMAIN: "the name does not exist in DNS",
        Symptom.DNS_SERVFAIL: "DNS answers SERVFAIL",
        Symptom.DNS_TIMEOUT: "DNS does not answer",
        Symptom.CONNECT_REFUSED: "the connection is refused",
        Symptom.CONNECT_TIMEOUT: "no connection within the time",
        Symptom.CONNECT_RESET: "the connection is reset",
        Symptom.TLS_HANDSHAKE: "the TLS handshake fails",
        Symptom.TLS_UNTRUSTED: "the certificate is not trusted",
        Symptom.EMPTY_REPLY: "the connection closes without an answer",
        Symptom.RESPONSE_TIMEOUT: "no answer within the time",
        Symptom.REDIRECT_LOOP: "a redirect loop",
        Symptom.EDGE_500: "the edge's error 500",
        Symptom.EDGE_502: "the edge's error 502",
        Symptom.EDGE_503: "the edge's error 503",
        Symptom.EDGE_504: "the edge's error 504",
        Symptom.EDGE_520: "the edge's error 520 (unusable answer from the origin)",
        Symptom.EDGE_521: "the edge's error 521 (the origin refuses the connection)",
        Symptom.EDGE_522: "the edge's error 522 (no connection to the origin in time)",
        Symptom.EDGE_523: "the edge's error 523 (no way to the origin)",
        Symptom.EDGE_524: "the edge's error 524 (the origin is too slow)",
        Symptom.EDGE_525: "the edge's error 525 (TLS handshake with the origin fails)",
        Symptom.EDGE_526: "the edge's error 526 (the origin's certificate is not valid)",
        Symptom.EDGE_527: "the edge's error 527",
        Symptom.EDGE_530: "the edge's error 530",
        Symptom.EDGE_1000: "the edge's error 1000 (DNS points at the edge itself)",
        Symptom.EDGE_1015: "the edge's error 1015 (rate limited)",
        Symptom.EDGE_1016: "the edge's error 1016 (the origin's name does not resolve)",
        Symptom.EDGE_1020: "the edge's error 1020 (blocked by a rule)",
        Symptom.EDGE_1033: "the edge's error 1033 (no tunnel connector)",
        Symptom.EDGE_CHALLENGE: "a challenge page",
        Symptom.ACCESS_LOGIN: "the Access login page",
        Symptom.CONTROLLER_404: "the ingress controller's own 404",
        Symptom.APP_404: "the application's 404",
        Symptom.HTTP_400: "400 Bad Request",
        Symptom.HTTP_401: "401 Unauthorized",
        Symptom.HTTP_403: "403 Forbidden",
        Symptom.HTTP_421: "421 Misdirected Request",
        Symptom.HTTP_429: "429 Too Many Requests",
        Symptom.HTTP_500: "500 Internal Server Error",
        Symptom.HTTP_502: "502 Bad Gateway",
        Symptom.HTTP_503: "503 Service Unavailable",
        Symptom.HTTP_504: "504 Gateway Timeout",
        Symptom.EXPOSED: "the site itself, without a login",
        Symptom.TUNNEL_404: "cloudflared's 404 (no rule of the tunnel takes the name)",
        Symptom.TUNNEL_503: "cloudflared's 503 (the tunnel has no rules)",
        Symptom.WEBSOCKET_REFUSED: "the WebSocket is not opened",
        Symptom.GRPC_UNIMPLEMENTED: "gRPC status 12 (unimplemented)",
        Symptom.GRPC_UNAVAILABLE: "gRPC status 14 (unavailable)",
        Symptom.GRPC_INTERNAL: "gRPC status 13 (no trailers came)",
        Symptom.MYSQL_REFUSED: "the connection is refused",
        Symptom.MYSQL_TIMEOUT: "no connection within the time",
        Symptom.MYSQL_CLOSED: "the connection closes before the greeting",
        Symptom.MYSQL_SILENT: "a connection on which nothing comes",
        Symptom.MYSQL_LATE: "a greeting that comes far too late",
        Symptom.MYSQL_NOT_MYSQL: "something that is not MySQL",
        Symptom.MYSQL_1040: "error 1040 (too many connections)",
        Symptom.MYSQL_1044: "error 1044 (no access to the database)",
        Symptom.MYSQL_1045: "error 1045 (access denied)",
        Symptom.MYSQL_1049: "error 1049 (no such database)",
        Symptom.MYSQL_1129: "error 1129 (the host is blocked)",
        Symptom.MYSQL_1130: "error 1130 (the host is not allowed)",
        Symptom.MYSQL_1156: "error 1156 (packets out of order)",
        Symptom.MYSQL_1290: "error 1290 (read-only)",
        Symptom.MYSQL_1815: "error 1815 (MaxScale has no usable server)",
        Symptom.MYSQL_4151: "error 4151 (the account is locked)",
        Symptom.MYSQL_CLOSED_AFTER_OK: "a login that is accepted and then closed",
        Symptom.MYSQL_ERROR: "an error of the database server",
    }
)


def in_words(symptom: Symptom) -> str:
    """Return what a client sees, as a noun phrase; a symptom without words of its own is named by its id."""
    return _WORDS.get(symptom, str(symptom))


def in_short(symptom: Symptom) -> str:
    """Return the same without what stands in brackets, for where it is named a second time."""
    return in_words(symptom).partition(" (")[0]


def listed(items: Iterable[str], *, limit: int = 0) -> str:
    """Join items by commas; beyond *limit* (0: no limit) only their number is given."""
    all_items = list(items)
    if limit and len(all_items) > limit:
        return f"{', '.join(all_items[:limit])} and {len(all_items) - limit} more"
    return ", ".join(all_items)


def one_line(text: str) -> str:
    """Return *text* without line breaks and tabs, so that no value can pretend to be a line of the report."""
    return " ".join(text.split())
