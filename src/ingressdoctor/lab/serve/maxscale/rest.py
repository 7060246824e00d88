"""MaxScale's REST API: Basic authentication before anything else, then JSON:API resources; reading only.

Without the right credentials every path, known or not, is 401. Where the GUI is served, its page needs no login.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Callable
from typing import Any

from ingressdoctor.lab.serve.http import json_response, query_of
from ingressdoctor.lab.serve.maxscale import resources, traces
from ingressdoctor.lab.serve.maxscale.core import MaxScale
from ingressdoctor.lab.serve.wire import Request, Response, serve_http
from ingressdoctor.lab.stream import Duplex

_PAGE = b"<!doctype html>\n<title>MaxScale</title>\n"
_DENIED = {"errors": [{"detail": "Access denied"}]}
_DEFAULT = ("admin", "mariadb")


class RestApi:
    """One pod's API."""

    def __init__(self, maxscale: MaxScale) -> None:
        self._maxscale = maxscale

    async def serve(self, stream: Duplex) -> None:
        """One connection."""

        async def app(request: Request, _: Duplex) -> Response:
            return await self.handle(request)

        await serve_http(stream, app)

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        one = self._maxscale
        path = "/" + request.path.strip("/")
        secure = one.options.params.get("admin_secure_gui", "true").lower() != "false" and not one.options.tls
        if path in {"/", "/index.html"} and one.options.gui and not secure:
            return Response(status=200, headers=(("Content-Type", "text/html"),), body=_PAGE)
        given = _credentials(request.get("authorization"))
        if given is None or not self._knows(*given):
            who = given[0] if given else ""
            using = "using password" if given and given[1] else "no password"
            one.journal.warning(
                f"Authentication failed for '{who}', {using}. Request: {request.method} {path}", once=True
            )
            headers = (("WWW-Authenticate", 'Basic realm="maxscale"'),)
            return json_response(401, _DENIED, headers)
        if path == "/":
            return Response(status=200)
        await one.ensure_started()
        if request.method not in {"GET", "HEAD"}:
            return json_response(403, {"errors": [{"detail": "the lab reads only"}]})
        return self._answer(path, query_of(request))

    def _knows(self, user: str, password: str) -> bool:
        one = self._maxscale
        known = [(one.options.admin, one.admin_password)]
        known += [_DEFAULT] if one.options.default_admin else []
        return any(user == name and secrets.compare_digest(password.encode(), right.encode()) for name, right in known)

    def _answer(self, path: str, query: dict[str, str]) -> Response:
        found = self._single(path, query)
        if found is not None:
            return json_response(200, {"links": {"self": path}, **found})
        parts = path.strip("/").split("/")
        depth = 3 if parts[1:3] == ["users", "inet"] else 2
        listed = self._lists().get("/".join(parts[1:depth]))
        if parts[0] != "v1" or listed is None or len(parts) > depth + 1:
            return Response(status=404)
        items, name = listed(), "/".join(parts[depth:])
        item = next((item for item in items if item["id"] == name), None)
        if name and item is None:
            kind = parts[depth - 1].removesuffix("s")
            return json_response(404, {"errors": [{"detail": f"{name} is not a {kind}"}]})
        return json_response(200, {"links": {"self": path}, "data": item if name else items})

    def _single(self, path: str, query: dict[str, str]) -> dict[str, Any] | None:
        """What is no list of named things; None for any other path."""
        one = self._maxscale
        if path == "/v1/maxscale":
            return {"data": resources.maxscale(one)}
        if path == "/v1/maxscale/threads":
            return {"data": traces.threads(one)}
        return self._log(path, query) if path == "/v1/maxscale/logs/data" else None

    def _lists(self) -> dict[str, Callable[[], list[resources.Resource]]]:
        one, options = self._maxscale, self._maxscale.options
        return {
            "servers": lambda: [resources.server(one, item) for item in options.servers],
            "services": lambda: [resources.service(one, item) for item in options.services],
            "listeners": lambda: [resources.listener(item) for item in options.services],
            "monitors": lambda: [resources.monitor(one)],
            "filters": list,
            "sessions": lambda: [traces.session(client) for client in one.clients.values()],
            "users/inet": lambda: [traces.user(options.admin, one.started)],
        }

    def _log(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        size = query.get("page[size]", "")
        entries = list(self._maxscale.journal.entries)[-(int(size) if size.isdigit() and int(size) else 50) :]
        newer = not self._maxscale.options.fails_instantly
        lines = [traces.log_entry(entry, newer=newer) for entry in entries]
        links = {"self": path, "last": path}
        if entries and entries[0].number > 1:
            links["prev"] = f"{path}?page[cursor]={entries[0].number}"
        attributes = {"log_source": "maxlog", "log": lines}
        return {"links": links, "data": {"id": "log_data", "type": "log_data", "attributes": attributes}}


def _credentials(header: str) -> tuple[str, str] | None:
    """User and password of Basic authentication; None for anything else."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return user, password
