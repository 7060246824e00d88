"""Notifications against real servers on loopback, on good and on bad days; nobody is told twice and nobody waits."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
import trustme

from build import sweep as build
from build.ports import free_port
from build.receiver import Answer, Receiver, receiver
from build.values import replace
from ingressdoctor.config import ChannelKind, ChannelSettings, SecretRef
from ingressdoctor.config.secrets import from_env
from ingressdoctor.model.sweep import Incident, IncidentState, SweepReport, Transition
from ingressdoctor.model.text import Secret
from ingressdoctor.notify import MemorySentLog, Notifier, Pace, send_trial
from ingressdoctor.notify.posts import signature

QUICK = Pace(attempts=3, first_s=0.01, most_s=0.02, farewell_s=20)
SECRETS = {"HOOK_URL": "", "HOOK_SECRET": "s3cr3tkey", "TOKEN": "s3cr3ttoken"}


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of this reaches a proxy of whoever runs the tests."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def server() -> Iterator[Receiver]:
    with receiver() as found:
        yield found


def hook(**over: object) -> ChannelSettings:
    value = ChannelSettings(
        kind=ChannelKind.WEBHOOK,
        name="hook",
        url=from_env("HOOK_URL", "URL"),
        secret=from_env("HOOK_SECRET", "signing secret"),
        timeout_s=20,
    )
    return replace(value, **over)


def slack(**over: object) -> ChannelSettings:
    return hook(kind=ChannelKind.SLACK, name="slack", secret=None, **over)


def pager(server: Receiver, **over: object) -> ChannelSettings:
    url = f"http://127.0.0.1:{server.port}/am"
    return hook(kind=ChannelKind.ALERTMANAGER, name="pager", url=url, secret=None, **over)


def command(*words: str, **over: object) -> ChannelSettings:
    return ChannelSettings(
        kind=ChannelKind.COMMAND,
        name="page",
        command=(sys.executable, "-c", *words),
        timeout_s=20,
        **over,  # type: ignore[arg-type]
    )


def secrets(server: Receiver | None = None, port: int = 1) -> dict[str, str]:
    return {**SECRETS, "HOOK_URL": server.url if server else f"http://127.0.0.1:{port}/services/T000/s3cr3tpath"}


def sweep(*incidents: Incident) -> SweepReport:
    """A sweep in which these incidents are new, or as new as their state can be."""
    found = incidents or (build.incident(),)
    return build.all_well(incidents=found, transitions=tuple(Transition(incident=item) for item in found))


def later(incident: Incident, was: IncidentState | None = None) -> SweepReport:
    """A sweep that met an incident which was there before, and changed or did not."""
    changed = (Transition(incident=incident, was=was),) if was else ()
    return build.all_well(incidents=(incident,), transitions=changed)


def closed(**over: object) -> Incident:
    return build.incident(state=IncidentState.CLOSED, closed=build.STARTED, **over)


async def tell(notifier: Notifier, *reports: SweepReport) -> None:
    """Tell each and wait until it is through, as a sweep between them would."""
    for report in reports:
        notifier.tell(report)
        await notifier.drained()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, as long as a very slow machine may need."""
    for _ in range(3_000):
        if condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError("it did not come")


def assert_silent(text: str) -> None:
    for secret in ("s3cr3t", "T000"):
        assert secret not in text


async def test_a_webhook_gets_a_signed_body(server: Receiver) -> None:
    async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, sweep())
    (got,) = server.got

    assert got.path == "/services/T000/s3cr3tpath"
    assert got.json["event"] == "opened"
    made = signature(Secret("s3cr3tkey"), got.headers["Ingressdoctor-Timestamp"], got.body)
    assert got.headers["Ingressdoctor-Signature"] == f"v1={made}"
    assert abs(int(got.headers["Ingressdoctor-Timestamp"]) - time.time()) < 300
    assert (notifier.sent, notifier.failed, notifier.failures) == ({"hook": 1}, {"hook": 0}, ())


