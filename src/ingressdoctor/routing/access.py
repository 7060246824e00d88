"""Which Access application covers a URL: hostnames with wildcards, paths, and which one decides.

Pure. A wildcard in a hostname stands for characters of one label only: ``*.example.com`` covers neither the apex nor
``a.b.example.com``. A path covers itself and what is below it; a wildcard in it spans segments. Among several the
most specific decides alone and inherits nothing; that a hostname counts before a path is our assumption.

Source: developers.cloudflare.com/cloudflare-one (application paths, policy inheritance).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

from ingressdoctor.evidence.access_apps import AccessApplication, AccessDestination, AccessMatch

__all__ = ["covering", "covers_host", "covers_path", "gates", "near_misses", "split_uri"]

# Other types have a domain too, and stand before nothing: a bookmark is a link in the launcher.
_GATES: Final = frozenset({"", "self_hosted", "ssh", "vnc", "rdp", "mcp_portal"})
_MOST_URI: Final = 2_048
_MOST_NEAR: Final = 3
_MOST_NAMES: Final = 500


def gates(application: AccessApplication) -> bool:
    """Tell whether an application of this type asks visitors of its destinations to log in."""
    return application.type in _GATES


def split_uri(uri: str) -> tuple[str, str]:
    """Return (host pattern in lower case, path pattern or "") of a destination as it is written."""
    text = uri.strip()[:_MOST_URI]
    rest = text.partition("://")[2] or text
    host, slash, path = rest.partition("/")
    path = path.partition("?")[0].partition("#")[0]
    return host.partition(":")[0].lower().rstrip("."), f"{slash}{path}" if path else ""


def covers_host(pattern: str, host: str) -> bool:
    """Tell whether a host pattern covers a hostname; ``*`` stands for characters of one label."""
    wanted, labels = pattern.split("."), host.split(".")
    return len(wanted) == len(labels) and all(map(_covers_label, wanted, labels))


def covers_path(pattern: str, path: str) -> bool:
    """Tell whether a path pattern covers a path, whose query does not count; an empty one covers all."""
    plain = path.partition("?")[0]
    if not pattern or _fits(pattern, plain):
        return True
    return not pattern.endswith(("*", "/")) and _fits(f"{pattern}/*", plain)


def covering(applications: Iterable[AccessApplication], host: str, path: str = "") -> tuple[AccessMatch, ...]:
    """Return the applications that cover a URL, the one that decides first; without *path*, those of any path."""
    found = [
        AccessMatch(application=application, destination=destination)
        for application in applications
        if gates(application)
        for destination in application.destinations
        if _covers(destination, host, path)
    ]
    return tuple(sorted(found, key=lambda match: _specific(match.destination), reverse=True))


def near_misses(applications: Iterable[AccessApplication], host: str) -> tuple[str, ...]:
    """Return destinations that do not cover *host* but look as if they were meant to.

    A wildcard that misses it by its number of labels, or a name that is almost the same.
    """
    uris = [item.uri for app in applications if gates(app) for item in app.destinations]
    patterns = {uri: split_uri(uri)[0] for uri in uris}
    missed = [uri for uri, pattern in patterns.items() if not covers_host(pattern, host)]
    deep = [uri for uri in missed if patterns[uri].startswith("*.") and host.endswith(patterns[uri][1:])]
    names = {patterns[uri]: uri for uri in missed if "*" not in patterns[uri]}
    close = difflib.get_close_matches(host, list(names)[:_MOST_NAMES], n=_MOST_NEAR, cutoff=0.9)
    alike = [names[name] for name in close]
    return tuple(dict.fromkeys((*deep, *alike)))[:_MOST_NEAR]


def _covers(destination: AccessDestination, host: str, path: str) -> bool:
    pattern, below = split_uri(destination.uri)
    return covers_host(pattern, host) and (not path or covers_path(below, path))


def _covers_label(pattern: str, label: str) -> bool:
    return bool(label) and _fits(pattern, label)


def _fits(pattern: str, text: str) -> bool:
    """Match with ``*`` for any characters, none included; takes no longer for many of them."""
    first, *rest = pattern.split("*")
    if not rest:
        return pattern == text
    last = rest.pop()
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in rest:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _specific(destination: AccessDestination) -> tuple[bool, int, int, bool]:
    """Order destinations: an exact host, then more of the host, then more of the path, then no wildcard in it."""
    host, path = split_uri(destination.uri)
    return ("*" not in host, len(host.replace("*", "")), len(path.replace("*", "")), "*" not in path)
