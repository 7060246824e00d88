"""nginx's way to an upstream: try endpoints in turn, really connect, and make its status of what went wrong.

Source: nginx ngx_http_upstream.c, ngx_http_proxy_module.c, ngx_http_grpc_module.c. An answer that is no HTTP/1 is
passed on as HTTP/0.9; errors and timeouts go to the next endpoint (the only one is asked again) while nothing forbids
it.
"""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import re
import ssl
import time
from collections.abc import Iterator

import h11

from ingressdoctor.lab.network import Network
from ingressdoctor.lab.serve.exchange import NotHttpError, exchange
from ingressdoctor.lab.serve.http2 import Http2Error, exchange_h2
from ingressdoctor.lab.serve.nginx.annotations import Annotations
from ingressdoctor.lab.serve.nginx.journal import Asked, Journal, Try
from ingressdoctor.lab.serve.nginx.model import Upstream
from ingressdoctor.lab.serve.nginx.options import Options
from ingressdoctor.lab.serve.nginx.pages import page
from ingressdoctor.lab.serve.wire import Request, Response
from ingressdoctor.lab.stream import Duplex, Stream, TlsStream

RAW = 9  # the "status" of an answer in HTTP/0.9, as the access log has it
MAX_RAW = 65_536
_IDEMPOTENT = frozenset(("GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"))
_OVERLONG = re.compile(r"overlong frame: (\d+)")


