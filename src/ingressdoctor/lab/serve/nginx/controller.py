"""Every ingress-nginx pod of a world: read its options, build its configuration, listen where it would, keep its logs.

One set of listeners per pod whose container runs; a pod that is not Ready still listens and is no endpoint. Replicas
with equal options share one configuration. Settings: nginx_dial_s, nginx_read_s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ingressdoctor.lab.cluster import (
    Cluster,
    Object,
    dig,
    is_running,
    labels_of,
    mapping,
    name_of,
    namespace_of,
    pod_address,
    sequence,
    text,
)
from ingressdoctor.lab.network import Network
from ingressdoctor.lab.pki import Pki
from ingressdoctor.lab.serve.buffer import Buffer
from ingressdoctor.lab.serve.nginx.build import configure
from ingressdoctor.lab.serve.nginx.certificates import Certificates, shown
from ingressdoctor.lab.serve.nginx.entry import Entry
from ingressdoctor.lab.serve.nginx.http import Front
from ingressdoctor.lab.serve.nginx.journal import Journal
from ingressdoctor.lab.serve.nginx.model import Configuration
from ingressdoctor.lab.serve.nginx.options import Options, options_of
from ingressdoctor.lab.serve.nginx.proxy import Proxy, Waits
from ingressdoctor.lab.serve.nodes import Nodes, host_addresses

Seed = Callable[[Object, str], str]
"""Pod and container name to what the container had logged before the lab started."""

_READ_TIMEOUT = 60  # proxy-read-timeout's default, which nginx_read_s stands for


class NginxControllers:
    """All ingress-nginx pods of a world."""

    def __init__(self, network: Network, cluster: Cluster, nodes: Nodes, pki: Pki, seed: Seed) -> None:
        self._network = network
        self._cluster = cluster
        self._nodes = nodes
        self._certificates = Certificates(pki)
        self._seed = seed
        self._buffers: dict[str, Buffer] = {}
        self._built: dict[Options, Configuration] = {}

    def attach(self, settings: Mapping[str, Any]) -> None:
        """Start every ingress-nginx container that runs."""
        waits = Waits(
            dial_s=float(settings.get("nginx_dial_s", 0.1)),
            second_s=float(settings.get("nginx_read_s", 0.6)) / _READ_TIMEOUT,
        )
        for pod in self._cluster.all("Pod"):
            for container in _containers(pod):
                name = text(container.get("name"))
                if is_running(pod, name) and host_addresses(self._nodes, pod):
                    self._start(pod, container, waits)

    def log(self, namespace: str, pod: str, container: str) -> str | None:
        """The whole log of a container of these controllers; None for others."""
        buffer = self._buffers.get(f"{namespace}/{pod}/{container}")
        return buffer.text() if buffer else None

    def _start(self, pod: Object, container: Mapping[str, Any], waits: Waits) -> None:
        name = text(container.get("name"))
        buffer = self._buffers[f"{namespace_of(pod)}/{name_of(pod)}/{name}"] = Buffer(self._seed(pod, name))
        journal = Journal(buffer)
        options = options_of(self._cluster, pod, container)
        if options not in self._built:
            self._built[options] = configure(self._cluster, options)
        configuration = self._built[options]
        journal.notes(configuration.lines)
        table = shown(configuration)
        front = Front(table, Proxy(self._network, pod_address(pod), waits, options), journal)
        entry = Entry(table, self._certificates, front, journal)
        for ip in host_addresses(self._nodes, pod):
            self._network.listen(ip, options.http_port, entry.plain)
            self._network.listen(ip, options.https_port, entry.secure)


def _containers(pod: Object) -> Iterator[Mapping[str, Any]]:
    """Containers that run ingress-nginx: by image, or the one called controller of a pod labelled so."""
    labels = labels_of(pod)
    labelled = labels.get("app.kubernetes.io/name") == "ingress-nginx" and (
        labels.get("app.kubernetes.io/component") == "controller"
    )
    for container in map(mapping, sequence(dig(pod, "spec", "containers"))):
        image = text(container.get("image")).partition("@")[0].rpartition(":")[0]
        by_image = image.endswith(("ingress-nginx/controller", "nginx-ingress-controller"))
        if by_image or (labelled and container.get("name") == "controller"):
            yield container
