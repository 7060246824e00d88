"""A small healthy world to break, and a client that dials it as one outside would."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx

from ingressdoctor.lab.dataplane import DataPlane
from ingressdoctor.lab.settings import DEFAULT_SETTINGS
from ingressdoctor.lab.world import World, merged

HOST = "www.shop.test"
EDGE = "104.21.32.11"
LB = "203.0.113.10"
ARGS = (
    "--entryPoints.web.address=:8000/tcp",
    "--entryPoints.web.proxyProtocol.trustedIPs=10.0.0.0/8",
    "--entryPoints.websecure.address=:8443/tcp",
    "--entryPoints.websecure.http.tls=true",
    "--entryPoints.websecure.proxyProtocol.trustedIPs=10.0.0.0/8",
    "--entryPoints.traefik.address=:8080/tcp",
    "--ping=true",
    "--providers.kubernetescrd",
    "--providers.kubernetescrd.allowEmptyServices=true",
    "--providers.kubernetesingress",
    "--providers.kubernetesingress.allowEmptyServices=true",
    "--log.level=DEBUG",
    "--accesslog=true",
    "--accesslog.format=json",
)
SETTINGS = {"edge_connect_s": 0.15, "edge_read_s": 0.5, "controller_dial_s": 0.2, "health_timeout_s": 0.1}

Spec = dict[str, Any]
Patch = Callable[["Parts"], None]


@dataclasses.dataclass
class Parts:
    """A world under construction; tests change it in place."""

    objects: list[Spec]
    hetzner: Spec
    cloudflare: Spec
    backends: list[Spec]
    settings: Spec

    def get(self, kind: str, name: str) -> Spec:
        return next(o for o in self.objects if o["kind"] == kind and o["metadata"]["name"] == name)

    def drop(self, kind: str, name: str) -> None:
        self.objects.remove(self.get(kind, name))

    @property
    def balancer(self) -> Spec:
        found: Spec = self.hetzner["load_balancers"][0]
        return found

    @property
    def zone(self) -> Spec:
        found: Spec = self.cloudflare["zones"][0]
        return found

    @property
    def route(self) -> Spec:
        found: Spec = self.get("IngressRoute", "shop")["spec"]
        return found

    @property
    def args(self) -> list[str]:
        """Arguments of the first Traefik pod; set_args() changes all."""
        found: list[str] = self.get("Pod", "traefik-1")["spec"]["containers"][0]["args"]
        return found

    def set_args(self, change: Callable[[list[str]], list[str]]) -> None:
        for item in self.objects:
            if item["kind"] == "Pod" and item["metadata"]["name"].startswith("traefik-"):
                container = item["spec"]["containers"][0]
                container["args"] = change(container["args"])

    def answer(self, **spec: object) -> None:
        """Change how the shop's pods answer."""
        self.backends[0]["listen"][0]["paths"][0].update(spec)

    def world(self) -> World:
        return World(
            name="kit",
            title="kit",
            walk="public",
            settings=merged(DEFAULT_SETTINGS, self.settings),
            objects=tuple(copy.deepcopy(self.objects)),
            zone_files={},
            hetzner=self.hetzner,
            cloudflare=self.cloudflare,
            backends=tuple(self.backends),
            logs={},
        )


def obj(kind: str, name: str, namespace: str = "", api: str = "v1", **rest: Any) -> Spec:
    meta = {"name": name, **({"namespace": namespace} if namespace else {}), **rest.pop("metadata", {})}
    return {"apiVersion": api, "kind": kind, "metadata": meta, **rest}


def pod(name: str, namespace: str, ip: str, node: str, labels: Mapping[str, str], **container: Any) -> Spec:
    first = {"name": "main", "image": "example/app:1", **container}
    return obj(
        "Pod",
        name,
        namespace,
        metadata={"labels": dict(labels)},
        spec={"nodeName": node, "containers": [first]},
        status={
            "phase": "Running",
            "podIP": ip,
            "hostIP": f"10.0.1.1{node[-1]}",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [{"name": first["name"], "ready": True, "state": {"running": {}}}],
        },
    )


def service(name: str, namespace: str, selector: Mapping[str, str], ports: list[Spec], **spec: Any) -> Spec:
    return obj("Service", name, namespace, spec={"selector": dict(selector), "ports": ports, **spec})


def issue(issuer: str = "letsencrypt", names: tuple[str, ...] = (HOST,), **days: float) -> Spec:
    return {"lab.ingressdoctor/issue": json.dumps({"issuer": issuer, "names": list(names), **days})}


