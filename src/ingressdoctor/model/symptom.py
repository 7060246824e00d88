"""What a client sees from outside, as a closed vocabulary that causes can point at."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Symptom"]


class Symptom(StrEnum):
    """One visible way for a request to fail; ids are part of the JSON contract."""

    OFFLINE = "offline"
    DNS_NXDOMAIN = "dns-nxdomain"
    DNS_SERVFAIL = "dns-servfail"
    DNS_TIMEOUT = "dns-timeout"
    CONNECT_REFUSED = "connect-refused"
    CONNECT_TIMEOUT = "connect-timeout"
    CONNECT_RESET = "connect-reset"
    TLS_HANDSHAKE = "tls-handshake"
    TLS_UNTRUSTED = "tls-untrusted"
    EMPTY_REPLY = "empty-reply"
    RESPONSE_TIMEOUT = "response-timeout"
    REDIRECT_LOOP = "redirect-loop"
    EDGE_500 = "edge-500"
    EDGE_502 = "edge-502"
    EDGE_503 = "edge-503"
    EDGE_504 = "edge-504"
    EDGE_520 = "edge-520"
    EDGE_521 = "edge-521"
    EDGE_522 = "edge-522"
    EDGE_523 = "edge-523"
    EDGE_524 = "edge-524"
    EDGE_525 = "edge-525"
    EDGE_526 = "edge-526"
    EDGE_527 = "edge-527"
    EDGE_530 = "edge-530"
    EDGE_1000 = "edge-1000"
    EDGE_1015 = "edge-1015"
    EDGE_1016 = "edge-1016"
    EDGE_1020 = "edge-1020"
    EDGE_1033 = "edge-1033"
    EDGE_CHALLENGE = "edge-challenge"
    ACCESS_LOGIN = "access-login"
    EXPOSED = "exposed"
    CONTROLLER_404 = "controller-404"
    TUNNEL_404 = "tunnel-404"
    TUNNEL_503 = "tunnel-503"
    APP_404 = "app-404"
    HTTP_400 = "http-400"
    HTTP_401 = "http-401"
    HTTP_403 = "http-403"
    HTTP_421 = "http-421"
    HTTP_429 = "http-429"
    HTTP_500 = "http-500"
    HTTP_502 = "http-502"
    HTTP_503 = "http-503"
    HTTP_504 = "http-504"
    WEBSOCKET_REFUSED = "websocket-refused"
    GRPC_UNIMPLEMENTED = "grpc-unimplemented"
    GRPC_UNAVAILABLE = "grpc-unavailable"
    GRPC_INTERNAL = "grpc-internal"
    MYSQL_REFUSED = "mysql-refused"
    MYSQL_TIMEOUT = "mysql-timeout"
    MYSQL_CLOSED = "mysql-closed"
    MYSQL_SILENT = "mysql-silent"
    MYSQL_LATE = "mysql-late"
    MYSQL_NOT_MYSQL = "mysql-not-mysql"
    MYSQL_1040 = "mysql-1040"
    MYSQL_1044 = "mysql-1044"
    MYSQL_1045 = "mysql-1045"
    MYSQL_1049 = "mysql-1049"
    MYSQL_1129 = "mysql-1129"
    MYSQL_1130 = "mysql-1130"
    MYSQL_1156 = "mysql-1156"
    MYSQL_1290 = "mysql-1290"
    MYSQL_1815 = "mysql-1815"
    MYSQL_4151 = "mysql-4151"
    MYSQL_CLOSED_AFTER_OK = "mysql-closed-after-ok"
    MYSQL_ERROR = "mysql-error"

    @property
    def answers(self) -> bool:
        """Whether visitors are answered all the same, so that nobody would call the target down."""
        return self in (Symptom.EXPOSED, Symptom.ACCESS_LOGIN)

    @property
    def is_ours(self) -> bool:
        """Whether it tells about the machine that asks, and nothing about the target."""
        return self is Symptom.OFFLINE
