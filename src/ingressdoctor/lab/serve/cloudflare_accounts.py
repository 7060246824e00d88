"""The Cloudflare API below /accounts: tunnels and Access, as the running connectors and the world's objects have them.

Shapes: developers.cloudflare.com/api. A tunnel's status and connections are what is connected now, beside the
connections that the world's file lists (of connectors that are not simulated); a locally managed tunnel shows the rules
that a connector has told the edge. A deleted tunnel is still found by its id. `token` is refused: it is a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from ingressdoctor.lab.cluster import mapping, sequence, text

Item = Mapping[str, Any]

PERMISSIONS: Mapping[tuple[str, ...], str] = {
    ("cfd_tunnel",): "tunnel",
    ("access", "apps"): "access_apps",
    ("access", "policies"): "access_apps",
    ("access", "service_tokens"): "access_tokens",
    ("access", "organizations"): "access_organization",
}
"""Which permission a call below an account needs, by the start of its path."""
_LAB_ONLY = frozenset(("secret", "policies_of"))
_FULL = 4


class Tunnels(Protocol):
    """What the edge knows about the connectors of a tunnel."""

    def connections(self, tunnel: str) -> tuple[Item, ...]:
        """Live connectors, as the API shows them."""
        ...

    def configuration(self, tunnel: str) -> Item | None:
        """The rules that a locally managed tunnel's connector has told; None when none has."""
        ...


class NoTunnels:
    """Nobody is connected."""

    def connections(self, tunnel: str) -> tuple[Item, ...]:
        """None."""
        del tunnel
        return ()

    def configuration(self, tunnel: str) -> Item | None:
        """None."""
        del tunnel
        return None


def permission_of(parts: Sequence[str]) -> str:
    """The permission for a path below an account; "" for a path that nobody serves."""
    return next((name for start, name in PERMISSIONS.items() if tuple(parts[: len(start)]) == start), "")


class AccountObjects:
    """Tunnels and Access of a world's only account."""

    def __init__(self, cloudflare: Item, tunnels: Tunnels) -> None:
        self._tunnels = {text(mapping(item.get("tunnel")).get("id")): item for item in _items(cloudflare, "tunnels")}
        access = mapping(cloudflare.get("access"))
        self._organization = mapping(access.get("organization"))
        self._apps = _items(access, "apps")
        self._policies = {text(item.get("id")): item for item in _items(access, "policies")}
        self._tokens = [_shown(item) for item in _items(access, "service_tokens")]
        self._live = tunnels

    def answer(self, parts: Sequence[str], query: Mapping[str, str]) -> Item | list[Item] | None:
        """What a path below the account holds; None when there is nothing of that name."""
        match parts:
            case ["cfd_tunnel"]:
                return self._found_tunnels(query)
            case ["cfd_tunnel", id_, *rest]:
                return self._of_tunnel(id_, rest)
            case ["access", "apps", *rest]:
                return self._of_apps(rest, query)
            case ["access", kind]:
                lists: Mapping[str, Item | list[Item] | None] = {
                    "policies": list(self._policies.values()),
                    "service_tokens": list(self._tokens),
                    "organizations": self._organization or None,
                }
                return lists.get(kind)
            case _:
                return None

    def _of_apps(self, rest: Sequence[str], query: Mapping[str, str]) -> Item | list[Item] | None:
        found = [self._app(app) for app in self._apps if _app_matches(app, query)]
        if not rest:
            return found
        app = next((item for item in found if item.get("id") == rest[0]), None)
        if app is None or len(rest) == 1:
            return app
        return list(sequence(app.get("policies"))) if rest[1:] == ["policies"] else None

    def _found_tunnels(self, query: Mapping[str, str]) -> list[Item]:
        found = [self._tunnel(id_) for id_ in self._tunnels]
        tests: Mapping[str, Callable[[Item, str], bool]] = {
            "name": lambda item, value: item.get("name") == value,
            "uuid": lambda item, value: item.get("id") == value,
            "status": lambda item, value: item.get("status") == value,
            "is_deleted": lambda item, value: bool(item.get("deleted_at")) == (value == "true"),
        }
        asked = [(tests[name], value) for name, value in query.items() if name in tests]
        return [item for item in found if all(test(item, value) for test, value in asked)]

    def _of_tunnel(self, id_: str, rest: Sequence[str]) -> Item | list[Item] | None:
        if id_ not in self._tunnels:
            return None
        match rest:
            case []:
                return self._tunnel(id_)
            case ["connections"]:
                return list(self._clients(id_))
            case ["configurations"]:
                return self._configuration(id_)
            case _:
                return None

    def _tunnel(self, id_: str) -> Item:
        item = _shown(mapping(self._tunnels[id_].get("tunnel")))
        clients = () if item.get("deleted_at") else self._clients(id_)
        conns = [conn for client in clients for conn in sequence(client.get("conns"))]
        live = [
            number
            for client in clients
            if (number := sum(not conn.get("is_pending_reconnect") for conn in sequence(client.get("conns"))))
        ]
        status = text(item.get("status")) or "inactive"
        if live:
            status = "healthy" if min(live) >= _FULL else "degraded"
        elif status in {"healthy", "degraded"} or item.get("conns_active_at"):
            status = "down"
        return {**item, "status": status, "connections": conns}

    def _clients(self, id_: str) -> tuple[Item, ...]:
        listed = tuple(mapping(client) for client in sequence(self._tunnels[id_].get("connections")))
        return (*self._live.connections(id_), *listed)

    def _configuration(self, id_: str) -> Item:
        entry = self._tunnels[id_]
        head = {"tunnel_id": id_, "created_at": mapping(entry.get("tunnel")).get("created_at")}
        if mapping(entry.get("tunnel")).get("config_src") == "cloudflare":
            remote = mapping(entry.get("configuration"))
            return {**head, "version": remote.get("version", 0), "source": "cloudflare", "config": remote.get("config")}
        return {**head, "version": 0, "source": "local", "config": self._live.configuration(id_)}

    def _app(self, app: Item) -> Item:
        listed = [item if isinstance(item, Mapping) else {"id": item} for item in sequence(app.get("policies"))]
        whole = [{**self._policies.get(text(item.get("id")), {}), **item} for item in listed]
        return {**app, "policies": whole}


def _items(parent: Item, key: str) -> list[Item]:
    return [mapping(item) for item in sequence(parent.get(key))]


def _shown(item: Item) -> Item:
    """An object without the lab's own keys."""
    return {key: value for key, value in item.items() if key not in _LAB_ONLY}


def _app_matches(app: Item, query: Mapping[str, str]) -> bool:
    domains = [text(app.get("domain")), *(text(item.get("uri")) for item in _items(app, "destinations"))]
    exact = query.get("exact") == "true"
    tests: Mapping[str, Callable[[str], bool]] = {
        "domain": lambda value: any(value == each if exact else value in each for each in domains),
        "aud": lambda value: app.get("aud") == value,
        "name": lambda value: app.get("name") == value if exact else value in text(app.get("name")),
    }
    return all(test(query[name]) for name, test in tests.items() if name in query)
