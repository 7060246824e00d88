"""Lists: selectors, chunks and continue tokens. The clock is read only to age the tokens."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ingressdoctor.lab.cluster import Object
from ingressdoctor.lab.serve.http import json_response
from ingressdoctor.lab.serve.kube import status as words
from ingressdoctor.lab.serve.kube.resources import RESOURCE_VERSION, Resource
from ingressdoctor.lab.serve.kube.selectors import SelectorError, field_test, label_test
from ingressdoctor.lab.serve.wire import Response


def answer_list(resource: Resource, objects: Sequence[Object], query: Mapping[str, str], ttl_s: float) -> Response:
    """The list a query asks for; 400 for a bad selector or token, 410 for a token older than *ttl_s*."""
    try:
        labels = label_test(query.get("labelSelector", ""))
        fields = field_test(query.get("fieldSelector", ""), resource)
        limit = int(query.get("limit") or 0)
    except (SelectorError, ValueError) as error:
        return words.status(400, str(error))
    asked = query.get("labelSelector") or query.get("fieldSelector")
    found = tuple(item for item in objects if labels(item) and fields(item)) if asked else objects
    start = 0
    if token := query.get("continue", ""):
        try:
            start, issued = _read(token)
        except ValueError:
            return words.status(400, f"continue key is not valid: {token!r}")
        if time.time() - issued > ttl_s:
            return words.expired(_token(start))
    end = start + limit if limit > 0 else len(found)
    meta: dict[str, Any] = {"resourceVersion": RESOURCE_VERSION}
    if end < len(found):
        meta["continue"] = _token(end)
        if not asked:
            meta["remainingItemCount"] = len(found) - end
    items = found[start:end]
    return json_response(
        200,
        {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": meta,
            "items": items if resource.custom else [_bare(item) for item in items],
        },
    )


def _bare(item: Object) -> dict[str, Any]:
    """Items of built-in lists carry neither kind nor apiVersion."""
    return {key: value for key, value in item.items() if key not in {"kind", "apiVersion"}}


def _token(start: int) -> str:
    raw = json.dumps({"v": "meta.k8s.io/v1", "rv": int(RESOURCE_VERSION), "start": start, "at": time.time()})
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _read(token: str) -> tuple[int, float]:
    """(start, time of issue); ValueError for anything that _token did not make."""
    raw = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    match raw:
        case {"start": int(start), "at": float(issued)}:
            return start, issued
        case _:
            raise ValueError(token)
