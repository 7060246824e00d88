"""How a container or a service starts cloudflared: which tunnel, which configuration, and whether it holds a token.

A token is looked at for the tunnel that it names and then forgotten. Nothing here reads files or Secrets.

Source: cloudflared cmd/cloudflared/tunnel/cmd.go, subcommands.go (flags, their aliases and variables, runCommand);
urfave/cli v2 (a flag beats its variable); Kubernetes' expansion of ``$(NAME)`` in command and args.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from ingressdoctor.model.text import Secret, clean
from ingressdoctor.routing.cloudflared.flags import BOOLEANS
from ingressdoctor.routing.cloudflared.token import TokenIdentity, TokenProblem, read_token, tunnel_id

__all__ = ["EnvValue", "Invocation", "TokenFrom", "read_invocation"]

_MAX_WORDS: Final = 2_000
_REFERENCE: Final = re.compile(r"\$(\$)?\(([A-Za-z_][A-Za-z0-9_.-]*)\)")
_ALIASES: Final = {
    "cred-file": "credentials-file",
    "p": "protocol",
    "pq": "post-quantum",
    "proto-loglevel": "transport-loglevel",
}
_VARIABLES: Final = {
    "token": "TUNNEL_TOKEN",
    "token-file": "TUNNEL_TOKEN_FILE",
    "credentials-file": "TUNNEL_CRED_FILE",
    "credentials-contents": "TUNNEL_CRED_CONTENTS",
    "protocol": "TUNNEL_TRANSPORT_PROTOCOL",
    "metrics": "TUNNEL_METRICS",
    "url": "TUNNEL_URL",
    "name": "TUNNEL_NAME",
    "loglevel": "TUNNEL_LOGLEVEL",
    "output": "TUNNEL_LOG_OUTPUT",
    "edge-ip-version": "TUNNEL_EDGE_IP_VERSION",
    "region": "TUNNEL_REGION",
    "no-autoupdate": "NO_AUTOUPDATE",
    "post-quantum": "TUNNEL_POST_QUANTUM",
    "grace-period": "TUNNEL_GRACE_PERIOD",
    "retries": "TUNNEL_RETRIES",
}
_SECRETS: Final = frozenset(("token", "credentials-contents", "api-key", "api-ca-key", "secret-id", "session-token"))
_SHELLS: Final = frozenset(("sh", "bash", "ash", "dash"))


class TokenFrom(StrEnum):
    """Where cloudflared gets its token from."""

    NOWHERE = "nowhere"
    ARGUMENT = "argument"
    VARIABLE = "variable"
    REFERENCE = "reference"
    FILE = "file"


class EnvValue(msgspec.Struct, frozen=True, kw_only=True):
    """A variable of the environment: its value, or what it is taken from ("Secret cloudflared/token, key token")."""

    name: str
    value: Secret | None = None
    reference: str = ""


class Invocation(msgspec.Struct, frozen=True, kw_only=True):
    """What one start of cloudflared says.

    ``runs`` tells that it is ``tunnel run`` (or a tunnel made on the spot) and not another command. ``tunnel`` is what
    the command line names, an id or a name; ``tunnel_id`` its id, from there or from a token in the open. ``token_in``
    is the Secret or the file that holds the token, ``token_problem`` why one in the open cannot be used. ``flags`` are
    the others as given, without those that are secrets.
    """

    runs: bool = False
    tunnel: str = ""
    tunnel_id: str = ""
    account: str = ""
    config: str = ""
    credentials_file: str = ""
    holds_credentials: bool = False
    token: TokenFrom = TokenFrom.NOWHERE
    token_in: str = ""
    token_problem: TokenProblem | None = None
    protocol: str = ""
    metrics: str = ""
    flags: tuple[tuple[str, str], ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def token_exposed(self) -> bool:
        """Whether the token stands in the open, for everybody who may read the pod."""
        return self.token in (TokenFrom.ARGUMENT, TokenFrom.VARIABLE)

    def flag(self, name: str) -> str:
        """Return the value of a flag, or the empty string."""
        return next((value for key, value in self.flags if key == name), "")


def read_invocation(words: Sequence[str | None], env: Sequence[EnvValue] = ()) -> Invocation:
    """Read the command and arguments of a container (without an entry point of the image), and its environment."""
    variables = {item.name: item for item in env}
    given, positional = _parsed(_unwrapped([word for word in words if isinstance(word, str)][:_MAX_WORDS]))
    commands = [word for word in positional[:2] if word in ("tunnel", "run")]
    rest = positional[len(commands) :]
    runs = commands == ["tunnel", "run"] or bool(commands == ["tunnel"] and (given.get("name") or given.get("url")))
    plain = {name: _value_of(name, given, variables) for name in {**given, **_VARIABLES} if name not in _SECRETS}
    ref = _expanded(rest[0], variables) if runs and rest else ""
    invocation = Invocation(
        runs=runs,
        tunnel=clean(ref or plain.get("name", ""), 200),
        tunnel_id=tunnel_id(ref),
        config=plain.get("config", ""),
        credentials_file=plain.get("credentials-file", ""),
        holds_credentials="credentials-contents" in given or "TUNNEL_CRED_CONTENTS" in variables,
        protocol=plain.get("protocol", ""),
        metrics=plain.get("metrics", ""),
        flags=tuple((name, clean(value, 500)) for name, value in sorted(plain.items()) if value),
        extra=tuple(clean(word, 200) for word in rest[1:]) if runs else (),
    )
    return _with_token(invocation, given, variables)


def _unwrapped(words: list[str]) -> list[str]:
    """Return the words after the program's name; a shell's script is taken apart where it is one plain command."""
    if len(words) >= 3 and words[0].rpartition("/")[2] in _SHELLS and words[1].startswith("-") and "c" in words[1]:
        try:
            script = shlex.split(words[2], comments=True)
        except ValueError:
            return []
        places = [i for i, word in enumerate(script) if word.rpartition("/")[2] == "cloudflared"]
        return script[places[0] + 1 :] if places else []
    return words[1:] if words and words[0].rpartition("/")[2].startswith("cloudflared") else words


def _parsed(words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Return the flags (the first of each at its level counts last) and the other words, in order."""
    given: dict[str, str] = {}
    positional: list[str] = []
    place = 0
    while place < len(words):
        word = words[place]
        place += 1
        if not word.startswith("-") or word == "-":
            positional.append(word)
            continue
        if word == "--":
            positional += words[place:]
            break
        name, equals, value = word.lstrip("-").partition("=")
        name = _ALIASES.get(name, name)
        if not equals and name in BOOLEANS:
            value = "true"
        elif not equals and place < len(words):
            value = words[place]
            place += 1
        given[name] = value
    return given, positional


