"""The table of all keys: how each is read, what it is for, and how an example looks.

Reading, ``config show``, ``config init`` and docs/configuration.md all follow this table; a test holds it against the
fields of ``Settings``.
"""

from __future__ import annotations

import msgspec

from ingressdoctor.config import excuses, places, values
from ingressdoctor.config.values import Reader

__all__ = ["KEYS", "SECTIONS", "Key"]


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key. ``field`` is its name in the section's dataclass; ``example`` is a TOML value."""

    section: str
    name: str
    field: str
    read: Reader
    about: str
    example: str

    @property
    def path(self) -> str:
        """The key with its section, as ``dns.resolvers``."""
        return f"{self.section}.{self.name}"


def _key(path: str, read: Reader, example: str, about: str) -> Key:
    section, _, name = path.partition(".")
    field = f"{name}_s" if name == "timeout" else name
    return Key(section=section, name=name, field=field, read=read, about=about, example=example)


KEYS = (
    _key("kubernetes.kubeconfig", values.path, '"~/.kube/config"', "kubeconfig file; default: $KUBECONFIG, then usual"),
    _key("kubernetes.context", values.text, '"production"', "context in it; default: the current one"),
    _key("kubernetes.timeout", values.seconds, "10", "seconds for one request to the API server"),
    _key("hetzner.token", values.secret, '{ env = "HCLOUD_TOKEN" }', "where the read-only API token is kept"),
    _key("hetzner.load_balancer", values.text, '"ingress-lb"', "name, if the Service does not tell"),
    _key("hetzner.endpoint", values.url, '"https://api.hetzner.cloud/v1"', "base URL of the API"),
    _key("cloudflare.token", values.secret, '{ env = "CLOUDFLARE_API_TOKEN" }', "token with Zone:Read and DNS:Read"),
    _key("cloudflare.endpoint", values.url, '"https://api.cloudflare.com/client/v4"', "base URL of the API"),
    _key(
        "cloudflare.access",
        values.access_token,
        '{ client_id = { env = "CF_ACCESS_CLIENT_ID" }, client_secret = { env = "CF_ACCESS_CLIENT_SECRET" } }',
        "service token for a look behind Access logins",
    ),
    _key("access.management", values.many(values.host_pattern), '["*-mgmt.example.org"]', "must ask for a login"),
    _key("access.public", values.many(values.host_pattern), '["status.example.org"]', "public on purpose"),
    _key(
        "tunnel.config_file", values.path, '"cloudflared/config.yml"', "rules of a cloudflared outside of the cluster"
    ),
    _key("maxscale.url", values.url_or_none, '"https://maxscale.example.org:8989"', "REST API; default: in its pods"),
    _key("maxscale.user", values.text, '"mariadb-operator"', "account of that API; a basic one is enough"),
    _key("maxscale.password", values.password, '{ env = "INGRESSDOCTOR_MAXSCALE_PASSWORD" }', "where its password is"),
    _key("maxscale.ca_file", values.file, '"company-ca.pem"', "roots to trust there instead of the system's"),
    _key("sql.user", values.text, '"erp"', "account to log in with at a MySQL port"),
    _key("sql.password", values.password, '{ env = "INGRESSDOCTOR_SQL_PASSWORD" }', "where its password is kept"),
    _key("dns.resolvers", values.many(values.resolver), '["1.1.1.1", "8.8.8.8"]', "resolvers compared with each other"),
    _key("dns.authoritative", values.resolver_or_none, '"192.0.2.53"', "ask this one instead of the zone's NS"),
    _key("http.ca_file", values.file, '"company-ca.pem"', "roots to trust instead of the system's"),
    _key(
        "http.connect_to",
        values.many(values.connect_to),
        '["203.0.113.10:443:127.0.0.1:8443"]',
        "connect elsewhere, as curl --connect-to; first match wins",
    ),
    _key("http.timeout", values.seconds, "5", "seconds for one connection or answer"),
    _key("online.probe", values.many(values.anchor), '["1.1.1.1:443"]', "places that prove this machine is online"),
    _key("plugins.folders", values.many(values.folder), '["./checks"]', "folders of your own check files"),
    _key("walks.patterns", values.patterns, '{ "*-mgmt.example.org" = "tunnel" }', "walk to take, by hostname"),
    _key(
        "history.url", places.history_place, '"postgresql://doctor@db.example.org/doctor"', "file or URL of the history"
    ),
    _key("history.password", values.password, '{ env = "INGRESSDOCTOR_HISTORY_PASSWORD" }', "where its password is"),
    _key("history.retention_days", places.days, "90", "days after which it forgets"),
    _key("run.timeout", values.seconds, "30", "seconds for one whole diagnosis"),
    _key("run.strict", values.flag, "false", "warnings count as broken (exit code 1)"),
    _key("sweep.targets", values.path, '"hosts.txt"', "one target a line; default: what the installation names"),
    _key("sweep.match", values.many(values.host_pattern), '["*.example.org"]', "sweep only these hostnames"),
    _key("sweep.exclude", values.many(values.host_pattern), '["old.example.org"]', "and not these"),
    _key("sweep.namespaces", values.many(values.text), '["shop-*"]', "only what objects in these namespaces name"),
    _key("sweep.at_once", values.count(1, 2_000), "64", "targets under way at a time"),
    _key("sweep.per_origin", values.count(1, 1_000), "8", "probes at one address at a time"),
    _key("sweep.jitter", values.number(0, 60), "0.05", "seconds that a target begins late, at most"),
    _key("sweep.timeout", values.seconds, "30", "seconds for one target"),
    _key("sweep.open_after", values.count(1, 100), "2", "sweeps in a row that open an incident"),
    _key("sweep.close_after", values.count(1, 100), "2", "sweeps in a row without its cause that close it"),
    _key("sweep.flap_flips", values.count(2, 100), "4", "an incident that comes and goes so often flaps"),
    _key("sweep.flap_within", values.number(60, 604_800), "3600", "within so many seconds"),
    _key("sweep.vantage", values.text, '"eu"', "name of the place that is swept from"),
    _key(
        "sweep.maintenance",
        excuses.windows,
        '[{ hosts = ["*.example.org"], until = 2026-12-01T04:00:00+02:00, reason = "move" }]',
        "targets that may be broken for a while",
    ),
    _key(
        "sweep.suppress",
        excuses.suppressions,
        '[{ check = "cert.expiring", until = 2026-12-31, reason = "renewed by hand" }]',
        "causes that nobody is told of",
    ),
)

SECTIONS = tuple(dict.fromkeys(key.section for key in KEYS))