async def test_slack_gets_blocks(server: Receiver) -> None:
    async with Notifier([slack()], environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, sweep(), sweep(closed()))

    assert [item.json["blocks"][0]["text"]["text"].split(":")[0] for item in server.got] == ["Opened", "Closed"]


async def test_alertmanager_gets_active_alerts_with_every_sweep_and_the_end_once(server: Receiver) -> None:
    settings = pager(server, token=from_env("TOKEN"))
    async with Notifier([settings], every_s=600, environ=secrets(server), pace=QUICK) as notifier:
        both = sweep(build.incident(), build.small_incident())
        await tell(notifier, both, both, sweep(closed()), sweep(closed()))

    assert {item.path for item in server.got} == {"/am/api/v2/alerts"}
    assert {item.headers["Authorization"] for item in server.got} == {"Bearer s3cr3ttoken"}
    assert [len(item.json) for item in server.got] == [2, 2, 1]
    now = datetime.now(UTC)
    ends = datetime.fromisoformat(server.got[0].json[0]["endsAt"])
    assert timedelta(minutes=30) < ends - now < timedelta(minutes=50)
    assert server.got[2].json[0]["endsAt"] == "2026-01-02T03:04:05Z"


async def test_nobody_is_told_twice(server: Receiver) -> None:
    flapping = build.incident(state=IncidentState.FLAPPING)
    async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
        notifier.tell(sweep())
        notifier.tell(sweep())
        await tell(notifier, sweep(), sweep(flapping), sweep(), sweep(flapping), sweep(closed()), sweep(closed()))

    assert [item.json["event"] for item in server.got] == ["opened", "flapping", "closed"]


async def test_nobody_is_told_twice_after_a_restart(server: Receiver) -> None:
    log = MemorySentLog()
    for report in (sweep(), sweep(), sweep(closed()), sweep(closed())):
        async with Notifier([hook(), slack()], sent=log, environ=secrets(server), pace=QUICK) as notifier:
            await tell(notifier, report)

    assert len(server.got) == 4


FLAPPING = build.incident(state=IncidentState.FLAPPING)
FORGOTTEN = [
    pytest.param(later(build.incident()), [], id="still-open"),
    pytest.param(later(FLAPPING), [], id="still-flapping"),
    pytest.param(later(closed()), [], id="closed-a-while-ago"),
    pytest.param(later(build.incident(), IncidentState.PENDING), ["opened"], id="opens-now"),
    pytest.param(later(FLAPPING, IncidentState.OPEN), ["flapping"], id="begins-to-flap"),
    pytest.param(later(closed(), IncidentState.RECOVERING), ["closed"], id="closes-now"),
]


@pytest.mark.parametrize(("report", "events"), FORGOTTEN)
async def test_sweeps_without_a_memory_tell_only_what_changed(
    report: SweepReport, events: list[str], server: Receiver
) -> None:
    """As cron starts them, without a history: what was open before them was told before them."""
    async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, report, report)

    assert [item.json["event"] for item in server.got] == events


async def test_a_memory_tells_what_was_not_told(server: Receiver) -> None:
    """The sweep before this one could not deliver it."""
    async with Notifier([hook()], sent=MemorySentLog(), environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, later(build.incident()))

    assert notifier.sent == {"hook": 1}


async def test_the_same_cause_that_comes_back_later_is_told_anew(server: Receiver) -> None:
    async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, sweep(), sweep(closed()), sweep(build.incident(id="inc-later")))

    assert [item.json["incident"]["id"] for item in server.got] == ["inc-7f3a", "inc-7f3a", "inc-later"]


async def test_the_end_of_what_nobody_was_told_of_is_no_news(server: Receiver) -> None:
    async with Notifier([hook(), pager(server)], sent=MemorySentLog(), environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, sweep(closed()))

    assert server.got == []
    assert notifier.pending == 0


