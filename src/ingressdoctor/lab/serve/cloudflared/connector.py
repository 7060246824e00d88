"""A running cloudflared: takes requests from the edge, chooses a rule, asks the service, logs and counts.

Source: proxy/proxy.go, ingress/middleware/jwtvalidator.go, connection/http2.go and quic_connection.go. A failed request
is logged twice: once by the proxy, once by the transport. QUIC drops trailers, http2 keeps them. A configuration from
the edge replaces a local one (orchestration/orchestrator.go).
"""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ingressdoctor.lab.cluster import sequence, text
from ingressdoctor.lab.serve.cloudflared.config import ConfigError, from_plain
from ingressdoctor.lab.serve.cloudflared.journal import Journal
from ingressdoctor.lab.serve.cloudflared.origin import OriginError, Origins
from ingressdoctor.lab.serve.cloudflared.process import Process
from ingressdoctor.lab.serve.cloudflared.rules import NO_RULES, UNAVAILABLE, Rule, build_rules, find_rule
from ingressdoctor.lab.serve.edge_token import claims_of
from ingressdoctor.lab.serve.wire import Request, Response

_UNREACHABLE = (
    "Unable to reach the origin service. The service may be down or it may not be responding to traffic from "
    "cloudflared: "
)
_HELLO = (
    b"<!DOCTYPE html>\n<html><head><title>Cloudflare Tunnel Connection</title></head><body>Congrats!</body></html>\n"
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConnection:
    """One of the connections that a connector holds to the edge."""

    index: int
    id: str
    edge_ip: str
    location: str
    opened: datetime


class Connector:
    """One cloudflared that is registered, or tries to be; *connections* is () as long as it is not."""

    def __init__(self, process: Process, journal: Journal, origins: Origins, *, id_: str, tunnel: str) -> None:
        self.process = process
        self.journal = journal
        self.id = id_
        self.tunnel = tunnel
        self.protocol = "quic"
        self.pinned = False
        self.port = 0
        self.rules: tuple[Rule, ...] = (UNAVAILABLE,)
        self.config: Mapping[str, Any] = {}
        self.version = -1
        self.connections: tuple[EdgeConnection, ...] = ()
        self.requests = 0
        self.failed = 0
        self.answers: collections.Counter[int] = collections.Counter()
        self._origins = origins
        self._turn = 0

    def apply_remote(self, version: int, config: Mapping[str, Any], at: datetime) -> None:
        """Take a configuration that the edge pushes; one that is wrong is refused and the old one stays."""
        told = {"version": version, "config": json.dumps(config, separators=(",", ":"))}
        try:
            rules = build_rules(from_plain(config))
        except ConfigError as error:
            self.journal.write("error", "Failed to deserialize new configuration", at=at, error=str(error), **told)
            return
        self.rules = rules or (UNAVAILABLE,)
        self.config, self.version = config, version
        self.journal.write("info", "Updated to new configuration", at=at, **told)

    async def serve(self, request: Request) -> Response:
        """The answer to a request from the edge; 502 stands for one that cloudflared could not give."""
        self.requests += 1
        index = self._turn = (self._turn + 1) % max(len(self.connections), 1)
        number, rule = find_rule(self.rules, request.get("host"), request.target)
        about = {
            "event": 1,
            "connIndex": index,
            "cfRay": request.get("cf-ray"),
            "originService": rule.service.shown,
            "ingressRule": number,
        }
        try:
            filtered = _guarded(rule, request)
            if filtered:
                self._note(about, filtered)
                return Response(status=403)
            response = await self._answer(rule, request)
        except asyncio.CancelledError:
            self._fail(request, index, about, "Incoming request ended abruptly: context canceled")
            raise
        except _MiddlewareError as error:
            self._fail(request, index, {}, str(error))
            return Response(status=502)
        except OriginError as error:
            words = str(error) if rule.service.kind in {"tcp", "bastion", "socks"} else f"{_UNREACHABLE}{error}"
            self._fail(request, index, about, words)
            return Response(status=502)
        self.answers[response.status] += 1
        return response if self.protocol == "http2" else dataclasses.replace(response, trailers=())

    async def _answer(self, rule: Rule, request: Request) -> Response:
        service = rule.service
        match service.kind:
            case "status":
                if rule is UNAVAILABLE:
                    self.journal.write("warn", NO_RULES)
                return Response(status=service.status)
            case "hello":
                return Response(status=200, headers=(("Content-Type", "text/html; charset=utf-8"),), body=_HELLO)
            case "bastion":
                raise OriginError(
                    "Did not receive final destination from client. The --destination flag is likely not set"
                )
            case "socks":
                return Response(status=200)
            case "tcp":
                # A stream is acknowledged with 200; what a plain request says is not what the service waits for.
                (await self._origins.dial(service.host, service.port)).close()
                return Response(status=200)
            case _:
                headers = (*request.headers, ("Cf-Warp-Tag-Id", self.id))
                return await self._origins.ask(rule, dataclasses.replace(request, headers=headers))

    def _note(self, about: Mapping[str, object], error: str) -> None:
        self.failed += 1
        self.journal.event("error", {"error": error, **about})

    def _fail(self, request: Request, index: int, about: Mapping[str, object], error: str) -> None:
        if about:
            self._note(about, error)
        connection = self.connections[index] if self.connections else None
        ip = connection.edge_ip if connection else ""
        if self.protocol == "http2":
            words = f"Failed to proxy HTTP: {error}"
            self.journal.write(
                "error", "failed to serve incoming request", error=words, connIndex=index, event=0, ip=ip
            )
            return
        dest = f"https://{request.get('host')}{request.target}"
        self.journal.write(
            "error", "Request failed", error=error, connIndex=index, dest=dest, event=0, ip=ip, type="http"
        )


class _MiddlewareError(Exception):
    """The JWT could not be judged, which is no verdict: the visitor gets 502."""


def _guarded(rule: Rule, request: Request) -> str:
    """Why the rule's JWT check turns the request away; "" when it lets it pass."""
    if rule.access.get("required") is not True:
        return ""
    before = "request filtered by middleware handler (AccessJWTValidator) due to: "
    token = request.get("cf-access-jwt-assertion")
    if not token:
        return f"{before}no access token in request"
    claims = claims_of(token)
    wanted, issuer = f"https://{text(rule.access.get('teamName'))}.cloudflareaccess.com", text(claims.get("iss"))
    if issuer != wanted:
        raise _MiddlewareError(
            "error while processing middleware handler AccessJWTValidator: oidc: id token issued by a different "
            f'provider, expected "{wanted}" got "{issuer}"'
        )
    audience = tuple(map(text, sequence(claims.get("aud"))))
    accepted = set(map(text, sequence(rule.access.get("audTag"))))
    return "" if accepted & set(audience) else f"{before}Invalid token in jwt: [{' '.join(audience)}]"


def rule_document(rule: Rule) -> dict[str, Any]:
    """A rule as `/config` shows it."""
    return {
        "hostname": rule.hostname,
        "path": rule.path or None,
        "service": rule.service.shown,
        "Handlers": None,
        "originRequest": dict(rule.origin),
    }
