"""gRPC health calls towards chosen addresses. Makes one attempt a call, and judges nothing.

The only method that is ever called is grpc.health.v1.Health/Check, which changes nothing.
"""

from __future__ import annotations

from typing import Protocol

from ingressdoctor.evidence.grpc import GrpcExchange
from ingressdoctor.evidence.net import HttpRequest
from ingressdoctor.sources.access_token import LiveAccessToken
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.connect_to import ConnectTo
from ingressdoctor.sources.loading import OnDemand
from ingressdoctor.sources.trust import Trust

__all__ = ["LiveGrpc"]


class _Calls(Protocol):
    """What grpc_call.py offers; named here because importing it is put off to the first call."""

    async def health(self, request: HttpRequest, service: str) -> GrpcExchange: ...


class LiveGrpc:
    """Implements the ``Grpc`` protocol.

    Args:
        ca_file: PEM file trusted instead of the system's roots; empty for those.
        connect_to: Redirections of what is dialled.
        calls: Where calls are logged.
        access: The service token for calls that ask for one.
    """

    def __init__(self, *, ca_file: str, connect_to: ConnectTo, calls: CallLog, access: LiveAccessToken) -> None:
        self._access = access
        self._calls = calls

        def make() -> _Calls:
            from ingressdoctor.sources.grpc_call import GrpcCalls

            return GrpcCalls(connect_to, Trust(ca_file))

        self._made = OnDemand("ingressdoctor.sources.grpc_call", make)

    async def health(self, request: HttpRequest, service: str = "") -> GrpcExchange:
        """Ask for the health of *service* (empty: of the server) where *request* leads; its path is not used.

        Raises:
            SourceError: it is to carry the service token, which cannot be had or must not be sent there.
        """
        if request.service_token:
            request = await self._access.laden(request)
        made = await self._made.get()
        with self._calls.call("grpc", f"health of {request.url} at {request.address}") as call:
            exchange = await made.health(request, service)
            status = exchange.trailer("grpc-status") or exchange.header("grpc-status") or "missing"
            call.outcome = f"{exchange.status}, grpc-status {status}" if exchange.status else exchange.reach.value
        return exchange
