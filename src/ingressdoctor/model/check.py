"""The ``@check``, ``@collector`` and ``@claims`` decorators and the values they make.

Decorating reads and validates the signature, once, at import; nothing is registered anywhere: the
engine finds the values by walking the modules of a plugin.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec

from ingressdoctor.errors import PluginError
from ingressdoctor.model.finding import Finding
from ingressdoctor.model.needs import Need, read_needs, returns_of
from ingressdoctor.model.walk import Claim

__all__ = ["Check", "Collector", "WalkChooser", "check", "claims", "collector"]

_ID: Final = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\.[a-z0-9]+(?:-[a-z0-9]+)*")
_DEFAULT_TIMEOUT_S: Final = 10.0

type_of_findings = Iterable[Finding]


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A pure function from evidence to findings, with a stable id.

    ``causes`` are ids of checks and symptoms that a failure here would bring about; ``link`` names the
    link of the path that this check verifies, for the coverage count; ``vantage`` tells that a failure speaks
    of the place we look from and not of the target; ``standing`` that a warning is known and stays: others come first.
    """

    id: str
    title: str
    step: str
    link: str
    causes: tuple[str, ...]
    needs: tuple[Need, ...]
    function: Callable[..., type_of_findings]
    module: str
    vantage: bool = False
    standing: bool = False

    def __call__(self, *args: object, **kwargs: object) -> tuple[Finding, ...]:
        """Judge: run the function and return its findings as a tuple."""
        return tuple(self.function(*args, **kwargs))


class Collector(msgspec.Struct, frozen=True, kw_only=True):
    """An async function from sources (and earlier evidence) to one evidence value.

    ``wanted`` is how the evidence is called in "could not look at ...".
    """

    name: str
    wanted: str
    provides: type
    needs: tuple[Need, ...]
    timeout_s: float
    function: Callable[..., Awaitable[object]]
    module: str


class WalkChooser(msgspec.Struct, frozen=True, kw_only=True):
    """A pure function that says how strongly a walk claims a target, never more than ``at_most``."""

    walk: str
    needs: tuple[Need, ...]
    function: Callable[..., Claim]
    module: str
    at_most: int = 100


def check(  # noqa: PLR0913 - every parameter is a word of its own at the call
    *,
    id: str,  # noqa: A002 - the word that users know it by
    title: str,
    step: str,
    causes: tuple[str, ...] = (),
    link: str = "",
    vantage: bool = False,
    standing: bool = False,
) -> Callable[[Callable[..., type_of_findings]], Check]:
    """Declare a check.

    Args:
        id: ``<hop>.<what-is-wrong>``, lower case; never changes or comes back with another meaning.
        title: What holds when the check passes, as a sentence without a full stop.
        step: Id of the walk step it belongs to.
        causes: Ids of checks and symptoms that a failure of this one brings about.
        link: The link of the path it verifies; checks with the same text count as one link.
        vantage: A failure speaks of the place we look from; the verdict on the target is then "could not tell".
        standing: A warning tells what is so every day (software that is retired): it comes after all others.

    Raises:
        PluginError: the id is malformed or a parameter is not annotated with evidence.
    """

    def decorate(function: Callable[..., type_of_findings]) -> Check:
        if not _ID.fullmatch(id):
            raise PluginError(f"{id!r} is not a check id.", hint="Write <hop>.<what-is-wrong>, as in dns.not-proxied")
        if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
            raise PluginError(f"Check {id} must be a plain function.", hint="I/O belongs into a collector.")
        return Check(
            id=id,
            title=title,
            step=step,
            link=link or title,
            causes=causes,
            needs=read_needs(function),
            function=function,
            module=function.__module__,
            vantage=vantage,
            standing=standing,
        )

    return decorate


def collector(
    *, wanted: str, timeout_s: float = _DEFAULT_TIMEOUT_S
) -> Callable[[Callable[..., Awaitable[object]]], Collector]:
    """Declare a collector; what it provides is its return annotation.

    Args:
        wanted: The noun for "could not look at ...", as in "the cluster's IngressRoutes".
        timeout_s: Seconds after which its evidence becomes ``Unavailable``.

    Raises:
        PluginError: not an async function, or annotations missing.
    """

    def decorate(function: Callable[..., Awaitable[object]]) -> Collector:
        name = f"{function.__module__}.{function.__qualname__}"
        if not inspect.iscoroutinefunction(function):
            raise PluginError(f"Collector {name} must be an async function.")
        return Collector(
            name=name,
            wanted=wanted,
            provides=returns_of(function),
            needs=read_needs(function),
            timeout_s=timeout_s,
            function=function,
            module=function.__module__,
        )

    return decorate


def claims(walk: str, *, at_most: int = 100) -> Callable[[Callable[..., Claim]], WalkChooser]:
    """Declare the function that says whether, and on what ground, a target belongs to *walk*.

    Nobody waits for a function that claims *at_most* less than another already did.
    """

    def decorate(function: Callable[..., Claim]) -> WalkChooser:
        return WalkChooser(
            walk=walk, needs=read_needs(function), function=function, module=function.__module__, at_most=at_most
        )

    return decorate
