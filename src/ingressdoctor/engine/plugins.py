"""Find checks, collectors and walks in installed packages and in local folders.

One entry point per package in the group ``ingressdoctor.plugins``; every module below it is imported and its
module-level values are kept. A plugin that cannot be imported is named and refused: a doctor with a part of its
checks missing must not report health.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import EntryPoint, entry_points
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Final

from ingressdoctor.engine.catalog import Bundle
from ingressdoctor.errors import IngressDoctorError, PluginError
from ingressdoctor.model.check import Check, Collector, WalkChooser
from ingressdoctor.model.text import clean
from ingressdoctor.model.walk import Walk

__all__ = ["GROUP", "load_folder", "load_installed", "load_package"]

GROUP: Final = "ingressdoctor.plugins"
_KINDS: Final = (Check, Collector, WalkChooser)


def load_installed(points: Sequence[EntryPoint] | None = None) -> tuple[Bundle, ...]:
    """Load every plugin package, sorted by entry-point name.

    Args:
        points: Entry points to load in place of the installed ones.

    Raises:
        PluginError: none is installed, two share a name, or one cannot be imported or brings nothing.
    """
    found = sorted(entry_points(group=GROUP) if points is None else points, key=lambda point: (point.name, point.value))
    if not found:
        raise PluginError(
            f"No plugin is installed in the group {GROUP}; not even the built-in checks.",
            hint="Reinstall ingressdoctor; in a source checkout run: pip install -e .",
        )
    _refuse_double_names(found)
    return tuple(_load_point(point) for point in found)


def _refuse_double_names(points: Sequence[EntryPoint]) -> None:
    for first, second in pairwise(points):
        if first.name == second.name and first.value != second.value:
            raise PluginError(
                f"Two plugins are called {first.name!r}: {first.value} and {second.value}.",
                hint="Uninstall one of them.",
            )


def _load_point(point: EntryPoint) -> Bundle:
    origin = f"plugin {point.name} ({point.value})"
    package = _import(point.value.partition(":")[0], origin)
    bundle = load_package(package, origin=origin)
    if bundle.empty:
        raise PluginError(f"The {origin} brings no check, collector or walk.", hint="Uninstall it, or fix its package.")
    return bundle


def load_package(package: ModuleType, *, origin: str) -> Bundle:
    """Import every module below *package* and keep what is declared in them."""
    below = pkgutil.walk_packages(getattr(package, "__path__", ()), prefix=f"{package.__name__}.")
    return _bundle([package, *(_import(info.name, origin) for info in below)], origin)


def load_folder(folder: Path) -> Bundle:
    """Load a folder of check files: every ``*.py`` that does not start with an underscore.

    Raises:
        PluginError: the folder does not exist, holds no check, or a file cannot be imported.
    """
    origin = f"folder {folder}"
    if not folder.is_dir():
        raise PluginError(f"The folder of checks {folder} does not exist.", hint="Fix [plugins] folders.")
    modules = [_import_file(path, origin) for path in sorted(folder.glob("*.py")) if not path.name.startswith("_")]
    bundle = _bundle(modules, origin)
    if bundle.empty:
        raise PluginError(f"The {origin} brings no check, collector or walk.", hint="Decorate a function with @check.")
    return bundle


def _import(name: str, origin: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except IngressDoctorError as error:
        raise PluginError(f"The {origin} is refused: {error.message}", hint=error.hint) from error
    except Exception as error:
        raise _broken(origin, name, error) from error


def _import_file(path: Path, origin: str) -> ModuleType:
    # A name of its own per path, so that two folders may hold files of the same name.
    name = f"ingressdoctor_local_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:12]}_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise PluginError(f"The {origin} has a file that is not Python: {path.name}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except IngressDoctorError as error:
        raise PluginError(f"{path} is refused: {error.message}", hint=error.hint) from error
    except Exception as error:
        raise _broken(origin, path.name, error) from error
    return module


def _broken(origin: str, name: str, error: Exception) -> PluginError:
    return PluginError(
        f"The {origin} cannot be used: importing {name} failed with {type(error).__name__}: {clean(str(error), 300)}",
        hint="Fix or uninstall it; a run without its checks would not be the run that you asked for.",
    )


def _bundle(modules: Iterable[ModuleType], origin: str) -> Bundle:
    checks: list[Check] = []
    collectors: list[Collector] = []
    walks: list[Walk] = []
    choosers: list[WalkChooser] = []
    for module in modules:
        for value in vars(module).values():
            # Most values are none of them: one question for all kinds, and not one for each.
            if not isinstance(value, _KINDS):
                continue
            match value:
                case Check() if value.module == module.__name__:
                    checks.append(value)
                case Collector() if value.module == module.__name__:
                    collectors.append(value)
                case WalkChooser() if value.module == module.__name__:
                    choosers.append(value)
        walks.extend(item for item in getattr(module, "WALKS", ()) if isinstance(item, Walk))
    return Bundle(
        origin=origin,
        checks=tuple(checks),
        collectors=tuple(collectors),
        walks=tuple(walks),
        choosers=tuple(choosers),
    )
