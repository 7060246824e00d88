"""The API server itself: authentication, authorisation, discovery, get and list. It changes nothing, ever.

Order of the gates as in the real server: 401 before 403 before 404. Secrets are always refused: no role of this
tool may read them. Whatever the world's `rbac.deny` lists is refused too.
"""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import unquote

from ingressdoctor.lab.cluster import (
    Object,
    dig,
    labels_of,
    mapping,
    name_of,
    namespace_of,
    pod_address,
    sequence,
    text,
)
from ingressdoctor.lab.derive import with_endpoint_slices
from ingressdoctor.lab.serve.http import json_response, query_of
from ingressdoctor.lab.serve.kube import status as words
from ingressdoctor.lab.serve.kube.listing import answer_list
from ingressdoctor.lab.serve.kube.logs import LogReader, answer_log
from ingressdoctor.lab.serve.kube.portforward import Dial, open_forward
from ingressdoctor.lab.serve.kube.resources import Catalogue, Resource
from ingressdoctor.lab.serve.wire import Request, Response
from ingressdoctor.lab.world import World

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

PodProxy = Callable[[Object, int, Request], Awaitable[Response | None]]
"""A pod, a port and a request to the pod's answer; None when nobody answers there."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """What a path asks for; "" where the path does not say."""

    group: str
    version: str
    plural: str = ""
    namespace: str = ""
    name: str = ""
    sub: str = ""
    rest: str = ""


def _parse(path: str) -> _Call | None:
    """Read an API path; None when it is none."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[:2] == ["api", "v1"]:
        group, version, rest = "", "v1", parts[2:]
    elif parts[0] == "apis" and len(parts) >= 3:
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    # /namespaces and /namespaces/x are about Namespaces themselves.
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        namespace, rest = rest[1], rest[2:]
    behind = "/".join(rest[3:])
    if len(rest) > 3 and rest[2] != "proxy":
        return None
    plural, name, sub = (*rest, "", "", "")[:3]
    return _Call(group=group, version=version, plural=plural, namespace=namespace, name=name, sub=sub, rest=behind)


