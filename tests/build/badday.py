"""Run the program on a bad day, in this process, and hold whatever it says to what holds on every day.

No traceback, no control character, no secret, nothing that calls itself a bug, and valid JSON.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cache
from typing import Any

import jsonschema
import pytest
import yaml

from build.values import replace
from ingressdoctor.cli.app import run
from ingressdoctor.cli.options import Connection, RunChoice
from ingressdoctor.cli.settings import settings_for
from ingressdoctor.lab import Lab, World
from ingressdoctor.lab.world import merged
from ingressdoctor.model.finding import Finding, Status
from ingressdoctor.model.report import Report
from ingressdoctor.model.target import Target
from ingressdoctor.render.json_v1 import report_to_json
from ingressdoctor.render.markdown import report_to_markdown
from ingressdoctor.render.page import Page
from ingressdoctor.render.schema_v1 import report_schema
from ingressdoctor.render.terminal import report_to_terminal
from ingressdoctor.wiring import RunOptions, open_session

HOST = "www.wecare.gr"
_FORBIDDEN_WORDS = ("Traceback", "This is a bug", "please report it", "itself failed", "object at 0x")


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One report with its exit code, drawn in every form."""

    report: Report
    code: int
    terminal: str
    verbose: str
    markdown: str

    @property
    def findings(self) -> tuple[tuple[str, Finding], ...]:
        """Every finding with its check's id."""
        results = [result for step in self.report.steps for result in step.results]
        return tuple((result.check.id, finding) for result in results for finding in result.findings)

    def with_status(self, status: Status) -> frozenset[str]:
        """Ids of the checks with a finding of that status."""
        return frozenset(name for name, finding in self.findings if finding.status is status)

    @property
    def failing(self) -> frozenset[str]:
        return self.with_status(Status.FAIL)

    @property
    def unknown(self) -> frozenset[str]:
        return self.with_status(Status.UNKNOWN)

    @property
    def causes(self) -> tuple[str, ...]:
        """Ids of the root causes, best first."""
        return tuple(dict.fromkeys(cause.check_id for cause in self.report.diagnosis.causes))

    @property
    def symptoms(self) -> tuple[str, ...]:
        return tuple(map(str, self.report.diagnosis.symptoms))

    @property
    def gaps(self) -> str:
        """What every unknown says, and what would enable it, as one text."""
        return "\n".join(f"{f.summary} {f.enable_with}" for _, f in self.findings if f.status is Status.UNKNOWN)

    @property
    def facts(self) -> str:
        """What the findings go by, as one text."""
        return "\n".join(f"{fact.name}: {fact.value}" for _, finding in self.findings for fact in finding.facts)

    @property
    def unread(self) -> str:
        """What of the last day could not be read, and what would enable it, as one text."""
        return "\n".join(f"{gap.wanted} {gap.reason} {gap.enable_with}" for gap in self.report.timeline.unread)

    def says(self, text: str) -> bool:
        """Whether the short report says that, wherever its lines break."""
        return text in " ".join(self.terminal.split())


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def value(self) -> dict[str, Any]:
        """Standard output as the one JSON object that it must be."""
        return held_json(self.out, self.code)


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(report_schema())


def held_json(text: str, code: int) -> dict[str, Any]:
    """Return the JSON object after holding it to the published schema and to the exit code."""
    value = json.loads(text)
    _validator().validate(value)
    assert value["exit_code"] == code
    assert isinstance(value, dict)
    return value


def held(text: str, secrets: Sequence[str] = ()) -> None:
    """Hold one text to what every text keeps."""
    __tracebackhide__ = True
    for word in _FORBIDDEN_WORDS:
        if (place := text.find(word)) >= 0:
            pytest.fail(f"{word!r} is in what was written: … {text[max(0, place - 500) : place + 200]} …")
    controls = {char for char in text if (ord(char) < 32 and char != "\n") or 127 <= ord(char) < 160}
    if controls:
        pytest.fail(f"control characters {controls!r} are in what was written")
    if any(secret in text for secret in secrets):
        pytest.fail("a secret is in what was written")


def calm(world: World) -> World:
    """The world with an edge and a balancer that wait longer, so that a busy machine does not look like a dead one."""
    waits = {"edge_connect_s": 3.0, "edge_read_s": 5.0, "health_timeout_s": 2.0}
    return replace(world, settings=merged(world.settings, waits))


def secrets_of(lab: Lab) -> tuple[str, ...]:
    """Every token that the lab handed out."""
    environment, kubeconfig = lab.handout.environment, lab.handout.kubeconfig
    users = yaml.safe_load(kubeconfig.read_text("utf-8"))["users"] if kubeconfig.exists() else ()
    tokens = [user["user"]["token"] for user in users]
    clouds = (environment.get(name) for name in ("HCLOUD_TOKEN", "CLOUDFLARE_API_TOKEN"))
    return (*filter(None, clouds), *tokens)


def see(
    lab: Lab,
    *,
    host: str = HOST,
    environ: Mapping[str, str] | None = None,
    connection: Connection | None = None,
    timeout_s: float = 20.0,
) -> Seen:
    """Diagnose a host of the lab and draw the report in every form.

    Args:
        lab: A running one.
        host: Any of its hosts.
        environ: Laid over the environment that the lab hands out.
        connection: Connection options, in place of the lab's configuration file alone.
        timeout_s: Of the whole run.
    """
    chosen = connection or Connection(config=str(lab.handout.config))
    settings = settings_for(chosen, RunChoice(timeout=timeout_s))

    async def diagnose() -> Report:
        async with open_session(settings, environ={**lab.handout.environment, **(environ or {})}) as session:
            return await session.diagnose(Target.parse(host), RunOptions(timeout_s=timeout_s))

    report = asyncio.run(diagnose())
    code = report.exit_code()
    secrets = (*secrets_of(lab), *(environ or {}).values())
    text = report_to_json(report, exit_code=code)
    held_json(text, code)
    page = Page(width=100, colour=False, unicode=True, verbose=False)
    seen = Seen(
        report=report,
        code=code,
        terminal=report_to_terminal(report, page),
        verbose=report_to_terminal(report, Page(width=100, colour=False, unicode=True, verbose=True)),
        markdown=report_to_markdown(report, page),
    )
    for form in (text, seen.terminal, seen.verbose, seen.markdown):
        held(form, [secret for secret in secrets if secret])
    assert not [result.error for step in report.steps for result in step.results if result.error]
    return seen


def say(*words: str, env: Mapping[str, str] | None = None, secrets: Sequence[str] = ()) -> Told:
    """Run a command in this process and return what it wrote; *env* is laid over the environment meanwhile."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in (env or {}).items():
            patch.setenv(name, value)
        code = run(words, "ingressdoctor")
    told = Told(code=code, out=_text(out), err=_text(err))
    held(told.out, secrets)
    held(told.err, secrets)
    return told


def _text(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
