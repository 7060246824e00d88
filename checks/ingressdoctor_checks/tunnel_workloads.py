"""What the checks of cloudflared's workloads and rules share: whether there are any to judge, and the commands to look.

Holds no check and judges nothing.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import (
    Cloudflared,
    CloudflaredLogs,
    Command,
    ConfigHome,
    ConfigSource,
    EdgeError,
    Finding,
    LoggedSignature,
    OutsideProbe,
    TunnelRoute,
    Unavailable,
    changes,
    look,
    skip,
    unknown,
)

__all__ = [
    "EDGE_1033",
    "edit_config",
    "errors_of_edge",
    "logs_command",
    "newest",
    "pods_command",
    "restart",
    "serves",
    "workloads_of",
]

EDGE_1033: Final = (
    "tunnel.no-connector",
    "tunnel.pods-not-ready",
    "edge.error-page",
    "edge-1033",
    "edge-530",
)
_ELSEWHERE: Final = "No cloudflared of this cluster serves the name, so there are no pods to look at."


def workloads_of(route: TunnelRoute | Unavailable) -> tuple[Cloudflared, ...] | Finding:
    """Return the workloads that serve the name, or the finding that says why there are none to judge."""
    if isinstance(route, Unavailable):
        if not route.enable_with:
            return skip(f"There is no cloudflared to look at: {route.reason}.")
        return unknown(f"cloudflared could not be looked at: {route.reason}.", enable_with=route.enable_with)
    return route.workloads or skip(_ELSEWHERE)


def serves(probe: OutsideProbe | Unavailable) -> bool:
    """Tell whether requests are seen to come through the tunnel: an answer that is not one of the edge's own."""
    return isinstance(probe, OutsideProbe) and bool(probe.last.status) and not (probe.edge_error or probe.access_login)


def errors_of_edge(probe: OutsideProbe | Unavailable) -> int:
    """Return the code of the edge's own error page, 0 for any other answer."""
    error: EdgeError | None = probe.edge_error if isinstance(probe, OutsideProbe) else None
    return error.code if error is not None else 0


def newest(logs: CloudflaredLogs | Unavailable, *codes: str) -> LoggedSignature | None:
    """Return what the log says last of some codes, as far as nothing later says that it is over."""
    if isinstance(logs, Unavailable):
        return None
    return next((item for item in logs.of(*codes) if item.standing), None)


def pods_command(item: Cloudflared) -> Command:
    """Return the command that shows the pods."""
    return look("kubectl", "-n", item.namespace, "get", "pods", "-o", "wide")


def logs_command(item: Cloudflared) -> Command:
    """Return the command that shows the end of the log."""
    return look("kubectl", "-n", item.namespace, "logs", f"{item.kind.lower()}/{item.name}", "--tail=50")


def restart(item: Cloudflared) -> Command:
    """Return the command that makes pods read their configuration anew."""
    return changes("kubectl", "-n", item.namespace, "rollout", "restart", f"{item.kind.lower()}/{item.name}")


def edit_config(source: ConfigSource) -> tuple[Command, ...]:
    """Return the commands that show and change a configuration; none where it is not in the cluster."""
    if source.home is not ConfigHome.CONFIG_MAP:
        return ()
    words = ("kubectl", "-n", source.namespace)
    return (
        look(*words, "get", "configmap", source.name, "-o", "yaml"),
        changes(*words, "edit", "configmap", source.name),
    )
