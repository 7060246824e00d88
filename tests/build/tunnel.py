"""Builders for what runs a tunnel: rules, workloads of cloudflared, and the way of a name through them."""

from __future__ import annotations

from typing import Any

from build.values import replace
from ingressdoctor.collect.cloudflared_config import config_of_text
from ingressdoctor.collect.cloudflared_logs import parse_cloudflared_logs
from ingressdoctor.collect.tunnel_lead import Lead
from ingressdoctor.collect.tunnel_route import Told, judge_route
from ingressdoctor.evidence.kube import Meta, Pod, PodStatus
from ingressdoctor.evidence.kube.meta import Condition
from ingressdoctor.evidence.tunnel import Cloudflared, CloudflaredLogs, Cloudflareds, TunnelIdentity, TunnelRoute
from ingressdoctor.evidence.tunnel_rules import ConfigHome, ConfigSource, TunnelConfig
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Target

HOST = "grafana-mgmt.example.com"
TUNNEL = "8f2c1d5e-3b7a-4e6f-9a10-2c4d6e8f0a1b"
OTHER = "11111111-2222-4333-8444-555555555555"
STARTED = "2026-11-09T10:00:00Z"
SOURCE = ConfigSource(
    home=ConfigHome.CONFIG_MAP,
    ref="ConfigMap cloudflared/cloudflared-config, key config.yaml",
    namespace="cloudflared",
    name="cloudflared-config",
    key="config.yaml",
    edited_at="2026-11-01T10:00:00Z",
)
UNSEEN = Unavailable(wanted="the tunnel at Cloudflare", reason="no token", enable_with="Set CLOUDFLARE_API_TOKEN.")
ARGOCD = "- hostname: argocd-mgmt.example.com\n  service: http://argocd-server.argocd.svc.cluster.local:80"
CATCH_ALL = "- service: http_status:404"


def a_rule(host: str = HOST, service: str = "http://grafana.monitoring.svc.cluster.local:80", more: str = "") -> str:
    """One rule as YAML."""
    return f'- hostname: "{host}"\n  service: "{service}"' + "".join(f"\n  {line}" for line in more.splitlines())


def a_text(*rules: str, top: str = f"tunnel: {TUNNEL}\n") -> str:
    """A whole configuration as YAML."""
    lines = "\n".join(rules or (ARGOCD, a_rule(), CATCH_ALL))
    return f"{top}ingress:\n" + "\n".join(f"  {line}" for line in lines.splitlines()) + "\n"


def a_config(*rules: str, source: ConfigSource = SOURCE, top: str = f"tunnel: {TUNNEL}\n") -> TunnelConfig:
    """A configuration, judged."""
    return config_of_text(a_text(*rules, top=top), source)


def a_connector_pod(name: str = "cloudflared-1", *, ready: bool = True, **status: Any) -> Pod:
    """One pod of cloudflared."""
    condition = Condition(type="Ready", status="True" if ready else "False")
    meta = Meta(name=name, namespace="cloudflared", labels={"app": "cloudflared"})
    plain: dict[str, Any] = {"phase": "Running", "start_time": STARTED, "conditions": (condition,)}
    return Pod(kind="Pod", metadata=meta, status=PodStatus(**plain | status))


def a_cloudflared(*rules: str, config: Any = None, name: str = "cloudflared", **given: Any) -> Cloudflared:
    """One Deployment of cloudflared with two ready pods."""
    plain: dict[str, Any] = {
        "ref": f"Deployment cloudflared/{name}",
        "kind": "Deployment",
        "namespace": "cloudflared",
        "name": name,
        "image": "cloudflare/cloudflared:2026.10.0",
        "version": "2026.10.0",
        "replicas": 2,
        "container": "cloudflared",
        "identity": TunnelIdentity(id=TUNNEL, source=SOURCE.ref),
        "metrics_port": 2000,
        "source": SOURCE,
        "config": a_config(*rules) if config is None else config,
        "pods": (a_connector_pod(), a_connector_pod("cloudflared-2")),
    }
    return Cloudflared(**plain | given)


def a_lead(tunnel: str = TUNNEL) -> Lead:
    """A record that leads to a tunnel; to none, when *tunnel* is empty."""
    return Lead(tunnel=tunnel, ground=f"its record at Cloudflare leads to the tunnel {tunnel}" if tunnel else "")


def route_for(
    host: str = HOST,
    *,
    lead: Lead | None = None,
    items: tuple[Cloudflared, ...] | None = None,
    file: Any = None,
    facts: Any = None,
) -> TunnelRoute | Unavailable:
    """The way of a name as the collector judges it."""
    found = Cloudflareds(items=(a_cloudflared(),) if items is None else items)
    told = Told(found=found, file=file, facts=UNSEEN if facts is None else facts)
    return judge_route(Target.parse(host), a_lead() if lead is None else lead, told)


def a_route(*rules: str, service: str = "", host: str = HOST, path: str = "", **given: Any) -> TunnelRoute:
    """The way of a name through the only cloudflared; *service* replaces that of its own rule."""
    texts = (ARGOCD, a_rule(service=service), CATCH_ALL) if service else rules
    told = Told(found=Cloudflareds(items=(a_cloudflared(*texts),)))
    found = judge_route(Target.parse(host + path), a_lead(), told)
    assert isinstance(found, TunnelRoute)
    return replace(found, **given)


def a_line(text: str, *, when: str = "2026-11-21T09:59:00Z", level: str = "ERR") -> str:
    """One line of cloudflared's log."""
    return f"{when} {level} {text}"


def logs_of(*lines: str, pod: str = "cloudflared-1", words: tuple[str, ...] = (HOST,)) -> CloudflaredLogs:
    """The log of one pod, sorted."""
    return parse_cloudflared_logs({pod: "\n".join(lines)}, words)


def an_origin_error(error: str, *, host: str = HOST, when: str = "2026-11-21T09:59:00Z") -> str:
    """The line of a request that cloudflared could not send on."""
    prefix = "Unable to reach the origin service. The service may be down or it may not be responding to traffic from"
    text = f' error="{prefix} cloudflared: {error}" dest=https://{host}/ ingressRule=1 originService=http://grafana'
    return a_line(text, when=when)


REGISTERED = a_line("Registered tunnel connection connIndex=0 location=fra03 protocol=quic", level="INF")
REGISTERED_HTTP2 = a_line("Registered tunnel connection connIndex=0 location=fra03 protocol=http2", level="INF")
UDP_BLOCKED = a_line('Failed to dial a quic connection error="failed to dial to edge with quic: timeout" connIndex=0')
BAD_SECRET = a_line('Register tunnel error from server side error="Unauthorized: Invalid tunnel secret" connIndex=0')
