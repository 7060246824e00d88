"""The configuration as text: a commented example to start from, and what is in effect."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from ingressdoctor.config.channels import CHANNEL_EXAMPLE, CHANNEL_KEYS, TABLE, ChannelSettings
from ingressdoctor.config.excuses import excuse_toml
from ingressdoctor.config.keys import KEYS, SECTIONS, Key
from ingressdoctor.config.quoting import quoted
from ingressdoctor.config.secrets import AccessTokenRef, SecretRef
from ingressdoctor.config.settings import Settings
from ingressdoctor.model.excuses import Suppression, Window

__all__ = ["effective_toml", "example_toml"]

_HEAD: Final = """\
# ingressdoctor.toml. Everything has a default; with only a kubeconfig nothing needs to be here.
# The five lines that matter most:
kubernetes.context = ""                             # "" is the current context of your kubeconfig
hetzner.token = { env = "HCLOUD_TOKEN" }            # read-only is enough; also { file = "..." } or { command = [...] }
cloudflare.token = { env = "CLOUDFLARE_API_TOKEN" } # Zone, DNS and Zone Settings: Read
walks.patterns = {}                                 # as in { "*-mgmt.example.org" = "tunnel" }
run.timeout = 30                                    # seconds for one whole diagnosis

# Everything else, with examples. Secrets never stand here, only where to find them.
# Sections ([dns], then resolvers = ...) work as well, but a section is written in one way only.
"""
_IMPORTANT: Final = frozenset(
    ("kubernetes.context", "hetzner.token", "cloudflare.token", "walks.patterns", "run.timeout")
)


def example_toml() -> str:
    """Return the file that ``config init`` writes: valid as it stands, the rest in comments."""
    rest = [key for key in KEYS if key.path not in _IMPORTANT]
    width = max(len(f"# {key.path} = {key.example}") for key in rest if len(key.example) < 40)
    lines = [f"{f'# {key.path} = {key.example}':<{width}}  # {key.about}" for key in rest]
    return _HEAD + "\n".join(lines) + "\n" + CHANNEL_EXAMPLE


def effective_toml(settings: Settings, environ: Mapping[str, str] | None = None) -> str:
    """Return every value in effect as TOML, each with where it came from; of secrets only whether they are there."""
    environ = os.environ if environ is None else environ
    lines = [f"# {settings.path}" if settings.path else "# no configuration file: defaults only"]
    for section in SECTIONS:
        lines += ["", f"[{section}]"]
        lines += [_line(key, settings, environ) for key in KEYS if key.section == section]
    for channel in settings.notify:
        lines += ["", *_channel(channel, environ)]
    return "\n".join(lines) + "\n"


def _line(key: Key, settings: Settings, environ: Mapping[str, str]) -> str:
    value = getattr(getattr(settings, key.section), key.field)
    origin = settings.origins.get(key.path, "default")
    note = f"{value} ({value.state(environ)}), {origin}" if isinstance(value, SecretRef | AccessTokenRef) else origin
    shown = _table(settings.walks.patterns) if key.path == "walks.patterns" else _toml(value)
    return f"{f'{key.name} = {shown}':<50}  # {note}"


def _toml(value: object) -> str:
    if isinstance(value, SecretRef | AccessTokenRef):
        return value.toml()
    if isinstance(value, Window | Suppression):
        return excuse_toml(value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return quoted(str(value))


def _table(pairs: tuple[tuple[str, str], ...]) -> str:
    inside = ", ".join(f"{quoted(name)} = {quoted(walk)}" for name, walk in pairs)
    return f"{{ {inside} }}" if inside else "{}"


def _channel(channel: ChannelSettings, environ: Mapping[str, str]) -> list[str]:
    """Return a channel as lines of TOML; of secrets only whether they are there."""
    lines = [f"[[{TABLE}]]", f"kind = {quoted(channel.kind)}"]
    for key in CHANNEL_KEYS:
        value = getattr(channel, key.field)
        if channel.kind not in key.kinds or value in ("", (), None):
            continue
        match value:
            case SecretRef():
                lines.append(f"{f'{key.name} = {value.toml()}':<50}  # {value} ({value.state(environ)})")
            case bool():
                lines.append(f"{key.name} = {str(value).lower()}")
            case tuple():
                lines.append(f"{key.name} = [{', '.join(map(quoted, value))}]")
            case float():
                lines.append(f"{key.name} = {value:g}")
            case _:
                lines.append(f"{key.name} = {quoted(str(value))}")
    return lines