class _FailedError(Exception):
    """One attempt failed: nginx's status and words, and whether that is a reason to try the next endpoint."""

    def __init__(self, status: int, message: str, *, kind: str, sent: bool) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.sent = sent


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """Real seconds: for a connection, and what one of nginx's seconds of reading is."""

    dial_s: float
    second_s: float


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The answer of an upstream or the page instead of it, and what was tried; status RAW for bytes without a head."""

    response: Response
    tries: tuple[Try, ...]


class Proxy:
    """Forwards the requests of one controller pod."""

    def __init__(self, network: Network, source_ip: str, waits: Waits, options: Options) -> None:
        self._network = network
        self._source_ip = source_ip
        self._waits = waits
        self._options = options
        self._turns: dict[str, Iterator[int]] = {}
        self._relaxed = {alpn: _client_context(alpn) for alpn in ("http/1.1", "h2")}

    async def forward(
        self, upstream: Upstream, wishes: Annotations, request: Request, asked: Asked, journal: Journal
    ) -> Outcome:
        """One request, tried as often as nginx would."""
        scheme = _scheme(wishes.protocol, request)
        tries: list[Try] = []
        failure: _FailedError | None = None
        points = self._order(upstream)
        for address in itertools.islice(itertools.cycle(points), max(wishes.tries, 1)):
            started = time.monotonic()
            shown = f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"
            try:
                response = await self._once(address, scheme, wishes, request)
            except _FailedError as error:
                failure = error
                journal.error(error.message, asked, f"{scheme}://{shown}{request.target}")
                seconds = time.monotonic() - started
                tries.append(Try(address=shown, status=str(error.status), size=0, seconds=seconds))
                if not self._may_retry(error, wishes, request):
                    break
                continue
            status = f"{response.status:03d}"
            seconds = time.monotonic() - started
            tries.append(Try(address=shown, status=status, size=len(response.body), seconds=seconds))
            if response.status == RAW:
                words = "upstream sent no valid HTTP/1.0 header while reading response header from upstream"
                journal.error(words, asked, f"{scheme}://{shown}{request.target}")
            return Outcome(response=response, tries=tuple(tries))
        return Outcome(response=page(failure.status if failure else 502), tries=tuple(tries))

    def _order(self, upstream: Upstream) -> tuple[tuple[str, int], ...]:
        """The endpoints, from the one whose turn it is."""
        turn = next(self._turns.setdefault(upstream.name, itertools.count())) % len(upstream.endpoints)
        return upstream.endpoints[turn:] + upstream.endpoints[:turn]

    def _may_retry(self, error: _FailedError, wishes: Annotations, request: Request) -> bool:
        repeatable = request.method in _IDEMPOTENT or self._options.config.retry_non_idempotent
        return error.kind in wishes.next_upstream and (repeatable or not error.sent)

    async def _once(self, address: tuple[str, int], scheme: str, wishes: Annotations, request: Request) -> Response:
        stream = await self._dial(address, wishes)
        taken = False
        try:
            secured = await self._secured(stream, scheme)
            async with asyncio.timeout(max(wishes.read_timeout, 1) * self._waits.second_s):
                response = await _ask(secured, scheme, request)
            taken = response.then is not None
        except TimeoutError as error:
            words = "upstream timed out (110: Operation timed out) while reading response header from upstream"
            raise _FailedError(504, words, kind="timeout", sent=True) from error
        finally:
            if not taken:
                stream.close()
        size = sum(len(key) + len(value) + 4 for key, value in response.headers)
        if size > wishes.buffer_size:
            words = "upstream sent too big header while reading response header from upstream"
            raise _FailedError(502, words, kind="invalid_header", sent=True)
        return response

    async def _dial(self, address: tuple[str, int], wishes: Annotations) -> Stream:
        timeout_s = self._waits.dial_s * max(wishes.connect_timeout, 1) / 5
        try:
            return await self._network.connect(*address, source_ip=self._source_ip, timeout_s=timeout_s)
        except TimeoutError as error:
            words = "upstream timed out (110: Operation timed out) while connecting to upstream"
            raise _FailedError(504, words, kind="timeout", sent=False) from error
        except ConnectionRefusedError as error:
            words = "connect() failed (111: Connection refused) while connecting to upstream"
            raise _FailedError(502, words, kind="error", sent=False) from error
        except OSError as error:
            words = "connect() failed (113: Host is unreachable) while connecting to upstream"
            raise _FailedError(502, words, kind="error", sent=False) from error

    async def _secured(self, stream: Stream, scheme: str) -> Duplex:
        if scheme not in {"https", "grpcs"}:
            return stream
        # The backend's certificate is not looked at, and no name is sent, unless proxy-ssl-* annotations say so.
        secured = TlsStream(stream, self._relaxed["h2" if scheme == "grpcs" else "http/1.1"], server_name="")
        try:
            async with asyncio.timeout(self._waits.dial_s * 4):
                await secured.handshake()
        except ssl.SSLError as error:
            reason = (error.reason or "").lower().replace("_", " ")
            words = f"SSL_do_handshake() failed (SSL: error:0A00010B:SSL routines::{reason})"
            raise _FailedError(502, f"{words} while SSL handshaking to upstream", kind="error", sent=False) from error
        except (OSError, TimeoutError) as error:
            words = "peer closed connection in SSL handshake while SSL handshaking to upstream"
            raise _FailedError(502, words, kind="error", sent=False) from error
        return secured


async def _ask(stream: Duplex, scheme: str, request: Request) -> Response:
    """One exchange; what is no HTTP/1 comes back whole, with status RAW."""
    try:
        if scheme in {"grpc", "grpcs"}:
            return await exchange_h2(stream, request, scheme="https" if scheme == "grpcs" else "http")
        return dataclasses.replace(await exchange(stream, request), trailers=())
    except Http2Error as error:
        raise _FailedError(502, _grpc_words(error), kind="invalid_header", sent=True) from error
    except NotHttpError:
        return Response(status=RAW, body=await _rest(stream))
    except h11.RemoteProtocolError as error:
        words = "upstream sent invalid header while reading response header from upstream"
        raise _FailedError(502, words, kind="invalid_header", sent=True) from error
    except ConnectionResetError as error:
        words = "recv() failed (104: Connection reset by peer) while reading response header from upstream"
        raise _FailedError(502, words, kind="error", sent=True) from error
    except OSError as error:
        words = "upstream prematurely closed connection while reading response header from upstream"
        raise _FailedError(502, words, kind="error", sent=True) from error


def _grpc_words(error: Http2Error) -> str:
    problem = str(error)
    if "EOF" in problem:
        return "upstream prematurely closed connection while reading response header from upstream"
    if "reset the stream" in problem:
        return "upstream rejected request with error 2 while reading response header from upstream"
    if found := _OVERLONG.search(problem):
        # 4740180 is "HTT" read as the length of a frame.
        return f"upstream sent too large http2 frame: {found[1]} while reading response header from upstream"
    return "upstream sent invalid http2 frame while reading response header from upstream"


async def _rest(stream: Duplex) -> bytes:
    """Everything the upstream says until it closes."""
    data = b""
    while len(data) < MAX_RAW and (more := await stream.read()):
        data += more
    return data


def _scheme(protocol: str, request: Request) -> str:
    if protocol == "AUTO_HTTP":
        return request.get("x-scheme", "http")
    return {"HTTPS": "https", "GRPC": "grpc", "GRPCS": "grpcs"}.get(protocol, "http")


def _client_context(alpn: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols([alpn])
    return context
