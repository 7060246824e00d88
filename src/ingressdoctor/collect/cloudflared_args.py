"""Which containers run cloudflared's tunnel, and what their command line and environment say of it. Pure.

Flags and tokens are read by ``routing/cloudflared``; this finds the container and puts into evidence what may be shown:
arguments with their secrets masked, and of a token the tunnel that it names. Source: cloudflared's Dockerfile (entry
point), and the shapes of Deployments in Cloudflare's documentation of Kubernetes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from ingressdoctor.evidence.kube import Container
from ingressdoctor.evidence.tunnel import TunnelIdentity
from ingressdoctor.model.text import Secret, clean
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.routing.cloudflared import EnvValue, Invocation, TokenFrom, read_invocation

__all__ = ["CommandLine", "is_cloudflared", "is_uuid", "read_container"]

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_REFERENCE: Final = re.compile(r"\$\([A-Za-z_][A-Za-z0-9_.-]*\)")
_OTHER_COMMANDS: Final = frozenset(("access", "proxy-dns", "version", "update", "tail", "login", "service"))
_SECRET_FLAGS: Final = frozenset(("token", "credentials-contents"))
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
_EXEMPT: Final = ("NO_PROXY", "no_proxy")
_MAX_WORDS: Final = 200


class CommandLine(msgspec.Struct, frozen=True, kw_only=True):
    """What cloudflared is told.

    ``by_token`` tells that it runs on a token, ``exposed`` where a secret stands in the open. ``config`` is the path
    given with ``--config``, ``metrics`` the listen address, ``proxies`` the proxy variables that apply to origins.
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
    script = " ".join(words[:3])
    named = bool(words) and _program(words[0]) and "tunnel" in words
    called = named or ("-c" in words[:2] and "cloudflared " in script)
    if image != "cloudflared" and not image.endswith("-cloudflared") and not called:
        return False
    rest = [word for word in (words[1:] if words and _program(words[0]) else words) if not word.startswith("-")]
    return not rest or rest[0] not in _OTHER_COMMANDS


def is_uuid(text: str) -> bool:
    """Tell whether a text is a tunnel's id."""
    return _UUID.fullmatch(text) is not None


def read_container(container: Container) -> CommandLine:
    """Read flags, positional arguments and environment; flags win over variables, as in cloudflared."""
    words = _words(container)
    found = read_invocation(words, tuple(_environment(container)))
    plain = {item.name: item.value for item in container.env or () if item.value}
    return CommandLine(
        args=_masked(words),
        identity=_identity(found, plain),
        config=found.config,
        protocol=clean(found.protocol, 40).lower(),
        metrics=clean(found.metrics, 100),
        by_token=found.token is not TokenFrom.NOWHERE,
        exposed=_exposed(found, words, plain),
        proxies=() if any(plain.get(name) for name in _EXEMPT) else tuple(n for n in _PROXIES if plain.get(n)),
    )


def _words(container: Container) -> list[str]:
    return [word or "" for word in (*(container.command or ()), *(container.args or ()))][:_MAX_WORDS]


def _program(word: str) -> bool:
    return word.rpartition("/")[2] == "cloudflared"


def _environment(container: Container) -> Iterator[EnvValue]:
    for item in container.env or ():
        if item.value is not None:
            yield EnvValue(name=item.name, value=Secret(item.value))
            continue
        source = as_map(as_map(item.value_from).get("secretKeyRef"))
        reference = f"Secret {as_text(source.get('name'))}, key {as_text(source.get('key'))}" if source else "elsewhere"
        yield EnvValue(name=item.name, reference=clean(reference, 300))


def _identity(found: Invocation, plain: Mapping[str, str | None]) -> TunnelIdentity:
    if found.tunnel_id:
        by_token = found.token is not TokenFrom.NOWHERE
        return TunnelIdentity(id=found.tunnel_id, source="its token" if by_token else "its arguments")
    if found.tunnel and found.token is TokenFrom.NOWHERE and not _REFERENCE.search(found.tunnel):
        return TunnelIdentity(name=clean(found.tunnel, 100), source="its arguments")
    contents = re.search(r'"TunnelID"\s*:\s*"([0-9a-fA-F-]{36})"', (plain.get("TUNNEL_CRED_CONTENTS") or "")[:4_000])
    if contents is not None and is_uuid(contents[1]):
        return TunnelIdentity(id=contents[1].lower(), source="its credentials")
    return TunnelIdentity()


def _exposed(found: Invocation, words: Sequence[str], plain: Mapping[str, str | None]) -> str:
    """Say where a secret stands in the open: whoever may read the workload may then run the tunnel."""
    if found.token is TokenFrom.ARGUMENT or "***" in _masked(words):
        return "its arguments"
    return "its environment" if found.token_exposed or plain.get("TUNNEL_CRED_CONTENTS") else ""


def _masked(words: Sequence[str]) -> tuple[str, ...]:
    """Return the words with secrets replaced; a reference to a variable is none."""
    shown: list[str] = []
    secret = False
    for word in words:
        name, equals, value = word.lstrip("-").partition("=")
        flag = word.startswith("-") and name in _SECRET_FLAGS
        if secret and not _REFERENCE.fullmatch(word):
            shown.append("***")
        elif flag and equals and not _REFERENCE.fullmatch(value):
            shown += [f"--{name}", "***"]
        else:
            shown.append(clean(word, 200))
        secret = flag and not equals
    return tuple(shown)
