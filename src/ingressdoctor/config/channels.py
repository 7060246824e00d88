"""``[[notify]]``: who is told when an incident begins or ends. One table a channel, read strictly, refused by line.

Values only, apart from the reading of one table; no secret is resolved here. The address of a webhook is a secret by
itself, so it is given by reference, as tokens are.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from ingressdoctor.config import values
from ingressdoctor.config.secrets import SecretRef
from ingressdoctor.config.values import Reader, UnfitError
from ingressdoctor.errors import ConfigError
from ingressdoctor.model.text import clean

__all__ = [
    "CHANNEL_EXAMPLE",
    "CHANNEL_KEYS",
    "TABLE",
    "ChannelKey",
    "ChannelKind",
    "ChannelSettings",
    "read_channels",
]

TABLE: Final = "notify"
_MAX_CHANNELS: Final = 50
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,59}")
_SEVERITY: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")


class ChannelKind(StrEnum):
    """How a channel is told."""

    ALERTMANAGER = "alertmanager"
    SLACK = "slack"
    WEBHOOK = "webhook"
    COMMAND = "command"


class ChannelSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One channel.

    ``url`` is a reference, or a plain address where that is no secret (Alertmanager); ``only`` are patterns of check
    ids and hostnames, without any everything is told; ``timeout_s`` bounds one attempt, or one run of the command.
    """

    kind: ChannelKind
    name: str
    url: SecretRef | str = ""
    token: SecretRef | None = None
    secret: SecretRef | None = None
    command: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    severity: str = "critical"
    send_resolved: bool = True
    timeout_s: float = 10.0
    ca_file: str = ""

    @property
    def references(self) -> tuple[tuple[str, SecretRef], ...]:
        """The secrets that it needs, by key."""
        pairs = (("url", self.url), ("token", self.token), ("secret", self.secret))
        return tuple((name, ref) for name, ref in pairs if isinstance(ref, SecretRef))


def _address(raw: object, base: Path) -> SecretRef:
    return replace(values.secret(raw, base), what="URL")


def _address_or_url(raw: object, base: Path) -> SecretRef | str:
    """A reference, or an address that anybody may know."""
    if isinstance(raw, str):
        found = values.url(raw, base)
        if "?" in found:
            raise UnfitError('an http or https URL without "?", or a reference to it: { env = "NAME" }')
        return found
    return _address(raw, base)


def _signing(raw: object, base: Path) -> SecretRef:
    return replace(values.secret(raw, base), what="signing secret")


def _words(raw: object, base: Path) -> tuple[str, ...]:
    del base
    if not isinstance(raw, list) or not raw or not all(isinstance(word, str) and "\0" not in word for word in raw):
        raise UnfitError('a list of words, as in ["/usr/local/bin/page", "--team", "web"]; no shell reads it')
    return tuple(raw)


def _pattern(raw: object, base: Path) -> str:
    found = values.text(raw, base).strip().lower()
    if not found:
        raise UnfitError('a pattern of check ids or hostnames, as in "lb.*" or "*.example.org"')
    return found


def _matching(shape: re.Pattern[str], expected: str) -> Reader:
    def read(raw: object, base: Path) -> str:
        del base
        if not isinstance(raw, str) or not shape.fullmatch(raw):
            raise UnfitError(expected)
        return raw

    return read


class ChannelKey(msgspec.Struct, frozen=True, kw_only=True):
    """One key of such a table. ``kinds`` are the channels that take it; the ``needed`` ones must have it."""

    name: str
    read: Reader
    about: str
    example: str
    kinds: tuple[ChannelKind, ...] = tuple(ChannelKind)
    needed: bool = False

    @property
    def field(self) -> str:
        """What it is called in ``ChannelSettings``."""
        return f"{self.name}_s" if self.name == "timeout" else self.name


_PUSHED: Final = (ChannelKind.ALERTMANAGER, ChannelKind.SLACK, ChannelKind.WEBHOOK)

