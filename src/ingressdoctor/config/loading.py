"""Find ingressdoctor.toml, read it, and refuse what is wrong in it by key and line.

Reads one file and nothing else; no secret is resolved here. A file in the working directory may name commands and
folders of code, so one that belongs to another user is refused, as git and ssh do.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from msgspec.structs import replace

from ingressdoctor.config.channels import TABLE, read_channels
from ingressdoctor.config.keys import KEYS, SECTIONS, Key
from ingressdoctor.config.lines import line_of
from ingressdoctor.config.settings import Settings
from ingressdoctor.config.values import UnfitError
from ingressdoctor.errors import ConfigError
from ingressdoctor.model.text import clean

__all__ = ["FILE_NAME", "VARIABLE", "find_config", "load_settings", "override", "parse_settings", "user_config"]

FILE_NAME: Final = "ingressdoctor.toml"
VARIABLE: Final = "INGRESSDOCTOR_CONFIG"
_MAX_BYTES: Final = 1_000_000


def load_settings(path: str = "", *, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Settings:
    """Read the configuration file that applies, or return the defaults when there is none.

    Args:
        path: The file of ``--config``; empty: search.
        environ: Instead of the process's environment.
        cwd: Instead of the working directory.

    Raises:
        ConfigError: the file cannot be read, or something in it is wrong.
    """
    found = find_config(path, os.environ if environ is None else environ, cwd or Path.cwd())
    return Settings() if found is None else parse_settings(_read(found), found)


def find_config(path: str, environ: Mapping[str, str], cwd: Path) -> Path | None:
    """Return the first of ``--config``, ``$INGRESSDOCTOR_CONFIG``, working directory, user's directory; None if none.

    Raises:
        ConfigError: a file that was named does not exist, or the one in the working directory is somebody else's.
    """
    for named, how in ((path, "--config"), (environ.get(VARIABLE, ""), f"${VARIABLE}")):
        if named:
            if not Path(named).expanduser().exists():
                raise ConfigError(
                    f"There is no configuration file {clean(named, 200)} (named by {how}).",
                    hint="Write one with: ingressdoctor config init",
                )
            return Path(named).expanduser().absolute()
    local = cwd / FILE_NAME
    if local.is_file():
        _refuse_foreign(local)
        return local.absolute()
    user = user_config(environ)
    return user if user.is_file() else None


def user_config(environ: Mapping[str, str]) -> Path:
    """Return where the user's own configuration file is, whether or not it exists."""
    base = environ.get("XDG_CONFIG_HOME", "")
    home = environ.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises without a home
    return (Path(base) if base else Path(home) / ".config") / "ingressdoctor" / FILE_NAME


def parse_settings(text: str, path: Path) -> Settings:
    """Read the text of a configuration file; *path* anchors relative paths and stands in messages.

    Raises:
        ConfigError: not TOML, an unknown key, or a value of the wrong type; names the key and the line.
    """
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path} is not TOML: {clean(str(error), 200)}.", hint=_CHECK) from None
    _refuse_unknown(data, text, path)
    settings, origins = replace(Settings(), path=str(path)), {}
    for key in KEYS:
        if key.name in data.get(key.section, {}):
            line = line_of(text, (key.section, key.name))
            value = _value(key, data[key.section][key.name], f"{path}, line {line}", path.parent)
            settings = _with(settings, key, value)
            origins[key.path] = f"line {line}"
    if TABLE in data:
        told = read_channels(data[TABLE], lambda keys: f"{path}, line {line_of(text, keys)}", path.parent)
        settings = replace(settings, notify=told)
    return replace(settings, origins=MappingProxyType(origins))


