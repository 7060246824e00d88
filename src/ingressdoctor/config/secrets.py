"""References to secrets: an environment variable, a file, or a command that prints one.

A reference is resolved where the secret is used, so that a run that does not need the Hetzner API never asks the
password manager. The value leaves this module only inside ``Secret``; no message here ever quotes it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from ingressdoctor.config.quoting import quoted
from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import Secret, clean

__all__ = ["AccessTokenRef", "Kind", "SecretRef", "from_env"]

_COMMAND_TIMEOUT_S: Final = 10.0
_MAX_BYTES: Final = 64 * 1024


class Kind(StrEnum):
    """Where the secret is kept; the value is the key in the configuration file."""

    ENV = "env"
    FILE = "file"
    COMMAND = "command"


class SecretRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where one secret is kept.

    ``place`` is the name of the variable, the path of the file, or the words of the command; ``what`` is how the secret
    is called, and whether it may hold spaces: a token is one word, a password need not be. Hashable and printable: it
    never holds the secret itself.
    """

    kind: Kind
    place: tuple[str, ...]
    what: str = "token"

    def __str__(self) -> str:
        """How the reference is called in messages, as ``env HCLOUD_TOKEN``."""
        return f"{self.kind} {' '.join(self.place)}"

    def toml(self) -> str:
        """The reference as it is written in the configuration file."""
        words = ", ".join(quoted(word) for word in self.place)
        return f"{{ {self.kind} = {f'[{words}]' if self.kind is Kind.COMMAND else words} }}"

    def state(self, environ: Mapping[str, str] | None = None) -> str:
        """Say whether something is there, without running a command or showing the value."""
        match self.kind:
            case Kind.ENV:
                there = (os.environ if environ is None else environ).get(self.place[0], "").strip()
                return "set" if there else "not set"
            case Kind.FILE:
                return "present" if Path(self.place[0]).is_file() else "no such file"
            case Kind.COMMAND:
                return "runs when needed"

    def optional(self, environ: Mapping[str, str] | None = None) -> Callable[[], Secret] | None:
        """Return what fetches the secret; None where it would be in a variable that is not set, and need not be."""
        return None if self.state(environ) == "not set" else partial(self.resolve, environ)

    def resolve(self, environ: Mapping[str, str] | None = None) -> Secret:
        """Fetch the secret. Blocks for up to 10 seconds when it is a command: call it in a worker thread.

        Raises:
            SourceError: there is none; the hint says what would provide it.
        """
        match self.kind:
            case Kind.ENV:
                text = (os.environ if environ is None else environ).get(self.place[0], "")
                problem = f"no {self.what}: the environment variable {self.place[0]} is not set"
                enough = " (a read-only token is enough)" if self.what == "token" else ""
                hint = f"export {self.place[0]}=...{enough}"
            case Kind.FILE:
                text = _read(self.place[0], self.what)
                problem = f"no {self.what}: the file {self.place[0]} is empty"
                hint = f"Write the {self.what} into that file."
            case Kind.COMMAND:
                text = _run(self.place, self.what)
                problem = f"no {self.what}: the command {self.place[0]!r} printed nothing"
                hint = f"Try it by hand: {' '.join(self.place)}"
        spaced = self.what == "password"
        secret = text.removesuffix("\n").removesuffix("\r") if spaced else text.strip()
        if not secret:
            raise SourceError(problem, hint=hint)
        if not secret.isprintable() or (" " in secret and not spaced):
            holds = "line breaks or control characters" if spaced else "spaces, line breaks or control characters"
            raise SourceError(
                f"the {self.what} from {self} cannot be one: it holds {holds}",
                hint=f"It must be exactly one line with nothing but the {self.what}.",
            )
        return Secret(secret)


class AccessTokenRef(msgspec.Struct, frozen=True, kw_only=True):
    """Where the two halves of a service token of Cloudflare Access are kept, and to which hosts it may be sent.

    ``hosts`` are patterns of hostnames; without any, it goes to whatever host answers with an Access login.
    """

    client_id: SecretRef
    client_secret: SecretRef
    hosts: tuple[str, ...] = ()

    def __str__(self) -> str:
        """How the reference is called in messages."""
        return f"{self.client_id}, {self.client_secret}"

    def toml(self) -> str:
        """The reference as it is written in the configuration file."""
        hosts = f", hosts = [{', '.join(map(quoted, self.hosts))}]" if self.hosts else ""
        return f"{{ client_id = {self.client_id.toml()}, client_secret = {self.client_secret.toml()}{hosts} }}"

    def state(self, environ: Mapping[str, str] | None = None) -> str:
        """Say whether something is there, without running a command or showing a value."""
        states = (self.client_id.state(environ), self.client_secret.state(environ))
        return states[0] if states[0] == states[1] else " and ".join(states)


def from_env(name: str, what: str = "token") -> SecretRef:
    """Refer to the environment variable *name*."""
    return SecretRef(kind=Kind.ENV, place=(name,), what=what)


def _read(path: str, what: str) -> str:
    hint = f"Give the path of a readable file that holds nothing but the {what}."
    try:
        with Path(path).open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise SourceError(f"no {what}: cannot read {path}: {error.strerror or error}", hint=hint) from None
    return _decoded(raw, what, f"the file {path}", hint)


def _run(words: tuple[str, ...], what: str) -> str:
    import subprocess

    hint = f"Try it by hand: {' '.join(words)}"
    try:
        # The words come from the user's own configuration file, and no shell reads them.
        done = subprocess.run(  # noqa: S603
            words, stdin=subprocess.DEVNULL, capture_output=True, timeout=_COMMAND_TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise SourceError(f"no {what}: there is no command {words[0]!r}", hint=hint) from None
    except subprocess.TimeoutExpired:
        raise SourceError(f"no {what}: {words[0]!r} took more than {_COMMAND_TIMEOUT_S:g} s", hint=hint) from None
    except OSError as error:
        raise SourceError(f"no {what}: cannot run {words[0]!r}: {error.strerror or error}", hint=hint) from None
    if done.returncode != 0:
        # A token in its complaint would be known by its shape and cut out; a password or address looks like any word.
        told = done.stderr[:2000] if what == "token" else b""
        lines = told.decode("utf-8", "replace").strip().splitlines()
        said = f": {clean(lines[-1], 200)}" if lines else ""
        raise SourceError(f"no {what}: {words[0]!r} ended with {done.returncode}{said}", hint=hint)
    return _decoded(done.stdout, what, f"the command {words[0]!r}", hint)


def _decoded(raw: bytes, what: str, giver: str, hint: str) -> str:
    if len(raw) > _MAX_BYTES:
        raise SourceError(f"no {what}: {giver} gave more than {_MAX_BYTES // 1024} KiB", hint=hint)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise SourceError(f"no {what}: {giver} gave something that is not text", hint=hint) from None
