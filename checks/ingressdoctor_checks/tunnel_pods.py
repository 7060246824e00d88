"""Do the pods of cloudflared run and hold the tunnel open?

Why the edge refuses them or cannot be reached is judged in ``tunnel_egress``; what their rules say in ``rules_*``.
Source: cloudflared metrics/readiness.go (readiness means a connection to the edge), Cloudflare's support window.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Cloudflared,
    CloudflaredLogs,
    Command,
    Finding,
    OutsideProbe,
    Pod,
    Remedy,
    TunnelRoute,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import many
from ingressdoctor_checks.backend_trouble import trouble_of
from ingressdoctor_checks.tunnel_workloads import (
    logs_command,
    newest,
    pods_command,
    serves,
    workloads_of,
)

__all__ = ["pods_not_ready", "single_replica", "token_exposed", "version_old"]

_LINK: Final = "tunnel → cloudflared"
_MONTHS_WARN: Final = 6
_MONTHS_SUPPORTED: Final = 12
_VERSION: Final = re.compile(r"(\d{4})\.(\d{1,2})\.(\d{1,3})")
_CREDENTIALS: Final = ("bad-secret", "tunnel-gone", "wrong-account", "token-invalid", "credentials-missing")
_CONFIG: Final = ("config-refused", "config-syntax", "config-missing")


@check(
    id="tunnel.pods-not-ready",
    title="The pods of cloudflared are ready",
    step="tunnel",
    link=_LINK,
    causes=("tunnel.no-connector", "edge.error-page", "edge-1033", "edge-530"),
)
def pods_not_ready(
    route: TunnelRoute | Unavailable,
    logs: CloudflaredLogs | Unavailable,
    probe: OutsideProbe | Unavailable,
    clock: Clock,
) -> Iterator[Finding]:
    """A pod is ready while it holds at least one connection to the edge."""
    found = workloads_of(route)
    if isinstance(found, Finding):
        yield found
        return
    ready = sum(len(item.ready_pods) for item in found)
    for item in found:
        yield _pods(item, logs, clock, others=ready > len(item.ready_pods), serving=serves(probe))


def _pods(
    item: Cloudflared, logs: CloudflaredLogs | Unavailable, clock: Clock, *, others: bool, serving: bool
) -> Finding:
    if isinstance(item.pods, Unavailable):
        return unknown(
            f"The pods of {item.ref} could not be looked at: {item.pods.reason}.",
            enable_with=item.pods.enable_with,
            subject=item.ref,
        )
    pods = item.live_pods
    if not pods and item.replicas:
        return _none(item, others=others or serving)
    if not pods:
        return skip(f"{item.ref} is scaled to zero; that no connector is up is said elsewhere.")
    sick = tuple(pod for pod in pods if not pod.ready)
    if not sick:
        return ok(f"{many(len(pods), 'pod')} of {item.ref} hold the tunnel open.", subject=item.ref)
    say = warn if len(sick) < len(pods) or others or serving else fail
    count = f"{len(sick)} of {many(len(pods), 'pod')}" if len(pods) > 1 else "The only pod"
    return say(
        f"{count} of {item.ref} {'are' if len(sick) > 1 else 'is'} not ready: {_why(sick[0], logs, clock)}.",
        subject=item.ref,
        where="status of the pods, and the end of their log",
        seen={
            "pods": ", ".join(pod.name for pod in sick[:5]),
            "restarts": str(max((s.restart_count or 0 for pod in sick for s in pod.container_statuses), default=0)),
            **(
                {"log": line.line}
                if (line := newest(logs, *_CREDENTIALS, *_CONFIG, "udp-blocked", "tcp-blocked"))
                else {}
            ),
        },
        remedy=Remedy(
            text="Readiness of cloudflared means a connection to Cloudflare's edge: its log says what is in the way.",
            commands=(pods_command(item), logs_command(item)),
            proof=look("kubectl", "-n", item.namespace, "rollout", "status", f"{item.kind.lower()}/{item.name}"),
        ),
    )


def _none(item: Cloudflared, *, others: bool) -> Finding:
    say = warn if others else fail
    return say(
        f"{item.ref} wants {many(item.replicas, 'pod')} and has none.",
        subject=item.ref,
        where="pods by the selector of the workload",
        seen={"wanted": str(item.replicas), "pods": "none"},
        remedy=Remedy(
            text="Its events say why no pod is made: quota, admission, a missing ServiceAccount.",
            commands=(look("kubectl", "-n", item.namespace, "describe", item.kind.lower(), item.name),),
            proof=pods_command(item),
        ),
    )


def _why(pod: Pod, logs: CloudflaredLogs | Unavailable, clock: Clock) -> str:
    if newest(logs, *_CREDENTIALS):
        return "Cloudflare refuses its credentials"
    if newest(logs, *_CONFIG):
        return "cloudflared refuses its configuration"
    if newest(logs, "udp-blocked", "tcp-blocked", "edge-dns", "no-edge-address"):
        return "it does not reach Cloudflare's edge"
    trouble = trouble_of(pod, clock)
    return f"{trouble.reason or trouble.kind.value}" if trouble is not None else "no connection to the edge stands"


@check(
    id="tunnel.single-replica",
    title="More than one pod holds the tunnel open",
    step="tunnel",
    link=_LINK,
)
def single_replica(route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """With one pod each rollout and each lost node closes the tunnel."""
    found = workloads_of(route)
    if isinstance(found, Finding):
        yield found
        return
    wanted = sum(item.replicas for item in found)
    if wanted == 0:
        yield skip("cloudflared is scaled to zero; that no connector is up is said elsewhere.")
        return
    nodes = {pod.spec.node_name for item in found for pod in item.ready_pods if pod.spec.node_name}
    if wanted > 1 and (len(nodes) > 1 or not nodes):
        yield ok(f"{many(wanted, 'pod')} are wanted for the tunnel.")
        return
    item = found[0]
    what = "runs one pod only" if wanted == 1 else f"runs all its pods on one node ({next(iter(nodes))})"
    scale = changes("kubectl", "-n", item.namespace, "scale", f"{item.kind.lower()}/{item.name}", "--replicas=2")
    yield warn(
        f"{item.ref} {what}: a rollout or a lost node closes the tunnel.",
        subject=item.ref,
        seen={"replicas": str(wanted), "nodes": ", ".join(sorted(nodes)) or "not told"},
        remedy=Remedy(
            text="Run two pods on different nodes; more connectors of one tunnel take turns by themselves.",
            commands=(scale,) if wanted == 1 and item.kind != "DaemonSet" else (pods_command(item),),
            proof=pods_command(item),
        ),
    )


@check(
    id="tunnel.version-old",
    title="cloudflared is a supported version",
    step="tunnel",
    link=_LINK,
)
def version_old(route: TunnelRoute | Unavailable, clock: Clock) -> Iterator[Finding]:
    """Cloudflare supports versions for one year; the version is a date."""
    found = workloads_of(route)
    if isinstance(found, Finding):
        yield found
        return
    for item in found:
        age = _months(item.version, clock)
        if age is None:
            yield _untold(item)
        elif age <= _MONTHS_WARN:
            yield ok(f"{item.ref} runs version {item.version}.", subject=item.ref)
        else:
            past = "no longer supported" if age > _MONTHS_SUPPORTED else f"{age} months old"
            yield warn(
                f"{item.ref} runs cloudflared {item.version}, which is {past}.",
                subject=item.ref,
                seen={"image": item.image, "supported for": "12 months after the newest release"},
                remedy=Remedy(text="Raise the image's tag.", commands=(_image(item),), proof=pods_command(item)),
            )


def _months(version: str, clock: Clock) -> int | None:
    match = _VERSION.fullmatch(version)
    if match is None:
        return None
    return (clock.now.year - int(match[1])) * 12 + clock.now.month - int(match[2])


def _untold(item: Cloudflared) -> Finding:
    if item.image.endswith(":latest") or ":" not in item.image.rpartition("/")[2]:
        return warn(
            f"{item.ref} runs the image {item.image}, whose version changes with every pull.",
            subject=item.ref,
            seen={"image": item.image},
            remedy=Remedy(
                text="Pin a version: pods that start on different days then behave alike.",
                commands=(_image(item),),
                proof=pods_command(item),
            ),
        )
    return skip(f"The image {item.image} does not tell the version.")


def _image(item: Cloudflared) -> Command:
    return look("kubectl", "-n", item.namespace, "get", f"{item.kind.lower()}/{item.name}", "-o", "jsonpath={..image}")


@check(
    id="tunnel.token-exposed",
    title="The tunnel's token does not stand in the open",
    step="tunnel",
    link=_LINK,
)
def token_exposed(route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """Whoever may read the workload may then run the tunnel from anywhere."""
    found = workloads_of(route)
    if isinstance(found, Finding):
        yield found
        return
    for item in found:
        if not item.token_exposed:
            yield ok(f"{item.ref} has no token in its arguments or environment.", subject=item.ref)
            continue
        yield warn(
            f"The token of the tunnel stands in {item.token_exposed} of {item.ref}, for everybody who may read it.",
            subject=item.ref,
            seen={"found in": item.token_exposed, "token": "***"},
            where="the workload's template",
            remedy=Remedy(
                text="Put it into a Secret and refer to that (TUNNEL_TOKEN by secretKeyRef, or --token-file), then "
                "rotate it in the dashboard under Networks > Tunnels: it may have been copied.",
                commands=(changes("kubectl", "-n", item.namespace, "edit", f"{item.kind.lower()}/{item.name}"),),
                proof=pods_command(item),
            ),
        )
