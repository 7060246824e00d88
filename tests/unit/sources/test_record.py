"""Answers that are kept, and served again."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.record import Recorded, Recorder

QUESTION = ("/api/v1/pods", {"limit": "500", "labelSelector": "app=x"})


class Api:
    """Answers one after the other, the last one again and again."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def get(self, path: str, query: Mapping[str, str]) -> Answer:
        self.asked.append(path)
        if not self.answers:
            raise SourceError(f"no answer to {path} with {len(query)} words")
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def answer(body: bytes = b"{}", status: int = 200, **headers: str) -> Answer:
    return Answer(status=status, body=body, headers=headers)


async def recorded(*answers: Answer, most: int = 1000, times: int = 1) -> Recorder:
    recorder = Recorder(Api(*answers), "prod", most)
    for _ in range(times):
        await recorder.get(*QUESTION)
    return recorder


async def test_the_same_question_gets_the_same_answer_whatever_the_order_of_its_words() -> None:
    kept = Recorded((await recorded(answer(b"[1]", etag="x"))).pages, context="prod")

    again = await kept.get(QUESTION[0], {"labelSelector": "app=x", "limit": "500"})
    assert again == answer(b"[1]", etag="x")
    assert kept.context == "prod"


async def test_another_question_goes_to_the_api_where_there_is_one() -> None:
    api = Api(answer(b"live"))
    kept = Recorded((await recorded(answer())).pages, api)

    assert (await kept.get("/api/v1/nodes", {})).body == b"live"
    assert api.asked == ["/api/v1/nodes"]
    with pytest.raises(SourceError, match="holds no answer for /api/v1/nodes"):
        await Recorded(()).get("/api/v1/nodes", {})


async def test_the_last_answer_counts() -> None:
    recorder = await recorded(answer(b"old", 410), answer(b"new"), times=2)

    assert [(page.status, page.body) for page in recorder.pages] == [(200, b"new")]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_not_now_is_no_answer(status: int) -> None:
    recorder = await recorded(answer(b"later", status))

    assert recorder.pages == ()
    assert recorder.whole


@pytest.mark.parametrize("status", [200, 401, 403, 404])
async def test_a_refusal_is_one(status: int) -> None:
    assert [page.status for page in (await recorded(answer(b"x", status))).pages] == [status]


async def test_no_answer_is_not_kept() -> None:
    recorder = Recorder(Api())
    with pytest.raises(SourceError):
        await recorder.get(*QUESTION)

    assert recorder.pages == ()


async def test_cookies_stay_here() -> None:
    (page,) = (await recorded(answer(b"", 200, **{"set-cookie": "session=s3cr3t", "etag": "x"}))).pages

    assert page.headers == (("etag", "x"),)


@pytest.mark.parametrize(
    ("bodies", "kept", "whole"),
    [
        pytest.param((b"x" * 10,), [10], True, id="fits"),
        pytest.param((b"x" * 11,), [], False, id="does-not-fit"),
        pytest.param((b"x" * 8, b"x" * 9), [9], True, id="what-is-replaced-makes-room"),
        pytest.param((b"x" * 8, b"x" * 11), [], False, id="an-old-answer-is-not-kept-for-a-new-one"),
    ],
)
async def test_there_is_room_for_so_much(bodies: tuple[bytes, ...], kept: list[int], whole: bool) -> None:
    recorder = await recorded(*map(answer, bodies), most=10, times=len(bodies))

    assert [len(page.body) for page in recorder.pages] == kept
    assert recorder.whole is whole
