"""Tables from what the kubelet, the registry and the scheduler say to what it means and what to do.

Holds no check. Source: kubernetes docs on exit codes and image pulls; kube-scheduler's FailedScheduling messages.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ingressdoctor.api import Command, Event, Pod, Unavailable, changes, shorten
from ingressdoctor_checks.backend_common import kubectl, workload
from ingressdoctor_checks.backend_trouble import PodTrouble, event_text

__all__ = ["Advice", "crash_advice", "image_advice", "memory_limit", "probe_budget", "scheduling_advice"]


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """How something ended, as the end of a sentence about it, and what to do."""

    how: str
    remedy: str


_EXITS: Final = {
    0: Advice(how="ends by itself with exit code 0", remedy="The main process must stay in the foreground."),
    126: Advice(how="cannot run its command (exit code 126)", remedy="Make the entry point executable."),
    127: Advice(how="does not find its command (exit code 127)", remedy="Correct command, args or the image."),
    134: Advice(how="aborts (exit code 134)", remedy="Read the end of its previous log."),
    137: Advice(
        how="is killed (exit code 137) by its liveness probe or after its grace period",
        remedy="Give it more time: a startup probe, or a slower liveness probe; and read its previous log.",
    ),
    139: Advice(how="crashes in native code (exit code 139)", remedy="Check image and CPU architecture."),
    143: Advice(how="is asked to stop (exit code 143)", remedy="See who stops it: a liveness probe or a rollout."),
}
_IMAGES: Final = (
    (("not found", "manifest unknown"), "there is no such image or tag", "Push the tag, or correct its name."),
    (
        ("unauthorized", "denied", "forbidden", "authentication required"),
        "the registry refuses the credentials",
        "Give the pod's ServiceAccount an imagePullSecret that may read this repository.",
    ),
    (("no match for platform",), "it is not built for the node's architecture", "Build it for this platform as well."),
    (("toomanyrequests",), "the registry's rate limit is used up", "Log in to the registry, or mirror the image."),
    (("x509",), "the registry's certificate is not trusted", "Install the registry's CA on the nodes."),
    (("timeout", "no such host", "refused"), "the registry cannot be reached", "Check the nodes' way out, and DNS."),
)
_SCHEDULING: Final = (
    ("Insufficient cpu", "not enough CPU is free", "Lower the CPU request, or add a node."),
    ("Insufficient memory", "not enough memory is free", "Lower the memory request, or add a node."),
    ("free ports for the requested pod ports", "the host port is taken", "Free the port, or drop hostPort."),
    ("unbound immediate PersistentVolumeClaims", "its volume claim is not bound", "Look at the claim and its class."),
    ("volume node affinity conflict", "its volume is bound to another node or zone", "Bring that node back."),
    ("untolerated taint", "the nodes carry a taint that it does not tolerate", "Remove the taint, or tolerate it."),
    ("node affinity/selector", "no node fits its nodeSelector or affinity", "Label a node, or loosen the selector."),
)


def memory_limit(pod: Pod, container: str) -> str:
    """Return a container's memory limit as written, or nothing."""
    found = next((item for item in pod.containers if item.name == container), None)
    limits = ((found.resources if found else None) or {}).get("limits")
    value = limits.get("memory") if isinstance(limits, dict) else None
    return str(value) if value else ""


def probe_budget(probe: dict[str, Any]) -> float:
    """Return the seconds after which a probe that never succeeds ends its container (core/v1 defaults)."""

    def number(key: str, default: int) -> float:
        value = probe.get(key)
        return value if isinstance(value, int) and not isinstance(value, bool) else default

    return number("initialDelaySeconds", 0) + number("periodSeconds", 10) * number("failureThreshold", 3)


def _probe_advice(trouble: PodTrouble, events: tuple[Event, ...] | Unavailable) -> Advice | None:
    """Return which probe ended the container, where the kubelet says that one did."""
    container = next((item for item in trouble.pod.containers if item.name == trouble.container), None)
    said = event_text(events, trouble.pod, "Killing", "Unhealthy")
    if container is None or trouble.exit_code not in (0, 137, 143):
        return None
    if container.startup_probe and "startup probe" in said.lower():
        return Advice(
            how=f"is killed by its startup probe, which gives it {probe_budget(container.startup_probe):g} s to start",
            remedy="Give it longer to start (failureThreshold of the startup probe), or find out why it starts slowly.",
        )
    if container.liveness_probe and "liveness probe" in said.lower():
        slow = "" if container.startup_probe else ", and it has no startup probe that would wait for its start"
        return Advice(
            how=f"is killed by its liveness probe after {probe_budget(container.liveness_probe):g} s{slow}",
            remedy="Make it answer its liveness probe, or give it a startup probe; its previous log says what it did.",
        )
    return None


def crash_advice(
    trouble: PodTrouble, events: tuple[Event, ...] | Unavailable = ()
) -> tuple[Advice, tuple[Command, ...]]:
    """Return how a container ends, what to do, and the commands that change it."""
    namespace, target = trouble.pod.namespace, workload(trouble.pod)
    if (probed := _probe_advice(trouble, events)) is not None:
        return probed, () if target.startswith("pod/") else (changes(*kubectl(namespace, "edit", target)),)
    if trouble.reason == "OOMKilled":
        limit = memory_limit(trouble.pod, trouble.container)
        command = ("set", "resources", target, "-c", trouble.container, "--limits=memory=NEW_LIMIT")
        advice = Advice(
            how=f"is killed for want of memory (OOMKilled{f', limit {limit}' if limit else ''})",
            remedy="Raise its memory limit, or find out what fills it.",
        )
        return advice, () if target.startswith("pod/") else (changes(*kubectl(namespace, *command)),)
    known = _EXITS.get(-1 if trouble.exit_code is None else trouble.exit_code)
    if known is None:
        code = f" with exit code {trouble.exit_code}" if trouble.exit_code is not None else ""
        said = f" ({shorten(trouble.message, 60)})" if trouble.message else ""
        known = Advice(how=f"ends{code}{said}", remedy="Its previous log says why.")
    return known, (changes(*kubectl(namespace, "rollout", "undo", target)),) if "/" in target and target.startswith(
        ("deployment/", "statefulset/", "daemonset/")
    ) else ()


def image_advice(said: str, reason: str) -> tuple[str, str]:
    """Return why an image cannot be pulled and what to do, from the registry's words."""
    if reason == "InvalidImageName":
        return "its name is not valid", "Correct the image's name."
    if reason == "ErrImageNeverPull":
        return "it is not on the node, and the pull policy is Never", "Load it onto the node, or change the policy."
    for signs, how, remedy in _IMAGES:
        if any(sign in said.lower() for sign in signs):
            return how, remedy
    return shorten(said, 60) or reason, "The pod's events say what the registry answered."


def scheduling_advice(said: str, reason: str) -> tuple[str, str]:
    """Return why no node takes a pod and what to do, from the scheduler's words."""
    if reason == "SchedulingGated":
        return "a scheduling gate holds it back", "Remove the gate, or see which controller should."
    hits = [(how, remedy) for sign, how, remedy in _SCHEDULING if sign in said]
    if not hits:
        return shorten(said, 60) or reason, "The scheduler's message names what is missing."
    return ", ".join(how for how, _ in hits[:2]), " ".join(remedy for _, remedy in hits)
