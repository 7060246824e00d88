"""A small API server made of plain objects, which counts what it is asked."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec

from ingressdoctor.api import Answer, SourceError


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
