"""What is refused when plugins load, and with which words."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from build.engine import RIVER, Flow, Gauge, Level, a_check, catalog
from ingressdoctor.engine.catalog import Bundle, build_catalog
from ingressdoctor.engine.plugins import load_folder, load_installed
from ingressdoctor.errors import PluginError
from ingressdoctor.model.check import Check, Collector, check, collector
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Finding, ok
from ingressdoctor.model.target import Target
from ingressdoctor.model.walk import Step, Walk


@collector(wanted="the level")
async def level(gauge: Gauge) -> Level:
    return Level(metres=await gauge.read())


@collector(wanted="the flow")
async def flow(target: Target, level: Level) -> Flow | Unavailable:
    return Flow(speed=level.metres)


@collector(wanted="the level, again")
async def second_level() -> Level:
    return Level(metres=0)


@check(id="dam.sees-gauge", title="x", step="dam")
def sees_gauge(gauge: Gauge) -> Iterator[Finding]:
    yield ok(str(gauge))


@check(id="dam.wants-flow", title="x", step="dam")
def wants_flow(flow: Flow) -> Iterator[Finding]:
    yield ok(str(flow))


class Ring:
    pass


class Chain:
    pass


@collector(wanted="a ring")
async def ring(chain: Chain) -> Ring:
    return Ring()


@collector(wanted="a chain")
async def chain(ring: Ring) -> Chain:
    return Chain()


REFUSED = [
    pytest.param((), (), "No check was found", id="an-empty-registry-is-an-error"),
    pytest.param((a_check("dam.x", "dam"), a_check("dam.x", "dam")), (), "dam.x is brought twice", id="duplicate-id"),
    pytest.param((a_check("dam.x", "damm"),), (), "step 'damm', which no walk has", id="unknown-step"),
    pytest.param((a_check("dam.x", "dam", ("edge-599",)),), (), "'edge-599', which does not exist", id="unknown-cause"),
    pytest.param((sees_gauge,), (), "asks for the source Gauge", id="a-check-sees-no-source"),
    pytest.param(
        (wants_flow,), (level,), "needs Flow as 'flow', which nobody provides", id="evidence-without-collector"
    ),
    pytest.param((a_check("dam.x", "dam"),), (level, second_level), "Level is collected twice", id="two-collectors"),
    pytest.param((a_check("dam.x", "dam"),), (ring, chain), "need each other in a circle", id="circle"),
]


@pytest.mark.parametrize(("checks", "collectors", "text"), REFUSED)
def test_refused(checks: tuple[Check, ...], collectors: tuple[Collector, ...], text: str) -> None:
    with pytest.raises(PluginError, match=text):
        catalog(*checks, collectors=collectors)


def test_scope_is_read_from_the_needs() -> None:
    made = catalog(wants_flow, collectors=(level, flow))

    assert made.target_scoped == {Target, Flow}


CANAL = Walk(
    id="canal",
    title="From lock to lock",
    steps=(
        Step(id="mouth", question="Does water arrive?", hop="the mouth", docs="canal.md", takes=("mouth.d*",)),
        Step(id="lock", question="Is the lock open?", hop="the lock", docs="canal.md", takes=("dam.shut",)),
        Step(id="spring", question="Does the spring run?", hop="the spring", docs="canal.md"),
    ),
)


def test_a_step_that_takes_checks_has_those_and_no_others() -> None:
    checks = (a_check("mouth.dry", "mouth"), a_check("mouth.salt", "mouth"), a_check("dam.shut", "dam"))
    bundle = Bundle(origin="test", checks=(*checks, a_check("spring.dry", "spring")), walks=(RIVER, CANAL))
    made = build_catalog((bundle,), givens=(Target,), sources=(), target_types=(Target,))

    assert [(item.id, item.step) for item in made.checks_of(CANAL)] == [
        ("mouth.dry", "mouth"),
        ("dam.shut", "lock"),
        ("spring.dry", "spring"),
    ]
    assert [item.step for item in made.checks_of(RIVER)] == ["mouth", "mouth", "dam", "spring"]


def test_what_lies_on_another_walk_carries_no_fault_of_this_one() -> None:
    sea = Walk(id="sea", title="The sea", steps=(Step(id="tide", question="?", hop="the tide", docs="sea.md"),))
    checks = (a_check("mouth.dry", "mouth", ("tide.low",)), a_check("tide.low", "tide", ("edge-522",)))
    bundle = Bundle(origin="test", checks=checks, walks=(RIVER, sea))
    made = build_catalog((bundle,), givens=(Target,), sources=(), target_types=(Target,))

    assert made.causes_of(RIVER) == {"mouth.dry": ("tide.low",)}


def test_a_step_that_takes_what_does_not_exist_is_refused() -> None:
    bundle = Bundle(origin="test", checks=(a_check("dam.shut", "dam"),), walks=(RIVER, CANAL))

    with pytest.raises(PluginError, match=r"takes checks 'mouth.d\*', which do not exist"):
        build_catalog((bundle,), givens=(Target,), sources=(), target_types=(Target,))


def test_a_misspelt_cause_gets_a_suggestion() -> None:
    with pytest.raises(PluginError) as caught:
        catalog(a_check("dam.x", "dam", ("edge-5222",)))

    assert "edge-522" in caught.value.hint


def no_annotation(gauge) -> Iterator[Finding]:  # type: ignore[no-untyped-def]
    yield ok("x")


def two_types(gauge: Level | Flow) -> Iterator[Finding]:
    yield ok("x")


def with_default(gauge: Level = Level(metres=1)) -> Iterator[Finding]:  # noqa: B008
    yield ok("x")


def var_args(*gauge: Level) -> Iterator[Finding]:
    yield ok("x")


@pytest.mark.parametrize("function", [no_annotation, two_types, with_default, var_args])
def test_a_signature_that_cannot_be_filled_is_refused(function: object) -> None:
    with pytest.raises(PluginError):
        check(id="dam.x", title="x", step="dam")(function)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["dam", "Dam.x", "dam.", "dam.x y", "dam.x.y"])
def test_a_malformed_id_is_refused(name: str) -> None:
    with pytest.raises(PluginError, match="is not a check id"):
        a_check(name, "dam")


GOOD = """
from collections.abc import Iterator
from ingressdoctor.api import Finding, Target, check, ok

