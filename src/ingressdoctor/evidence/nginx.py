"""An ingress-nginx of the cluster, and what it does with a request that a tunnel's rule or an address leads to it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from ingressdoctor.evidence.kube import Pod, Service
from ingressdoctor.evidence.routes import RouteDecision
from ingressdoctor.model.evidence import Unavailable

__all__ = ["NginxController", "NginxControllers", "NginxDecision", "NginxLine", "NginxLogs", "NginxWay"]


class NginxController(msgspec.Struct, frozen=True, kw_only=True):
    """One workload that runs ingress-nginx.

    ``version`` is that of the image's tag without a leading v, empty when unknown; ``replicas`` are the pods wanted.
    ``config`` is the data of the ConfigMap ``config_ref`` (``namespace/name``, empty when none is named), Unavailable
    when it may not be read. ``service`` is the one that selects its pods and most likely carries the traffic.
    ``balancers`` are the svclb pods of k3s before that Service, None where the Service says that they need not be
    looked at: it has an address, or is of another type. ``webhook`` is the Service by which the API server reaches the
    controller's admission webhook, if it runs one; ``webhook_blind`` tells that it selects none of its pods.
    """

    ref: str
    kind: str
    namespace: str
    name: str
    container: str = ""
    image: str = ""
    version: str = ""
    replicas: int = 1
    args: tuple[str, ...] = ()
    config_ref: str = ""
    config: Mapping[str, str] | Unavailable = msgspec.field(default_factory=dict)
    pods: tuple[Pod, ...] | Unavailable = ()
    service: Service | None = None
    services: tuple[str, ...] = ()
    host_network: bool = False
    host_ports: tuple[int, ...] = ()
    balancers: tuple[Pod, ...] | Unavailable | None = None
    webhook: Service | None = None
    webhook_blind: bool = False

    @property
    def live_pods(self) -> tuple[Pod, ...]:
        """Pods that are neither finished nor being deleted."""
        pods = () if isinstance(self.pods, Unavailable) else self.pods
        return tuple(
            pod
            for pod in pods
            if pod.status.phase not in ("Succeeded", "Failed") and not pod.metadata.deletion_timestamp
        )

    @property
    def ready_pods(self) -> tuple[Pod, ...]:
        """Pods that take traffic."""
        return tuple(pod for pod in self.live_pods if pod.ready)


class NginxControllers(msgspec.Struct, frozen=True, kw_only=True):
    """Every ingress-nginx of the cluster; ``unread`` are kinds that could not be listed."""

    items: tuple[NginxController, ...] = ()
    unread: tuple[Unavailable, ...] = ()


class NginxWay(StrEnum):
    """By what cloudflared, or a visitor in the LAN, reaches the controller."""

    SERVICE = "its Service"
    CLUSTER_IP = "the cluster address of its Service"
    PUBLISHED = "the address that its Service publishes"
    NODE_PORT = "a node port of its Service"
    HOST_PORT = "a port of the node"


class NginxDecision(msgspec.Struct, frozen=True, kw_only=True):
    """What ingress-nginx does with the request as cloudflared sends it, or a visitor in the LAN.

    ``direct`` tells that it is the visitor, who dials ``address`` (empty: nobody's). ``port`` is that of the
    rule's service, or his; ``shown`` says in words how it leads there. ``decision`` holds scheme, SNI and Host as nginx
    gets them. ``refused`` says why the TLS handshake is refused, empty when it is not; ``bound`` tells that a
    certificate is bound to the host, ``certificate`` which one is shown. ``protocol`` is what nginx speaks to the pods,
    ``ignored`` the annotations of the Ingress that count as absent; ``denied`` why its location answers 503. ``broken``
    is nginx's complaint about the whole configuration. ``classes`` are the words by which an Ingress is this
    controller's. ``loops`` tells that the answer sends visitors to https, where they came from.
    """

    controller: NginxController
    way: NginxWay
    shown: str
    port: int
    decision: RouteDecision
    refused: str = ""
    bound: bool = False
    certificate: str = ""
    protocol: str = "HTTP"
    ignored: tuple[str, ...] = ()
    denied: str = ""
    broken: str = ""
    classes: tuple[str, ...] = ()
    loops: bool = False
    direct: bool = False
    address: str = ""

    @property
    def visitor(self) -> str:
        """Who connects to the controller, for a sentence."""
        return "a visitor" if self.direct else "cloudflared"


class NginxLine(msgspec.Struct, frozen=True, kw_only=True):
    """One known kind of line in the controller's log: the newest such line and how often it came.

    ``code`` is a word of ``collect/nginx_signatures.py``; ``ours`` tells that the line is about the target's host, its
    Ingress or its Service.
    """

    code: str
    line: str
    when: str = ""
    count: int = 1
    ours: bool = False
    pod: str = ""


class NginxLogs(msgspec.Struct, frozen=True, kw_only=True):
    """The end of the controller's log, read only where requests fail. ``unread`` says which logs could not be read."""

    lines: tuple[NginxLine, ...] = ()
    lines_read: int = 0
    unread: tuple[Unavailable, ...] = ()

    def of(self, *codes: str, ours: bool = True) -> NginxLine | None:
        """Return the newest line of the first of *codes* that was found; only of the target's own where *ours*."""
        found = (item for code in codes for item in self.lines if item.code == code and (item.ours or not ours))
        return next(found, None)
