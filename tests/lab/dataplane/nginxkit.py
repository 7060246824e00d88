"""A cluster of one node with ingress-nginx and a shop behind it, and a client that talks to nginx's own ports."""

from __future__ import annotations

import dataclasses
import ssl
from typing import Any

import httpx

from ingressdoctor.lab.dataplane import DataPlane
from lab.dataplane.kit import Parts, Spec, issue, obj, pod, service

HOST = "shop.test"
NGINX_IP = "10.42.0.5"
PREFIX = "nginx.ingress.kubernetes.io/"
ARGS = (
    "/nginx-ingress-controller",
    "--publish-service=$(POD_NAMESPACE)/ingress-nginx-controller",
    "--controller-class=k8s.io/ingress-nginx",
    "--ingress-class=nginx",
    "--configmap=$(POD_NAMESPACE)/ingress-nginx-controller",
)


@dataclasses.dataclass
class Shop(Parts):
    """The world under construction."""

    @property
    def ingress(self) -> Spec:
        return self.get("Ingress", "shop")

    @property
    def settings_of_nginx(self) -> Spec:
        found: Spec = self.get("ConfigMap", "ingress-nginx-controller")["data"]
        return found

    def annotate(self, name: str = "shop", **annotations: str) -> None:
        """Set annotations; underscores stand for dashes."""
        meta = self.get("Ingress", name)["metadata"].setdefault("annotations", {})
        meta.update({PREFIX + key.replace("_", "-"): value for key, value in annotations.items()})

    def add(self, name: str, *paths: Spec, host: str = HOST, **spec: Any) -> Spec:
        made = ingress(name, *paths, host=host, **spec)
        self.objects.append(made)
        return made

    def add_app(self, name: str, ip: str, *, body: str = "", **listen: Any) -> None:
        """A pod with a Service of its own on port 80."""
        self.objects.append(pod(name, "shop", ip, "node1", {"app": name}, ports=[{"containerPort": 8080}]))
        self.objects.append(service(name, "shop", {"app": name}, [{"port": 80, "targetPort": 8080}]))
        entry = listen or {"paths": [{"prefix": "/", "status": 200, "body": body or name}]}
        self.backends.append(
            {"selector": {"namespace": "shop", "labels": {"app": name}}, "listen": [{"port": 8080, **entry}]}
        )


def path(path: str = "/", kind: str = "Prefix", to: str = "shop", port: Any = 80) -> Spec:
    number = {"number": port} if isinstance(port, int) else {"name": port}
    return {"path": path, "pathType": kind, "backend": {"service": {"name": to, "port": number}}}


def ingress(name: str, *paths: Spec, host: str = HOST, age: int = 1, **spec: Any) -> Spec:
    rule: Spec = {"http": {"paths": list(paths)}, **({"host": host} if host else {})}
    return obj(
        "Ingress",
        name,
        "shop",
        "networking.k8s.io/v1",
        metadata={"creationTimestamp": f"2026-01-{31 - age:02d}T00:00:00Z", "annotations": {}},
        spec={"ingressClassName": "nginx", "rules": [rule], **spec},
    )


def shop() -> Shop:
    """shop.test over http and https, one pod."""
    nginx = {"app.kubernetes.io/name": "ingress-nginx", "app.kubernetes.io/component": "controller"}
    controller = pod(
        "ingress-nginx-controller-1",
        "ingress-nginx",
        NGINX_IP,
        "node1",
        nginx,
        image="registry.k8s.io/ingress-nginx/controller:v1.15.1@sha256:0",
        args=list(ARGS),
        env=[{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
    )
    return Shop(
        objects=[
            *(obj("Namespace", name) for name in ("ingress-nginx", "shop")),
            obj("Node", "node1", status={"addresses": [{"type": "InternalIP", "address": "10.0.0.200"}]}),
            obj("IngressClass", "nginx", api="networking.k8s.io/v1", spec={"controller": "k8s.io/ingress-nginx"}),
            obj("ConfigMap", "ingress-nginx-controller", "ingress-nginx", data={}),
            controller,
            pod("shop-1", "shop", "10.42.0.20", "node1", {"app": "shop"}, ports=[{"containerPort": 8080}]),
            service("shop", "shop", {"app": "shop"}, [{"name": "http", "port": 80, "targetPort": 8080}]),
            obj("Secret", "shop-tls", "shop", metadata={"annotations": issue(names=(HOST,))}, type="kubernetes.io/tls"),
            ingress("shop", path(), tls=[{"hosts": [HOST], "secretName": "shop-tls"}]),
        ],
        hetzner={},
        cloudflare={"zones": []},
        backends=[
            {
                "selector": {"namespace": "shop", "labels": {"app": "shop"}},
                "listen": [{"port": 8080, "paths": [{"prefix": "/", "status": 200, "body": "shop"}]}],
            }
        ],
        settings={},
    )


def port_of(plane: DataPlane, port: int) -> int:
    """Loopback port of one of nginx's own ports."""
    return plane._running().listeners[NGINX_IP, port]


async def ask(
    plane: DataPlane, url: str = f"https://{HOST}/", *, method: str = "GET", http2: bool = False, **options: Any
) -> httpx.Response:
    """One request straight to nginx; any certificate will do, redirects are not followed."""
    parsed = httpx.URL(url)
    target = parsed.copy_with(host="127.0.0.1", port=port_of(plane, 443 if parsed.scheme == "https" else 80))
    headers = {"Host": parsed.netloc.decode(), **options.pop("headers", {})}
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    async with httpx.AsyncClient(
        verify=context, timeout=60, trust_env=False, http2=http2, http1=not http2, follow_redirects=False
    ) as client:
        extensions = {"sni_hostname": parsed.host}
        return await client.request(method, target, headers=headers, extensions=extensions, **options)


def log_of(plane: DataPlane) -> str:
    """The controller's log."""
    return plane.log("ingress-nginx", "ingress-nginx-controller-1", "main") or ""
