"""Cloudflare Access at the edge: which application covers a URL, and what its policies make of a visitor.

Source: Cloudflare's documentation of application paths, policies and service tokens. Nobody signs in here: a visitor is
either nobody or a service token. Objects are the API's (`access` of cloudflare.yaml); the secrets of tokens are made
anew for each run.
"""

from __future__ import annotations

import dataclasses
import hmac
import json
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from ingressdoctor.lab.cluster import dig, mapping, sequence, text
from ingressdoctor.lab.serve.edge_pages import redirect
from ingressdoctor.lab.serve.edge_token import unsigned
from ingressdoctor.lab.serve.wire import Headers, Request, Response, first

_ID, _SECRET = "cf-access-client-id", "cf-access-client-secret"  # names of headers


class TokenSecrets:
    """The secrets of service tokens, made anew for each run, by token id."""

    def __init__(self, access: Mapping[str, Any]) -> None:
        self._tokens = [mapping(item) for item in sequence(access.get("service_tokens"))]
        self._secrets = {text(item.get("id")): secrets.token_hex(32) for item in self._tokens}

    def handed_out(self, setting: Mapping[str, Any]) -> tuple[str, str]:
        """Client id and secret that an operator holds, as `service_token` of the settings says; ("", "") for none."""
        for item in self._tokens:
            if item.get("name") == setting.get("name"):
                right = setting.get("secret", "current") == "current"
                return text(item.get("client_id")), self._secrets[text(item.get("id"))] if right else "0" * 64
        return "", ""

    def check(self, client_id: str, secret: str, now: datetime) -> Mapping[str, Any] | None:
        """The token that these headers prove; None for an unknown, wrong, disabled or expired one."""
        for item in self._tokens:
            same = text(item.get("client_id")) == client_id
            if same and hmac.compare_digest(self._secrets[text(item.get("id"))].encode(), secret.encode()):
                return item if item.get("enabled") is not False and not _expired(item, now) else None
        return None


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """What Access decided: *response* ends the visit; else it goes on with *headers* for the origin."""

    response: Response | None = None
    headers: Headers = ()


