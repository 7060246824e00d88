"""What a connector's metrics port answers: /ready, /healthcheck, /metrics, /config, /diag/tunnel.

Source: metrics/metrics.go, metrics/readiness.go, orchestration/orchestrator.go, diagnostic/handlers.go.
"""

from __future__ import annotations

import json
from typing import Any

from ingressdoctor.lab.serve.cloudflared.connector import Connector, rule_document
from ingressdoctor.lab.serve.wire import App, Request, Response
from ingressdoctor.lab.stream import Duplex


def metrics_app(connector: Connector) -> App:
    """The metrics server of one cloudflared."""
    pages = {
        "/ready": lambda: _ready(connector),
        "/healthcheck": lambda: _plain("OK\n"),
        "/metrics": lambda: _plain(_exposition(connector), "text/plain; version=0.0.4; charset=utf-8"),
        "/config": lambda: _plain(json.dumps(config_document(connector), separators=(",", ":"))),
        "/diag/tunnel": lambda: _plain(json.dumps(_diagnostics(connector), separators=(",", ":")), "application/json"),
        "/quicktunnel": lambda: _plain('{"hostname":""}'),
        "/debug/pprof/cmdline": lambda: _plain("forbidden\n", status=403),
    }

    async def answer(request: Request, _: Duplex) -> Response:
        page = pages.get(request.path)
        return page() if page else _plain("404 page not found\n", status=404)

    return answer


def config_document(connector: Connector) -> dict[str, Any]:
    """The live rules; version -1 as long as the edge has pushed none."""
    return {
        "version": connector.version,
        "config": {
            "ingress": [rule_document(rule) for rule in connector.rules],
            "warp-routing": {},
            "originRequest": dict(connector.config.get("originRequest") or {}),
        },
    }


def _ready(connector: Connector) -> Response:
    count = len(connector.connections)
    status = 200 if count else 503
    body = {"status": status, "readyConnections": count, "connectorId": connector.id}
    return _plain(json.dumps(body, separators=(",", ":")), status=status)


def _diagnostics(connector: Connector) -> dict[str, Any]:
    def shown(index: int, ip: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"isConnected": True, "edgeAddress": ip}
        if connector.protocol == "quic":
            entry["protocol"] = 1
        return entry | ({"index": index} if index else {})

    return {
        "tunnelID": connector.tunnel,
        "connectorID": connector.id,
        "connections": [shown(each.index, each.edge_ip) for each in connector.connections],
        "icmp_sources": [connector.process.address],
    }


def _exposition(connector: Connector) -> str:
    version = connector.process.version
    lines = [
        f'build_info{{goversion="go1.26.2",revision="2026-10-05-1000 UTC",type="",version="{version}"}} 1',
        f"cloudflared_tunnel_ha_connections {len(connector.connections)}",
        f"cloudflared_tunnel_total_requests {connector.requests}",
        f"cloudflared_tunnel_request_errors {connector.failed}",
        f"cloudflared_orchestration_config_version {max(connector.version, 0)}",
        *(
            f'cloudflared_tunnel_response_by_code{{status_code="{status}"}} {count}'
            for status, count in sorted(connector.answers.items())
        ),
        *(
            f'cloudflared_tunnel_server_locations{{connection_id="{each.index}",edge_location="{each.location}"}} 1'
            for each in connector.connections
        ),
        f'cloudflared_tunnel_tunnel_register_success{{rpcName="registerConnection"}} {len(connector.connections)}',
    ]
    return "\n".join((*lines, ""))


def _plain(body: str, media: str = "text/plain; charset=utf-8", *, status: int = 200) -> Response:
    return Response(status=status, headers=(("Content-Type", media),), body=body.encode())
