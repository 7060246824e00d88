"""The Hetzner Cloud API v1 of a world, for a read-only project token.

Shapes: docs.hetzner.cloud and what hcloud-python parses. The health of targets is not in the files: it is what
the running balancer measures, asked for at every request. Nothing can be changed: any write is token_readonly.
"""

from __future__ import annotations

import copy
import hmac
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.serve.http import json_response, query_of
from ingressdoctor.lab.serve.kube.selectors import SelectorError, label_test
from ingressdoctor.lab.serve.wire import Request, Response
from ingressdoctor.lab.world import World

Health = Callable[[int], Mapping[tuple[int, int], str]]
"""Balancer id to {(server id, listen port): "healthy" | "unhealthy" | "unknown"}; empty when nobody measures."""

_KINDS = ("load_balancers", "servers", "networks", "firewalls", "actions")
_CODES = {401: "unauthorized", 403: "forbidden", 404: "not_found", 429: "rate_limit_exceeded", 500: "server_error"}
_MESSAGES = {
    401: "unable to authenticate",
    429: "limit of 3600 requests per hour reached",
    500: "An internal error occurred",
}
MAX_PER_PAGE = 50


def error(status: int, *, code: str = "", message: str = "") -> Response:
    """An error body as the API words it."""
    name = code or _CODES.get(status, "unknown_error")
    words = message or _MESSAGES.get(status, name)
    return json_response(status, {"error": {"code": name, "message": words, "details": {}}}, _headers())


def _headers() -> tuple[tuple[str, str], ...]:
    return (
        ("X-Correlation-Id", uuid.uuid4().hex[:16]),
        ("RateLimit-Limit", "3600"),
        ("RateLimit-Remaining", "3587"),
        ("RateLimit-Reset", str(int(time.time()) + 13)),
    )


class HetznerApi:
    """One world's project as an HTTP handler, below /v1."""

    def __init__(self, world: World, *, token: str, health: Health, details: Health) -> None:
        """*token* is the only token that is let in; *details* says why a target is unhealthy."""
        self._world = world.hetzner
        self._token = token
        self._health = health
        self._details = details

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        scheme, _, token = request.get("authorization").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.encode(), self._token.encode()):
            return error(401)
        if request.method != "GET":
            return error(403, code="token_readonly", message="token is only allowed to perform GET requests")
        parts = request.path.strip("/").split("/")
        if parts[0] != "v1" or len(parts) < 2 or parts[1] not in _KINDS:
            return error(404, message="not found")
        return self._route(parts[1], parts[2:], query_of(request))

    def _route(self, kind: str, rest: list[str], query: Mapping[str, str]) -> Response:
        """Everything below one kind: the list, one object, and what belongs to it."""
        if not rest:
            return self._list(kind, self._items(kind), query)
        found = next((item for item in self._items(kind) if text(item.get("id")) == rest[0]), None)
        if found is None:
            return error(404, message=f"{kind.removesuffix('s').replace('_', ' ')} with ID '{rest[0]}' not found")
        if len(rest) == 1:
            return json_response(200, {kind.removesuffix("s"): found}, _headers())
        if rest[1:] == ["actions"]:
            return self._list("actions", self._actions(kind, found), query)
        if (kind, rest[1:]) == ("networks", ["members"]):
            return self._list("members", self._members(found), query)
        return error(404, message="not found")

    def _items(self, kind: str) -> list[dict[str, Any]]:
        """A private copy of the objects, balancers with the health measured now."""
        items = [copy.deepcopy(dict(mapping(item))) for item in sequence(self._world.get(kind))]
        if kind == "load_balancers":
            for item in items:
                self._fill_health(item)
        return items

    def _fill_health(self, balancer: Mapping[str, Any]) -> None:
        number = int(balancer.get("id") or 0)
        measured, details = self._health(number), self._details(number)
        if not measured:
            return
        ports = [mapping(service).get("listen_port") for service in sequence(balancer.get("services"))]
        targets = list(sequence(balancer.get("targets")))
        # A label selector carries no health of its own, only the servers it resolves to do.
        targets += [inner for target in targets for inner in sequence(mapping(target).get("targets"))]
        for target in targets:
            server = dig(target, "server", "id")
            if isinstance(target, dict) and isinstance(server, int):
                target["health_status"] = [
                    {"listen_port": port, "status": measured.get((server, port), "unknown")}
                    | ({"detail": details[server, port]} if (server, port) in details else {})
                    for port in ports
                    if isinstance(port, int)
                ]

    def _actions(self, kind: str, owner: Mapping[str, Any]) -> list[dict[str, Any]]:
        wanted = {"id": owner.get("id"), "type": kind.removesuffix("s")}
        return [item for item in self._items("actions") if wanted in sequence(item.get("resources"))]

    def _members(self, network: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Who is attached to a network, with its address there."""
        found: list[dict[str, Any]] = []
        for kind in ("servers", "load_balancers"):
            for item in self._items(kind):
                for net in map(mapping, sequence(item.get("private_net"))):
                    if net.get("network") == network.get("id"):
                        member = {"id": item.get("id"), "type": kind.removesuffix("s"), "ip": net.get("ip")}
                        found.append({**member, "alias_ips": [], "subnet": None, "status": "ok"})
        return found

    def _list(self, kind: str, items: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> Response:
        try:
            matches = label_test(query.get("label_selector", ""))
            page, per_page = int(query.get("page") or 1), int(query.get("per_page") or 25)
        except (SelectorError, ValueError):
            return error(400, code="invalid_input", message="invalid input in field 'label_selector'")
        if page < 1 or not 1 <= per_page <= MAX_PER_PAGE:
            return error(400, code="invalid_input", message="invalid input in field 'per_page'")
        name = query.get("name")
        found = [item for item in items if name is None or item.get("name") == name]
        found = [item for item in found if matches({"metadata": {"labels": item.get("labels")}})]
        if status := query.get("status"):
            found = [item for item in found if item.get("status") == status]
        found = _sorted(found, query.get("sort", "id"))
        last = max(1, -(-len(found) // per_page))
        pagination = {
            "page": page,
            "per_page": per_page,
            "previous_page": page - 1 if page > 1 else None,
            "next_page": page + 1 if page < last else None,
            "last_page": last,
            "total_entries": len(found),
        }
        body = {kind: found[(page - 1) * per_page : page * per_page], "meta": {"pagination": pagination}}
        return json_response(200, body, _headers())


def _sorted(items: list[Mapping[str, Any]], order: str) -> list[Mapping[str, Any]]:
    """Items by "field", "field:asc" or "field:desc"; numbers as numbers."""
    field, _, direction = order.partition(":")

    def rank(item: Mapping[str, Any]) -> tuple[int, str]:
        value = item.get(field)
        return (value, "") if isinstance(value, int) else (0, text(value))

    return sorted(items, key=rank, reverse=direction == "desc")
