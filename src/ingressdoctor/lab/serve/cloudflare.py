"""The Cloudflare API v4 of a world, for a read-only token.

Shapes: developers.cloudflare.com/api. Every answer is an envelope; a wrong token is 403 with code 9109 (10000 on
verify's sister calls), a permission the token lacks is 403 with code 10000. Which permissions are missing is the
world's `cloudflare.deny`, what is answered wrongly `cloudflare.answers`; settings.py lists the permissions.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.serve.cloudflare_accounts import AccountObjects, NoTunnels, Tunnels, permission_of
from ingressdoctor.lab.serve.http import json_response, query_of
from ingressdoctor.lab.serve.wire import Request, Response
from ingressdoctor.lab.world import World

_Answer = Callable[[Mapping[str, Any], list[str], Mapping[str, str]], Response]
"""Zone entry, rest of the path and query to the answer."""

# https://www.cloudflare.com/ips, as of 2026-02-11.
IPV4_CIDRS = (
    "173.245.48.0/20",
    "103.21.244.0/22",
    "103.22.200.0/22",
    "103.31.4.0/22",
    "141.101.64.0/18",
    "108.162.192.0/18",
    "190.93.240.0/20",
    "188.114.96.0/20",
    "197.234.240.0/22",
    "198.41.128.0/17",
    "162.158.0.0/15",
    "104.16.0.0/13",
    "104.24.0.0/14",
    "172.64.0.0/13",
    "131.0.72.0/22",
)
IPV6_CIDRS = (
    "2400:cb00::/32",
    "2606:4700::/32",
    "2803:f800::/32",
    "2405:b500::/32",
    "2405:8100::/32",
    "2a06:98c0::/29",
    "2c0f:f248::/32",
)
_WORDS = {429: (971, "Please wait and consider throttling your request speed"), 500: (10001, "Internal error")}


def error(status: int, code: int = 0, message: str = "") -> Response:
    """A failed envelope."""
    usual = _WORDS.get(status, (status, "error"))
    errors = [{"code": code or usual[0], "message": message or usual[1]}]
    return json_response(status, {"success": False, "errors": errors, "messages": [], "result": None})


def _envelope(result: object, info: Mapping[str, Any] | None = None) -> Response:
    body: dict[str, Any] = {"result": result, "success": True, "errors": [], "messages": []}
    if info is not None:
        body["result_info"] = info
    return json_response(200, body)


class CloudflareApi:
    """One world's account as an HTTP handler, below /client/v4."""

    def __init__(self, world: World, *, token: str, tunnels: Tunnels | None = None) -> None:
        """*token* is the only API token that is let in; *tunnels* knows who is connected."""
        self._objects = AccountObjects(world.cloudflare, tunnels or NoTunnels())
        self._wrong = mapping(dig(world.settings, "cloudflare", "answers"))
        self._zones = [mapping(item) for item in sequence(world.cloudflare.get("zones"))]
        self._accounts = [mapping(item) for item in sequence(world.cloudflare.get("accounts"))]
        self._deny = frozenset(map(text, sequence(dig(world.settings, "cloudflare", "deny"))))
        self._token = token

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        parts = request.path.strip("/").split("/")
        if parts[:2] != ["client", "v4"]:
            return error(404, 7000, "No route for that URI")
        if parts[2:] == ["ips"]:
            return _envelope({"ipv4_cidrs": IPV4_CIDRS, "ipv6_cidrs": IPV6_CIDRS, "etag": "38f79d050aa027e3be3865e4"})
        return self._authenticate(request) or self._route(parts[2:], query_of(request))

    def _route(self, parts: list[str], query: Mapping[str, str]) -> Response:
        if parts == ["user", "tokens", "verify"]:
            return self._verified()
        if parts == ["accounts"]:
            return _page(self._accounts, query)
        if parts[:1] == ["accounts"]:
            return self._account_call(parts[1], parts[2:], query)
        if parts[:1] == ["zones"]:
            return self._zone_call(parts[1:], query)
        return _no_route("/" + "/".join(parts))

    def _authenticate(self, request: Request) -> Response | None:
        scheme, _, token = request.get("authorization").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            return error(400, 6003, "Invalid request headers")
        if not hmac.compare_digest(token.strip().encode(), self._token.encode()):
            return error(403, 9109, "Invalid access token")
        return None if request.method == "GET" else error(403, 10000, "Authentication error")

    def _verified(self) -> Response:
        result = {"id": "ed17574386854bf78a67040be0a770b0", "status": "active"}
        note = {"code": 10000, "message": "This API Token is valid and active", "type": None}
        answer = {"result": result, "success": True, "errors": [], "messages": [note]}
        return json_response(200, answer)

    def _account_call(self, account: str, parts: list[str], query: Mapping[str, str]) -> Response:
        """Everything below one account."""
        permission = permission_of(parts)
        if not permission or parts[-1] == "token":
            return (
                error(403, 10000, "Authentication error") if permission else error(404, 7000, "No route for that URI")
            )
        if permission in self._deny or all(item.get("id") != account for item in self._accounts):
            return error(403, 10000, "Authentication error")
        if wrong := text(self._wrong.get(permission)):
            return _wrong(wrong)
        found = self._objects.answer(parts, query)
        if found is None:
            return _no_route(f"/accounts/{account}/{'/'.join(parts)}")
        return _page(found, query) if isinstance(found, list) else _envelope(found)

    def _zone_call(self, parts: list[str], query: Mapping[str, str]) -> Response:
        """Everything below /zones."""
        if "zone" in self._deny:
            # A token without Zone Read lists nothing; it is not refused.
            return _page([], query) if not parts else error(403, 10000, "Authentication error")
        if not parts:
            zones = [mapping(item.get("zone")) for item in self._zones]
            return _page(_matching(zones, query, ("name", "status")), query)
        entry = next((item for item in self._zones if dig(item, "zone", "id") == parts[0]), None)
        if entry is None:
            return _no_route(f"/zones/{parts[0]}")
        answer: _Answer
        match parts[1:]:
            case []:
                return _envelope(entry.get("zone"))
            case ["dns_records", *rest]:
                permission, answer = "dns", _records_answer
            case ["settings", *rest]:
                permission, answer = "settings", _settings_answer
            case ["ssl", "certificate_packs", *rest]:
                permission, answer = "certificates", _packs_answer
            case _:
                return error(404, 7000, "No route for that URI")
        return error(403, 10000, "Authentication error") if permission in self._deny else answer(entry, rest, query)