def healthy() -> Parts:
    """www.shop.test: edge in strict mode, one balancer, two nodes, two Traefiks, one shop pod."""
    traefik_ports = [
        {"name": "web", "port": 80, "targetPort": "web", "nodePort": 30080},
        {"name": "websecure", "port": 443, "targetPort": "websecure", "nodePort": 30443},
    ]
    container_ports = [{"name": "web", "containerPort": 8000}, {"name": "websecure", "containerPort": 8443}]
    traefik = {"app.kubernetes.io/name": "traefik"}
    objects = [
        *(obj("Namespace", name) for name in ("traefik", "shop")),
        *(
            obj("Node", f"node{n}", status={"addresses": [{"type": "InternalIP", "address": f"10.0.1.1{n}"}]})
            for n in (1, 2)
        ),
        *(
            pod(
                f"traefik-{n}",
                "traefik",
                f"10.42.{n}.5",
                f"node{n}",
                traefik,
                image="docker.io/traefik:v3.7.9",
                args=list(ARGS),
                ports=container_ports,
            )
            for n in (1, 2)
        ),
        service("traefik", "traefik", traefik, traefik_ports, type="LoadBalancer", clusterIP="10.43.0.10"),
        pod("shop-1", "shop", "10.42.1.20", "node1", {"app": "shop"}, ports=[{"name": "http", "containerPort": 8080}]),
        service("shop", "shop", {"app": "shop"}, [{"name": "http", "port": 80, "targetPort": 8080}]),
        obj("Secret", "shop-tls", "shop", metadata={"annotations": issue()}, type="kubernetes.io/tls"),
        obj(
            "IngressRoute",
            "shop",
            "shop",
            "traefik.io/v1alpha1",
            spec={
                "entryPoints": ["websecure"],
                "routes": [{"match": f"Host(`{HOST}`)", "kind": "Rule", "services": [{"name": "shop", "port": 80}]}],
                "tls": {"secretName": "shop-tls"},
            },
        ),
    ]
    return Parts(
        objects=objects,
        hetzner={"load_balancers": [_balancer()], "servers": [_server(1), _server(2)], "networks": []},
        cloudflare={
            "zones": [
                {
                    "zone": {"name": "shop.test", "status": "active"},
                    "settings": {"ssl": "strict", "always_use_https": "off"},
                    "dns_records": [{"type": "A", "name": HOST, "content": LB, "proxied": True}],
                }
            ]
        },
        backends=[
            {
                "selector": {"namespace": "shop", "labels": {"app": "shop"}},
                "listen": [{"port": 8080, "paths": [{"prefix": "/", "status": 200, "body": "shop"}]}],
            }
        ],
        settings=dict(SETTINGS),
    )


def _server(number: int) -> Spec:
    return {
        "id": number,
        "name": f"node{number}",
        "status": "running",
        "labels": {"role": "worker", "n": str(number)},
        "public_net": {"ipv4": {"ip": f"203.0.113.2{number}"}},
        "private_net": [{"network": 7, "ip": f"10.0.1.1{number}"}],
    }


def _balancer() -> Spec:
    return {
        "id": 1,
        "name": "lb",
        "public_net": {"enabled": True, "ipv4": {"ip": LB}, "ipv6": {"ip": "2001:db8::1"}},
        "private_net": [{"network": 7, "ip": "10.0.1.5"}],
        "services": [_lb_service(80, 30080), _lb_service(443, 30443)],
        "targets": [{"type": "server", "server": {"id": n}, "use_private_ip": True} for n in (1, 2)],
    }


def _lb_service(listen: int, destination: int) -> Spec:
    return {
        "protocol": "tcp",
        "listen_port": listen,
        "destination_port": destination,
        "proxyprotocol": True,
        "health_check": {"protocol": "tcp", "port": destination},
    }


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[DataPlane]:
    plane = DataPlane(parts.world())
    await plane.start()
    try:
        yield plane
    finally:
        await plane.stop()


def real_port(plane: DataPlane, ip: str, port: int) -> int:
    """Loopback port of (ip, port) as a client outside would find it in connect_to."""
    host = f"[{ip}]" if ":" in ip else ip
    for entry in plane.connect_to:
        if entry.startswith((f"{host}:{port}:", "::")):
            return int(entry.rpartition(":")[2])
    raise AssertionError("connect_to has no catch-all")


async def ask(
    plane: DataPlane, url: str = f"https://{HOST}/", *, at: str = EDGE, verify: bool = True, **headers: str
) -> httpx.Response:
    """GET *url* from the host at address *at*; header names are given with underscores."""
    parsed = httpx.URL(url)
    port = parsed.port or (443 if parsed.scheme == "https" else 80)
    context = ssl.create_default_context(cadata=plane.pki.ca_pem)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    target = parsed.copy_with(host="127.0.0.1", port=real_port(plane, at, port))
    sent = {"Host": parsed.netloc.decode(), **{key.replace("_", "-"): value for key, value in headers.items()}}
    async with httpx.AsyncClient(verify=context, timeout=60, trust_env=False) as client:
        return await client.get(target, headers=sent, extensions={"sni_hostname": parsed.host})


def access_log(plane: DataPlane) -> list[dict[str, Any]]:
    """Access log entries of both Traefik pods, oldest first per pod."""
    texts = (plane.log("traefik", name, "main") or "" for name in ("traefik-1", "traefik-2"))
    return [json.loads(line) for text in texts for line in text.splitlines() if line.startswith("{")]


def process_log(plane: DataPlane) -> str:
    """Process log lines of both Traefik pods."""
    texts = (plane.log("traefik", name, "main") or "" for name in ("traefik-1", "traefik-2"))
    return "\n".join(line for text in texts for line in text.splitlines() if not line.startswith("{"))