def override(settings: Settings, chosen: Mapping[str, tuple[str, object]]) -> Settings:
    """Lay command-line options over *settings*.

    Args:
        settings: What the file says.
        chosen: ``section.key`` to the option that was given and its raw value. Options for ``http.connect_to`` come
            before those of the file, so that they match first; all others replace.

    Raises:
        ConfigError: a value is not possible; names the option.
    """
    origins = dict(settings.origins)
    for key in KEYS:
        if key.path in chosen:
            option, raw = chosen[key.path]
            value = _value(key, raw, "", Path.cwd(), option)
            if key.path == "http.connect_to" and isinstance(value, tuple):
                value = value + settings.http.connect_to
            settings = _with(settings, key, value)
            origins[key.path] = option
    return replace(settings, origins=MappingProxyType(origins))


_CHECK: Final = "Check it with: ingressdoctor config validate"


def _with(settings: Settings, key: Key, value: object) -> Settings:
    changed: dict[str, Any] = {key.section: replace(getattr(settings, key.section), **{key.field: value})}
    return replace(settings, **changed)


def _value(key: Key, raw: object, place: str, base: Path, option: str = "") -> object:
    try:
        return key.read(raw, base)
    except UnfitError as error:
        if option:
            # A URL of a database may hold a password, and is not repeated.
            given = "" if key.path == "history.url" else f" {clean(_words(raw), 80)}:"
            raise ConfigError(f"{option}{given} must be {error}.") from None
        # A secret that was written out must not come back in a message.
        got = (
            ""
            if key.name in {"token", "access", "password"} or key.path == "history.url" or isinstance(raw, list)
            else f", not {clean(_words(raw), 80)}"
        )
        raise ConfigError(f"{place}: {key.path} must be {error}{got}.", hint=f"{key.name} = {key.example}") from None


def _words(raw: object) -> str:
    match raw:
        case bool():
            return str(raw).lower()
        case str():
            return f'the text "{raw}"'
        case dict():
            return "a table"
        case [only]:
            return _words(only)
        case list() | tuple():
            return f"a list of {len(raw)}"
        case _:
            return str(raw)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            raw = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"Cannot read the configuration file {path}: {error.strerror or error}.") from None
    if len(raw) > _MAX_BYTES:
        raise ConfigError(f"{path} has more than {_MAX_BYTES // 1000} kB; that is no configuration file.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path}, line {line}: not UTF-8 text.", hint="Save the file as UTF-8.") from None


def _refuse_foreign(path: Path) -> None:
    if os.name != "posix":
        return
    owner = path.stat().st_uid
    if owner not in (os.geteuid(), 0) and os.geteuid() != 0:
        raise ConfigError(
            f"The {FILE_NAME} in this directory belongs to another user; it may name commands to run.",
            hint=f"If you trust it: ingressdoctor --config {path} ...",
        )


def _refuse_unknown(data: Mapping[str, Any], text: str, path: Path) -> None:
    for section, content in data.items():
        if section == TABLE:
            continue
        if section not in SECTIONS:
            raise _unknown(text, path, (section,), [*SECTIONS, TABLE, *(key.path for key in KEYS)])
        if not isinstance(content, dict):
            line = line_of(text, (section,))
            raise ConfigError(f"{path}, line {line}: {section} must be a section.", hint=f"Write [{section}]")
        known = [key.name for key in KEYS if key.section == section]
        for name in content:
            if name not in known:
                raise _unknown(text, path, (section, name), known)


def _unknown(text: str, path: Path, keys: tuple[str, ...], known: list[str]) -> ConfigError:
    shown, line = clean(".".join(keys), 80), line_of(text, keys)
    elsewhere = [key.path for key in KEYS if key.name == keys[-1]]
    near = difflib.get_close_matches(keys[-1], known, n=1, cutoff=0.5) or elsewhere[:1]
    what = "section or key" if len(keys) == 1 else "key"
    hint = f"Did you mean {near[0]}?" if near else f"Known: {', '.join(item for item in known if len(item) < 30)}"
    return ConfigError(f"{path}, line {line}: unknown {what} {shown}.", hint=hint)