async def test_only_what_matches_is_told(server: Receiver) -> None:
    settings = [hook(only=("backend.*",)), hook(name="quiet", send_resolved=False)]
    async with Notifier(settings, environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, sweep(build.incident(), build.small_incident()), sweep(closed()))

    assert notifier.sent == {"hook": 1, "quiet": 2}


BAD_DAYS = [
    pytest.param((Answer(status=500), Answer(status=503), Answer()), id="errors-that-pass"),
    pytest.param((Answer(status=429, headers=(("Retry-After", "0"),)), Answer()), id="too-many-requests"),
    pytest.param((Answer(closes="before"), Answer()), id="closed-without-an-answer"),
    pytest.param((Answer(status=502, closes="mid"), Answer()), id="an-error-cut-short"),
]


@pytest.mark.parametrize("answers", BAD_DAYS)
async def test_what_passes_is_tried_again(answers: tuple[Answer, ...]) -> None:
    with receiver(*answers) as server:
        async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
            await tell(notifier, sweep())

        assert len(server.got) == len(answers)
        assert len({item.headers["Ingressdoctor-Delivery"] for item in server.got}) == 1
        assert (notifier.sent, notifier.failures) == ({"hook": 1}, ())


async def test_an_answer_that_ends_in_the_middle_is_an_answer() -> None:
    """The status line says that it was taken; sending it again would tell people twice."""
    with receiver(Answer(closes="mid")) as server:
        async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
            await tell(notifier, sweep())

        assert len(server.got) == 1
        assert notifier.sent == {"hook": 1}


@pytest.mark.parametrize("as_date", [False, True], ids=["seconds", "date"])
async def test_nobody_is_asked_sooner_than_he_wants(as_date: bool) -> None:
    """The back-off alone would have taken 0.02 s. A date has whole seconds."""
    due = (datetime.now(UTC) + timedelta(seconds=2)).replace(microsecond=0)
    header = format_datetime(due, usegmt=True) if as_date else "1"
    with receiver(Answer(status=429, headers=(("Retry-After", header),)), Answer()) as server:
        began = time.monotonic()
        async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
            await tell(notifier, sweep())

        assert datetime.now(UTC) >= due if as_date else time.monotonic() - began >= 0.99
        assert notifier.sent == {"hook": 1}


FINAL = [
    pytest.param((Answer(status=400, body=b"invalid_blocks"),), 1, "it answers 400 (invalid_blocks)", id="refused"),
    pytest.param((Answer(status=404, body=b"<html>"),), 1, "it answers 404", id="a-page"),
    pytest.param((Answer(status=403, body=b"no s3cr3tpath"),), 1, "it answers 403", id="echo-of-the-address"),
    pytest.param((Answer(status=503, body=b"x" * 9999),), 3, "it answers 503", id="always-down"),
    pytest.param((Answer(closes="before"),), 3, "the connection ended without an answer (3 attempts)", id="no-answer"),
    pytest.param(
        (Answer(status=307, headers=(("Location", "http://127.0.0.1:1/x"),)),), 1, "redirects are not", id="redirect"
    ),
]


@pytest.mark.parametrize(("answers", "attempts", "reason"), FINAL)
async def test_what_does_not_pass_is_named_without_the_address(
    answers: tuple[Answer, ...], attempts: int, reason: str
) -> None:
    with receiver(*answers) as server:
        async with Notifier([slack()], environ=secrets(server), pace=QUICK) as notifier:
            await tell(notifier, sweep())

        assert len(server.got) == attempts
        (failure,) = notifier.failures
        assert failure.startswith(
            "slack: lb.no-targets on Load balancer ecnv4-lb opened: it" if attempts == 1 else "slack: "
        )
        assert reason in failure
        assert len(failure) < 250
        assert_silent(failure)
        assert notifier.failed == {"slack": 1}


