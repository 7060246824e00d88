"""What is written and read without h11 is what h11 would write and read; what is not plain is left to it."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingressdoctor.sources.http_plain import Head, plain_answer, plain_request

Headers = list[tuple[bytes, bytes]]
HOST = (b"Host", b"www.shop.example")
ASKED: Headers = [HOST, (b"User-Agent", b"Mozilla/5.0 (X11) doctor/1"), (b"Accept", b"*/*;q=0.8"), (b"X-A", b"b")]
ANSWER = b"HTTP/1.1 200 OK\r\nServer: nginx\r\nContent-Type: text/plain \r\nX-Two:  a b\r\nContent-Length: 2\r\n\r\nok"


def by_h11(data: bytes) -> tuple[Head, bytes]:
    """Read an answer that ends with the connection.

    Raises:
        h11.RemoteProtocolError: it is no HTTP.
    """
    engine = h11.Connection(our_role=h11.CLIENT)
    engine.send(h11.Request(method=b"GET", target=b"/", headers=ASKED))
    engine.send(h11.EndOfMessage())
    engine.receive_data(data)
    engine.receive_data(b"")
    head, body = engine.next_event(), b""
    assert isinstance(head, h11.Response)
    while isinstance(event := engine.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    headers = tuple((name.decode(), value.decode("latin-1")) for name, value in head.headers)
    return Head(status=head.status_code, version=f"HTTP/{head.http_version.decode()}", headers=headers), body


def test_a_plain_request_is_what_h11_writes() -> None:
    engine = h11.Connection(our_role=h11.CLIENT)

    assert plain_request(b"GET", b"/a?b=c", ASKED) == engine.send(
        h11.Request(method=b"GET", target=b"/a?b=c", headers=ASKED)
    )


@pytest.mark.parametrize(
    ("method", "target", "headers"),
    [
        pytest.param(b"HEAD", b"/", [HOST], id="an-answer-without-its-body"),
        pytest.param(b"get", b"/", [HOST], id="no-usual-method"),
        pytest.param(b"GET", b"/ HTTP/1.1\r\nX: y", [HOST], id="a-line-in-the-target"),
        pytest.param(b"GET", b"/", [], id="no-host"),
        pytest.param(b"GET", b"/", [(b"Accept", b"*/*"), HOST], id="host-not-first"),
        pytest.param(b"GET", b"/", [HOST, HOST], id="two-hosts"),
        pytest.param(b"GET", b"/", [HOST, (b"Cookie", b"a=b\r\nX: y")], id="a-line-in-a-value"),
        pytest.param(b"GET", b"/", [HOST, (b"Cookie", b"a=b\n")], id="a-line-end-after-a-value"),
        pytest.param(b"GET", b"/", [HOST, (b"Cookie", b"a\0b")], id="zero-byte"),
        pytest.param(b"GET", b"/", [HOST, (b"Cookie", b"")], id="empty-value"),
        pytest.param(b"GET", b"/", [HOST, (b"X y", b"z")], id="blank-in-a-name"),
        pytest.param(b"GET", b"/", [HOST, (b"Upgrade", b"websocket")], id="upgrade"),
        pytest.param(b"GET", b"/", [HOST, (b"Content-Length", b"1")], id="body-announced"),
        pytest.param(b"GET", b"/", [HOST, (b"Transfer-Encoding", b"chunked")], id="chunks-announced"),
    ],
)
def test_other_requests_are_left_to_h11(method: bytes, target: bytes, headers: Headers) -> None:
    assert plain_request(method, target, headers) is None


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(ANSWER, id="usual"),
        pytest.param(b"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", id="no-reason-and-no-body"),
        pytest.param(b"HTTP/1.1 404\r\ncontent-length: 3\r\nConnection: close\r\n\r\n\r\n\r", id="body-of-line-ends"),
        pytest.param(ANSWER.replace(b"nginx", b"a\r\nServer: b"), id="a-header-twice"),
    ],
)
def test_a_plain_answer_reads_as_h11_reads_it(data: bytes) -> None:
    assert plain_answer(data) == by_h11(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n\r\n", id="empty-lines"),
        pytest.param(ANSWER[:-1], id="body-not-here-yet"),
        pytest.param(ANSWER + b"x", id="more-than-the-body"),
        pytest.param(ANSWER[:40], id="headers-not-here-yet"),
        pytest.param(ANSWER.replace(b"200 OK", b"100 Continue"), id="informational"),
        pytest.param(ANSWER.replace(b"200 OK", b"204 No Content"), id="status-without-body"),
        pytest.param(ANSWER.replace(b"200 OK", b"304 Not Modified"), id="not-modified"),
        pytest.param(ANSWER.replace(b"HTTP/1.1", b"HTTP/1.0"), id="another-version"),
        pytest.param(ANSWER.replace(b"X-Two:  a b", b"Transfer-Encoding: chunked"), id="chunks"),
        pytest.param(ANSWER.replace(b"X-Two:  a b", b"Content-Length: 2"), id="two-lengths"),
        pytest.param(ANSWER.replace(b"Length: 2", b"Length: 2, 2"), id="lengths-in-a-list"),
        pytest.param(ANSWER.replace(b"Length: 2", b"Length: +2"), id="signed-length"),
        pytest.param(ANSWER.replace(b"X-Two:  a", b"X-Two: a\r\n "), id="folded-value"),
        pytest.param(ANSWER.replace(b"X-Two:", b"X-Two :"), id="blank-before-the-colon"),
        pytest.param(ANSWER.replace(b"a b", b"a\0b"), id="zero-byte"),
        pytest.param(ANSWER.replace(b"a b", b"\xfc"), id="not-ascii"),
        pytest.param(ANSWER.replace(b"\r\n", b"\n"), id="bare-line-ends"),
        pytest.param(ANSWER.replace(b"nginx\r\n", b"nginx\n\n\r\n"), id="an-end-before-the-end"),
    ],
)
def test_other_answers_are_left_to_h11(data: bytes) -> None:
    assert plain_answer(data) is None


@settings(deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 200), st.one_of(st.sampled_from(b"\r\n :\t\0"), st.integers(0, 255))), max_size=4
    ),
    cut=st.integers(0, 3),
)
def test_whatever_comes_is_read_as_h11_reads_it_or_left_to_it(changes: list[tuple[int, int]], cut: int) -> None:
    data = bytearray(ANSWER[: len(ANSWER) - cut])
    for place, value in changes:
        data[place % len(data)] = value
    answer = plain_answer(bytes(data))
    if answer is not None:
        assert answer == by_h11(bytes(data))
