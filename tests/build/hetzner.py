"""Valid evidence of a load balancer in front of Traefik, with overridable parts."""

from __future__ import annotations

from typing import Any

import msgspec

from ingressdoctor.api import (
    ClusterNodes,
    Controller,
    EntryPoint,
    Event,
    HealthCheck,
    LbService,
    LbTarget,
    LoadBalancer,
    LoadBalancerLookup,
    Node,
    Pod,
    Server,
    Service,
    ServiceEvents,
    StaticConfig,
    Target,
    Unavailable,
    ZoneFacts,
    ZoneRecord,
)

UID = "6f1d2c34-8a0b-4c57-9d3e-2b7f5a1e9c60"
NETWORK = 700
PREFIX = "load-balancer.hetzner.cloud/"
PORTS = ((80, "web", 30080), (443, "websecure", 30443), (3306, "mysql", 30306))
NOT_ASKED = Unavailable(wanted="it", reason="not asked in this test")


def a_service(
    *,
    kind: str = "LoadBalancer",
    ports: tuple[tuple[int, str, int | None], ...] = PORTS,
    annotations: dict[str, str] | None = None,
    ingress: tuple[dict[str, str], ...] = ({"ip": "203.0.113.10", "ipMode": "Proxy"},),
    spec: dict[str, Any] | None = None,
) -> Service:
    """The Service in front of Traefik; *annotations* without the Hetzner prefix."""
    raw = {
        "kind": "Service",
        "metadata": {
            "name": "traefik",
            "namespace": "traefik",
            "uid": UID,
            "annotations": {
                key if "/" in key else PREFIX + key: value
                for key, value in ({"name": "lb"} if annotations is None else annotations).items()
            },
        },
        "spec": {
            "type": kind,
            "externalTrafficPolicy": "Cluster",
            "ports": [
                {"name": name, "port": port, "targetPort": name, "nodePort": node_port, "protocol": "TCP"}
                for port, name, node_port in ports
            ],
        }
        | (spec or {}),
        "status": {"loadBalancer": {"ingress": list(ingress)}},
    }
    return msgspec.convert(raw, Service)


