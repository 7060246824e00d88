"""What a container's command line and environment say about the cloudflared in it. Pure; keeps no secret.

Of a token only the tunnel id that it names is kept, and arguments are returned with secrets masked. Source: cloudflared
cmd/cloudflared/tunnel (flags and their variables), its Dockerfile (entry point), and the shapes of Deployments in
Cloudflare's documentation of Kubernetes.
"""

from __future__ import annotations

import base64
import binascii
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ingressdoctor.evidence.kube import Container
from ingressdoctor.evidence.tunnel import TunnelIdentity
from ingressdoctor.model.text import clean

__all__ = ["CommandLine", "is_cloudflared", "is_uuid", "read_container"]

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_VARIABLE: Final = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_SWITCHES: Final = frozenset(
    (
        "no-autoupdate",
        "hello-world",
        "http2-origin",
        "no-tls-verify",
        "no-chunked-encoding",
        "no-happy-eyeballs",
        "bastion",
        "post-quantum",
        "pq",
        "no-prechecks",
        "force",
        "f",
        "is-autoupdated",
        "management-diagnostics",
        "match-sni-to-host",
    )
)
_OTHER_COMMANDS: Final = frozenset(("access", "proxy-dns", "version", "update", "tail", "login", "service"))
_SECRET_FLAGS: Final = frozenset(("token", "credentials-contents"))
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_EXEMPT: Final = ("NO_PROXY", "no_proxy")
_MAX_TOKEN: Final = 4_000
_MAX_WORDS: Final = 200


class _Token(msgspec.Struct):
    t: str = ""


class CommandLine(msgspec.Struct, frozen=True, kw_only=True):
    """What cloudflared is told.

    ``by_token`` tells that it runs on a token, ``exposed`` where that token stands in the open. ``config`` is the path
    given with ``--config``. ``metrics`` is the listen address.
    """

    args: tuple[str, ...] = ()
    identity: TunnelIdentity = TunnelIdentity()
    config: str = ""
    protocol: str = ""
    metrics: str = ""
    by_token: bool = False
    exposed: str = ""
    proxies: tuple[str, ...] = ()


def is_cloudflared(container: Container) -> bool:
    """Tell whether a container runs cloudflared's tunnel: by its image or command, never by its name."""
    words = _words(container)
    image = (container.image or "").partition("@")[0].rpartition("/")[2].partition(":")[0].lower()
    called = any(word.rpartition("/")[2] == "cloudflared" for word in words[:1])
    if image != "cloudflared" and not image.endswith("-cloudflared") and not called:
        return False
    rest = [word for word in (words[1:] if called else words) if not word.startswith("-")]
    return not rest or rest[0] not in _OTHER_COMMANDS


def is_uuid(text: str) -> bool:
    """Tell whether a text is a tunnel's id."""
    return _UUID.fullmatch(text) is not None


def read_container(container: Container) -> CommandLine:
    """Read flags, positional arguments and environment; flags win over variables, as in cloudflared."""
    plain = {item.name: item.value for item in container.env or () if item.value is not None}
    named = {item.name for item in container.env or ()}
    words = _words(container)
    flags, positions = _flags([_expanded(word, plain) for word in words])
    raw, _ = _flags(words)
    token, by_token = _token(flags, raw, plain, named)
    return CommandLine(
        args=_masked(words),
        identity=_identity(flags, positions, plain, token),
        config=flags.get("config", ""),
        protocol=clean(flags.get("protocol") or plain.get("TUNNEL_TRANSPORT_PROTOCOL") or "", 40).lower(),
        metrics=clean(flags.get("metrics") or plain.get("TUNNEL_METRICS") or "", 100),
        by_token=by_token,
        exposed=_exposed(raw, plain),
        proxies=() if any(plain.get(name) for name in _EXEMPT) else tuple(n for n in _PROXIES if plain.get(n)),
    )


