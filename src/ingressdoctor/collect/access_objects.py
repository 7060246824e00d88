"""Objects of Cloudflare Access as the API answers them, into evidence. Pure.

Anything may be missing, null or of another type. A client id is masked here, so that it leaves in no other form.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ingressdoctor.evidence.access_apps import (
    AccessApplication,
    AccessDestination,
    AccessOrganisation,
    AccessPolicy,
    Decision,
    ServiceToken,
)
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_list, as_map, as_text

__all__ = ["mask", "parse_application", "parse_organisation", "parse_policies", "parse_token"]

_NAME: Final = 200
_URI: Final = 2_048
_MOST: Final = 1_000
# Bypass and Service Auth are evaluated before the rest; the rest in their own order.
_ORDER: Final = {Decision.BYPASS: 0, Decision.SERVICE_AUTH: 1}


def parse_application(raw: object) -> AccessApplication | None:
    """Read one application; None without a usable id. Policies that the list does not hold are Unavailable."""
    item = as_map(raw)
    ident = as_text(item.get("id")) or as_text(item.get("uid"))
    if not ident or not ident.replace("-", "").isalnum() or not ident.isascii():
        return None
    held = item.get("policies")
    return AccessApplication(
        id=ident,
        name=clean(as_text(item.get("name")), _NAME),
        type=clean(as_text(item.get("type")), 40),
        aud=clean(as_text(item.get("aud")), _NAME),
        destinations=_destinations(item),
        policies=parse_policies(as_list(held)) if _holds_policies(held) else _NOT_LISTED,
        session_duration=clean(as_text(item.get("session_duration")), 40),
        preflight_bypass=item.get("options_preflight_bypass") is True,
        service_auth_401=item.get("service_auth_401_redirect") is True,
    )


_NOT_LISTED: Final = Unavailable(wanted="the application's policies", reason="the list does not hold them")


def _holds_policies(held: object) -> bool:
    """Tell whether a list holds whole policies; it may hold their ids alone."""
    items = as_list(held)
    return bool(items) and all(as_text(as_map(item).get("decision")) for item in items)


def _destinations(item: Mapping[str, Any]) -> tuple[AccessDestination, ...]:
    """Read what an application stands before: ``destinations``, else its older lists, else its one domain."""
    listed = [as_map(entry) for entry in as_list(item.get("destinations"))[:_MOST]]
    public = [entry for entry in listed if (entry.get("type") or "public") == "public" and as_text(entry.get("uri"))]
    if listed:
        return tuple(found for entry in public for found in _destination(entry))
    older = [text for entry in as_list(item.get("self_hosted_domains"))[:_MOST] if (text := as_text(entry))]
    uris = older or [text for text in (as_text(item.get("domain")),) if text]
    return tuple(AccessDestination(uri=clean(uri, _URI)) for uri in uris)


def _destination(entry: Mapping[str, Any]) -> tuple[AccessDestination, ...]:
    """Read one destination and the paths below it that are excepted from the login."""
    uri, overrides = clean(as_text(entry.get("uri")), _URI), entry.get("overrides")
    whole = as_map(overrides).get("behavior") == "public"
    excepted = []
    for item in map(as_map, as_list(overrides)[:_MOST]):
        path = as_text(item.get("uri")) or as_text(item.get("path"))
        if item.get("behavior") != "public":
            continue
        below = path if not path.startswith("/") else uri.partition("/")[0] + path
        excepted.append(AccessDestination(uri=clean(below or uri, _URI), public=True))
    return (AccessDestination(uri=uri, public=whole), *excepted)


def parse_policies(raw: object) -> tuple[AccessPolicy, ...]:
    """Read policies into the order in which they are evaluated."""
    policies = [_policy(as_map(item)) for item in as_list(raw)[:_MOST]]
    return tuple(sorted(policies, key=lambda item: (_ORDER.get(item.decision, 2), item.precedence)))


def _policy(item: Mapping[str, Any]) -> AccessPolicy:
    word, precedence = as_text(item.get("decision")), item.get("precedence")
    included = [as_map(rule) for rule in as_list(item.get("include"))[:_MOST]]
    narrowed = bool(as_list(item.get("require")))
    named = (as_text(as_map(rule.get("service_token")).get("token_id")) for rule in included)
    return AccessPolicy(
        name=clean(as_text(item.get("name")), _NAME),
        decision=Decision(word) if word in set(Decision) else Decision.OTHER,
        precedence=precedence if isinstance(precedence, int) and not isinstance(precedence, bool) else 0,
        everyone=not narrowed and any(map(_everybody, included)),
        service_tokens=tuple(clean(token, 64) for token in named if token),
        any_service_token=any("any_valid_service_token" in rule for rule in included),
    )


def _everybody(rule: Mapping[str, Any]) -> bool:
    """Tell whether a rule includes all; an exclusion of some beside it makes little difference."""
    return "everyone" in rule or as_text(as_map(rule.get("ip")).get("ip")) in {"0.0.0.0/0", "::/0"}


def parse_token(raw: object, ours: str) -> ServiceToken | None:
    """Read one service token; *ours* is the client id that is configured, or empty."""
    item = as_map(raw)
    ident, client = as_text(item.get("id")), as_text(item.get("client_id"))
    if not ident:
        return None
    return ServiceToken(
        id=clean(ident, 64),
        name=clean(as_text(item.get("name")), _NAME),
        client_id=mask(client),
        expires_at=clean(as_text(item.get("expires_at")), 40),
        enabled=item.get("enabled") is not False,
        ours=bool(ours) and client == ours,
    )


def mask(client_id: str) -> str:
    """Return enough of a client id to find it in the dashboard."""
    return clean(f"{client_id[:8]}…", 20) if len(client_id) > 12 else "…"


def parse_organisation(item: Mapping[str, Any]) -> AccessOrganisation:
    """Read the settings of the organisation."""
    return AccessOrganisation(
        auth_domain=clean(as_text(item.get("auth_domain")), 253),
        strict_service_tokens=item.get("strict_service_token_auth") is True,
        denies_unmatched=item.get("deny_unmatched_requests") is True,
    )
