"""The request as a visitor sends it: by name, verified, redirects followed, the edge's part in the answer told.

Opens nothing towards strangers: a redirect to a host of another zone, and to any login page of Cloudflare Access, is
noted and not followed. Where a login stands and a service token is configured, the same visit is made once more with
it. Whether what came back is good is for the checks.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec
from msgspec.structs import replace

from ingressdoctor.collect.dns import ask_addresses
from ingressdoctor.collect.edge import EdgeVerdict, classify, wants_second_look
from ingressdoctor.collect.online import offline_reason
from ingressdoctor.collect.reach import CONNECT_S, not_connected, port_of, send
from ingressdoctor.collect.redirects import Visit, host_of, is_sibling, next_visit
from ingressdoctor.collect.upgrade import upgrade_headers
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.net import HttpExchange, HttpRequest, Reach, TcpAttempt
from ingressdoctor.evidence.outside import AccessGate, DnsView, Online, OutsideProbe, TokenUse
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.text import clean
from ingressdoctor.sources.base import AccessToken, Dns, Net

__all__ = ["ANSWER_S", "collect_outside", "dial_order"]

_WANTED: Final = "what a visitor gets"
# The edge takes 19 s to give up on a silent origin and then says so (522). It waits longer for a slow answer (524),
# which would eat a run's whole time: silence until here is evidence too (response-timeout).
ANSWER_S: Final = 22.0
_MAX_REDIRECTS: Final = 10
_MAX_ADDRESSES: Final = 4
_PROBLEM: Final = "application/problem+json, application/json;q=0.9, */*;q=0.1"


@collector(wanted=_WANTED, timeout_s=45.0)
async def collect_outside(
    target: Target, view: DnsView, dns: Dns, net: Net, token: AccessToken, online: Online | Unavailable
) -> OutsideProbe | Unavailable:
    """Visit the target and follow where it sends, at most ten redirects."""
    if target.protocol is Protocol.MYSQL:
        return Inapplicable(wanted=_WANTED, reason="the target does not speak HTTP")
    if not view.addresses:
        return Unavailable(
            wanted=_WANTED,
            reason=f"{target.hostname} has no address to connect to",
            enable_with="The findings about DNS say why, and what to do.",
        )
    more = upgrade_headers(target)
    probe = await _Trip(dns, net, target.hostname, view.addresses, headers=more).run(target.url)
    if probe.access_login:
        inside = _Trip(dns, net, target.hostname, view.addresses, headers=more, service_token=True)
        probe = await _through(probe, inside, target, token)
    if (offline := offline_reason(online)) and not any(hop.status for hop in probe.hops):
        return Unavailable(wanted=_WANTED, reason=offline, enable_with="Connect this machine to the internet.")
    return probe


def dial_order(addresses: tuple[str, ...]) -> tuple[str, ...]:
    """Return at most four addresses to try, IPv4 first, then in the order answered."""
    distinct = tuple(dict.fromkeys(addresses))
    return tuple(sorted(distinct, key=lambda address: ":" in address))[:_MAX_ADDRESSES]


async def _through(probe: OutsideProbe, inside: _Trip, target: Target, token: AccessToken) -> OutsideProbe:
    """Return the view behind an Access login where the service token opens it, else the login, with why."""
    last = probe.last
    gate = AccessGate(login=probe.access_login, exchange=last, aud=_audience(last))
    if host_of(last.url) != target.hostname or urlsplit(last.url).scheme != "https":
        return replace(probe, gate=gate)
    try:
        if not token.fits(target.hostname) or not await token.client_id():
            return replace(probe, gate=gate)
        behind = await inside.run(target.url)
    except SourceError as error:
        return replace(probe, gate=replace(gate, token=TokenUse.UNREADABLE, detail=clean(error.message, 300)))
    if behind.access_login:
        return replace(probe, gate=replace(gate, token=TokenUse.REFUSED, refusal=behind.last))
    return replace(behind, gate=replace(gate, token=TokenUse.ACCEPTED))


def _audience(login: HttpExchange) -> str:
    """Return the application's audience as far as a login or a refusal tells it."""
    told = login.header("cf-access-aud").strip()
    try:
        asked = parse_qs(urlsplit(login.header("location").strip()).query[:8_192]).get("kid", [""])[0]
    except ValueError:
        asked = ""
    found = told or asked
    return clean(found, 100) if found.isalnum() else ""


class _Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """One exchange, and the addresses tried before it that could not be connected to."""

    exchange: HttpExchange
    dead: tuple[TcpAttempt, ...] = ()