def _words(container: Container) -> list[str]:
    """Return command and arguments as one line of words; a shell's script is taken apart."""
    words = [word or "" for word in (*(container.command or ()), *(container.args or ()))][:_MAX_WORDS]
    script = next((word for word in words if "cloudflared" in word and " " in word.strip()), "")
    if not script:
        return words
    try:
        parts = shlex.split(script, comments=True)
    except ValueError:
        parts = script.split()
    start = next((i for i, word in enumerate(parts) if word.rpartition("/")[2] == "cloudflared"), 0)
    return parts[start : start + _MAX_WORDS]


def _expanded(word: str, variables: Mapping[str, str | None]) -> str:
    return _VARIABLE.sub(lambda found: variables.get(found[1]) or found[0], word)


def _flags(words: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Return (flags by name, positional arguments)."""
    flags: dict[str, str] = {}
    positions: list[str] = []
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--"):
            positions.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if equals:
            flags[name] = value
        elif name in _SWITCHES:
            flags[name] = "true"
        else:
            flags[name] = next(rest, "")
    flags.setdefault("credentials-file", flags.get("cred-file", ""))
    return flags, positions


def _token(
    flags: Mapping[str, str], raw: Mapping[str, str], plain: Mapping[str, str | None], named: set[str]
) -> tuple[str, bool]:
    """Return (the tunnel id of a token that stands in the open, whether it runs on a token at all)."""
    literal = flags.get("token") or plain.get("TUNNEL_TOKEN") or ""
    by_token = bool(raw.get("token") or raw.get("token-file")) or bool(named & {"TUNNEL_TOKEN", "TUNNEL_TOKEN_FILE"})
    return _tunnel_of(literal), by_token


def _tunnel_of(token: str) -> str:
    """Return the tunnel id that a token names; its secret is never looked at."""
    compact = token.replace("\r", "").replace("\n", "")
    if not compact or len(compact) > _MAX_TOKEN:
        return ""
    try:
        found = msgspec.json.decode(base64.b64decode(compact, validate=True), type=_Token).t
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        return ""
    return found.lower() if is_uuid(found) else ""


def _identity(
    flags: Mapping[str, str], positions: Sequence[str], plain: Mapping[str, str | None], token: str
) -> TunnelIdentity:
    if token:
        return TunnelIdentity(id=token, source="its token")
    after = positions[positions.index("run") + 1 :] if "run" in positions else ()
    named = next((word for word in after if word and not _VARIABLE.search(word)), "") or flags.get("name", "")
    if named and is_uuid(named):
        return TunnelIdentity(id=named.lower(), source="its arguments")
    if named:
        return TunnelIdentity(name=clean(named, 100), source="its arguments")
    contents = plain.get("TUNNEL_CRED_CONTENTS") or ""
    found = re.search(r'"TunnelID"\s*:\s*"([0-9a-fA-F-]{36})"', contents[:_MAX_TOKEN])
    if found and is_uuid(found[1]):
        return TunnelIdentity(id=found[1].lower(), source="its credentials")
    return TunnelIdentity()


def _exposed(raw: Mapping[str, str], plain: Mapping[str, str | None]) -> str:
    """Say where a secret stands in the open: whoever may read the workload may then run the tunnel."""
    if any(raw.get(name) and not _VARIABLE.fullmatch(raw[name]) for name in _SECRET_FLAGS):
        return "its arguments"
    if plain.get("TUNNEL_TOKEN") or plain.get("TUNNEL_CRED_CONTENTS"):
        return "its environment"
    return ""


def _masked(words: Sequence[str]) -> tuple[str, ...]:
    shown: list[str] = []
    secret = False
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        if secret and not _VARIABLE.fullmatch(word):
            shown.append("***")
        elif word.startswith("-") and name in _SECRET_FLAGS and equals:
            shown.append(f"--{name}=***" if not _VARIABLE.fullmatch(value) else clean(word, 200))
        else:
            shown.append(clean(word, 200))
        secret = word.startswith("-") and name in _SECRET_FLAGS and not equals
    return tuple(shown)
