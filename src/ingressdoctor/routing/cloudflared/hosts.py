"""Hostnames of rules that no request, or no ordinary one, can have. Where a client might send it, nothing is claimed.

Source: cloudflared ingress/rule.go; RFC 1035 (lengths); x/net/idna Lookup (what has no second form).
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from ingressdoctor.model.text import clean
from ingressdoctor.routing.cloudflared.names import ascii_form, is_any

__all__ = ["HostTrouble", "host_trouble"]

_IMPOSSIBLE: Final = re.compile(r"[\x00-\x20\x7f/\\@?#%<>\"{}|^`]")
_MAX_NAME: Final = 253
_MAX_LABEL: Final = 63


class HostTrouble(msgspec.Struct, frozen=True):
    """Why a hostname matches nothing; ``proven`` is False when an unusual client could still send it."""

    why: str
    proven: bool
    instead: str = ""


def host_trouble(hostname: str) -> HostTrouble | None:
    """Return why a rule's hostname matches no request, or None."""
    if is_any(hostname):
        return None
    impossible = _IMPOSSIBLE.search(hostname)
    if impossible is not None:
        return HostTrouble(f"no hostname holds {clean(repr(impossible.group()), 20)}", proven=True)
    if hostname.startswith("*") and not hostname.startswith("*."):
        return HostTrouble(
            "a wildcard must be a whole label, as in *.example.com; this is compared literally",
            proven=True,
            instead=f"*.{hostname[1:].lstrip('.')}",
        )
    name = hostname.removeprefix("*.")
    if not name or name.endswith("."):
        return HostTrouble(
            "only a request that writes the dot at the end of the name would match", proven=False, instead=hostname[:-1]
        )
    return _of_labels(name) or _of_letters(hostname, name)


def _of_letters(hostname: str, name: str) -> HostTrouble | None:
    second = ascii_form(name)
    wildcard = hostname.startswith("*.")
    if not name.isascii() and (wildcard or not second):
        why = "clients send the xn-- form of the name, and cloudflared converts no wildcard"
        if not second:
            why = "clients send the xn-- form of the name, and this name has none"
        return HostTrouble(why, proven=False, instead=f"*.{second}" if second else "")
    if name.isascii() and name != name.lower() and (wildcard or not second):
        return HostTrouble(
            "clients send names in lower case, and cloudflared compares this one in its exact case",
            proven=False,
            instead=hostname.lower(),
        )
    return None


def _of_labels(name: str) -> HostTrouble | None:
    labels = name.split(".")
    if "[" in name or ":" in name:
        return HostTrouble("it is an address, and Cloudflare's edge serves names", proven=False)
    if not all(labels):
        return HostTrouble("it has an empty label", proven=True)
    if name.isascii() and len(name) > _MAX_NAME:
        return HostTrouble(f"it has {len(name)} characters, and DNS allows {_MAX_NAME}", proven=True)
    if name.isascii() and max(map(len, labels)) > _MAX_LABEL:
        return HostTrouble(f"it has a label of more than {_MAX_LABEL} characters", proven=True)
    return None
