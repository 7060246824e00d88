"""From Ingresses to servers: who owns a host, a path and a certificate when several want it.

Source: kubernetes/ingress-nginx internal/ingress/controller/controller.go (createServers, getBackendServers): the first
Ingress in the controller's order wins, silently; a host without `/` gets one that leads to the default backend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, name_of, namespace_of, sequence, text
from ingressdoctor.lab.serve.nginx.annotations import Annotations, DroppedError, read
from ingressdoctor.lab.serve.nginx.classes import claimed
from ingressdoctor.lab.serve.nginx.journal import Notes
from ingressdoctor.lab.serve.nginx.locations import finished
from ingressdoctor.lab.serve.nginx.model import CATCH_ALL, EXACT, PREFIX, Configuration, Location, Server, Upstream
from ingressdoctor.lab.serve.nginx.options import Options
from ingressdoctor.lab.serve.nginx.secrets import Secrets
from ingressdoctor.lab.serve.nginx.upstreams import Upstreams

_Loaded = tuple[Object, Annotations]


def configure(cluster: Cluster, options: Options) -> Configuration:
    """Everything the controller serves, with the log lines of loading it."""
    notes = Notes()
    secrets = Secrets(cluster, notes)
    default = secrets.default(options.default_certificate)
    loaded = tuple(_loaded(cluster, options, notes))
    primary = tuple(item for item in loaded if not item[1].canary)
    builder = _Builder(Upstreams(cluster, options, notes), options)
    for ingress, wishes in primary:
        builder.add_hosts(ingress, wishes)
    for ingress, wishes in primary:
        builder.dress(ingress, wishes, secrets)
    for ingress, wishes in primary:
        builder.add_paths(ingress, wishes)
    for ingress, wishes in loaded:
        if wishes.canary:
            builder.add_canary(ingress, wishes, notes)
    servers = builder.servers
    for server in servers.values():
        server.aliases = tuple(sorted({name for name in server.aliases if name not in servers and name != server.host}))
        finished(server)
    return Configuration(options=options, servers=servers, default_certificate=default, lines=tuple(notes.lines))


def _loaded(cluster: Cluster, options: Options, notes: Notes) -> Iterator[_Loaded]:
    for ingress in claimed(cluster, options, notes):
        try:
            annotations = read(ingress, options, notes)
        except DroppedError as error:
            notes.error("store.go:960", str(error))
            continue
        if annotations.denied:
            notes.warn(
                "annotations.go:187",
                f'"error reading Ingress annotation" ingress="{namespace_of(ingress)}/{name_of(ingress)}" '
                f'error="location denied, reason: {annotations.denied}"',
            )
        yield ingress, annotations


def _rules(ingress: Object) -> Iterator[tuple[str, tuple[Mapping[str, Any], ...]]]:
    """Host ("_" for none) and paths of each rule."""
    for rule in map(mapping, sequence(dig(ingress, "spec", "rules"))):
        host = text(rule.get("host")).lower() or CATCH_ALL
        yield host, tuple(map(mapping, sequence(dig(rule, "http", "paths"))))


class _Builder:
    """Servers under construction."""

    def __init__(self, upstreams: Upstreams, options: Options) -> None:
        self._upstreams = upstreams
        root = Location(path="/", kind=PREFIX, upstream=upstreams.default, annotations=_plain(options), is_default=True)
        self.servers = {CATCH_ALL: Server(host=CATCH_ALL, locations=[root], secured=True)}

    def add_hosts(self, ingress: Object, annotations: Annotations) -> None:
        """A server for each new host, with a `/` that leads to the default backend."""
        own = self._own_default(ingress, annotations)
        rules = tuple(_rules(ingress))
        catch_all = self.servers[CATCH_ALL].locations[0]
        if own is not None and not rules and catch_all.is_default:
            catch_all.is_default, catch_all.upstream, catch_all.annotations = False, own, annotations
            catch_all.ingress = f"{namespace_of(ingress)}/{name_of(ingress)}"
        for host, _ in rules:
            root = Location(
                path="/",
                kind=PREFIX,
                upstream=own or self._upstreams.default,
                annotations=annotations,
                is_default=True,
                ingress=f"{namespace_of(ingress)}/{name_of(ingress)}",
            )
            self.servers.setdefault(host, Server(host=host, locations=[root]))

    def dress(self, ingress: Object, annotations: Annotations, secrets: Secrets) -> None:
        """Aliases and certificate of the hosts; the first Ingress that has one of them decides."""
        for host, _ in _rules(ingress):
            server = self.servers[host]
            server.aliases = server.aliases or annotations.aliases
            server.www = server.www or annotations.from_to_www
            if not server.secured and sequence(dig(ingress, "spec", "tls")):
                server.secured, server.certificate = True, secrets.of(ingress, host)

    def add_paths(self, ingress: Object, annotations: Annotations) -> None:
        """Locations for each path; a path that somebody has stays theirs."""
        namespace = namespace_of(ingress)
        for host, paths in _rules(ingress):
            for item in paths:
                upstream = self._upstreams.of(
                    namespace, mapping(item.get("backend")), service_upstream=annotations.service_upstream
                )
                if upstream is None:
                    continue
                location = Location(
                    path=text(item.get("path")) or "/",
                    kind=_kind(item),
                    upstream=self._or_custom_default(upstream, annotations, namespace),
                    annotations=annotations,
                    ingress=f"{namespace}/{name_of(ingress)}",
                )
                _place(self.servers[host], location)

    def add_canary(self, ingress: Object, annotations: Annotations, notes: Notes) -> None:
        """A second upstream beside that of the same host, path and type."""
        namespace = namespace_of(ingress)
        for host, paths in _rules(ingress):
            for item in paths:
                upstream = self._upstreams.of(namespace, mapping(item.get("backend")), service_upstream=False)
                server = self.servers.get(host)
                twins = [
                    found
                    for found in (server.locations if server else ())
                    if found.path == text(item.get("path")) and found.kind == _kind(item)
                ]
                if upstream is None:
                    continue
                if not twins or twins[0].is_default or twins[0].upstream is upstream:
                    problem = f"unable to find real backend for alternative backend {upstream.name}. Deleting."
                    notes.warn("controller.go:1683", problem)
                elif twins[0].upstream.canary is None:
                    twins[0].upstream.canary, twins[0].upstream.canary_rules = upstream, annotations

    def _own_default(self, ingress: Object, annotations: Annotations) -> Upstream | None:
        backend = mapping(dig(ingress, "spec", "defaultBackend"))
        service_upstream = annotations.service_upstream
        return self._upstreams.of(namespace_of(ingress), backend, service_upstream=service_upstream)

    def _or_custom_default(self, upstream: Upstream, annotations: Annotations, namespace: str) -> Upstream:
        if upstream.endpoints or not annotations.default_backend:
            return upstream
        return self._upstreams.custom_default(namespace, annotations.default_backend) or upstream


def _place(server: Server, location: Location) -> None:
    """Add a location unless the server has that path in that type; a generated one is replaced."""
    same = next((item for item in server.locations if item.path == location.path), None)
    if same is None or same.kind != location.kind:
        server.locations.append(location)
    elif same.is_default:
        server.locations[server.locations.index(same)] = location


def _kind(item: Mapping[str, Any]) -> str:
    """Exact or Prefix: anything else counts as a prefix."""
    return EXACT if item.get("pathType") == EXACT else PREFIX


def _plain(options: Options) -> Annotations:
    """What applies where no Ingress says anything."""
    return Annotations(ssl_redirect=options.config.ssl_redirect, force_ssl_redirect=options.config.force_ssl_redirect)
