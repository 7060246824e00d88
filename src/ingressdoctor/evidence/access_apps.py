"""Which Cloudflare Access applications stand before the target, and what they demand.

Values only; how patterns match is in ``routing/access.py``.
Source: developers.cloudflare.com/cloudflare-one (application paths, policies, service tokens).
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "AccessApplication",
    "AccessCoverage",
    "AccessDestination",
    "AccessMatch",
    "AccessOrganisation",
    "AccessPolicy",
    "Decision",
    "Neighbour",
    "ServiceToken",
]


class Decision(StrEnum):
    """What a policy does with whoever it includes; ``OTHER`` is a word that we do not know."""

    ALLOW = "allow"
    DENY = "deny"
    SERVICE_AUTH = "non_identity"
    BYPASS = "bypass"
    OTHER = "other"


class AccessPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy of an application.

    ``everyone`` tells that it includes everybody and nothing narrows that down; ``service_tokens`` are ids of the
    tokens that it includes, ``any_service_token`` that it includes all of them.
    """

    name: str
    decision: Decision
    precedence: int = 0
    everyone: bool = False
    service_tokens: tuple[str, ...] = ()
    any_service_token: bool = False


class AccessDestination(msgspec.Struct, frozen=True, kw_only=True):
    """One hostname and path of an application, as written; ``public`` tells that it is excepted from the login."""

    uri: str
    public: bool = False


class AccessApplication(msgspec.Struct, frozen=True, kw_only=True):
    """One application. ``policies`` are in the order of evaluation; ``type`` is Cloudflare's word (self_hosted ...)."""

    id: str
    name: str
    type: str
    aud: str
    destinations: tuple[AccessDestination, ...]
    policies: tuple[AccessPolicy, ...] | Unavailable
    session_duration: str = ""
    preflight_bypass: bool = False
    service_auth_401: bool = False

    @property
    def bypass(self) -> AccessPolicy | None:
        """The policy that lets everybody through without a login, if there is one."""
        policies = () if isinstance(self.policies, Unavailable) else self.policies
        return next((item for item in policies if item.decision is Decision.BYPASS and item.everyone), None)

    @property
    def service_auth(self) -> tuple[AccessPolicy, ...]:
        """The policies that let service tokens through."""
        policies = () if isinstance(self.policies, Unavailable) else self.policies
        return tuple(item for item in policies if item.decision is Decision.SERVICE_AUTH)


class AccessMatch(msgspec.Struct, frozen=True, kw_only=True):
    """An application that covers a URL, and the destination by which it does."""

    application: AccessApplication
    destination: AccessDestination

    @property
    def open(self) -> bool:
        """Whether visitors pass without a login all the same: by a bypass for everyone or an exception."""
        return self.destination.public or self.application.bypass is not None


class Neighbour(msgspec.Struct, frozen=True, kw_only=True):
    """Another hostname on the same tunnel, and whether visitors of its first page are asked to log in.

    ``kin`` tells that it is built like the target's name, as ``argocd-mgmt`` is like ``grafana-mgmt``.
    """

    hostname: str
    covered: bool
    kin: bool = False


class ServiceToken(msgspec.Struct, frozen=True, kw_only=True):
    """One service token; never its secret. ``client_id`` is masked, ``ours`` marks the one that is configured."""

    id: str
    name: str
    client_id: str
    expires_at: str = ""
    enabled: bool = True
    ours: bool = False


class AccessOrganisation(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the whole organisation that change what is answered."""

    auth_domain: str
    strict_service_tokens: bool = False
    denies_unmatched: bool = False


class AccessCoverage(msgspec.Struct, frozen=True, kw_only=True):
    """What Access demands at the target's host and path.

    ``match`` is the application that decides, None when none covers it; ``others`` cover it too but are less specific.
    ``below`` are applications that decide for other paths of the same host. ``near`` are destinations that look like
    a slip of the host's name or miss it by one label. ``neighbours`` are the other hostnames of the same tunnel.
    ``relevant`` False means that nothing was asked, because the name has nothing to do with a tunnel or with Access.
    """

    hostname: str
    path: str = "/"
    relevant: bool = True
    match: AccessMatch | None = None
    others: tuple[AccessMatch, ...] = ()
    below: tuple[AccessMatch, ...] = ()
    near: tuple[str, ...] = ()
    applications: int = 0
    neighbours: tuple[Neighbour, ...] = ()
    tokens: tuple[ServiceToken, ...] | Unavailable = ()
    organisation: AccessOrganisation | Unavailable | None = None

    @property
    def ours(self) -> ServiceToken | None:
        """The configured service token, as the API knows it."""
        tokens = () if isinstance(self.tokens, Unavailable) else self.tokens
        return next((item for item in tokens if item.ours), None)