def _value_of(name: str, given: Mapping[str, str], variables: Mapping[str, EnvValue]) -> str:
    if name in given:
        return _expanded(given[name], variables)
    variable = variables.get(_VARIABLES.get(name, ""))
    return variable.value.reveal() if variable is not None and variable.value is not None else ""


def _expanded(text: str, variables: Mapping[str, EnvValue]) -> str:
    """Replace ``$(NAME)`` by the variable's value; one whose value is not known stays as it is."""

    def value(found: re.Match[str]) -> str:
        variable = variables.get(found[2])
        if found[1] or variable is None or variable.value is None:
            return found.group()[1:] if found[1] else found.group()
        return variable.value.reveal()

    return _REFERENCE.sub(value, text)


def _with_token(invocation: Invocation, given: Mapping[str, str], variables: Mapping[str, EnvValue]) -> Invocation:
    """Add where the token comes from; ``token`` wins over ``token-file``, a flag over its variable."""
    token, source, where = "", TokenFrom.NOWHERE, ""
    if given.get("token"):
        token, source = given["token"], TokenFrom.ARGUMENT
        reference = _REFERENCE.fullmatch(token)
        if reference is not None and not reference[1] and reference[2] in variables:
            token, source, where = _of_variable(variables[reference[2]])
    elif "TUNNEL_TOKEN" in variables:
        token, source, where = _of_variable(variables["TUNNEL_TOKEN"])
    if source is TokenFrom.NOWHERE and invocation.flag("token-file"):
        source, where = TokenFrom.FILE, invocation.flag("token-file")
    found = read_token(Secret(token)) if token else None
    named = found if isinstance(found, TokenIdentity) else None
    return msgspec.structs.replace(
        invocation,
        token=source,
        token_in=clean(where, 300),
        token_problem=found if isinstance(found, TokenProblem) else None,
        tunnel_id=named.tunnel if named else ("" if source is not TokenFrom.NOWHERE else invocation.tunnel_id),
        account=named.account if named else "",
    )


def _of_variable(variable: EnvValue) -> tuple[str, TokenFrom, str]:
    if variable.value is None:
        return "", TokenFrom.REFERENCE, variable.reference
    token = variable.value.reveal()
    return token, TokenFrom.VARIABLE if token else TokenFrom.NOWHERE, ""
