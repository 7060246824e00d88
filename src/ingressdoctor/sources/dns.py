"""Ask chosen DNS servers one question at a time, and tell their ways of failing apart.

No caching, no search lists, no choice of server: comparing servers is the point. The asking is dns_client.py's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import time
from typing import Final, Protocol

from msgspec.structs import replace

from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.dns import DnsReply, Rcode
from ingressdoctor.model.text import clean
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import join_host_port, split_host_port
from ingressdoctor.sources.loading import OnDemand

__all__ = ["LiveDns", "check_server", "default_resolvers"]

_PUBLIC: Final = ("1.1.1.1:53", "8.8.8.8:53")
_IN_FLIGHT: Final = 32


def default_resolvers() -> tuple[str, ...]:
    """Return the system's resolvers, then two public ones to compare them with."""
    import dns.exception
    import dns.resolver

    try:
        system = [str(server) for server in dns.resolver.Resolver().nameservers]
    except (dns.exception.DNSException, OSError, ValueError):
        system = []
    addressed = [join_host_port(server, 53) for server in system if "://" not in server]
    return tuple(dict.fromkeys((*addressed, *_PUBLIC)))


def check_server(text: str) -> None:
    """Refuse what is not "address:port" of a DNS server.

    Raises:
        UsageError: it is not; it is named.
    """
    try:
        ipaddress.ip_address(split_host_port(text, 53)[0])
    except ValueError:
        raise UsageError(
            f"{clean(text, 200)!r} is not the address of a DNS server.",
            hint="Write ADDRESS or ADDRESS:PORT, with IPv6 addresses in brackets; names are not resolved.",
        ) from None


class _Client(Protocol):
    """What dns_client.py offers; named here because importing it is put off to the first question."""

    async def ask(self, blank: DnsReply, *, recurse: bool) -> DnsReply: ...


class LiveDns:
    """Implements the ``Dns`` protocol.

    Args:
        resolvers: "address:port" in the order in which they are shown; empty for the system's and two public ones.
        authoritative: "address:port" asked instead of the zone's name servers; empty to look those up.
        calls: Where calls are logged.
        timeout_s: For each of two tries over UDP, and for TCP after a truncated answer.
    """

    def __init__(
        self, *, resolvers: tuple[str, ...], authoritative: str, calls: CallLog, timeout_s: float = 2.0
    ) -> None:
        self.resolvers = resolvers or default_resolvers()
        self.authoritative = authoritative

        def make() -> _Client:
            from ingressdoctor.sources.dns_client import DnsClient

            return DnsClient(timeout_s)

        self._client = OnDemand("ingressdoctor.sources.dns_client", make)
        self._calls = calls
        self._slots = asyncio.Semaphore(_IN_FLIGHT)

    async def query(self, name: str, rdtype: str, server: str, *, recurse: bool = True) -> DnsReply:
        """Ask *server* one question; failures are replies with their own ``rcode``, never exceptions."""
        blank = DnsReply(name=name.rstrip(".") or ".", rdtype=rdtype.upper(), server=server, rcode=Rcode.OTHER)
        client = await self._client.get()
        async with self._slots:
            with self._calls.call("dns", f"{name} {rdtype} @{server}") as call:
                started = time.monotonic()
                reply = replace(await client.ask(blank, recurse=recurse), elapsed_s=time.monotonic() - started)
                call.outcome = reply.rcode.value
        return reply

    async def aclose(self) -> None:
        """Nothing stays open between questions."""
