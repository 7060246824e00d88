"""What every test gets: a clean environment, and a guard against leaving loopback."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from build.planted import is_about_sql, leaks

_SCENARIOS = ("tests/lab/test_accuracy.py", "tests/lab/test_pairs.py", "tests/lab/test_symptoms.py")

# What is here talks to a lab or to a part of one, with a mark or without.
_LABS = Path(__file__).parent / "lab"

_ENVIRONMENT = (
    "CLOUDFLARE_API_TOKEN",
    "HCLOUD_TOKEN",
    "INGRESSDOCTOR_MAXSCALE_PASSWORD",
    "INGRESSDOCTOR_SQL_PASSWORD",
    "INGRESSDOCTOR_CONFIG",
    "KUBECONFIG",
    "KUBERNETES_SERVICE_HOST",
    "KUBERNETES_SERVICE_PORT",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the one switch that rewrites golden files."""
    parser.addoption("--update-golden", action="store_true", help="write golden files from what is printed now")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No token, cluster or configuration of the person running the tests reaches one."""
    for name in _ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    home = tmp_path_factory.mktemp("home", numbered=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give a test that waits for a whole lab two more tries, and show them in the summary.

    Edge, balancer and probes of a lab keep real time limits. On a machine ten times too busy, one run in hundreds ends
    at the wrong limit; a test that is really broken fails each time.
    """
    for item in items:
        marked = any(item.get_closest_marker(name) is not None for name in ("lab", "debian"))
        if marked or item.path.is_relative_to(_LABS):
            item.add_marker(pytest.mark.flaky(reruns=2))
        if item.get_closest_marker("timeout") is None:
            # Against tests that hang. Six seconds of the processor take more than a minute on such a machine.
            item.add_marker(pytest.mark.timeout(300))


class _ByModule(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Keeps a module's tests on one worker, for its fixtures; scenarios of the lab go wherever there is time."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return nodeid if module.endswith(_SCENARIOS) else str(super()._split_scope(nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByModule:
    """Spread the lab's scenarios, which are most of the time of a run, over all workers."""
    return _ByModule(config, log)


class LeftLoopback(BaseException):
    """A test tried to talk to another machine; not an Exception, so that no code under test can swallow it."""


@pytest.fixture(autouse=True, scope="session")
def stay_on_loopback() -> Iterator[None]:
    """Fail any test that connects to, or sends to, an address beyond this machine."""
    patch = pytest.MonkeyPatch()
    patch.setenv("PYTHONPATH", str(Path(__file__).parent / "guard"))  # for child processes
    for name in ("connect", "connect_ex", "sendto"):
        patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    yield
    patch.undo()


def _guarded(original: Any) -> Any:
    def guard(self: socket.socket, *args: Any) -> Any:
        address = args[-1]
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_local(address[0]):
            raise LeftLoopback(f"{original.__name__} to {address}")
        return original(self, *args)

    return guard


def _is_local(host: str) -> bool:
    if host in ("localhost", ""):
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail what may not pass: a server test that was skipped at the gate, and a SQL test that let a password out."""
    report = yield
    if is_about_sql(item.nodeid) and (places := leaks(report.sections)):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} let a planted password out: {', '.join(places)}"
    required = os.environ.get("INGRESSDOCTOR_REQUIRE_SERVERS") == "1"
    if required and report.skipped and item.get_closest_marker("debian") is not None:
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, but the gate must run it: {report.longrepr}"
    return report
