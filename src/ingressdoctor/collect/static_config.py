"""Recover Traefik's static configuration from its pod: arguments, environment, or a file that cannot be read.

Traefik takes the first loader that yields anything (file, flags, environment) and ignores the others. What the pod
does not show is said in ``unreadable``, never guessed silently. Pure.

Source: traefik: cmd/traefik/traefik.go, pkg/cli/loader_*.go; paerser: flag/flagparser.go, env/env.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.evidence.kube import Container, Pod

__all__ = ["parse_duration", "parse_flags", "static_of"]

_ENV_PREFIX: Final = "traefik_"
_FILE_HOMES: Final = ("/etc/traefik", "/.config/traefik", "/root/.config/traefik")
_ADDRESS: Final = re.compile(r"(?:\[[^\]]*\]|[^:\[\]]*):(\d{1,5})(?:/(tcp|udp))?", re.IGNORECASE)
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_LISTS: Final = ("trustedips", "namespaces", "middlewares", "crossprovidernamespaces", "precedence")
_SHELLS: Final = frozenset(["sh", "bash", "ash"])
_MAX_FLAGS: Final = 2_000
_READ_TIMEOUT_S: Final = 60.0
_INTERNAL_PORT: Final = 8080


def static_of(pod: Pod) -> StaticConfig:
    """Return the static configuration of the Traefik container of one pod."""
    container = traefik_container(pod)
    if container is None:
        return StaticConfig(source="none", entry_points=(), options={}, unreadable="the pod has no Traefik container")
    command = [word or "" for word in container.command or ()]
    args = [word or "" for word in container.args or ()]
    if command and command[0].rpartition("/")[2] in _SHELLS:
        return _from_ports(container, "args", {}, "a shell script starts Traefik")
    spelled, options = parse_flags([*command[1:], *args])
    config_file = options.get("configfile", "")
    if config_file:
        return _from_ports(container, "file", options, f"it is in the file {config_file}, which is not read")
    mount = _file_mount(container)
    doubt = f"a volume is mounted at {mount}; if it holds traefik.yml or traefik.toml, the arguments do not count"
    if options:
        return _config("args", spelled, options, doubt if mount else "")
    if mount:
        return _from_ports(container, "file", {}, f"it is in a volume mounted at {mount}, which is not read")
    return _from_env(container)


def traefik_container(pod: Pod) -> Container | None:
    """Return the container that runs Traefik: by image, else by name, else the only one."""
    found = [item for item in pod.containers if "traefik" in (item.image or "").lower()]
    found = found or [item for item in pod.containers if "traefik" in item.name.lower()]
    return found[0] if found else (pod.containers[0] if len(pod.containers) == 1 else None)


def parse_flags(arguments: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Read flags as Traefik does: (name as spelled by lower-case name, value by lower-case name).

    Reading stops at ``--`` and at the first word that is no flag and no flag's value.
    """
    words = list(arguments)[:_MAX_FLAGS]
    if words and not words[0].startswith("-"):
        words = words[1:]  # the program's own name
    spelled: dict[str, str] = {}
    options: dict[str, str] = {}
    index = 0
    while index < len(words):
        word = words[index]
        index += 1
        if not word.startswith("-") or word in ("-", "--"):
            break
        name, equals, value = word.lstrip("-").partition("=")
        following = words[index] if index < len(words) else ""
        if not equals and following and not following.startswith("-"):
            value = following
            index += 1
        elif not equals:
            value = "true"
        key = name.lower()
        spelled.setdefault(key, name)
        is_list = key.rpartition(".")[2] in _LISTS
        options[key] = f"{options[key]},{value}" if is_list and key in options else value
    return spelled, options


def _from_env(container: Container) -> StaticConfig:
    options: dict[str, str] = {}
    hidden = [item.name for item in container.env or () if _is_option(item.name) and item.value is None]
    for item in container.env or ():
        if _is_option(item.name) and item.value is not None:
            options[item.name[len(_ENV_PREFIX) :].lower().replace("_", ".")] = item.value
    doubts = [f"the variable {name} comes from elsewhere" for name in hidden]
    if container.env_from:
        doubts.append("variables come from a ConfigMap or Secret (envFrom)")
    return _config("env", {}, options, "; ".join(doubts))


