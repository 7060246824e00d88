"""Whether and how a target is asked by gRPC, with the token where a login stands before it."""

from __future__ import annotations

from typing import Any

import pytest

from build.grpc import HOST, an_exchange
from build.outside import exchange, failed, visited
from build.values import replace
from ingressdoctor.api import (
    AccessGate,
    GrpcExchange,
    GrpcOutcome,
    GrpcProbe,
    HttpRequest,
    Inapplicable,
    Reach,
    Target,
    Unavailable,
)
from ingressdoctor.collect.grpc import collect_grpc
from ingressdoctor.evidence.outside import TokenUse

URL = f"https://{HOST}/"
SEEN = visited(exchange(200, url=URL))


class FakeGrpc:
    """Answers every call in the same way and notes what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[HttpRequest, str]] = []

    async def health(self, request: HttpRequest, service: str = "") -> GrpcExchange:
        """Note the call."""
        self.asked.append((request, service))
        return an_exchange()


def gated(use: TokenUse) -> Any:
    gate = AccessGate(login="team.cloudflareaccess.com", exchange=exchange(302, url=URL), token=use)
    return replace(SEEN, gate=gate)


@pytest.mark.parametrize(
    ("url", "service"),
    [
        pytest.param(f"grpcs://{HOST}", "", id="the-server"),
        pytest.param(f"grpcs://{HOST}/shop.v1.Cart", "shop.v1.Cart", id="a-service"),
        pytest.param(f"grpcs://{HOST}/shop.v1.Cart/Add?x=1", "shop.v1.Cart", id="a-method-is-never-called"),
    ],
)
async def test_the_path_names_the_service(url: str, service: str) -> None:
    grpc = FakeGrpc()
    probe = await collect_grpc.function(Target.parse(url), SEEN, grpc)

    [(request, asked)] = grpc.asked
    assert isinstance(probe, GrpcProbe)
    assert (probe.outcome, probe.service, asked) == (GrpcOutcome.OK, service, service)
    assert (request.address, request.host, request.service_token) == ("104.21.32.11", HOST, False)


async def test_a_port_of_its_own_is_part_of_the_authority() -> None:
    grpc = FakeGrpc()
    await collect_grpc.function(Target.parse(f"grpcs://{HOST}:8443"), SEEN, grpc)

    [(request, _)] = grpc.asked
    assert (request.url, request.host) == (f"https://{HOST}:8443/", f"{HOST}:8443")


async def test_behind_a_login_the_token_goes_along() -> None:
    grpc = FakeGrpc()
    probe = await collect_grpc.function(Target.parse(f"grpcs://{HOST}"), gated(TokenUse.ACCEPTED), grpc)

    [(request, _)] = grpc.asked
    assert request.service_token
    assert isinstance(probe, GrpcProbe)
    assert probe.behind_login


@pytest.mark.parametrize(
    ("url", "visit", "kind"),
    [
        pytest.param(HOST, SEEN, Inapplicable, id="not-by-grpc"),
        pytest.param(f"grpcs://{HOST}", visited(failed(Reach.REFUSED)), Inapplicable, id="nobody-answers-at-all"),
        pytest.param(f"grpcs://{HOST}", gated(TokenUse.NONE), Unavailable, id="a-login-and-no-token"),
        pytest.param(f"grpcs://{HOST}", gated(TokenUse.REFUSED), Unavailable, id="a-login-that-refuses-the-token"),
        pytest.param(f"grpcs://{HOST}", Unavailable(wanted="it", reason="offline"), Unavailable, id="offline"),
    ],
)
async def test_when_no_call_is_made(url: str, visit: Any, kind: type[Unavailable]) -> None:
    grpc = FakeGrpc()
    probe = await collect_grpc.function(Target.parse(url), visit, grpc)

    assert type(probe) is kind
    assert grpc.asked == []