CHANNEL_KEYS: Final = (
    ChannelKey(
        name="name",
        read=_matching(_NAME, "a name of up to 60 letters, digits, spaces and . _ -"),
        about="what it is called in messages and metrics; default: its kind and place, as slack-2",
        example='"on call"',
    ),
    ChannelKey(
        name="url",
        read=_address_or_url,
        about="base URL, which is no secret; or where it is kept",
        example='"http://alertmanager:9093"',
        kinds=(ChannelKind.ALERTMANAGER,),
        needed=True,
    ),
    ChannelKey(
        name="url",
        read=_address,
        about="where the address is kept: whoever knows it can post",
        example='{ env = "SLACK_WEBHOOK_URL" }',
        kinds=(ChannelKind.SLACK, ChannelKind.WEBHOOK),
        needed=True,
    ),
    ChannelKey(
        name="token",
        read=values.secret,
        about="where a bearer token for it is kept",
        example='{ env = "ALERTMANAGER_TOKEN" }',
        kinds=(ChannelKind.ALERTMANAGER,),
    ),
    ChannelKey(
        name="secret",
        read=_signing,
        about="where the secret is kept that bodies are signed with",
        example='{ env = "WEBHOOK_SECRET" }',
        kinds=(ChannelKind.WEBHOOK,),
        needed=True,
    ),
    ChannelKey(
        name="command",
        read=_words,
        about="program and arguments; the notification is its standard input",
        example='["/usr/local/bin/page"]',
        kinds=(ChannelKind.COMMAND,),
        needed=True,
    ),
    ChannelKey(
        name="only",
        read=values.many(_pattern),
        about="only incidents whose check or a member matches one of these",
        example='["lb.*", "*.example.org"]',
    ),
    ChannelKey(
        name="severity",
        read=_matching(_SEVERITY, 'a word in lower case, as in "critical"'),
        about="how bad its receivers shall take it; default: critical",
        example='"warning"',
    ),
    ChannelKey(
        name="send_resolved", read=values.flag, about="also tell when it is over; default: true", example="false"
    ),
    ChannelKey(
        name="timeout", read=values.seconds, about="seconds for one attempt or one run; default: 10", example="5"
    ),
    ChannelKey(
        name="ca_file",
        read=values.file,
        about="roots to trust instead of the system's",
        example='"company-ca.pem"',
        kinds=_PUSHED,
    ),
)

CHANNEL_EXAMPLE: Final = """\
# Who is told when an incident begins or ends; as many of these tables as you like, at the end of the file:
# [[notify]]
# kind = "slack"                          # or alertmanager, webhook (with secret), command
# url = { env = "SLACK_WEBHOOK_URL" }     # whoever knows the address can post, so it is kept as a token is
# only = ["lb.*", "*.example.org"]        # check ids and hostnames; default: everything
"""


def read_channels(raw: object, place: Callable[[tuple[str, ...]], str], base: Path) -> tuple[ChannelSettings, ...]:
    """Return the channels of a file.

    Args:
        raw: What stands below ``notify``.
        place: From a path (``("notify", "0", "url")``) to "FILE, line N".
        base: The folder that relative paths start from.

    Raises:
        ConfigError: something in a table is wrong; names key, line and the nearest known key.
    """
    if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
        raise ConfigError(f"{place((TABLE,))}: {TABLE} must be a list of tables.", hint=f"Write [[{TABLE}]]")
    if len(raw) > _MAX_CHANNELS:
        raise ConfigError(f"{place((TABLE,))}: more than {_MAX_CHANNELS} channels.")
    found: list[ChannelSettings] = []
    for number, table in enumerate(raw):
        channel = _channel(table, number, place, base)
        if channel.name in {item.name for item in found}:
            raise ConfigError(
                f"{place((TABLE, str(number), 'name'))}: two channels are called {channel.name}.",
                hint="Give each a name of its own.",
            )
        found.append(channel)
    return tuple(found)


def _channel(
    table: Mapping[str, Any], number: int, place: Callable[[tuple[str, ...]], str], base: Path
) -> ChannelSettings:
    def at(*path: str) -> str:
        return place((TABLE, str(number), *path))

    kind = _kind(table, at)
    known = {key.name: key for key in CHANNEL_KEYS if kind in key.kinds}
    for name in table:
        if name != "kind" and name not in known:
            elsewhere = any(key.name == name for key in CHANNEL_KEYS)
            near = [] if elsewhere else difflib.get_close_matches(name, (*known, "kind"), n=1, cutoff=0.5)
            hint = f"Did you mean {near[0]}?" if near else f"Known for {kind}: {', '.join(known)}"
            raise ConfigError(f"{at(name)}: unknown key {TABLE}.{clean(name, 80)} for {kind}.", hint=hint)
    fields: dict[str, Any] = {"name": f"{kind}-{number + 1}"}
    for name, key in known.items():
        if name in table:
            fields[key.field] = _read(key, table[name], at(name), base)
        elif key.needed:
            raise ConfigError(f"{at()}: a channel of kind {kind} needs {name}.", hint=f"{name} = {key.example}")
    return ChannelSettings(kind=kind, **fields)


def _kind(table: Mapping[str, Any], at: Callable[..., str]) -> ChannelKind:
    raw = table.get("kind")
    if isinstance(raw, str) and raw in tuple(ChannelKind):
        return ChannelKind(raw)
    kinds = ", ".join(ChannelKind)
    if raw is None:
        raise ConfigError(f"{at()}: a channel needs a kind.", hint=f"kind = one of {kinds}")
    near = difflib.get_close_matches(str(raw), tuple(ChannelKind), n=1, cutoff=0.5)
    hint = f"Did you mean {near[0]}?" if near else 'kind = "slack"'
    raise ConfigError(f"{at('kind')}: {TABLE}.kind must be one of {kinds}.", hint=hint)


def _read(key: ChannelKey, raw: object, place: str, base: Path) -> object:
    try:
        return key.read(raw, base)
    except UnfitError as error:
        # What stands there may be a secret that was written out: it is not repeated.
        raise ConfigError(f"{place}: {TABLE}.{key.name} must be {error}.", hint=f"{key.name} = {key.example}") from None
