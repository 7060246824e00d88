"""One run of cloudflared: its command line, environment and files, and where it came from.

A pod's come from the world's objects: arguments, volumes of ConfigMaps and Secrets, environment. A ConfigMap that was
edited after the container had started is read as it was before (setting `edited`). A Secret holds no data in a world;
its annotation `lab.ingressdoctor/tunnel` says which tunnel's credentials are in it.
"""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import yaml

from ingressdoctor.lab.cluster import Cluster, Object, annotation, dig, mapping, name_of, namespace_of, sequence, text
from ingressdoctor.lab.world import World

TUNNEL_ANNOTATION = "lab.ingressdoctor/tunnel"
_VALUED = frozenset(
    (
        *("config", "metrics", "loglevel", "protocol", "token", "token-file", "credentials-file", "cred-file", "url"),
        *("credentials-contents", "edge-ip-version", "region", "grace-period", "output", "retries", "origincert"),
        *("transport-loglevel", "label", "tag", "logfile", "log-directory", "autoupdate-freq", "features", "edge"),
        *("pidfile", "ha-connections", "max-active-flows"),
    )
)
_ENVIRONMENT = {
    "TUNNEL_TOKEN": "token",
    "TUNNEL_TOKEN_FILE": "token-file",
    "TUNNEL_CRED_FILE": "credentials-file",
    "TUNNEL_CRED_CONTENTS": "credentials-contents",
    "TUNNEL_METRICS": "metrics",
    "TUNNEL_LOGLEVEL": "loglevel",
    "TUNNEL_TRANSPORT_PROTOCOL": "protocol",
    "TUNNEL_LOG_OUTPUT": "output",
    "TUNNEL_URL": "url",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Which tunnel may be run, and what the edge compares (a label, no secret)."""

    tunnel: str
    secret: str = ""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A run of cloudflared. *ended* is None while it goes on.

    *files* are texts by path, *keys* credentials by the path they lie at, *authorities* names of issuers by path.
    """

    key: str
    name: str
    address: str
    origin_ip: str
    version: str
    started: datetime
    ended: datetime | None
    namespace: str = ""
    flags: Mapping[str, str]
    run: bool
    positional: str = ""
    files: Mapping[str, str]
    keys: Mapping[str, Credentials]
    token: Credentials | None = None
    authorities: Mapping[str, str]
    hosts: Mapping[str, str]


def parse_flags(args: tuple[str, ...]) -> tuple[dict[str, str], bool, str]:
    """Flags by name, whether `run` is there, and what stands behind it."""
    flags: dict[str, str] = {}
    words: list[str] = []
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            words.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals:
            value = rest.pop(0) if name in _VALUED and rest else "true"
        flags["credentials-file" if name == "cred-file" else name] = value
    words = [word for word in words if word not in {"cloudflared", "tunnel"}]
    return flags, "run" in words, next((word for word in words if word != "run"), "")


def decode_token(token: str) -> Credentials | None:
    """What a tunnel token says; None when cloudflared would refuse it."""
    try:
        raw = json.loads(base64.b64decode(token, validate=True))
        return Credentials(tunnel=str(raw["t"]), secret=base64.b64decode(raw["s"], validate=True).decode())
    except (ValueError, KeyError, TypeError):
        return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads pods' processes from a cluster; *edited* are ConfigMaps as they were before their last edit."""

    cluster: Cluster
    edited: tuple[Mapping[str, Any], ...]

    def files(self, pod: Object, container: Mapping[str, Any], started: datetime) -> dict[str, str]:
        """Texts by path, of the ConfigMaps that the container mounts."""
        found: dict[str, str] = {}
        for mount, volume in _mounts(pod, container):
            source = mapping(volume.get("configMap"))
            data = self._config_map(namespace_of(pod), text(source.get("name")), started) if source else {}
            found.update(_placed(mount, data, sequence(source.get("items"))))
        return found

    def keys(self, pod: Object, container: Mapping[str, Any]) -> dict[str, Credentials]:
        """Credentials by path, of the Secrets that the container mounts."""
        found: dict[str, Credentials] = {}
        for mount, volume in _mounts(pod, container):
            source = mapping(volume.get("secret"))
            known = self.secret(namespace_of(pod), text(source.get("secretName"))) if source else None
            if known is not None:
                path = text(mount.get("mountPath")).rstrip("/")
                items = [text(mapping(item).get("path")) for item in sequence(source.get("items"))]
                leaves = items or ["credentials.json", "token", text(mount.get("subPath"))]
                found[path] = known
                found.update({f"{path}/{leaf}": known for leaf in leaves if leaf})
        return found

    def authorities(self, pod: Object, container: Mapping[str, Any]) -> dict[str, str]:
        """Issuers by the path of their certificate, of mounted ConfigMaps and Secrets that say so."""
        found: dict[str, str] = {}
        for mount, volume in _mounts(pod, container):
            for kind, source, key in (("ConfigMap", "configMap", "name"), ("Secret", "secret", "secretName")):
                name = text(mapping(volume.get(source)).get(key))
                issuer = annotation(self.cluster.get(kind, namespace_of(pod), name) or {}, "lab.ingressdoctor/ca")
                if issuer:
                    found[text(mount.get("mountPath")).rstrip("/") + "/ca.crt"] = issuer
        return found

    def environment(self, pod: Object, container: Mapping[str, Any]) -> tuple[dict[str, str], Credentials | None]:
        """Variables with a value, and the credentials that a Secret gives as the token."""
        values: dict[str, str] = {}
        token: Credentials | None = None
        for entry in map(mapping, sequence(container.get("env"))):
            name, secret = text(entry.get("name")), text(dig(entry, "valueFrom", "secretKeyRef", "name"))
            if secret:
                token = self.secret(namespace_of(pod), secret) or token
                values[name] = "from-a-secret"
            elif entry.get("value") is not None:
                values[name] = text(entry["value"])
        return values, token

    def secret(self, namespace: str, name: str) -> Credentials | None:
        """The credentials that a Secret's annotation describes."""
        try:
            raw = mapping(json.loads(annotation(self.cluster.get("Secret", namespace, name) or {}, TUNNEL_ANNOTATION)))
        except ValueError:
            return None
        return Credentials(tunnel=text(raw.get("tunnel")), secret=text(raw.get("secret")))

    def _config_map(self, namespace: str, name: str, started: datetime) -> Mapping[str, Any]:
        data = mapping(dig(self.cluster.get("ConfigMap", namespace, name), "data"))
        for entry in self.edited:
            same = (entry.get("namespace"), entry.get("name")) == (namespace, name)
            at = moment(entry.get("at"))
            if same and at is not None and started < at:
                return _before(mapping(entry), data)
        return data


def flags_of(args: tuple[str, ...], env: Mapping[str, str]) -> tuple[dict[str, str], bool, str]:
    """Command line over environment; `$(NAME)` in an argument is filled in as the kubelet does."""
    filled = []
    for arg in args:
        for name, value in env.items():
            arg = arg.replace(f"$({name})", value)  # noqa: PLW2901  # several variables in one argument
        filled.append(arg)
    flags, run, positional = parse_flags(tuple(filled))
    inherited = {flag: env[name] for name, flag in _ENVIRONMENT.items() if env.get(name)}
    return {**inherited, **flags}, run, positional


def host_process(entry: Mapping[str, Any], now: datetime) -> Process:
    """A process on a machine, as connectors.yaml describes it (see docs/lab.md)."""
    name, address = text(entry.get("name")), text(entry.get("address"))
    path = text(entry.get("config_path")) or "/etc/cloudflared/config.yml"
    config = entry.get("config")
    content = config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False)
    args = tuple(map(text, sequence(entry.get("args")))) or ("tunnel", "--config", path, "run")
    env = {text(key): text(value) for key, value in mapping(entry.get("env")).items()}
    flags, run, positional = flags_of(args, env)
    if protocol := text(entry.get("protocol")):
        flags["protocol"] = protocol
    raw = mapping(entry.get("credentials"))
    known = Credentials(tunnel=text(raw.get("tunnel")), secret=text(raw.get("secret"))) if raw else None
    return Process(
        key=f"host/{name}",
        name=name,
        address=address,
        origin_ip=text(entry.get("origin_ip")) or address,
        version=text(entry.get("version")) or "2026.10.0",
        started=moment(entry.get("started")) or now,
        ended=None if entry.get("running", True) is True else moment(entry.get("ended")) or now,
        flags=flags,
        run=run,
        positional=positional,
        files={path: content} if config is not None else {},
        keys={"*": known} if known else {},
        token=known if "token" in flags else None,
        authorities={text(key): text(value) for key, value in mapping(entry.get("authorities")).items()},
        hosts={text(key): text(value) for key, value in mapping(entry.get("hosts")).items()},
    )


