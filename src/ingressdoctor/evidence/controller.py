"""The ingress controller as it runs: pods, Service, static configuration, logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ingressdoctor.evidence.kube import Pod, Service
from ingressdoctor.model.evidence import Unavailable

__all__ = ["AccessLogLine", "Controller", "ControllerLogs", "EntryPoint", "StaticConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryPoint:
    """One Traefik entry point.

    ``port`` is the container port it listens on; ``proxy_protocol`` is None when off, else the trusted CIDRs
    (``("*",)`` for insecure); ``redirect_to`` is the entry point or ``:port`` it redirects everything to.
    """

    name: str
    port: int
    protocol: str = "tcp"
    as_default: bool = False
    tls: bool = False
    proxy_protocol: tuple[str, ...] | None = None
    forwarded_trusted: tuple[str, ...] = ()
    forwarded_insecure: bool = False
    redirect_to: str = ""
    redirect_scheme: str = ""
    middlewares: tuple[str, ...] = ()
    read_timeout_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StaticConfig:
    """Traefik's static configuration, recovered from args, environment or file.

    ``source`` says from which of the exclusive loaders ("args", "env", "file"); ``options`` holds every flag by its
    lower-cased dotted name; ``unreadable`` says why part of it could not be read (a mounted file, envFrom ...).
    """

    source: str
    entry_points: tuple[EntryPoint, ...]
    options: Mapping[str, str]
    unreadable: str = ""

    def entry_point(self, name: str) -> EntryPoint | None:
        """Return one entry point by its exact name."""
        return next((item for item in self.entry_points if item.name == name), None)

    def flag(self, name: str, default: str = "") -> str:
        """Return a flag's value by dotted name, any case."""
        return self.options.get(name.lower(), default)

    def enabled(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean flag."""
        value = self.flag(name)
        return default if not value else value.lower() in ("true", "1", "t")


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """The Traefik that serves the cluster's public ingress.

    ``service`` is the Service in front of it (type LoadBalancer preferred), None when there is none (hostNetwork);
    ``version`` is the image tag without a leading v, empty when unknown.
    """

    kind: str
    namespace: str
    workload: str
    pods: tuple[Pod, ...]
    service: Service | None
    static: StaticConfig
    version: str = ""
    others: tuple[str, ...] = ()

    @property
    def ready_pods(self) -> tuple[Pod, ...]:
        """Pods that can take traffic."""
        return tuple(pod for pod in self.pods if pod.ready)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessLogLine:
    """One request in the controller's access log."""

    when: str
    host: str
    method: str
    path: str
    status: int
    origin_status: int
    router: str
    service_url: str
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerLogs:
    """Recent log lines of the controller's pods.

    ``errors`` are raw lines at warning level or above; ``access`` the access-log lines for the target's host;
    ``access_log_on`` is None when it cannot be told; ``unread`` says which pods' logs could not be read and why.
    """

    errors: tuple[str, ...]
    access: tuple[AccessLogLine, ...]
    access_log_on: bool | None
    lines_read: int
    unread: tuple[Unavailable, ...] = ()
