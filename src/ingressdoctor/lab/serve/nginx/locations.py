"""Locations of a server: what a path type becomes in nginx, and which location a request's path gets.

Source: kubernetes/ingress-nginx internal/ingress/controller/location.go and template.go (buildLocation); nginx
ngx_http_core_find_location: an exact location, else the longest prefix; regular expressions in their order.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
from urllib.parse import unquote

from ingressdoctor.lab.serve.nginx.model import EXACT, PREFIX, Location, Server

MAX_PATH = 8_192
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def finished(server: Server) -> None:
    """Sort the locations as the controller does, and split prefixes into an exact and a longer one."""
    by_name = sorted(server.locations, key=lambda item: item.path, reverse=True)
    ordered = sorted(by_name, key=lambda item: len(item.path), reverse=True)
    exact = {item.path for item in ordered if item.kind == EXACT}
    result: list[Location] = []
    for item in ordered:
        annotations = item.annotations
        if item.path == "/" or item.kind == EXACT or annotations.rewrites(item.path) or annotations.use_regex:
            result.append(item)
            continue
        longer = item.path if item.path.endswith("/") else f"{item.path}/"
        result.append(dataclasses.replace(item, path=longer))
        if item.path not in exact:
            result.append(dataclasses.replace(item, kind=EXACT))
    server.locations = result


def find(server: Server, uri: str) -> Location | None:
    """The location of a normalised path; None when none fits, which nginx answers with a 404."""
    if server.by_regex:
        return next((item for item in server.locations if _pattern(item.path).match(uri)), None)
    for item in server.locations:
        if item.kind == EXACT and item.path == uri:
            return item
    prefixes = (item for item in server.locations if item.kind == PREFIX and uri.startswith(item.path))
    return max(prefixes, key=lambda item: len(item.path), default=None)


def rewritten(location: Location, uri: str) -> str:
    """The path for the upstream after `rewrite-target`; groups that took no part are empty."""
    target = location.annotations.rewrite_target
    if not location.annotations.rewrites(location.path):
        return uri
    found = _pattern(location.path).search(uri)
    if found is None:
        return uri
    groups = (uri[found.start() : found.end()], *(group or "" for group in found.groups()))
    return re.sub(r"\$(\d)", lambda number: groups[int(number[1])] if int(number[1]) < len(groups) else "", target)


def normalised(target: str) -> str | None:
    """$uri of nginx: decoded, without dot segments and double slashes, without the query; None for what it refuses."""
    raw = target.partition("?")[0][:MAX_PATH]
    path = unquote(raw)
    if not raw.startswith("/") or _BAD_ESCAPE.search(raw) or "\0" in path or _climbs(path):
        return None
    clean = posixpath.normpath(re.sub(r"/+", "/", path))
    slash = path.endswith(("/", "/.", "/..")) and clean != "/"
    return "/" + clean.lstrip("/") + ("/" if slash else "")


def _climbs(path: str) -> bool:
    """Whether dot segments lead above the root."""
    depth = 0
    for part in path.split("/"):
        depth += -1 if part == ".." else part not in {"", "."}
        if depth < 0:
            return True
    return False


def _pattern(path: str) -> re.Pattern[str]:
    """`~* "^path"`; what is no regular expression matches nothing (there nginx would refuse to reload)."""
    try:
        return re.compile(f"^{path}", re.IGNORECASE)
    except re.error:
        return re.compile(r"(?!)")
