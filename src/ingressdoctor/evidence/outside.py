"""What a visitor gets: the probe through the edge, and the same request sent straight to the origin."""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

import msgspec

from ingressdoctor.evidence.dns import DnsReply
from ingressdoctor.evidence.net import HttpExchange, TcpAttempt

__all__ = [
    "AccessGate",
    "AddressRanges",
    "DnsView",
    "EdgeError",
    "HttpsRecords",
    "Online",
    "OriginProbe",
    "OutsideProbe",
    "ResolverView",
    "TokenUse",
]


class Online(msgspec.Struct, frozen=True, kw_only=True):
    """Whether this machine reaches anything at all; one success among the anchors is proof."""

    online: bool
    attempts: tuple[TcpAttempt, ...] = ()


class AddressRanges(msgspec.Struct, frozen=True, kw_only=True):
    """Cloudflare's published edge ranges: CIDRs, and where and when they come from."""

    cidrs: tuple[str, ...]
    source: str
    as_of: str

    # membership is answered by ``ingressdoctor.routing.addresses.is_cloudflare(ranges, address)``


class ResolverView(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """What one server says about the target: A, AAAA, HTTPS questions."""

    server: str
    replies: tuple[DnsReply, ...]

    @cached_property  # dozens of checks ask for it
    def addresses(self) -> tuple[str, ...]:
        """All A and AAAA data, in answer order."""
        return tuple(data for reply in self.replies for data in (*reply.of("A"), *reply.of("AAAA")))


class DnsView(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """The target's name as several resolvers see it, and as the zone's own servers do (None: not asked)."""

    hostname: str
    resolvers: tuple[ResolverView, ...]
    authoritative: ResolverView | None = None
    cname_chain: tuple[str, ...] = ()

    @cached_property
    def addresses(self) -> tuple[str, ...]:
        """Addresses of the first resolver that has any: what a client on this machine would dial."""
        return next((view.addresses for view in self.resolvers if view.addresses), ())


class HttpsRecords(msgspec.Struct, frozen=True, kw_only=True):
    """What the servers of a ``DnsView`` answer to the question for an HTTPS record (RFC 9460): one reply for each."""

    replies: tuple[DnsReply, ...] = ()


class EdgeError(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that Cloudflare's edge made itself.

    ``code`` is 520 to 527, 530, 502, 504, 500, 503 or a 1xxx number; a 403 without a code counts as 1020, a 429 as
    1015. A 502 or 504 may still stand for the origin's own, whose page the edge replaces. ``form`` says by what it was
    recognised: json, header, html, text, markdown or status.
    """

    code: int
    http_status: int
    title: str
    ray_id: str = ""
    form: str = ""


class TokenUse(StrEnum):
    """What became of the configured service token at an Access login."""

    NONE = "none is configured"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREADABLE = "could not be read"


class AccessGate(msgspec.Struct, frozen=True, kw_only=True):
    """The Access login that a visitor without a session meets.

    ``login`` is the login's host, or the application's domain where Access refuses instead of redirecting;
    ``exchange`` is that answer, ``aud`` the application's audience as far as it tells. ``refusal`` is what the service
    token was answered when it was refused; ``detail`` says why it could not be read.
    """

    login: str
    exchange: HttpExchange
    aud: str = ""
    token: TokenUse = TokenUse.NONE
    refusal: HttpExchange | None = None
    detail: str = ""


class OutsideProbe(msgspec.Struct, frozen=True, kw_only=True):
    """The request as a visitor sends it, redirects followed (at most 10).

    ``hops`` are in order, the last one is what the visitor ends with. ``loop`` is set when a hop repeats an
    earlier request. ``edge`` tells that Cloudflare's edge answered the last hop; ``edge_error`` that it made the
    answer itself; ``challenge`` and ``access_login`` (the login's host, or the Access application's domain) that
    nobody could see through. ``left_host`` names the host that a redirect led to when it differs from the target;
    when the last hop is still the redirect, that host was not asked. ``unanswered`` are attempts at further addresses
    of the target's name that could not be connected to.

    ``gate`` is set when visitors meet an Access login. With a service token that it accepts, everything else here is
    the view behind the login, and ``access_login`` is empty; without one it is the login itself.
    """

    hops: tuple[HttpExchange, ...]
    loop: bool = False
    too_many_redirects: bool = False
    edge: bool = False
    edge_error: EdgeError | None = None
    challenge: bool = False
    access_login: str = ""
    left_host: str = ""
    unanswered: tuple[TcpAttempt, ...] = ()
    gate: AccessGate | None = None

    @property
    def last(self) -> HttpExchange:
        """The exchange that the visitor ends with."""
        return self.hops[-1]


class OriginProbe(msgspec.Struct, frozen=True, kw_only=True):
    """The same request straight to the origin's address, with the right SNI and Host.

    ``https`` on 443 with any certificate accepted (its ``tls`` says whether a visitor would trust it), ``http`` on
    80; both without following redirects. ``address`` is the origin's, ``source`` how it was found.
    """

    address: str
    source: str
    https: HttpExchange
    http: HttpExchange
