"""Find the documentation of a check: shipped inside the package, or in a source checkout beside it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import ingressdoctor

__all__ = ["docs_folder", "section_of"]

_HEADING: Final = re.compile(r"^(#{1,6})\s+(.*)$")
_MAX_BYTES: Final = 1_000_000


def docs_folder() -> Path | None:
    """Return the folder of the documentation; None when the package was installed without it."""
    package = Path(ingressdoctor.__file__).parent
    # In a checkout the package is <checkout>/src/ingressdoctor and the pages are in <checkout>/docs.
    candidates = (package / "docs", package.parents[1] / "docs")
    return next((folder for folder in candidates if (folder / "checks").is_dir()), None)


def section_of(check_id: str) -> str:
    """Return the section about a check as Markdown, without its heading; empty when there is none."""
    folder = docs_folder()
    if folder is None:
        return ""
    for page in sorted((folder / "checks").glob("*.md")):
        if page.stat().st_size <= _MAX_BYTES:
            section = find_section(page.read_text(encoding="utf-8", errors="replace"), check_id)
            if section:
                return section
    return ""


def find_section(page: str, check_id: str) -> str:
    """Return what stands under the heading that names *check_id*, up to the next heading of its level."""
    wanted = re.compile(rf"(?<![\w.-]){re.escape(check_id)}(?![\w-]|\.\w)")
    level, found, fenced = 0, list[str](), False
    for line in page.splitlines():
        fenced ^= line.lstrip().startswith("```")
        heading = None if fenced else _HEADING.match(line)
        if level == 0:
            if heading is not None and wanted.search(heading.group(2)):
                level = len(heading.group(1))
            continue
        if heading is not None and len(heading.group(1)) <= level:
            break
        found.append(line)
    return "\n".join(found).strip()
