"""Status objects: how the API server words a refusal. Pure.

Wording: Kubernetes apimachinery, pkg/api/errors/errors.go, and apiserver, pkg/endpoints/handlers/responsewriters.
"""

from __future__ import annotations

from typing import Any

from ingressdoctor.lab.serve.http import json_response
from ingressdoctor.lab.serve.kube.resources import Resource
from ingressdoctor.lab.serve.wire import Response

_REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    404: "NotFound",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
}
_MESSAGES = {
    401: "Unauthorized",
    429: "too many requests, please try again later",
    500: "an error on the server has prevented the request from succeeding",
}
_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


def status(code: int, message: str, *, reason: str = "", details: dict[str, Any] | None = None) -> Response:
    """A Status of kind Failure."""
    body: dict[str, Any] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": reason or _REASONS.get(code, "Unknown"),
    }
    if details:
        body["details"] = details
    return json_response(code, {**body, "code": code})


def general(code: int) -> Response:
    """The Status for a failure of the server as a whole."""
    return status(code, _MESSAGES.get(code, "an error on the server"))


def no_such_path() -> Response:
    """What the server says of a path it does not have (an unknown group or resource): plain text."""
    headers = (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff"))
    return Response(status=404, headers=headers, body=b"404 page not found\n")


def not_found(resource: Resource, name: str) -> Response:
    """No object of that name."""
    return status(404, f'{resource.qualified} "{name}" not found', details=_details(resource, name))


def expired(token: str) -> Response:
    """The continue token is too old; *token* goes on inconsistently."""
    answer = status(410, _EXPIRED)
    body = answer.body.replace(b'"metadata":{}', b'"metadata":{"continue":"' + token.encode() + b'"}')
    return Response(status=410, headers=answer.headers, body=body)


def forbidden(user: str, verb: str, resource: Resource, sub: str, where: tuple[str, str]) -> Response:
    """RBAC refuses *verb* on the resource (and subresource); *where* is (namespace, name), "" for none."""
    namespace, name = where
    plural = f"{resource.plural}/{sub}" if sub else resource.plural
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    scope = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    message = (
        f'{subject} is forbidden: User "{user}" cannot {verb} resource "{plural}" '
        f'in API group "{resource.group}" {scope}'
    )
    return status(403, message, reason="Forbidden", details=_details(resource, name))


def _details(resource: Resource, name: str) -> dict[str, Any]:
    found = {"name": name, "group": resource.group, "kind": resource.plural}
    return {key: value for key, value in found.items() if value}
