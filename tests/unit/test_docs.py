"""The pages hang together: links lead somewhere, every page is found, and what people are told to type exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from ingressdoctor.cli.app import build_app
from ingressdoctor.config.settings import Settings
from ingressdoctor.wiring.session import load_catalog

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
COMMANDS = typer.main.get_command(build_app())


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def links(page: Path) -> Iterator[tuple[str, str]]:
    """File and anchor of every link that stays in the repository."""
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            yield name, anchor


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_no_link_is_dead(page: Path) -> None:
    dead = [
        f"{name}#{anchor}"
        for name, anchor in links(page)
        if not (where := page.parent / name if name else page).exists() or (anchor and anchor not in anchors(where))
    ]

    assert dead == []


def test_the_index_links_every_page() -> None:
    linked = {(DOCS / name).resolve() for name, _ in links(DOCS / "index.md")}
    files = {path for path in DOCS.rglob("*") if path.is_file() and path.name != "index.md"}

    assert {str(path.relative_to(DOCS)) for path in files - linked} == set()


def test_the_architecture_names_every_folder() -> None:
    table = set(re.findall(r"^\| `([^`]+)` \|", (DOCS / "architecture.md").read_text(encoding="utf-8"), re.MULTILINE))
    house = ROOT / "src/ingressdoctor"
    folders = {f"{path.parent.name}/" for path in house.glob("*/__init__.py")}
    modules = {path.name for path in house.glob("*.py") if not path.name.startswith("__")}

    assert table == folders | modules | {"checks/ingressdoctor_checks/"}


@pytest.mark.parametrize("page", sorted((DOCS / "architectures").glob("*.md")), ids=lambda page: page.stem)
def test_an_architecture_names_walks_and_checks_that_exist(page: Path) -> None:
    catalog = load_catalog(Settings())
    known = {item.id for item in catalog.checks}
    hops = {name.partition(".")[0] for name in known}
    text = page.read_text(encoding="utf-8")
    named = {name for name in re.findall(r"`([a-z0-9]+\.[a-z0-9-]+)`", text) if name.partition(".")[0] in hops}

    assert named
    assert named <= known
    assert set(re.findall(r"\.\./walks/([a-z]+)\.md", text)) & {walk.id for walk in catalog.walks}
    assert f"lab list {page.stem}" in text


def options_of(command: Any) -> set[str]:
    """Every option of a command and of those below it."""
    own = {name for item in command.params for name in (*item.opts, *item.secondary_opts)} | {"--help"}
    return own.union(*(options_of(item) for item in getattr(command, "commands", {}).values()))


def typed(page: Path) -> Iterator[str]:
    """The lines and code spans in which the program is called, up to a pipe or a comment."""
    text = page.read_text(encoding="utf-8")
    for call in re.findall(r"(?:^(?:\$ )?|`)ingressdoctor ([^`\n]*)", text, re.MULTILINE):
        yield re.split(r" [|#] |  ", call)[0]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_call_uses_what_exists(page: Path) -> None:
    known = options_of(COMMANDS)
    used = [(call, option) for call in typed(page) for option in re.findall(r"--[a-z-]+", call)]

    assert [pair for pair in used if pair[1] not in known] == []


@pytest.mark.parametrize("name", ["cli.md", "configuration.md", "json.md"])
def test_every_option_named_alone_exists(name: str) -> None:
    named = re.findall(r"`(--[a-z-]+)", (DOCS / name).read_text(encoding="utf-8"))

    assert [option for option in named if option not in options_of(COMMANDS)] == []