def _wrong(how: str) -> Response:
    """How a call fails though it is allowed."""
    if how == "unsuccessful":
        body = {
            "success": False,
            "errors": [{"code": 1002, "message": "internal error"}],
            "messages": [],
            "result": None,
        }
        return json_response(200, body)
    return error(int(how))


def _no_route(path: str) -> Response:
    return error(404, 7003, f"Could not route to {path}, perhaps your object identifier is invalid?")


def _records_answer(entry: Mapping[str, Any], rest: list[str], query: Mapping[str, str]) -> Response:
    if not rest:
        return _page(_records(entry, query), query)
    records = map(mapping, sequence(entry.get("dns_records")))
    found = next((item for item in records if item.get("id") == rest[0]), None)
    return _envelope(found) if found is not None else error(404, 81044, "Record does not exist.")


def _settings_answer(entry: Mapping[str, Any], rest: list[str], _query: Mapping[str, str]) -> Response:
    names = mapping(entry.get("settings"))
    if not rest:
        return _envelope([_setting(entry, name) for name in names])
    if rest[0] not in names:
        return error(400, 1004, f"Undefined zone setting: {rest[0]}")
    return _envelope(_setting(entry, rest[0]))


def _packs_answer(entry: Mapping[str, Any], _rest: list[str], query: Mapping[str, str]) -> Response:
    return _page([mapping(item) for item in sequence(entry.get("certificate_packs"))], query)


def _matching(
    items: Sequence[Mapping[str, Any]], query: Mapping[str, str], fields: tuple[str, ...]
) -> list[Mapping[str, Any]]:
    """Items whose fields equal the query's, in plain (`name=`) or dotted (`name.exact=`) form, whatever the case."""
    wanted = {field: query.get(f"{field}.exact", query.get(field)) for field in fields}
    return [
        item
        for item in items
        if all(value is None or text(item.get(field)).lower() == value.lower() for field, value in wanted.items())
    ]


def _records(entry: Mapping[str, Any], query: Mapping[str, str]) -> list[Mapping[str, Any]]:
    records = [mapping(item) for item in sequence(entry.get("dns_records"))]
    found = _matching(records, query, ("name", "type", "content"))
    if (search := query.get("search")) is not None:
        found = [item for item in found if search.lower() in text(item.get("name")).lower()]
    if (proxied := query.get("proxied")) is not None:
        found = [item for item in found if bool(item.get("proxied")) == (proxied == "true")]
    return found


def _setting(entry: Mapping[str, Any], name: str) -> dict[str, Any]:
    value = mapping(entry.get("settings"))[name]
    return {"id": name, "value": value, "editable": True, "modified_on": "2026-03-05T12:00:00.000000Z"}


def _page(items: Sequence[Mapping[str, Any]], query: Mapping[str, str]) -> Response:
    try:
        page, per_page = int(query.get("page") or 1), int(query.get("per_page") or 100)
    except ValueError:
        return error(400, 1004, "page and per_page must be numbers")
    if page < 1 or not 1 <= per_page <= 5000:
        return error(400, 1004, "page or per_page out of range")
    shown = items[(page - 1) * per_page : page * per_page]
    info = {
        "page": page,
        "per_page": per_page,
        "count": len(shown),
        "total_count": len(items),
        "total_pages": -(-len(items) // per_page),
    }
    return _envelope(shown, info)