class _Trip:
    """One visit with all its redirects; remembers which address of each host answered."""

    def __init__(
        self,
        dns: Dns,
        net: Net,
        hostname: str,
        addresses: tuple[str, ...],
        *,
        headers: tuple[tuple[str, str], ...] = (),
        service_token: bool = False,
    ) -> None:
        self._headers = headers
        self._service_token = service_token
        self._dns = dns
        self._net = net
        self._hostname = hostname
        self._addresses = {hostname: dial_order(addresses)}
        self._dead: tuple[TcpAttempt, ...] = ()

    async def run(self, url: str) -> OutsideProbe:
        visit = Visit(url=url)
        seen: set[tuple[object, ...]] = set()
        hops: list[HttpExchange] = []
        while True:
            exchange = await self._send(visit)
            hops.append(exchange)
            repeated, following = visit.key in seen, next_visit(visit, exchange)
            seen.add(visit.key)
            if following is None or repeated or len(hops) > _MAX_REDIRECTS:
                break
            if not await self._follows(exchange, following):
                return await self._judged(hops, left_host=host_of(following.url))
            visit = following
        here = host_of(visit.url)
        left = here if here != self._hostname else ""
        ends_in_redirect = following is not None
        return replace(
            await self._judged(hops, left_host=left),
            loop=repeated and ends_in_redirect,
            too_many_redirects=not repeated and ends_in_redirect,
        )

    async def _follows(self, exchange: HttpExchange, following: Visit) -> bool:
        """Tell whether we go there; looks up the addresses of a sibling's name."""
        host = host_of(following.url)
        if classify(exchange).access_login or not is_sibling(self._hostname, host):
            return False
        if host not in self._addresses:
            self._addresses[host] = dial_order(await ask_addresses(self._dns, host))
        return True

    async def _judged(self, hops: list[HttpExchange], *, left_host: str) -> OutsideProbe:
        verdict = await self._verdict(hops[-1])
        return OutsideProbe(
            hops=tuple(hops),
            edge=verdict.edge,
            edge_error=verdict.error,
            challenge=verdict.challenge,
            access_login=verdict.access_login,
            left_host="" if verdict.access_login else left_host,
            unanswered=self._dead,
        )

    async def _verdict(self, last: HttpExchange) -> EdgeVerdict:
        verdict = classify(last)
        if not wants_second_look(last, verdict):
            return verdict
        request = HttpRequest(
            url=last.url,
            address=last.address,
            headers=(("Accept", _PROBLEM),),
            timeout_s=ANSWER_S,
            service_token=self._is_laden(last.url),
        )
        again = classify(await self._net.http(request))
        return again if again.error is not None else verdict

    async def _send(self, visit: Visit) -> HttpExchange:
        host = host_of(visit.url)
        addresses = self._addresses.get(host, ())
        cookies = visit.cookie_header
        request = HttpRequest(
            url=visit.url,
            headers=(*self._headers, *((("Cookie", cookies),) if cookies else ())),
            timeout_s=ANSWER_S,
            verify=True,
            service_token=self._is_laden(visit.url),
        )
        if not addresses:
            nowhere = TcpAttempt(address="", port=port_of(visit.url), reach=Reach.NAME, detail=f"{host} has no address")
            return not_connected(request, nowhere)
        arrival = await self._reach_one(request, addresses)
        self._addresses[host] = (arrival.exchange.address or addresses[0],)
        if host == self._hostname:
            self._dead += arrival.dead
        return arrival.exchange

    def _is_laden(self, url: str) -> bool:
        """Tell whether a request carries the service token: to the target itself, and over https only."""
        return self._service_token and host_of(url) == self._hostname and urlsplit(url).scheme == "https"

    async def _reach_one(self, request: HttpRequest, addresses: tuple[str, ...]) -> _Arrival:
        """Ask the first address that can be connected to, without waiting long for one that cannot."""
        first = await send(self._net, replace(request, address=addresses[0]))
        if isinstance(first, HttpExchange):
            return _Arrival(exchange=first)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._net.tcp(a, first.port, timeout_s=CONNECT_S)) for a in addresses[1:]]
        attempts = (first, *(task.result() for task in tasks))
        alive = next((attempt for attempt in attempts if attempt.reach is Reach.OK), None)
        dead = tuple(attempt for attempt in attempts if attempt.reach is not Reach.OK)
        if alive is None:
            return _Arrival(exchange=not_connected(request, first), dead=dead[1:])
        return _Arrival(exchange=await self._net.http(replace(request, address=alive.address)), dead=dead)