@check(id="dam.local", title="x", step="dam")
def local(target: Target) -> Iterator[Finding]:
    yield ok(target.hostname)
"""

FOLDERS = [
    pytest.param({"a.py": "1 / 0"}, "importing a.py failed with ZeroDivisionError", id="a-file-that-raises"),
    pytest.param({"a.py": "def x(:"}, "importing a.py failed with SyntaxError", id="a-file-that-does-not-parse"),
    pytest.param({"a.py": "x = 1"}, "brings no check", id="a-folder-without-checks"),
    pytest.param({"_a.py": GOOD}, "brings no check", id="underscored-files-are-helpers"),
    pytest.param(
        {"a.py": GOOD.replace("dam.local", "Dam")}, "is not a check id", id="a-bad-declaration-names-the-file"
    ),
]


@pytest.mark.parametrize(("files", "text"), FOLDERS)
def test_a_broken_folder_is_refused(tmp_path: Path, files: dict[str, str], text: str) -> None:
    for name, body in files.items():
        (tmp_path / name).write_text(body)

    with pytest.raises(PluginError, match=text):
        load_folder(tmp_path)


def test_a_folder_of_check_files_joins_the_catalog(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(GOOD)
    proof = a_check("mouth.dry", "mouth")
    bundles = [Bundle(origin="test", checks=(proof,), walks=(RIVER,)), load_folder(tmp_path)]

    made = build_catalog(bundles, givens=(Target,), sources=(), target_types=(Target,))

    assert [item.id for item in made.checks] == ["dam.local", "mouth.dry"]
    assert made.origins["dam.local"].startswith("folder ")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="does not exist"):
        load_folder(tmp_path / "nowhere")


def test_a_plugin_that_cannot_be_imported_is_named_and_refused() -> None:
    point = EntryPoint(name="acme", value="acme_checks_that_do_not_exist", group="ingressdoctor.plugins")

    with pytest.raises(PluginError, match=r"plugin acme .*ModuleNotFoundError"):
        load_installed([point])


def test_no_installed_plugin_is_an_error() -> None:
    with pytest.raises(PluginError, match="No plugin is installed"):
        load_installed([])


def test_two_plugins_of_one_name_are_refused() -> None:
    points = [EntryPoint(name="a", value=value, group="g") for value in ("one", "two")]

    with pytest.raises(PluginError, match="Two plugins are called 'a'"):
        load_installed(points)
