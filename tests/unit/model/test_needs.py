"""What a function needs, from its signature: the quick reading says what the thorough one says."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Union

import pytest

from ingressdoctor.errors import PluginError
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.needs import Later, Need, Seen, read_needs, returns_of

Alias = str | Unavailable


class Answers:
    """A piece of evidence."""


class Route:
    """Another."""


def plain(answers: Answers, route: Route) -> Answers:
    raise NotImplementedError


def keywords(*, answers: Answers, route: Route | Unavailable) -> Answers | Unavailable:
    raise NotImplementedError


def turned_round(answers: Unavailable | Answers) -> Unavailable | Answers:
    raise NotImplementedError


def later(answers: Later[Answers], route: Seen[Route]) -> Route:
    raise NotImplementedError


def later_or_a_gap(answers: Later[Answers | Unavailable]) -> Route:
    raise NotImplementedError


def old(answers: Union[Answers, Unavailable]) -> Union[Route, Unavailable]:  # noqa: UP007
    raise NotImplementedError


def aliased(answers: Alias) -> Alias:
    raise NotImplementedError


def built_in(answers: str, route: int) -> bytes:
    raise NotImplementedError


def nothing() -> Answers:
    raise NotImplementedError


@pytest.mark.parametrize(
    "function", [plain, keywords, turned_round, later, later_or_a_gap, old, aliased, built_in, nothing]
)
def test_the_quick_reading_is_the_thorough_one(function: Callable[..., object]) -> None:
    @functools.wraps(function)
    def wrapped(**values: object) -> object:
        return function(**values)

    assert read_needs(function) == read_needs(wrapped)
    assert returns_of(function) is returns_of(wrapped)


def test_what_each_form_asks_for() -> None:
    assert read_needs(keywords) == (
        Need(parameter="answers", wanted=Answers),
        Need(parameter="route", wanted=Route, tolerant=True),
    )
    assert read_needs(later) == (
        Need(parameter="answers", wanted=Answers, tolerant=True, later=True),
        Need(parameter="route", wanted=Route, tolerant=True, seen=True),
    )


def without_annotation(answers): ...  # type: ignore[no-untyped-def]
def with_default(answers: Answers = None): ...  # type: ignore[no-untyped-def, assignment]
def with_default_keyword(*, answers: Answers = None): ...  # type: ignore[no-untyped-def, assignment]
def spreading(*answers: Answers): ...  # type: ignore[no-untyped-def]
def spreading_names(**answers: Answers): ...  # type: ignore[no-untyped-def]
def by_position(answers: Answers, /): ...  # type: ignore[no-untyped-def]
def unknown(answers: Nowhere): ...  # type: ignore[no-untyped-def, name-defined] # noqa: F821
def two_types(answers: Answers | Route): ...  # type: ignore[no-untyped-def]
def nothing_wanted(answers: None): ...  # type: ignore[no-untyped-def]


REFUSED = [
    pytest.param(without_annotation, "must be annotated", id="no-annotation"),
    pytest.param(with_default, "has a default", id="default"),
    pytest.param(with_default_keyword, "has a default", id="default-of-a-keyword"),
    pytest.param(spreading, "cannot be filled by name", id="spreading"),
    pytest.param(spreading_names, "cannot be filled by name", id="spreading-names"),
    pytest.param(by_position, "cannot be filled by name", id="by-position"),
    pytest.param(unknown, "cannot be read", id="unknown-name"),
    pytest.param(two_types, "must be annotated with one type", id="two-types"),
]


@pytest.mark.parametrize(("function", "words"), REFUSED)
def test_a_signature_that_cannot_be_filled_is_refused(function: Callable[..., object], words: str) -> None:
    with pytest.raises(PluginError, match=words):
        read_needs(function)


@pytest.mark.parametrize("function", [nothing_wanted, two_types, without_annotation])
def test_a_collector_says_what_it_returns(function: Callable[..., object]) -> None:
    with pytest.raises(PluginError, match="which evidence it returns"):
        returns_of(function)