def _is_option(name: str) -> bool:
    return name.lower().startswith(_ENV_PREFIX)


def _file_mount(container: Container) -> str:
    paths = [(mount.mount_path or "").rstrip("/") for mount in container.volume_mounts or ()]
    homes = [path for path in paths if path in _FILE_HOMES or re.fullmatch(r"/etc/traefik/traefik\.(ya?ml|toml)", path)]
    return homes[0] if homes else ""


def _from_ports(container: Container, source: str, options: Mapping[str, str], why: str) -> StaticConfig:
    """Fall back to the container's ports: the Helm chart names them after the entry points."""
    points = tuple(
        EntryPoint(name=port.name or str(port.container_port), port=port.container_port, tls=port.name == "websecure")
        for port in container.ports or ()
        if (port.protocol or "TCP") == "TCP"
    )
    named = {"providers.kubernetescrd": "true", "providers.kubernetesingress": "true"}
    return StaticConfig(source=source, entry_points=points, options={**named, **options}, unreadable=why)


def _config(source: str, spelled: Mapping[str, str], options: Mapping[str, str], unreadable: str) -> StaticConfig:
    names: dict[str, str] = {}
    for key in options:
        if key.startswith("entrypoints."):
            lower = key.split(".")[1]
            names.setdefault(lower, spelled.get(key, key).split(".")[1])
    points = [_entry_point(name, lower, options) for lower, name in names.items()]
    if not points:
        points.append(EntryPoint(name="http", port=80))
    if "traefik" not in names and _needs_internal(options):
        points.append(EntryPoint(name="traefik", port=_INTERNAL_PORT))
    return StaticConfig(source=source, entry_points=tuple(points), options=dict(options), unreadable=unreadable)


def _needs_internal(options: Mapping[str, str]) -> bool:
    if _on(options.get("api.insecure", "")):
        return True
    for key in ("ping", "metrics.prometheus", "providers.rest"):
        inside = [value for name, value in options.items() if name == key or name.startswith(key + ".")]
        elsewhere = options.get(f"{key}.entrypoint", "traefik") != "traefik"
        if inside and options.get(key, "true").lower() != "false" and not elsewhere:
            return True
    return False


def _entry_point(name: str, lower: str, options: Mapping[str, str]) -> EntryPoint:
    prefix = f"entrypoints.{lower}."

    def text(option: str) -> str:
        return options.get(prefix + option, "")

    def words(option: str) -> tuple[str, ...]:
        return tuple(word.strip() for word in text(option).split(",") if word.strip())

    address = _ADDRESS.fullmatch(text("address").strip())
    tls = _on(text("http.tls")) or any(key.startswith(f"{prefix}http.tls.") for key in options)
    return EntryPoint(
        name=name,
        port=int(address.group(1)) if address else 0,
        protocol=(address.group(2) or "tcp").lower() if address else "tcp",
        as_default=_on(text("asdefault")),
        tls=tls and text("http.tls").lower() != "false",
        proxy_protocol=_proxy_protocol(prefix, options, words("proxyprotocol.trustedips")),
        forwarded_trusted=words("forwardedheaders.trustedips"),
        forwarded_insecure=_on(text("forwardedheaders.insecure")),
        redirect_to=text("http.redirections.entrypoint.to"),
        redirect_scheme=text("http.redirections.entrypoint.scheme"),
        middlewares=words("http.middlewares"),
        read_timeout_s=parse_duration(text("transport.respondingtimeouts.readtimeout"), _READ_TIMEOUT_S),
    )


def _proxy_protocol(prefix: str, options: Mapping[str, str], trusted: tuple[str, ...]) -> tuple[str, ...] | None:
    if _on(options.get(f"{prefix}proxyprotocol.insecure", "")):
        return ("*",)
    if trusted:
        return trusted
    return () if _on(options.get(f"{prefix}proxyprotocol", "")) else None


def _on(value: str) -> bool:
    return value.lower() in ("true", "1", "t")


def parse_duration(text: str, default: float) -> float:
    """Read a Go duration (``1m30s``) or a plain number of seconds; anything else is *default*."""
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return default
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
