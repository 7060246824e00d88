"""Builders for gRPC calls: a health call that succeeds, with overridable parts."""

from __future__ import annotations

from typing import Any

from ingressdoctor.api import GrpcExchange, GrpcProbe, Reach, Target, TlsAttempt
from ingressdoctor.collect.grpc import judge

HOST = "grafana-mgmt.example.com"
TARGET = Target.parse(f"grpcs://{HOST}")
SERVING = b"\0\0\0\0\x02\x08\x01"
GRPC = (("content-type", "application/grpc"),)


def trailers(code: int | str = 0, message: str = "") -> tuple[tuple[str, str], ...]:
    """The trailers of an answer."""
    return (("grpc-status", str(code)), ("grpc-message", message))


def an_exchange(**given: Any) -> GrpcExchange:
    """One call that succeeds."""
    tls = TlsAttempt(address="104.21.32.11", port=443, sni=HOST, reach=Reach.OK, trusted=True, alpn="h2")
    plain: dict[str, Any] = {
        "url": f"https://{HOST}:443/",
        "address": "104.21.32.11",
        "port": 443,
        "reach": Reach.OK,
        "alpn": "h2",
        "status": 200,
        "headers": GRPC,
        "trailers": trailers(),
        "trailed": True,
        "ended": True,
        "body": SERVING,
        "tls": tls,
    }
    return GrpcExchange(**plain | given)


def a_probe(service: str = "", **given: Any) -> GrpcProbe:
    """What a call comes to."""
    return judge(an_exchange(**given), service)


def trailers_only(code: int, message: str = "") -> GrpcProbe:
    """An error as servers send it: status in the headers, no body."""
    return a_probe(headers=(*GRPC, *trailers(code, message)), trailers=(), trailed=False, body=b"")


LOST: dict[str, Any] = {"trailers": (), "trailed": False}
