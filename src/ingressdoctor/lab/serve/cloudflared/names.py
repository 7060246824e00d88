"""The resolver that a cloudflared process asks: cluster DNS for a pod, /etc/hosts for a process on a machine.

Rules: a pod's search path (its own namespace first) applies to names with fewer than five dots; a headless Service is
its ready pods; an ExternalName is followed. What nobody knows is "no such host", in Go's words.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Mapping

from ingressdoctor.lab.cluster import Cluster, dig, mapping, sequence, text

_SUFFIX = ".svc.cluster.local"
_NDOTS = 5
_MAX_ALIASES = 4


class NoSuchHostError(OSError):
    """Nobody has this name; the text is Go's."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Where one process looks names up. *server* and *own* are addresses; *namespace* "" is no pod."""

    server: str
    own: str
    namespace: str = ""
    cluster: Cluster | None = None
    hosts: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def resolve(self, name: str) -> tuple[str, ...]:
        """The addresses of *name*; NoSuchHostError when there are none."""
        try:
            return (str(ipaddress.ip_address(name)),)
        except ValueError:
            pass
        lowered = name.lower().rstrip(".")
        if lowered == "localhost":
            return (self.own,)
        if lowered in self.hosts:
            return (self.hosts[lowered],)
        for full in self._tried(name):
            if found := self._of_cluster(full, 0):
                return found
        raise NoSuchHostError(f"lookup {name} on {self.server}:53: no such host")

    def _tried(self, name: str) -> tuple[str, ...]:
        plain = name.lower().rstrip(".")
        if not self.namespace or name.endswith("."):
            return (plain,)
        searched = tuple(f"{plain}.{each}" for each in (f"{self.namespace}{_SUFFIX}", _SUFFIX[1:], _SUFFIX[5:]))
        return (*searched, plain) if plain.count(".") < _NDOTS else (plain, *searched)

    def _of_cluster(self, full: str, depth: int) -> tuple[str, ...]:
        if self.cluster is None or not full.endswith(_SUFFIX) or depth > _MAX_ALIASES:
            return ()
        name, _, namespace = full.removesuffix(_SUFFIX).rpartition(".")
        service = self.cluster.get("Service", namespace, name)
        if service is None:
            return ()
        alias = text(dig(service, "spec", "externalName"))
        if dig(service, "spec", "type") == "ExternalName" and alias:
            return (self.hosts[alias],) if alias in self.hosts else self._of_cluster(alias.lower(), depth + 1)
        address = text(dig(service, "spec", "clusterIP"))
        if address not in {"", "None"}:
            return (address,)
        ports = [text(mapping(port).get("name")) for port in sequence(dig(service, "spec", "ports"))]
        points = (point for port in ports for point in self.cluster.endpoints(namespace, name, port) if point.ready)
        return tuple(dict.fromkeys(point.ip for point in points))
