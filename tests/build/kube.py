"""A Kubernetes source that answers from a table, and the bodies it answers with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from ingressdoctor.api import Answer, SourceError


class TableKube:
    """Answers each path from a table; the answers of one path are given in turn, the last one for good."""

    context = "test"

    def __init__(self, answers: Mapping[str, Answer | SourceError | list[Answer]]) -> None:
        self.answers = answers
        self.calls: list[tuple[str, dict[str, str]]] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.calls.append((path, dict(query)))
        found = self.answers.get(path, text("404 page not found\n", status=404))
        if isinstance(found, SourceError):
            raise found
        if isinstance(found, list):
            return found.pop(0) if len(found) > 1 else found[0]
        return found


def body(value: Any, *, status: int = 200) -> Answer:
    return Answer(status=status, body=json.dumps(value).encode())


def text(value: str, *, status: int = 200) -> Answer:
    return Answer(status=status, body=value.encode())


def a_list(*items: Any, kind: str = "List", token: str = "") -> Answer:
    return body({"kind": kind, "metadata": {"continue": token} if token else {}, "items": list(items)})


def an_object(name: str = "one", namespace: str | None = "ns", **parts: Any) -> dict[str, Any]:
    return {"metadata": {"name": name} | ({"namespace": namespace} if namespace else {}), **parts}


def forbidden(message: str) -> Answer:
    return body({"kind": "Status", "reason": "Forbidden", "code": 403, "message": message}, status=403)