def a_pod(*, node: int = 1, ready: bool = True) -> Pod:
    """One Traefik pod on one of the nodes."""
    raw = {
        "kind": "Pod",
        "metadata": {"name": f"traefik-{node}", "namespace": "traefik"},
        "spec": {
            "nodeName": f"node-{node}",
            "containers": [
                {
                    "name": "traefik",
                    "ports": [
                        {"name": "web", "containerPort": 8000},
                        {"name": "websecure", "containerPort": 8443},
                        {"name": "mysql", "containerPort": 3306},
                    ],
                }
            ],
        },
        "status": {"hostIP": f"10.0.1.1{node}", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }
    return msgspec.convert(raw, Pod)


def a_controller(
    *,
    service: Service | None = None,
    without_service: bool = False,
    pods: tuple[Pod, ...] | None = None,
    trusted: tuple[str, ...] | None = ("10.0.0.0/8",),
    unreadable: str = "",
    unread: tuple[Unavailable, ...] = (),
) -> Controller:
    """Traefik with three entry points; *trusted* None switches the PROXY protocol off."""
    entries = tuple(
        EntryPoint(name=name, port=port, proxy_protocol=trusted)
        for name, port in (("web", 8000), ("websecure", 8443), ("mysql", 3306))
    )
    return Controller(
        kind="traefik",
        namespace="traefik",
        workload="Deployment traefik/traefik",
        pods=(a_pod(node=1), a_pod(node=2)) if pods is None else pods,
        service=None if without_service else (service or a_service()),
        static=StaticConfig(source="args", entry_points=entries, options={}, unreadable=unreadable),
        unread=unread,
    )


def a_listener(
    port: int = 443, *, to: int = 30443, proxy: bool = True, check: int | None = None, protocol: str = "tcp"
) -> LbService:
    """One service of the load balancer; *check* is the health check's port, as *to* when not given."""
    health = HealthCheck(port=to if check is None else check)
    return LbService(protocol=protocol, listen_port=port, destination_port=to, proxyprotocol=proxy, health_check=health)


def listeners(*, proxy: bool = True) -> tuple[LbService, ...]:
    """The three services that fit ``a_service``."""
    return tuple(a_listener(port, to=to, proxy=proxy) for port, _, to in PORTS)


def a_target(
    server: int | None = 1, *, health: str = "healthy", detail: str = "", private: bool = True, ip: str = ""
) -> LbTarget:
    """One target with the same health on every port."""
    ports = [port for port, _, _ in PORTS]
    return LbTarget(
        type="server" if server is not None else "ip",
        server_id=server,
        ip=ip,
        use_private_ip=private,
        health=dict.fromkeys(ports, health),
        detail=dict.fromkeys(ports, detail) if detail else {},
    )


def a_balancer(**parts: Any) -> LoadBalancer:
    """The load balancer of ``a_service``: three healthy private targets."""
    whole: dict[str, Any] = {
        "id": 9,
        "name": "lb",
        "ipv4": "203.0.113.10",
        "ipv6": "2001:db8::1",
        "public_enabled": True,
        "networks": (NETWORK,),
        "private_ips": ("10.0.1.5",),
        "services": listeners(),
        "targets": (a_target(1), a_target(2), a_target(3)),
        "labels": {"hcloud-ccm/service-uid": UID},
        "type_name": "lb11",
        "max_targets": 25,
        "max_services": 5,
    }
    return LoadBalancer(**whole | parts)


def a_server(number: int = 1, *, status: str = "running", networks: tuple[int, ...] = (NETWORK,)) -> Server:
    """One cloud server that is a node."""
    return Server(
        id=number,
        name=f"node-{number}",
        status=status,
        ipv4=f"198.51.100.1{number}",
        networks=networks,
        private_ips=(f"10.0.1.1{number}",) if networks else (),
    )


def a_lookup(balancer: LoadBalancer | None = None, **parts: Any) -> LoadBalancerLookup:
    """The load balancer found by its label; ``missing=True`` for none."""
    gone = parts.pop("missing", False)
    whole: dict[str, Any] = {
        "found": None if gone else balancer or a_balancer(),
        "matched_by": "" if gone else f"label hcloud-ccm/service-uid={UID}",
        "looked_for": (f"label hcloud-ccm/service-uid={UID}", "name lb"),
        "project": () if gone else ("lb",),
        "servers": (a_server(1), a_server(2), a_server(3)),
        "nodes_here": True,
    }
    return LoadBalancerLookup(**whole | parts)


def an_event(reason: str, message: str = "", *, at: str = "2026-11-21T12:00:00Z") -> Event:
    """One event about the Service."""
    raw = {
        "kind": "Event",
        "reason": reason,
        "message": message,
        "lastTimestamp": at,
        "involvedObject": {"kind": "Service", "namespace": "traefik", "name": "traefik"},
    }
    return msgspec.convert(raw, Event)


def events(*items: Event, asked: bool = True, kept: bool = True, difference: str = "") -> ServiceEvents:
    """The Service's events, oldest first."""
    return ServiceEvents(events=items, asked=asked, kept=kept, difference=difference)


def a_node(number: int = 1, *, ready: bool = True, exclude: str | None = None, provider: str | None = None) -> Node:
    """One node of the cluster; *exclude* is the value of the exclude label."""
    label = "node.kubernetes.io/exclude-from-external-load-balancers"
    raw = {
        "kind": "Node",
        "metadata": {"name": f"node-{number}", "labels": {} if exclude is None else {label: exclude}},
        "spec": {"providerID": f"hcloud://{number}" if provider is None else provider},
        "status": {
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "addresses": [{"type": "InternalIP", "address": f"10.0.1.1{number}"}],
        },
    }
    return msgspec.convert(raw, Node)


def nodes(*items: Node) -> ClusterNodes:
    """The cluster's nodes, as read."""
    return ClusterNodes(nodes=items, asked=True, why="a target is unhealthy")


def a_zone(*, ssl: str = "full", proxied: bool = True) -> ZoneFacts:
    """The target's zone at Cloudflare."""
    record = ZoneRecord(name="www.wecare.gr", type="A", content="203.0.113.10", proxied=proxied)
    return ZoneFacts(
        id="z",
        name="wecare.gr",
        status="active",
        paused=False,
        name_servers=(),
        records=(record,),
        wildcard=False,
        origin_addresses=("203.0.113.10",),
        settings={"ssl": ssl},
    )


TARGET = Target.parse("www.wecare.gr")
SQL = Target.parse("mysql://sql.wecare.gr")
