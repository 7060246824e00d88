"""What a client of the lab is given: a private folder with configuration, kubeconfig and CA, and an environment.

The keys of ingressdoctor.toml are the product's own; the lab writes them as any operator would.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

LOOPBACK = "127.0.0.1"
SQL_VARIABLE = "INGRESSDOCTOR_SQL_PASSWORD"
MAXSCALE_VARIABLE = "INGRESSDOCTOR_MAXSCALE_PASSWORD"
ACCESS_VARIABLES = ("CF_ACCESS_CLIENT_ID", "CF_ACCESS_CLIENT_SECRET")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the lab's servers are: ports on loopback, DNS as host:port; *probe* answers when one is online.

    *hetzner* is 0 in a world that has no account there: then neither endpoint nor token is handed out.
    """

    kube: int
    hetzner: int
    cloudflare: int
    resolvers: tuple[str, ...]
    authoritative: str
    connect_to: tuple[str, ...]
    probe: str


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Bearer tokens of one run; they open nothing but this lab."""

    kube: str = dataclasses.field(repr=False)
    hetzner: str = dataclasses.field(repr=False)
    cloudflare: str = dataclasses.field(repr=False)
    # Client id and secret of an Access service token; "" for none.
    access: tuple[str, str] = dataclasses.field(default=("", ""), repr=False)
    # The password of a database account, and user and password of MaxScale's REST API; "" for none.
    sql: str = dataclasses.field(default="", repr=False)
    maxscale: tuple[str, str] = dataclasses.field(default=("", ""), repr=False)
    access_hosts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Handout:
    """One run's folder and everything needed to point a client at the lab."""

    directory: Path
    config: Path
    kubeconfig: Path
    ca_file: Path
    endpoints: Endpoints
    environment: Mapping[str, str] = dataclasses.field(repr=False)

    @property
    def connect_to(self) -> tuple[str, ...]:
        """ADDRESS:PORT:127.0.0.1:PORT entries, the catch-all last."""
        return self.endpoints.connect_to

    @property
    def resolvers(self) -> tuple[str, ...]:
        """The recursive views, host:port."""
        return self.endpoints.resolvers

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.directory, ignore_errors=True)


def write_handout(name: str, endpoints: Endpoints, tokens: Tokens, ca_pem: str, tunnel_config: str = "") -> Handout:
    """Make the folder, readable by the owner alone, and fill it.

    *tunnel_config* is the configuration of a cloudflared on a machine, as its operator would copy it; "" for none.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"ingressdoctor-lab-{name}-"))
    config, kubeconfig, ca_file = (directory / leaf for leaf in ("ingressdoctor.toml", "kubeconfig", "ca.pem"))
    ca_file.write_text(ca_pem, encoding="ascii")
    kubeconfig.write_text(_kubeconfig(name, endpoints, tokens, ca_pem), encoding="utf-8")
    kubeconfig.chmod(0o600)
    sections = list(_access(tokens.access_hosts) if tokens.access[0] else ())
    if tokens.maxscale[1]:
        user, secret = json.dumps(tokens.maxscale[0]), f'password = {{ env = "{MAXSCALE_VARIABLE}" }}'
        sections += ["[maxscale]", f"user = {user}", secret]
    if tunnel_config:
        copy = directory / "config.yml"
        copy.write_text(tunnel_config, encoding="utf-8")
        sections += ["[tunnel]", f"config_file = {json.dumps(str(copy))}"]
    config.write_text(_config(endpoints, kubeconfig, ca_file, sections), encoding="utf-8")
    return Handout(
        directory=directory,
        config=config,
        kubeconfig=kubeconfig,
        ca_file=ca_file,
        endpoints=endpoints,
        environment={
            "INGRESSDOCTOR_CONFIG": str(config),
            "KUBECONFIG": str(kubeconfig),
            "CLOUDFLARE_API_TOKEN": tokens.cloudflare,
        }
        | ({"HCLOUD_TOKEN": tokens.hetzner} if endpoints.hetzner else {})
        | (dict(zip(ACCESS_VARIABLES, tokens.access, strict=True)) if tokens.access[0] else {})
        | ({SQL_VARIABLE: tokens.sql} if tokens.sql else {})
        | ({MAXSCALE_VARIABLE: tokens.maxscale[1]} if tokens.maxscale[1] else {}),
    )


def _kubeconfig(name: str, endpoints: Endpoints, tokens: Tokens, ca_pem: str) -> str:
    authority = base64.b64encode(ca_pem.encode()).decode()
    cluster = {"server": f"https://{LOOPBACK}:{endpoints.kube}", "certificate-authority-data": authority}
    return yaml.safe_dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": name, "cluster": cluster}],
            "users": [{"name": name, "user": {"token": tokens.kube}}],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "current-context": name,
        },
        sort_keys=False,
    )


def _access(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The section about the service token, and which names it may be shown to."""
    names = zip(("client_id", "client_secret"), ACCESS_VARIABLES, strict=True)
    only = (f"hosts = {json.dumps(list(hosts))}",) if hosts else ()
    return ("[cloudflare.access]", *(f'{key} = {{ env = "{name}" }}' for key, name in names), *only)


def _config(endpoints: Endpoints, kubeconfig: Path, ca_file: Path, sections: Sequence[str]) -> str:
    """The product's configuration. JSON strings and lists of strings are TOML too."""
    quoted = json.dumps
    hetzner = (
        "[hetzner]",
        f"endpoint = {quoted(f'http://{LOOPBACK}:{endpoints.hetzner}/v1')}",
        'token = { env = "HCLOUD_TOKEN" }',
    )
    return "\n".join(
        (
            "[kubernetes]",
            f"kubeconfig = {quoted(str(kubeconfig))}",
            *(hetzner if endpoints.hetzner else ()),
            "[cloudflare]",
            f"endpoint = {quoted(f'http://{LOOPBACK}:{endpoints.cloudflare}/client/v4')}",
            'token = { env = "CLOUDFLARE_API_TOKEN" }',
            "[dns]",
            f"resolvers = {quoted(list(endpoints.resolvers))}",
            f"authoritative = {quoted(endpoints.authoritative)}",
            "[http]",
            f"ca_file = {quoted(str(ca_file))}",
            f"connect_to = {quoted(list(endpoints.connect_to))}",
            "[online]",
            f"probe = {quoted([endpoints.probe])}",
            *sections,
            "",
        )
    )