def tunnel_config(world: World) -> str:
    """The configuration file of the first cloudflared on a machine; "" when none has one."""
    processes = (host_process(mapping(entry), datetime.now(UTC)) for entry in world.connectors)
    return next((content for process in processes for content in process.files.values()), "")


def moment(value: object) -> datetime | None:
    """An RFC 3339 time, in UTC when it does not say; None for anything else."""
    try:
        found = datetime.fromisoformat(text(value)) if value else None
    except ValueError:
        return None
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)


def pod_key(pod: Object, container: str) -> str:
    """Under which name a container's log is known."""
    return f"{namespace_of(pod)}/{name_of(pod)}/{container}"


def _before(edit: Mapping[str, Any], data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a ConfigMap held before an edit: `data` whole, or `replace`, texts of today by those of then."""
    if "data" in edit:
        return mapping(edit["data"])
    texts = {key: text(value) for key, value in data.items()}
    for new, old in mapping(edit.get("replace")).items():
        texts = {key: value.replace(text(new), text(old)) for key, value in texts.items()}
    return texts


def _mounts(pod: Object, container: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    volumes = {text(mapping(item).get("name")): mapping(item) for item in sequence(dig(pod, "spec", "volumes"))}
    for mount in map(mapping, sequence(container.get("volumeMounts"))):
        if volume := volumes.get(text(mount.get("name"))):
            yield mount, volume


def _placed(mount: Mapping[str, Any], data: Mapping[str, Any], items: object) -> dict[str, str]:
    path, part = text(mount.get("mountPath")).rstrip("/"), text(mount.get("subPath"))
    named = {text(mapping(item).get("path")): text(mapping(item).get("key")) for item in sequence(items)}
    leaves = named or {key: key for key in data}
    texts = {leaf: text(data[key]) for leaf, key in leaves.items() if key in data}
    if part:
        return {path: texts[part]} if part in texts else {}
    return {f"{path}/{leaf}": content for leaf, content in texts.items()}
