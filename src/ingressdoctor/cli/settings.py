"""From options to settings: the configuration file with what the command line lays over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ingressdoctor.cli.options import Connection, Login, RunChoice
from ingressdoctor.config import Settings, load_settings, override

__all__ = ["settings_for", "settings_for_lab"]


def settings_for(
    connection: Connection,
    run: RunChoice | None = None,
    *,
    login: Login | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Return the settings in effect.

    Raises:
        ConfigError: the file or one of the options is wrong.
    """
    chosen: dict[str, tuple[str, Any]] = {
        "kubernetes.context": ("--context", connection.context),
        "dns.resolvers": ("--resolver", connection.resolver),
        "http.connect_to": ("--connect-to", connection.connect_to),
        "http.ca_file": ("--ca-file", connection.ca_file),
    }
    if run is not None:
        chosen["tunnel.config_file"] = ("--cloudflared-config", run.cloudflared_config)
        chosen["run.timeout"] = ("--timeout", run.timeout)
        chosen["run.strict"] = ("--strict", run.strict or None)
    if login is not None and login.sql_password_file:
        chosen["sql.password"] = ("--sql-password-file", {"file": login.sql_password_file})
    given = {name: pair for name, pair in chosen.items() if pair[1]}
    return override(load_settings(connection.config, environ=environ), given)


def settings_for_lab(config: Path, run: RunChoice, checks: Sequence[str] = ()) -> Settings:
    """Return the settings of a running lab; neither the user's file nor connection options have a say in it.

    Raises:
        ConfigError: one of the folders of *checks* does not exist.
    """
    settings = settings_for(Connection(config=str(config)), run)
    return override(settings, {"plugins.folders": ("--checks", list(checks))} if checks else {})
