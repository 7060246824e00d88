"""A small API server made of plain objects, which counts what it is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from ingressdoctor.api import Answer, SourceError
from ingressdoctor.collect.workloads import collect_deployments, collect_others, collect_services
from ingressdoctor.model.needs import Later


class FakeCluster:
    """Answers lists and objects from plain data, as the API server would; everything else does not exist."""

    context = "fake"

    def __init__(self, objects: Mapping[str, Any], statuses: Mapping[str, int] | None = None) -> None:
        self.objects, self.statuses = objects, statuses or {}
        self.asked: list[str] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        status = self.statuses.get(path, 200 if path in self.objects else 404)
        if status == 0:
            raise SourceError("the API server cannot be reached", hint="look at the kubeconfig")
        if status != 200:
            return Answer(status=status, body=b'{"kind":"Status","message":"no"}')
        found = self.objects[path]
        if not isinstance(found, list):
            return Answer(status=200, body=msgspec.json.encode(found))
        wanted = dict(pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair)
        chosen = [
            item
            for item in map(msgspec.to_builtins, found)
            if wanted.items() <= (item["metadata"].get("labels") or {}).items()
        ]
        return Answer(status=200, body=json.dumps({"kind": "List", "items": chosen}).encode())


def later(value: Any) -> Later[Any]:
    """Evidence that is asked for later, and is there."""

    async def fetch() -> Any:
        return value

    return Later(fetch)


def asked_later(kube: Any, collected: Any) -> Later[Any]:
    """Evidence of one collector that needs the cluster alone, collected when it is asked for."""

    async def fetch() -> Any:
        return await collected.function(kube)

    return Later(fetch)


def workloads_of(kube: Any) -> tuple[Later[Any], Later[Any]]:
    """Deployments, and other workloads, of a cluster."""
    return asked_later(kube, collect_deployments), asked_later(kube, collect_others)


def services_of(kube: Any) -> Later[Any]:
    """All Services of a cluster."""
    return asked_later(kube, collect_services)
