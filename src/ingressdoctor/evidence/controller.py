"""The ingress controller as it runs: pods, Service, static configuration, logs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from ingressdoctor.evidence.kube import Container, ContainerPort, Pod, Service, ServicePort
from ingressdoctor.model.evidence import Unavailable

__all__ = ["AccessLogLine", "Controller", "ControllerLogs", "EntryPoint", "PortPath", "StaticConfig"]

T = TypeVar("T")


class EntryPoint(msgspec.Struct, frozen=True, kw_only=True):
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


class StaticConfig(msgspec.Struct, frozen=True, kw_only=True, dict=True):
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
        for item in self.entry_points:
            if item.name == name:
                return item
        return None

    def derived(self, make: Callable[[StaticConfig], T]) -> T:
        """Return what the pure function *make* makes of this configuration; made once, for all targets that ask."""
        made: dict[object, Any] = vars(self).setdefault("made", {})
        if make not in made:
            made[make] = make(self)
        value: T = made[make]
        return value

    def redirect_problem(self, point: EntryPoint) -> str:
        """Say in Traefik's words why it makes no redirection that *point* asks for; empty when it does or asks none.

        A target is a port written ``:443`` or the name of an entry point; Traefik starts without the redirection when
        it is neither. An entry point may stand in a part of the configuration that could not be read.
        """
        to = point.redirect_to
        port = to[1:] if to.startswith(":") else ""
        if not to or (port.isascii() and port.isdecimal()) or self.unreadable or self.entry_point(to) is not None:
            return ""
        return f"'to' entry point field references a non-existing entry point: {to}"

    def redirects(self, point: EntryPoint) -> bool:
        """Tell whether Traefik makes a redirection of everything on *point*."""
        return bool(point.redirect_to) and not self.redirect_problem(point)

    def flag(self, name: str, default: str = "") -> str:
        """Return a flag's value by dotted name, any case."""
        return self.options.get(name.lower(), default)

    def enabled(self, name: str, *, default: bool = False) -> bool:
        """Return a boolean flag."""
        value = self.flag(name)
        return default if not value else value.lower() in ("true", "1", "t")


class PortPath(msgspec.Struct, frozen=True, kw_only=True):
    """How a public port leads to an entry point, as far as it does; ``gap`` says where it ends, empty when it arrives.

    ``container_port`` is 0 and ``service_port`` None where the path ended before them.
    """

    port: int
    service_port: ServicePort | None = None
    container_port: int = 0
    entry_point: EntryPoint | None = None
    gap: str = ""


class Controller(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The Traefik that serves the cluster's public ingress.

    ``service`` is the Service in front of it (type LoadBalancer preferred), None when there is none (hostNetwork)
    or when Services may not be read (then ``unread`` says so); ``version`` is the image tag without a leading v,
    empty when unknown; ``others`` are further Traefiks of the cluster. ``pods_unread`` says why ``pods`` is empty where
    they may not be read: then nobody knows whether there are any. ``maker`` is the kind of what makes its pods.
    """

    kind: str
    namespace: str
    workload: str
    pods: tuple[Pod, ...]
    service: Service | None
    static: StaticConfig
    version: str = ""
    others: tuple[str, ...] = ()
    unread: tuple[Unavailable, ...] = ()
    pods_unread: Unavailable | None = None
    maker: str = "Deployment"

    @property
    def made_by(self) -> str:
        """What makes its pods, as kubectl takes it: ``deploy/traefik``."""
        return f"{'deploy' if self.maker == 'Deployment' else self.maker.lower()}/{self.workload}"

    @property
    def root(self) -> str:
        """Its pods, as what is at fault: the same words as for the pods of any Service that leads to them."""
        return f"pods of {self.maker.lower()}/{self.workload} in {self.namespace}"

    @cached_property
    def ready_pods(self) -> tuple[Pod, ...]:
        """Pods that can take traffic."""
        return tuple(pod for pod in self.pods if pod.ready)

    def behind(self, service: Service) -> Controller:
        """Return it as another Service before the same pods leads to it."""
        return replace(self, service=service)

    def path_of(self, port: int) -> PortPath:
        """Follow a public port: Service port, targetPort, container port, entry point. Once, for all who ask."""
        followed: dict[int, PortPath] = vars(self).setdefault("followed", {})
        if port not in followed:
            followed[port] = self._follow(port)
        return followed[port]

    def _follow(self, port: int) -> PortPath:
        if not self.pods:
            unread = f"Traefik's pods could not be read: {self.pods_unread.reason}" if self.pods_unread else ""
            return PortPath(port=port, gap=unread or "there is no Traefik pod")
        if self.service is None:
            return self._host_path(port)
        listening = next((item for item in self.service.ports if item.port == port), None)
        if listening is None:
            return PortPath(
                port=port, gap=f"the Service {self.service.namespace}/{self.service.name} has no port {port}"
            )
        target = listening.target_port if listening.target_port is not None else listening.port
        number = self._container_port(target)
        if not number:
            gap = f"targetPort {target!r} of the Service names no port of the Traefik container"
            return PortPath(port=port, service_port=listening, gap=gap)
        return self._to_entry_point(PortPath(port=port, service_port=listening, container_port=number))

    def _host_path(self, port: int) -> PortPath:
        for item in self._container_ports():
            if item.host_port == port or (self.pods[0].spec.host_network and item.container_port == port):
                return self._to_entry_point(PortPath(port=port, container_port=item.container_port))
        return PortPath(port=port, gap=f"no Service stands before Traefik and no container port is bound to {port}")

    def _container_port(self, target: int | str) -> int:
        if isinstance(target, int) or target.isdecimal():
            return int(target)
        return next((item.container_port for item in self._container_ports() if item.name == target), 0)

    def _container_ports(self) -> tuple[ContainerPort, ...]:
        containers: tuple[Container, ...] = self.pods[0].containers if self.pods else ()
        return tuple(port for container in containers for port in container.ports or ())

    def _to_entry_point(self, path: PortPath) -> PortPath:
        found = [
            item for item in self.static.entry_points if item.port == path.container_port and item.protocol == "tcp"
        ]
        if found:
            return replace(path, entry_point=found[0])
        return replace(path, gap=f"no entry point listens on port {path.container_port} of the container")


class AccessLogLine(msgspec.Struct, frozen=True, kw_only=True):
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


class ControllerLogs(msgspec.Struct, frozen=True, kw_only=True):
    """Recent log lines of the controller's pods.

    ``errors`` are lines at warning level or above, oldest first; ``access`` the access-log lines for the target's
    host; ``other_access`` counts those for other hosts, ``hostless_access`` those in the common format, which names
    no host; ``access_log_on`` is None when it cannot be told; ``unread`` says which pods' logs could not be read.
    """

    errors: tuple[str, ...]
    access: tuple[AccessLogLine, ...]
    access_log_on: bool | None
    lines_read: int
    other_access: int = 0
    hostless_access: int = 0
    unread: tuple[Unavailable, ...] = ()
