"""The CORS part of Traefik's headers middleware: the preflight it answers itself, and the headers it adds.

A preflight is answered 200 whatever the origin is; only the Access-Control-Allow-Origin header tells whether the
origin was in the list. Source: traefik pkg/middlewares/headers/header.go (v3.7).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from ingressdoctor.lab.cluster import sequence, text
from ingressdoctor.lab.serve.traefik.matchers import pattern
from ingressdoctor.lab.serve.wire import Headers, Request, Response, without

_KEYS = (
    "accessControlAllowCredentials",
    "accessControlAllowHeaders",
    "accessControlAllowMethods",
    "accessControlAllowOriginList",
    "accessControlAllowOriginListRegex",
    "accessControlExposeHeaders",
    "accessControlMaxAge",
    "addVaryHeader",
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Cors:
    """The CORS options of one headers middleware."""

    origins: tuple[str, ...]
    patterns: tuple[re.Pattern[str], ...]
    methods: tuple[str, ...]
    allowed: tuple[str, ...]
    exposed: tuple[str, ...]
    credentials: bool
    max_age: int | None
    vary: bool

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Cors | None:
        """The options of a middleware; None when it has none.

        Raises:
            RuleError: a pattern does not compile.
        """
        if not any(options.get(key) for key in _KEYS):
            return None
        words = {key: tuple(map(text, sequence(options.get(key)))) for key in _KEYS}
        age = options.get("accessControlMaxAge")
        return cls(
            origins=words["accessControlAllowOriginList"],
            patterns=tuple(pattern(item, "origin") for item in words["accessControlAllowOriginListRegex"]),
            methods=words["accessControlAllowMethods"],
            allowed=words["accessControlAllowHeaders"],
            exposed=words["accessControlExposeHeaders"],
            credentials=options.get("accessControlAllowCredentials") is True,
            max_age=age if isinstance(age, int) else None,
            vary=options.get("addVaryHeader") is True,
        )

    def preflight(self, request: Request) -> Response | None:
        """The answer to a preflight; None when the request is none."""
        origin, method = request.get("origin"), request.get("access-control-request-method")
        if request.method != "OPTIONS" or not origin or not method:
            return None
        headers = {
            "Access-Control-Allow-Credentials": "true" if self.credentials else "",
            "Access-Control-Allow-Headers": self._listed(self.allowed, request.get("access-control-request-headers")),
            "Access-Control-Allow-Methods": self._listed(self.methods, method),
            "Access-Control-Allow-Origin": self._match(origin),
            "Access-Control-Max-Age": "" if self.max_age is None else str(self.max_age),
            "Access-Control-Expose-Headers": self._exposed(),
        }
        return Response(status=200, headers=tuple((key, value) for key, value in headers.items() if value))

    def marked(self, response: Response, request: Request) -> Response:
        """The application's answer with the headers of an allowed origin."""
        given = {
            "Access-Control-Allow-Origin": self._match(request.get("origin")),
            "Access-Control-Allow-Credentials": "true" if self.credentials else "",
            "Access-Control-Expose-Headers": self._exposed(),
        }
        added: Headers = tuple((key, value) for key, value in given.items() if value)
        kept = without(response.headers, (key.lower() for key, _ in added))
        vary = response.get("vary")
        if self.vary and vary != "Origin":
            kept = (*without(kept, ("vary",)), ("Vary", f"{vary},Origin" if vary else "Origin"))
        return dataclasses.replace(response, headers=(*kept, *added))

    def _listed(self, words: tuple[str, ...], asked: str) -> str:
        return asked if "*" in words and self.credentials else ",".join(words)

    def _exposed(self) -> str:
        return "" if "*" in self.exposed and self.credentials else ",".join(self.exposed)

    def _match(self, origin: str) -> str:
        for item in self.origins:
            if item == origin:
                return item
            if item == "*":
                return origin if self.credentials else item
        return origin if any(found.search(origin) for found in self.patterns) else ""
