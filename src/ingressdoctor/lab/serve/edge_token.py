"""The JWT that Access hands to an origin, as far as the lab needs it: the claims are real, the signature is not."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import mapping


def unsigned(claims: Mapping[str, Any]) -> str:
    """A token with these claims; nobody could verify it."""
    head = {"alg": "RS256", "kid": "lab", "typ": "JWT"}
    return ".".join((_encoded(head), _encoded(claims), "bGFi"))


def claims_of(token: str) -> Mapping[str, Any]:
    """The claims of a token; {} when it is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        return mapping(json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))))
    except ValueError:
        return {}


def _encoded(value: Mapping[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")