class Access:
    """The Access applications of an account."""

    def __init__(self, access: Mapping[str, Any], tokens: TokenSecrets) -> None:
        self._organization = mapping(access.get("organization"))
        self._reusable = {text(mapping(item).get("id")): mapping(item) for item in sequence(access.get("policies"))}
        self._apps = [mapping(item) for item in sequence(access.get("apps"))]
        self._tokens = tokens

    @property
    def team(self) -> str:
        """The team's domain."""
        return text(self._organization.get("auth_domain")) or "lab.cloudflareaccess.com"

    def judge(self, request: Request, host: str, client_ip: str) -> Passage:
        """Whether a request for *host* passes."""
        found = self.covering(host, request.path)
        if found is None:
            denied = self._organization.get("deny_unmatched_requests") is True
            return Passage(response=_forbidden(request, "", (), 403) if denied else None)
        app, pattern = found
        marks = (("CF-Access-Domain", pattern), ("CF-Access-Aud", text(app.get("aud"))))
        if request.method == "OPTIONS" and app.get("options_preflight_bypass") is True:
            return Passage()
        policies = self._policies(app)
        if any(item.get("decision") == "bypass" and _includes(item, None, client_ip) for item in policies):
            return Passage()
        token = self._token(app, request)
        services = [item for item in policies if item.get("decision") == "non_identity"]
        if token is not None and any(_includes(item, token, client_ip) for item in services):
            return Passage(headers=(("Cf-Access-Jwt-Assertion", self._assertion(app, token)),))
        strict = self._organization.get("strict_service_token_auth") is True and _presents(request)
        if not strict and any(item.get("decision") == "allow" for item in policies):
            return Passage(response=self._login(app, pattern, request, host, marks))
        status = 401 if app.get("service_auth_401_redirect") is True else 403
        if strict:
            status = 403 if token else 401  # may not, or could not be told who it is
        return Passage(response=_forbidden(request, text(app.get("aud")), marks, status))

    def covering(self, host: str, path: str) -> tuple[Mapping[str, Any], str] | None:
        """The application with the most specific destination for a URL, and that destination."""
        found = [
            (_rank(pattern), number, app, pattern)
            for number, app in enumerate(self._apps)
            for pattern in _destinations(app)
            if _covers(pattern, host, path)
        ]
        if not found:
            return None
        _, _, app, pattern = max(found, key=lambda item: (item[0], -item[1]))
        return app, pattern

    def _policies(self, app: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
        listed = [
            mapping(item) if isinstance(item, Mapping) else {"id": item} for item in sequence(app.get("policies"))
        ]
        whole = [{**self._reusable.get(text(item.get("id")), {}), **item} for item in listed]
        return tuple(sorted(whole, key=lambda item: _number(item.get("precedence"))))

    def _token(self, app: Mapping[str, Any], request: Request) -> Mapping[str, Any] | None:
        client_id, secret = request.get(_ID), request.get(_SECRET)
        if header := text(app.get("read_service_tokens_from_header")):
            try:
                both = {key.lower(): text(value) for key, value in mapping(json.loads(request.get(header))).items()}
            except ValueError:
                both = {}
            client_id, secret = both.get(_ID, client_id), both.get(_SECRET, secret)
        return self._tokens.check(client_id, secret, datetime.now(UTC)) if client_id and secret else None

    def _assertion(self, app: Mapping[str, Any], token: Mapping[str, Any]) -> str:
        now = int(time.time())
        return unsigned(
            {
                "aud": [text(app.get("aud"))],
                "iss": f"https://{self.team}",
                "iat": now,
                "exp": now + 3600,
                "type": "app",
                "sub": "",
                "common_name": text(token.get("client_id")),
            }
        )

    def _login(self, app: Mapping[str, Any], pattern: str, request: Request, host: str, marks: Headers) -> Response:
        """The redirect of somebody who has not signed in."""
        audience, where = text(app.get("aud")), quote(request.target, safe="")
        meta = unsigned({"type": "meta", "aud": audience, "hostname": host, "redirect_url": request.target})
        metadata: Headers = ()
        if request.get("cf-access-metadata-request"):
            claims = {"type": "match", "hostname": host, "auth_domain": self.team, "aud": audience}
            metadata = (("CF-Access-Metadata", unsigned({**claims, "app_hostname": pattern, "iat": int(time.time())})),)
        return redirect(
            302,
            f"https://{self.team}/cdn-cgi/access/login/{host}?kid={audience}&meta={meta}&redirect_url={where}",
            ("WWW-Authenticate", "Cloudflare-Access"),
            *marks,
            *metadata,
        )


def without_token(headers: Headers) -> Headers:
    """Headers as the origin may see them: the token stays at the edge."""
    return tuple((key, value) for key, value in headers if key.lower() not in {_ID, _SECRET, "cf-access-jwt-assertion"})


def _presents(request: Request) -> bool:
    return bool(first(request.headers, _ID) or first(request.headers, _SECRET))


def _forbidden(request: Request, audience: str, marks: Headers, status: int) -> Response:
    if "text/html" in request.get("accept") or not request.get("accept"):
        body, media = (
            "<!DOCTYPE html><html><head><title>Forbidden</title></head><body>Forbidden</body></html>",
            "text/html",
        )
    else:
        body, media = json.dumps({"message": "Forbidden.", "aud": audience}), "application/json"
    return Response(status=status, headers=(("Content-Type", media), *marks), body=body.encode())


def _destinations(app: Mapping[str, Any]) -> Sequence[str]:
    """Where an application stands: `destinations` when there are any, else the older fields."""
    if listed := sequence(app.get("destinations")):
        return [text(mapping(item).get("uri")) for item in listed if mapping(item).get("type", "public") == "public"]
    return [text(item) for item in (*sequence(app.get("self_hosted_domains")), app.get("domain")) if item]


def _covers(pattern: str, host: str, path: str) -> bool:
    name, slash, rest = pattern.lower().partition("/")
    labels, wanted = name.split("."), host.split(".")
    if len(labels) != len(wanted) or not all(_label_covers(*pair) for pair in zip(labels, wanted, strict=True)):
        return False
    rest = pattern.partition("/")[2]
    if not slash or not rest:
        return True
    if "*" not in rest:
        return path == f"/{rest}" or path.startswith(f"/{rest.rstrip('/')}/")
    start, _, end = f"/{rest}".partition("*")
    return path.startswith(start) and path.endswith(end) and len(path) >= len(start) + len(end)


def _label_covers(pattern: str, label: str) -> bool:
    if "*" not in pattern:
        return pattern == label
    start, _, end = pattern.partition("*")
    return label.startswith(start) and label.endswith(end) and len(label) >= len(start) + len(end)


def _rank(pattern: str) -> tuple[bool, int, int, bool]:
    """More specific is greater: a name without wildcard, a longer one, a longer path."""
    name, _, rest = pattern.partition("/")
    return ("*" not in name, len(name.replace("*", "")), len(rest.replace("*", "")), "*" not in rest)


def _includes(policy: Mapping[str, Any], token: Mapping[str, Any] | None, client_ip: str) -> bool:
    """Whether a policy is about this visitor: one of include, none of exclude, all of require."""

    def any_of(rules: Iterable[object]) -> bool:
        return any(_meets(mapping(rule), token, client_ip) for rule in rules)

    required = all(_meets(mapping(rule), token, client_ip) for rule in sequence(policy.get("require")))
    return any_of(sequence(policy.get("include"))) and required and not any_of(sequence(policy.get("exclude")))


def _meets(rule: Mapping[str, Any], token: Mapping[str, Any] | None, client_ip: str) -> bool:
    if "everyone" in rule:
        return True
    if "ip" in rule:
        return text(dig(rule, "ip", "ip")).partition("/")[0] == client_ip
    if token is None:
        return False
    return "any_valid_service_token" in rule or dig(rule, "service_token", "token_id") == token.get("id")


def _expired(token: Mapping[str, Any], now: datetime) -> bool:
    try:
        return datetime.fromisoformat(text(token.get("expires_at"))) <= now
    except (ValueError, TypeError):
        return False


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