class KubeApi:
    """One world's API server as an HTTP handler."""

    def __init__(self, world: World, *, token: str, log_reader: LogReader, pod_proxy: PodProxy, pod_dial: Dial) -> None:
        """*token* is the only bearer token that is let in.

        *pod_proxy* reaches pods for `pods/proxy` and `services/proxy`, *pod_dial* for `pods/portforward`.
        """
        self._pod_proxy = pod_proxy
        self._pod_dial = pod_dial
        objects = with_endpoint_slices(world.objects)
        self._catalogue = Catalogue(objects)
        self._slices = tuple(item for item in objects if item.get("kind") == "EndpointSlice")
        self._logs = world.logs
        self._log_reader = log_reader
        self._token = token
        self._settings = mapping(world.settings.get("kube"))
        self._rbac = mapping(world.settings.get("rbac"))

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        path = request.path
        if path in {"/healthz", "/livez", "/readyz"}:
            return Response(status=200, headers=(("Content-Type", "text/plain"),), body=b"ok")
        if not self._is_authentic(request):
            return words.general(401)
        if request.method == "GET" and (found := self._discovery(path.rstrip("/"))) is not None:
            return found
        call = _parse(path)
        resource = self._catalogue.find(call.group, call.version, call.plural) if call else None
        if call is None or resource is None or (call.namespace and not resource.namespaced):
            return words.no_such_path()
        if call.sub in {"proxy", "portforward"} and request.method == "GET" and self._may(call, resource):
            return await (self._proxy if call.sub == "proxy" else self._forward)(request, call, resource)
        return self._read(request, call, resource)

    async def _forward(self, request: Request, call: _Call, resource: Resource) -> Response:
        """Connections to ports of a pod: `pods/NAME/portforward?ports=PORT`, as a WebSocket."""
        pod = self._named(resource, call.namespace, call.name)
        return open_forward(pod, request, self._pod_dial) if pod else words.not_found(resource, call.name)

    def _named(self, resource: Resource, namespace: str, name: str) -> Object | None:
        return next((item for item in self._catalogue.objects(resource, namespace) if name_of(item) == name), None)

    def _is_authentic(self, request: Request) -> bool:
        scheme, _, token = request.get("authorization").partition(" ")
        return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(), self._token.encode())

    def _read(self, request: Request, call: _Call, resource: Resource) -> Response:
        query = query_of(request)
        verb = _VERBS.get(request.method, "get" if call.name else "list")
        if query.get("watch") in {"true", "1"}:
            verb = "watch"
        if verb not in {"get", "list"} or not self._may(call, resource):
            user = text(self._rbac.get("user"))
            return words.forbidden(user, verb, resource, call.sub, (call.namespace, call.name))
        objects = self._catalogue.objects(resource, call.namespace)
        if not call.name:
            return answer_list(resource, objects, query, float(self._settings.get("continue_ttl_s", 300)))
        if resource.namespaced and not call.namespace:
            return words.no_such_path()
        found = next((item for item in objects if name_of(item) == call.name), None)
        if found is None:
            return words.not_found(resource, call.name)
        if call.sub == "log":
            return answer_log(found, query, self._logs, self._log_reader)
        return json_response(200, found)

    async def _proxy(self, request: Request, call: _Call, resource: Resource) -> Response:
        """The answer of a pod's port: `pods/NAME:PORT/proxy/PATH`, or of a Service's: `services/NAME:PORT/proxy/PATH`.

        The Authorization header is the API server's own and goes no further.
        """
        name, _, port = call.name.partition(":")
        found = self._named(resource, call.namespace, name)
        if found is not None and resource.kind == "Service":
            found, port = self._behind(found, port)
            if found is None:
                refused = f'no endpoints available for service "{call.name}"'
                return words.status(503, refused, reason="ServiceUnavailable")
        if found is None:
            return words.not_found(resource, name)
        target = f"/{call.rest}" + (f"?{query}" if (query := request.target.partition("?")[2]) else "")
        inner = Request(method="GET", target=target, headers=(("Host", call.name), ("Accept", "*/*")))
        answer = await self._pod_proxy(found, int(port), inner) if port.isdigit() else None
        if answer is None:
            refused = f"dial tcp {pod_address(found)}:{port}: connect: connection refused"
            return words.status(503, f"error trying to reach service: {refused}", reason="ServiceUnavailable")
        return answer

    def _behind(self, service: Object, wanted: str) -> tuple[Object | None, str]:
        """A ready pod of a Service, and the port there that one of the Service's leads to."""
        pods = self._catalogue.find("", "v1", "pods")
        for item in self._slices:
            same = namespace_of(item) == namespace_of(service)
            if not same or labels_of(item).get("kubernetes.io/service-name") != name_of(service):
                continue
            for port in map(mapping, sequence(item.get("ports"))):
                if wanted not in {text(port.get("name")), *_numbers(service, text(port.get("name")))}:
                    continue
                for point in map(mapping, sequence(item.get("endpoints"))):
                    name = text(mapping(point.get("targetRef")).get("name"))
                    if mapping(point.get("conditions")).get("ready") is not False and pods is not None:
                        return self._named(pods, namespace_of(service), name), text(port.get("port"))
        return None, ""

    def _may(self, call: _Call, resource: Resource) -> bool:
        """RBAC: the world's denials, Secrets, and subresources but status and logs."""
        allowed = (("", "status"), ("", "status", "log"))[resource.kind == "Pod"]
        granted = f"{resource.plural}/{call.sub}" in sequence(self._rbac.get("allow"))
        if resource.kind == "Secret" or (call.sub not in allowed and not granted):
            return False
        only = sequence(self._rbac.get("namespaces"))
        if only and call.namespace not in only:
            return False
        plural = f"{resource.plural}/{call.sub}" if call.sub else resource.plural
        wanted = f"{plural}.{resource.group}" if resource.group else plural
        return wanted not in sequence(self._rbac.get("deny"))

    def _discovery(self, path: str) -> Response | None:
        """Version, groups and resource lists; None for any other path."""
        groups = self._catalogue.groups()
        if path == "/version":
            return json_response(200, _version(text(self._settings.get("version"))))
        if path == "/api":
            return json_response(200, {"kind": "APIVersions", "versions": ["v1"]})
        if path == "/apis":
            listed = [_group(name, versions) for name, versions in groups.items() if name]
            return json_response(200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": listed})
        parts = path.strip("/").split("/")
        if parts[0] == "apis" and len(parts) == 2 and parts[1] in groups:
            return json_response(200, {"kind": "APIGroup", "apiVersion": "v1", **_group(parts[1], groups[parts[1]])})
        group, version = ("", parts[-1]) if parts[0] == "api" else (parts[1] if len(parts) > 1 else "", parts[-1])
        if len(parts) == (2 if parts[0] == "api" else 3) and version in groups.get(group, ()):
            return json_response(200, self._resource_list(group, version))
        return None

    def _resource_list(self, group: str, version: str) -> Mapping[str, Any]:
        return {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": f"{group}/{version}" if group else version,
            "resources": [
                {
                    "name": item.plural,
                    "singularName": item.kind.lower(),
                    "namespaced": item.namespaced,
                    "kind": item.kind,
                    "verbs": ["get", "list"],
                }
                for item in self._catalogue.resources
                if (item.group, item.version) == (group, version)
            ],
        }


def _numbers(service: Object, name: str) -> tuple[str, ...]:
    """The numbers of a Service's ports of a name."""
    ports = map(mapping, sequence(dig(service, "spec", "ports")))
    return tuple(text(port.get("port")) for port in ports if text(port.get("name")) == name)


def _version(version: str) -> dict[str, str]:
    major, _, minor = version.removeprefix("v").partition(".")
    return {
        "major": major,
        "minor": minor.partition(".")[0],
        "emulationMajor": major,
        "emulationMinor": minor.partition(".")[0],
        "gitVersion": version,
        "gitCommit": "8cc511e399b929453cd98ae65b419c3cc227ec79",
        "gitTreeState": "clean",
        "buildDate": "2026-01-15T09:12:44Z",
        "goVersion": "go1.24.9",
        "compiler": "gc",
        "platform": "linux/amd64",
    }


def _group(name: str, versions: tuple[str, ...]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}