async def test_a_certificate_is_checked(tmp_path: Path) -> None:
    """Against the roots of the system, or those that were given."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with receiver(tls=context) as server:
        settings = [hook(ca_file=str(tmp_path / "ca.pem")), slack(), slack(ca_file=__file__)]
        settings[2] = replace(settings[2], name="no roots")
        async with Notifier(settings, environ=secrets(server), pace=replace(QUICK, attempts=1)) as notifier:
            await tell(notifier, sweep())

    assert notifier.sent == {"hook": 1, "slack": 0, "no roots": 0}
    assert {line.partition("opened: ")[2] for line in notifier.failures} == {
        "TLS failed: its certificate is not trusted, or it speaks no TLS",
        f"{__file__} holds no certificates",
    }


async def test_a_redirect_is_not_followed_with_the_signature(server: Receiver) -> None:
    for status in (301, 302, 303, 307, 308):
        with receiver(Answer(status=status, headers=(("Location", server.url),))) as first:
            async with Notifier([hook()], environ=secrets(first), pace=QUICK) as notifier:
                await tell(notifier, sweep())

            assert len(first.got) == 1
            assert notifier.failed == {"hook": 1}
    assert server.got == []


async def test_who_was_down_is_told_when_he_is_back() -> None:
    """It is told with a later sweep, once, although the incident changed nothing since."""
    port = free_port()
    log = MemorySentLog()
    async with Notifier([hook()], sent=log, environ=secrets(port=port), pace=QUICK) as notifier:
        await tell(notifier, sweep())
    with receiver() as server:
        async with Notifier([hook()], sent=log, environ=secrets(server), pace=QUICK) as later:
            await tell(later, sweep(), sweep())

        assert notifier.failures == (
            "hook: lb.no-targets on Load balancer ecnv4-lb opened: the connection is refused (3 attempts)",
        )
        assert len(server.got) == 1


async def test_a_receiver_that_hangs_delays_neither_the_sweep_nor_the_others() -> None:
    with receiver(Answer(hangs=True)) as slow, receiver() as good:
        environ = {**secrets(slow), "GOOD_URL": good.url}
        settings = [slack(), hook(name="good", url=from_env("GOOD_URL", "URL"))]
        async with Notifier(settings, environ=environ, pace=replace(QUICK, farewell_s=0.2)) as notifier:
            notifier.tell(sweep(build.incident(), build.small_incident()))
            # What is sent is off the list a moment later.
            await until(lambda: notifier.sent["good"] == 2 and bool(slow.got) and notifier.pending == 2)

    assert " ".join(notifier.failures) == (
        "not delivered within 0.2 s: slack: lb.no-targets on Load balancer ecnv4-lb opened, "
        "backend.pods-not-ready on Deployment blog/web flapping"
    )


async def test_an_attempt_ends_in_time() -> None:
    with receiver(Answer(hangs=True)) as server:
        pace = replace(QUICK, attempts=2)
        async with Notifier([slack(timeout_s=0.3)], environ=secrets(server), pace=pace) as notifier:
            await tell(notifier, sweep())

    assert notifier.failures[0].endswith("opened: no answer within 0.3 s (2 attempts)")


async def test_the_queue_is_bounded() -> None:
    many = tuple(build.incident(id=f"inc-{number}") for number in range(1_500))
    with receiver(Answer(hangs=True)) as server:
        async with Notifier([slack()], environ=secrets(server), pace=replace(QUICK, farewell_s=0.1)) as notifier:
            notifier.tell(sweep(*many))
            notifier.tell(sweep(*many))

            assert notifier.pending == 1_000
            assert len(notifier.failures) == 100
            assert notifier.failures[-1].endswith("more than 1000 are waiting")


WRONG_PLACES = [
    pytest.param({}, "no URL: the environment variable HOOK_URL is not set", id="not-set"),
    pytest.param({"HOOK_URL": "hooks.slack.com/s3cr3t"}, "its address is no http or https URL", id="no-scheme"),
    pytest.param({"HOOK_URL": "file:///s3cr3t"}, "its address is no http or https URL", id="another-scheme"),
    pytest.param({"HOOK_URL": "http://[s3cr3t"}, "its address is no http or https URL", id="no-url"),
    pytest.param({"HOOK_URL": "http://a:99999/s3cr3t"}, "its address is no http or https URL", id="no-port"),
    pytest.param({"HOOK_URL": "https://s3cr3t.invalid\x7f/x"}, "cannot be one: it holds", id="control-character"),
]


@pytest.mark.parametrize(("environ", "reason"), WRONG_PLACES)
async def test_an_address_that_is_none_is_not_repeated(environ: dict[str, str], reason: str) -> None:
    async with Notifier([slack()], environ=environ, pace=QUICK) as notifier:
        await tell(notifier, sweep())

    assert reason in notifier.failures[0]
    assert_silent(notifier.failures[0])


async def test_no_address_is_logged_or_shown(server: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    """httpx logs the whole address of each request unless it is kept from it."""
    with caplog.at_level(logging.DEBUG):
        async with Notifier([slack(), hook()], environ=secrets(server), pace=QUICK) as notifier:
            await tell(notifier, sweep())
            shown = repr(vars(notifier))

    assert len(server.got) == 2
    assert_silent(caplog.text + shown)
    assert logging.getLogger("httpx").filters == []


class Broken(MemorySentLog):
    """A history that is locked."""

    def was_sent(self, key: str) -> bool:
        raise OSError("database is locked")

    def mark_sent(self, key: str, at: datetime) -> None:
        raise OSError("database is locked")


async def test_a_log_that_fails_costs_no_notification(server: Receiver) -> None:
    async with Notifier([hook()], sent=Broken(), environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, sweep(), sweep(), sweep(closed()))

    assert [item.json["event"] for item in server.got] == ["opened", "closed"]
    assert "hook: cannot remember what was told (OSError)" in notifier.failures


async def test_failures_are_told_once() -> None:
    async with Notifier([command("raise SystemExit(3)")], pace=QUICK) as notifier:
        await tell(notifier, sweep())

        assert len(notifier.news()) == 1
        assert notifier.news() == ()
        assert len(notifier.failures) == 1

    assert notifier.news() == ()


async def test_a_receiver_that_is_down_is_news_when_it_begins_when_the_reason_changes_and_when_it_is_over() -> None:
    two = sweep(build.incident(), build.small_incident())
    answers = [*[Answer(status=404)] * 4, Answer(status=403), Answer(status=403), Answer()]
    with receiver(*answers) as server:
        async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
            said = []
            for _ in range(5):
                await tell(notifier, two)
                said.append(notifier.news())

    first, second, third, fourth, fifth = said
    assert first == ("Error: hook: lb.no-targets on Load balancer ecnv4-lb opened: it answers 404 (ok)",)
    assert second == ()
    assert third == ("Error: hook: lb.no-targets on Load balancer ecnv4-lb opened: it answers 403 (ok)",)
    assert fourth == ("hook: delivers again; 2 notifications had not been delivered.",)
    assert fifth == notifier.news() == ()
    assert (len(notifier.failures), notifier.failed, notifier.sent) == (6, {"hook": 6}, {"hook": 2})


async def test_how_many_were_not_delivered_is_said_at_the_end() -> None:
    with receiver(*[Answer(status=404)] * 4) as server:
        async with Notifier([hook()], environ=secrets(server), pace=QUICK) as notifier:
            for _ in range(2):
                await tell(notifier, sweep(build.incident(), build.small_incident()))

    assert notifier.news()[1:] == ("Error: hook: 2 notifications were not delivered: it answers 404 (ok)",)


async def test_a_log_that_fails_is_news_once(server: Receiver) -> None:
    async with Notifier([hook()], sent=Broken(), environ=secrets(server), pace=QUICK) as notifier:
        await tell(notifier, sweep(), sweep(build.small_incident()), sweep(closed()))

    assert notifier.news() == (
        "Error: hook: cannot look up what was told (OSError)",
        "Error: hook: cannot remember what was told (OSError)",
    )


async def test_a_command_gets_the_notification_on_standard_input(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"
    async with Notifier([command(script, str(out), severity="warning")], pace=QUICK) as notifier:
        await tell(notifier, sweep(), sweep(closed()))
    lines = out.read_text().splitlines()

    assert len(lines) == 2
    assert '"event":"opened","severity":"warning"' in lines[0]
    assert '"event":"closed"' in lines[1]


async def test_no_shell_reads_the_words(tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = "import sys; open(sys.argv[1], 'w').write(sys.argv[2])"
    async with Notifier([command(script, str(out), "$(id); `id` *")], pace=QUICK) as notifier:
        await tell(notifier, sweep())

    assert out.read_text() == "$(id); `id` *"


COMMANDS = [
    pytest.param("raise SystemExit('pager is busy')", "ended with 1: pager is busy", id="ends-badly"),
    pytest.param("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", "was ended by signal 15", id="killed"),
    pytest.param(
        "import sys; sys.stderr.write('x' * 9999999 + '\\nlast'); sys.exit(2)", "with 2: last", id="megabytes"
    ),
]


@pytest.mark.parametrize(("script", "reason"), COMMANDS)
async def test_a_command_that_fails_is_named(script: str, reason: str) -> None:
    async with Notifier([command(script)], pace=QUICK) as notifier:
        await tell(notifier, sweep())

    assert reason in notifier.failures[0]
    assert notifier.failed == {"page": 1}


async def test_a_command_that_does_not_read_is_none_the_worse(tmp_path: Path) -> None:
    many = build.incident(members=tuple(f"h{number}.{'x' * 200}.example.org" for number in range(500)))
    async with Notifier([command("pass")], pace=QUICK) as notifier:
        await tell(notifier, sweep(many))

    assert notifier.sent == {"page": 1}


async def test_a_command_that_is_not_there_is_named() -> None:
    settings = replace(command(), command=("/nonexistent/page",))
    async with Notifier([settings], pace=QUICK) as notifier:
        await tell(notifier, sweep())

    assert notifier.failures[0].endswith("cannot run /nonexistent/page: No such file or directory")


async def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "pids"
    script = (
        "import os, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "open(sys.argv[1] + '.new', 'w').write(f'{os.getpid()} {child.pid}');"
        "os.rename(sys.argv[1] + '.new', sys.argv[1]); time.sleep(60)"
    )
    pace = replace(QUICK, farewell_s=0.1)
    async with Notifier([command(script, str(mark))], pace=pace) as notifier:
        notifier.tell(sweep())
        await until(mark.exists)
    parent, child = map(int, mark.read_text().split())

    assert "not delivered within 0.1 s" in notifier.failures[-1]
    await until(lambda: is_dead(parent) and is_dead(child))


def is_dead(pid: int) -> bool:
    """One whose parent has not looked yet counts as dead."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


