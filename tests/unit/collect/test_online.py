import asyncio

import pytest

from build.outside import exchange
from build.sources import ScriptedNet
from ingressdoctor.api import Online, Reach, SourceError, Unavailable
from ingressdoctor.collect.online import collect_online, offline_reason, split_host_port
from ingressdoctor.collect.together import together


def net(**ends: Reach) -> ScriptedNet:
    return ScriptedNet(lambda _: exchange(), tcp=ends, anchors=tuple(f"{name}:53" for name in ends))


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        pytest.param({"a": Reach.OK}, True, id="one-that-answers"),
        pytest.param({"a": Reach.TIMEOUT, "b": Reach.OK}, True, id="one-among-several-is-proof"),
        pytest.param({"a": Reach.TIMEOUT, "b": Reach.UNREACHABLE}, False, id="none"),
    ],
)
async def test_online(ends: dict[str, Reach], *, expected: bool) -> None:
    found = await collect_online.function(net=net(**ends))

    assert isinstance(found, Online)
    assert found.online is expected


async def test_the_first_success_does_not_wait_for_the_rest() -> None:
    class Slow(ScriptedNet):
        async def tcp(self, address: str, port: int, *, timeout_s: float = 5.0):  # type: ignore[no-untyped-def]
            if address == "slow":
                await asyncio.sleep(30)
            return await super().tcp(address, port, timeout_s=timeout_s)

    async with asyncio.timeout(5):
        found = await collect_online.function(net=Slow(lambda _: exchange(), anchors=("slow:53", "quick:53")))

    assert isinstance(found, Online)
    assert [attempt.address for attempt in found.attempts] == ["quick"]


async def test_without_anchors_nobody_can_tell() -> None:
    found = await collect_online.function(net=net())

    assert isinstance(found, Unavailable)
    assert offline_reason(found) == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1.1.1.1:443", ("1.1.1.1", 443), id="ipv4"),
        pytest.param("[2606:4700::1]:443", ("2606:4700::1", 443), id="ipv6"),
        pytest.param("1.1.1.1", None, id="no-port"),
        pytest.param("1.1.1.1:", None, id="empty-port"),
        pytest.param(":53", None, id="no-host"),
        pytest.param("a:70000", None, id="impossible-port"),
        pytest.param("a:٥٣", None, id="digits-of-another-script"),
    ],
)
def test_host_and_port(text: str, expected: tuple[str, int] | None) -> None:
    assert split_host_port(text) == expected


async def test_together_fails_as_one_of_its_calls_failed() -> None:
    async def good() -> int:
        return 1

    async def bad() -> int:
        raise SourceError("no token", hint="set one")

    assert await together(good(), good()) == (1, 1)
    with pytest.raises(SourceError, match="no token"):
        await together(good(), bad(), bad())


async def test_together_hides_no_bug() -> None:
    async def bug() -> int:
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await together(bug())
