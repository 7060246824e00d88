"""The kit's world with a tunnel in it: one cloudflared pod, its ConfigMap and Secret, and a name that leads there."""

from __future__ import annotations

import json
from typing import Any

from ingressdoctor.lab.dataplane import DataPlane
from lab.dataplane.kit import HOST, Parts, healthy, obj, pod

TUNNEL = "0f7d2c1a-4b5e-4c6d-8e9f-1a2b3c4d5e6f"
PANEL = "panel.shop.test"
CONFIG_PATH = "/etc/cloudflared/config/config.yaml"
SHOP = "http://shop.shop.svc.cluster.local:80"


def rules(*entries: str) -> str:
    """A configuration with these rules and a catch-all."""
    listed = "".join(f"- {entry}\n" for entry in (*entries, "service: http_status:404"))
    return f"tunnel: {TUNNEL}\ncredentials-file: /etc/cloudflared/creds/credentials.json\ningress:\n{listed}"


def tunnelled(config: str = "", *args: str, secret: str = "one") -> Parts:
    """A world whose PANEL is served by a tunnel; *args* come before `run`."""
    parts = healthy()
    parts.get("Service", "shop")["spec"]["clusterIP"] = "10.43.7.7"
    flags = ["tunnel", "--config", CONFIG_PATH, "--no-autoupdate", *args, "run"]
    mounts = [
        {"name": "config", "mountPath": "/etc/cloudflared/config"},
        {"name": "creds", "mountPath": "/etc/cloudflared/creds"},
    ]
    agent = pod(
        "cloudflared-1",
        "tunnel",
        "10.42.2.9",
        "node2",
        {"app": "cloudflared"},
        image="docker.io/cloudflare/cloudflared:2026.10.0",
        args=flags,
        volumeMounts=mounts,
    )
    agent["spec"]["volumes"] = [
        {"name": "config", "configMap": {"name": "cloudflared"}},
        {"name": "creds", "secret": {"secretName": "tunnel"}},
    ]
    agent["status"]["containerStatuses"][0]["state"] = {"running": {"startedAt": "2026-01-02T03:04:05Z"}}
    holds = json.dumps({"tunnel": TUNNEL, "secret": secret})
    parts.objects += [
        obj("Namespace", "tunnel"),
        agent,
        obj(
            "ConfigMap",
            "cloudflared",
            "tunnel",
            data={"config.yaml": config or rules(f"{{hostname: {PANEL}, service: '{SHOP}'}}")},
        ),
        obj("Secret", "tunnel", "tunnel", metadata={"annotations": {"lab.ingressdoctor/tunnel": holds}}),
    ]
    record = {"type": "CNAME", "name": PANEL, "content": f"{TUNNEL}.cfargotunnel.com", "proxied": True}
    parts.zone["dns_records"].append(record)
    parts.cloudflare["tunnels"] = [{"secret": "one", "tunnel": {"id": TUNNEL, "name": "shop", "config_src": "local"}}]
    parts.settings |= {"cloudflared_dial_s": 0.3, "edge_read_s": 2.0}
    return parts


def agent_of(parts: Parts) -> dict[str, Any]:
    """The cloudflared container of the world."""
    found: dict[str, Any] = parts.get("Pod", "cloudflared-1")["spec"]["containers"][0]
    return found


def agent_log(plane: DataPlane) -> str:
    """What cloudflared has logged."""
    return plane.log("tunnel", "cloudflared-1", "main") or ""


__all__ = ["HOST", "PANEL", "SHOP", "TUNNEL", "agent_log", "agent_of", "rules", "tunnelled"]
