"""A cloudflared before its first packet: flags, file, credentials and rules, and what makes it end there.

Source: cmd/cloudflared/tunnel (subcommands.go, configuration.go, credential_finder.go). Everything is logged with the
time of the start.
"""

from __future__ import annotations

import dataclasses
import uuid

from ingressdoctor.lab.cluster import text
from ingressdoctor.lab.serve.cloudflared.config import ConfigError, FileConfig, read_file
from ingressdoctor.lab.serve.cloudflared.connector import Connector
from ingressdoctor.lab.serve.cloudflared.journal import Journal
from ingressdoctor.lab.serve.cloudflared.origin import Origins
from ingressdoctor.lab.serve.cloudflared.process import Credentials, Process, decode_token
from ingressdoctor.lab.serve.cloudflared.rules import NO_RULES, UNAVAILABLE, build_rules

_DEFAULT_PATHS = tuple(f"/etc/cloudflared/config.{ending}" for ending in ("yml", "yaml"))
_NO_NAME = (
    '"cloudflared tunnel run" requires the ID or name of the tunnel to run as the last command line argument or in the '
    "configuration file."
)


class StartError(Exception):
    """cloudflared ends before it connects; the text is what it prints last."""


def prepare(process: Process, journal: Journal, origins: Origins) -> tuple[Connector, Credentials]:
    """Everything before the first packet.

    Raises:
        StartError: after the lines that cloudflared logs on its way out.
    """
    at = process.started
    path, config = _configuration(process, journal)
    if not process.run:
        raise StartError("Use `cloudflared tunnel run` to start tunnel ID")
    credentials = _credentials(process, config)
    id_ = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{process.key} {process.started}"))
    journal.write("info", "Starting tunnel", at=at, tunnelID=credentials.tunnel)
    journal.write("info", f"Version {process.version}", at=at)
    journal.write("info", "GOOS: linux, GOVersion: go1.26.2, GoArch: amd64", at=at)
    journal.write("info", f"Settings: map[{_shown_settings(process, config, path)}]", at=at)
    journal.write("info", f"Generated Connector ID: {id_}", at=at)
    connector = Connector(process, journal, origins, id_=id_, tunnel=credentials.tunnel)
    try:
        rules = build_rules(config)
        for rule in rules:
            _check_authority(process, text(rule.origin.get("caPool")), rule.service.shown)
    except ConfigError as error:
        journal.write("error", "Couldn't start tunnel", at=at, error=str(error))
        raise StartError(str(error)) from error
    if not rules and process.token is None and "token" not in process.flags:
        journal.write("warn", NO_RULES, at=at)
    connector.rules = rules or (UNAVAILABLE,)
    connector.config = {"originRequest": config.origin}
    connector.port = _port(process, config)
    wanted = process.flags.get("protocol") or config.flag("protocol") or "auto"
    if wanted == "h2mux":
        journal.write("warn", "h2mux is no longer a supported protocol: using http2 instead", at=at)
    elif wanted not in {"auto", "quic", "http2"}:
        raise StartError(f"unknown protocol {wanted}, Available protocols: 'auto', 'quic', 'http2'")
    connector.pinned = wanted != "auto"
    connector.protocol = "http2" if wanted in {"http2", "h2mux"} else "quic"
    journal.write("info", f"Initial protocol {connector.protocol}", at=at)
    metrics = process.flags.get("metrics") or config.flag("metrics") or "0.0.0.0:20241"
    journal.write("info", f"Starting metrics server on {metrics.replace('0.0.0.0', '[::]')}/metrics", at=at)
    return connector, credentials


def _port(process: Process, config: FileConfig) -> int:
    """The port that /ready and /metrics are served on."""
    port = (process.flags.get("metrics") or config.flag("metrics") or "0.0.0.0:20241").rpartition(":")[2]
    return int(port) if port.isdigit() else 0


def _configuration(process: Process, journal: Journal) -> tuple[str, FileConfig]:
    path = process.flags.get("config") or next((item for item in _DEFAULT_PATHS if item in process.files), "")
    if not path:
        return "", FileConfig()
    if path not in process.files:
        raise StartError(f"open {path}: no such file or directory")
    if not process.files[path].strip():
        journal.write("error", f"Configuration file {path} was empty", at=process.started)
    try:
        return path, read_file(process.files[path], path)
    except ConfigError as error:
        raise StartError(str(error)) from error


def _credentials(process: Process, config: FileConfig) -> Credentials:
    if process.token is not None:
        return process.token
    if token := process.flags.get("token") or config.flag("token"):
        found = decode_token(token)
        if found is None:
            raise StartError("Provided Tunnel token is not valid.\nSee 'cloudflared tunnel run --help'.")
        return found
    path = process.flags.get("token-file") or process.flags.get("credentials-file") or config.flag("credentials-file")
    known = process.keys.get(path) or process.keys.get("*")
    named = process.positional or config.flag("tunnel")
    if not named and "token-file" not in process.flags:
        raise StartError(f"{_NO_NAME}\nSee 'cloudflared tunnel run --help'.")
    if known is None:
        raise StartError(f"Tunnel credentials file '{path}' doesn't exist or is not a file")
    # The id of the configuration goes over the one in the credentials; a name means the credentials' own.
    return dataclasses.replace(known, tunnel=named) if _is_uuid(named) else known


def _check_authority(process: Process, path: str, service: str) -> None:
    if path and path not in process.authorities:
        raise ConfigError(
            f"Error starting local service {service}: Error loading cert pool: unable to read the file {path} for "
            "--origin-ca-pool"
        )


def _shown_settings(process: Process, config: FileConfig, path: str) -> str:
    names = ("credentials-file", "metrics", "no-autoupdate", "protocol", "loglevel", "edge-ip-version", "token")
    found = {"config": path} if path else {}
    for name in names:
        if value := process.flags.get(name) or config.flag(name):
            found[name] = "*****" if name == "token" else value.replace("True", "true")
    return " ".join(f"{name}:{value}" for name, value in sorted(found.items()))


def _is_uuid(value: str) -> bool:
    try:
        uuid.UUID(value)
    except ValueError:
        return False
    return True
