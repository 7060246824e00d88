"""Everything plugins brought, validated as a whole before anything runs.

A wrong signature, an unknown cause or a cycle is refused here, at load, naming the plugin and the next step.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import MappingProxyType

import msgspec
from msgspec.structs import replace

from ingressdoctor.errors import PluginError
from ingressdoctor.model.check import Check, Collector, WalkChooser
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.timeline import Timeline
from ingressdoctor.model.walk import Walk

__all__ = ["Bundle", "Catalog", "build_catalog"]


class Bundle(msgspec.Struct, frozen=True, kw_only=True):
    """What one plugin brought; ``origin`` names it in errors."""

    origin: str
    checks: tuple[Check, ...] = ()
    collectors: tuple[Collector, ...] = ()
    walks: tuple[Walk, ...] = ()
    choosers: tuple[WalkChooser, ...] = ()

    @property
    def empty(self) -> bool:
        """True when it brought nothing at all."""
        return not (self.checks or self.collectors or self.walks or self.choosers)


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """The validated whole. ``checks`` are sorted by id; ``collectors`` are keyed by the evidence they provide.

    ``target_scoped`` are the evidence types that depend on the target, directly or through others; all other
    evidence is shared by every target of a session.
    """

    checks: tuple[Check, ...]
    walks: tuple[Walk, ...]
    choosers: tuple[WalkChooser, ...]
    collectors: Mapping[type, Collector]
    target_scoped: frozenset[type]
    origins: Mapping[str, str] = msgspec.field(default_factory=dict)

    def walk(self, name: str) -> Walk | None:
        """Return a walk by id."""
        return next((walk for walk in self.walks if walk.id == name), None)

    def urgency(self, wanted: Iterable[type]) -> dict[type, int]:
        """Return *wanted* and all collected evidence below it, each with how many links of evidence wait for it."""
        depth: dict[type, int] = {}

        def visit(item: type, above: int) -> None:
            collector = self.collectors.get(item)
            if collector is None or depth.get(item, -1) >= above:
                return
            depth[item] = above
            for need in collector.needs:
                if not (need.later or need.seen):
                    visit(need.wanted, above + 1)

        for item in wanted:
            visit(item, 0)
        return depth

    @property
    def timelines(self) -> tuple[type[Timeline], ...]:
        """The evidence that is collected after a failure, by name."""
        found = [item for item in self.collectors if issubclass(item, Timeline)]
        return tuple(sorted(found, key=lambda item: item.__name__))

    def checks_of(self, walk: Walk) -> tuple[Check, ...]:
        """Return the checks of a walk, each under its step there, in the order of the steps, then by id."""
        placed = ((item, walk.step_of(item.id, item.step)) for item in self.checks)
        chosen = (item if item.step == step else replace(item, step=step) for item, step in placed if step)
        return tuple(sorted(chosen, key=lambda item: (walk.position(item.step), item.id)))

    def causes_of(self, walk: Walk) -> dict[str, tuple[str, ...]]:
        """Return what each check of a walk brings about; what lies on another walk carries no fault of this one."""
        return {item.id: item.causes for item in self.checks if walk.step_of(item.id, item.step)}


def build_catalog(
    bundles: Iterable[Bundle], *, givens: Sequence[type], sources: Sequence[type], target_types: Sequence[type]
) -> Catalog:
    """Join *bundles* and validate the whole.

    Args:
        bundles: What the plugins brought.
        givens: Types that the engine is handed as values (the target, the clock).
        sources: Source protocols; collectors may need them, checks may not.
        target_types: The givens that belong to one target rather than to the session.

    Raises:
        PluginError: a duplicate, an unknown step, cause or need, a cycle, or no check at all.
    """
    everything = tuple(bundles)
    checks, origins = _unique_checks(everything)
    if not checks:
        raise PluginError(
            "No check was found, so nothing can be diagnosed.",
            hint="Reinstall ingressdoctor; in a source checkout run: pip install -e .",
        )
    collectors = _unique_collectors(everything)
    walks = tuple(walk for bundle in everything for walk in bundle.walks)
    choosers = tuple(chooser for bundle in everything for chooser in bundle.choosers)
    _refuse_double_walks(walks)
    _validate_needs(checks, choosers, collectors, frozenset(givens), frozenset(sources))
    _validate_names(checks, choosers, walks)
    _refuse_cycles(collectors)
    return Catalog(
        checks=checks,
        walks=walks,
        choosers=choosers,
        collectors=MappingProxyType(collectors),
        target_scoped=_target_scoped(collectors, frozenset(target_types)),
        origins=MappingProxyType(origins),
    )


def _unique_checks(bundles: tuple[Bundle, ...]) -> tuple[tuple[Check, ...], dict[str, str]]:
    origins: dict[str, str] = {}
    checks: dict[str, Check] = {}
    for bundle in bundles:
        for item in bundle.checks:
            if item.id in origins:
                raise PluginError(
                    f"Check {item.id} is brought twice: by {origins[item.id]} and by {bundle.origin}.",
                    hint="Ids are unique; rename one of them.",
                )
            origins[item.id] = bundle.origin
            checks[item.id] = item
    return tuple(checks[name] for name in sorted(checks)), origins


def _unique_collectors(bundles: tuple[Bundle, ...]) -> dict[type, Collector]:
    found: dict[type, Collector] = {}
    for bundle in bundles:
        for item in bundle.collectors:
            other = found.get(item.provides)
            if other is not None:
                raise PluginError(
                    f"{item.provides.__name__} is collected twice: by {other.name} and by {item.name}.",
                    hint="One collector per evidence type; give yours a type of its own.",
                )
            found[item.provides] = item
    return found


def _refuse_double_walks(walks: tuple[Walk, ...]) -> None:
    names = [walk.id for walk in walks]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise PluginError(f"Two walks are called {double!r}.", hint="Rename one of them.")


def _validate_needs(
    checks: tuple[Check, ...],
    choosers: tuple[WalkChooser, ...],
    collectors: dict[type, Collector],
    givens: frozenset[type],
    sources: frozenset[type],
) -> None:
    evidence = givens | frozenset(collectors)
    judges = [(f"Check {item.id}", item.needs) for item in checks]
    judges += [(f"The chooser of walk {item.walk}", item.needs) for item in choosers]
    for what, needs in judges:
        for need in needs:
            if need.wanted in sources:
                raise PluginError(
                    f"{what} asks for the source {need.wanted.__name__} as {need.parameter!r}; it sees evidence only.",
                    hint="Move the I/O into a collector and let the check need what it returns.",
                )
            if need.later or need.seen:
                word = "Later; only collectors may wait" if need.later else "Seen; only collectors may do"
                raise PluginError(
                    f"{what} asks for {need.wanted.__name__} as {word} for evidence.",
                    hint=f"Annotate it: {need.parameter}: {need.wanted.__name__} | Unavailable",
                )
            if need.wanted not in evidence:
                raise _nobody_provides(what, need.parameter, need.wanted, evidence)
    for item in collectors.values():
        for need in item.needs:
            if need.wanted not in evidence | sources:
                raise _nobody_provides(f"Collector {item.name}", need.parameter, need.wanted, evidence | sources)


def _nobody_provides(what: str, parameter: str, wanted: type, known: frozenset[type]) -> PluginError:
    names = sorted(item.__name__ for item in known)
    near = difflib.get_close_matches(wanted.__name__, names, n=1)
    hint = f"Did you mean {near[0]}?" if near else f"Known evidence: {', '.join(names)}."
    return PluginError(f"{what} needs {wanted.__name__} as {parameter!r}, which nobody provides.", hint=hint)


def _validate_names(checks: tuple[Check, ...], choosers: tuple[WalkChooser, ...], walks: tuple[Walk, ...]) -> None:
    steps = {step.id for walk in walks for step in walk.steps}
    known = {item.id for item in checks} | {str(symptom) for symptom in Symptom}
    for item in checks:
        if item.step not in steps:
            raise PluginError(
                f"Check {item.id} belongs to step {item.step!r}, which no walk has.",
                hint=f"Known steps: {', '.join(sorted(steps))}.",
            )
        for cause in item.causes:
            if cause not in known:
                near = difflib.get_close_matches(cause, sorted(known), n=1)
                hint = f"Did you mean {near[0]!r}?" if near else "Name a check id or a symptom."
                raise PluginError(f"Check {item.id} says it causes {cause!r}, which does not exist.", hint=hint)
    names = {walk.id for walk in walks}
    for chooser in choosers:
        if chooser.walk not in names:
            raise PluginError(f"{chooser.module} chooses the walk {chooser.walk!r}, which does not exist.")
    _validate_steps(checks, walks)
    for walk in walks:
        for proof in walk.proof:
            if proof not in known:
                raise PluginError(f"Walk {walk.id} is proven by {proof!r}, which is no check.")


def _validate_steps(checks: tuple[Check, ...], walks: tuple[Walk, ...]) -> None:
    """Refuse a step that takes checks which do not exist."""
    for walk in walks:
        for pattern in (pattern for step in walk.steps for pattern in step.takes):
            if not any(fnmatchcase(item.id, pattern) for item in checks):
                raise PluginError(f"Walk {walk.id} takes checks {pattern!r}, which do not exist.")


def _refuse_cycles(collectors: dict[type, Collector]) -> None:
    done: set[type] = set()

    def visit(wanted: type, path: tuple[type, ...]) -> None:
        if wanted in path:
            names = " -> ".join(item.__name__ for item in (*path[path.index(wanted) :], wanted))
            raise PluginError(f"Collectors need each other in a circle: {names}.", hint="Split one of them.")
        item = collectors.get(wanted)
        if item is None or wanted in done:
            return
        for need in item.needs:
            if not need.seen:
                visit(need.wanted, (*path, wanted))
        done.add(wanted)

    for wanted in collectors:
        visit(wanted, ())


def _target_scoped(collectors: dict[type, Collector], target_types: frozenset[type]) -> frozenset[type]:
    """Evidence that needs the target, directly or through other evidence: a fixed point over the needs."""
    scoped = set(target_types)
    grown = True
    while grown:
        grown = False
        for provides, item in collectors.items():
            if provides not in scoped and any(need.wanted in scoped for need in item.needs):
                scoped.add(provides)
                grown = True
    return frozenset(scoped)