async def test_a_command_has_limited_time() -> None:
    settings = command("import time; time.sleep(60)")
    async with Notifier([replace(settings, timeout_s=0.3)], pace=QUICK) as notifier:
        await tell(notifier, sweep())

    assert notifier.failures[0].endswith("took more than 0.3 s and was killed")


async def test_a_trial_goes_through_every_channel(server: Receiver, tmp_path: Path) -> None:
    out = tmp_path / "out"
    script = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read())"
    missing = SecretRef(kind=hook().url.kind, place=("NOT_SET",), what="URL")  # type: ignore[union-attr]
    settings = [hook(), slack(), pager(server), command(script, str(out)), slack(url=missing)]
    settings[-1] = replace(settings[-1], name="nobody")
    results = dict(await send_trial(settings, environ=secrets(server)))

    assert results.pop("nobody") == "no URL: the environment variable NOT_SET is not set (export NOT_SET=...)"
    assert results == {"hook": "", "slack": "", "pager": "", "page": ""}
    assert len(server.got) == 3
    assert '"event":"test"' in out.read_text()


async def test_nobody_to_tell_is_no_trouble() -> None:
    async with Notifier([], pace=QUICK) as notifier:
        await tell(notifier, sweep())

    assert (notifier.pending, notifier.failures, await send_trial([])) == (0, (), ())
