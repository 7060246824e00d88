"""From settings to a session: open sources and a loaded catalog.

Everything heavy is imported when a session is opened, so that ``--help`` loads none of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from ingressdoctor import collect
from ingressdoctor.collect.route_scene import Scene, cluster_scene, may_be_nginx, with_nginx
from ingressdoctor.config import Settings
from ingressdoctor.engine.catalog import Catalog, build_catalog
from ingressdoctor.engine.cost import cost_of
from ingressdoctor.engine.observer import Observer, Silent
from ingressdoctor.engine.plugins import load_folder, load_installed, load_package
from ingressdoctor.engine.session import Run, RunSpec, ask, diagnose_target
from ingressdoctor.evidence.access import AccessSurvey, Sight
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.controller import Controller
from ingressdoctor.evidence.nginx import NginxControllers
from ingressdoctor.evidence.preferences import Preferences
from ingressdoctor.evidence.route_view import RouteView
from ingressdoctor.evidence.routes import RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.report import Report
from ingressdoctor.model.target import Target
from ingressdoctor.sources.base import AccessToken, Cloudflare, Dns, Grpc, Hetzner, Kubernetes, MaxScale, Net, Sql
from ingressdoctor.sources.calls import current_collector
from ingressdoctor.sources.live import Sources, open_sources
from ingressdoctor.wiring.settings import source_settings

__all__ = ["RunOptions", "Session", "SourceAccess", "load_catalog", "open_session"]

T = TypeVar("T")

_GIVENS = (Target, Clock, Preferences)
_SOURCES = (Kubernetes, Hetzner, Cloudflare, AccessToken, Dns, Net, Grpc, Sql, MaxScale)


class RunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line may ask of one run."""

    walk: str = ""
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    timeout_s: float = 30.0


class SourceAccess(msgspec.Struct, frozen=True, kw_only=True):
    """One line of ``ingressdoctor access``; ``costs`` are the steps that lose checks, with how many."""

    source: str
    readable: bool | None
    detail: str
    costs: tuple[str, ...] = ()
    enable_with: str = ""


def load_catalog(settings: Settings) -> Catalog:
    """Load the built-in collectors, every installed plugin and the configured folders, and validate the whole.

    Raises:
        PluginError: one of them is broken, or together they contradict each other.
    """
    bundles = [load_package(collect, origin="built-in collectors"), *load_installed()]
    bundles += [load_folder(Path(folder)) for folder in settings.plugins.folders]
    return build_catalog(bundles, givens=_GIVENS, sources=_SOURCES, target_types=(Target,))


class Session:
    """Open sources and a loaded catalog; one event loop, one or many targets. An async context manager."""

    def __init__(self, settings: Settings, catalog: Catalog, sources: Sources, version: str) -> None:
        self._settings = settings
        self._catalog = catalog
        self._sources = sources
        self._version = version

    @property
    def sources(self) -> Sources:
        """What it reads from."""
        return self._sources

    @property
    def catalog(self) -> Catalog:
        """What the plugins brought."""
        return self._catalog

    @property
    def version(self) -> str:
        """The program's, as reports tell it."""
        return self._version

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._sources.aclose()

    async def diagnose(
        self, target: Target, options: RunOptions, observer: Observer | None = None, stop: asyncio.Event | None = None
    ) -> Report:
        """Diagnose one target; when *stop* is set meanwhile, report what is known so far.

        Raises:
            UsageError: the walk asked for does not exist, or a pattern selects no check.
        """
        spec = RunSpec(
            walk=options.walk,
            only=options.only,
            skip=options.skip,
            patterns=dict(self._settings.walks.patterns),
            timeout_s=options.timeout_s,
        )
        return await diagnose_target(self.run(target, observer, stop), target, spec)

    async def scene(self) -> Scene | Unavailable:
        """Return the cluster's routing objects and the Traefik that reads them."""
        objects, controller = await self.evidence((RoutingObjects, Controller))
        if not isinstance(objects, RoutingObjects):
            return objects if isinstance(objects, Unavailable) else _odd(objects, RoutingObjects)
        found = controller if isinstance(controller, (Controller, Unavailable)) else _odd(controller, Controller)
        scene = await cluster_scene(self._sources.kubernetes, objects, found)
        return with_nginx(scene, await self._one(NginxControllers, None)) if may_be_nginx(scene) else scene

    async def around(self, scene: Scene, view: RouteView) -> RouteView:
        """Add what the cluster says of the pods behind a request's Services, and who may reach them."""
        from ingressdoctor.collect.route_around import look_around
        from ingressdoctor.collect.route_policies import with_around

        return with_around(scene, view, await look_around(self._sources.kubernetes, scene, view))

    async def access(self) -> tuple[SourceAccess, ...]:
        """Return what today's credentials can read, and the steps that each missing one costs."""
        survey = await self._one(AccessSurvey, None)
        if isinstance(survey, Unavailable):
            return (SourceAccess(source="survey", readable=None, detail=survey.reason, enable_with=survey.enable_with),)
        return tuple(self._priced(sight) for sight in survey.sights)

    def _priced(self, sight: Sight) -> SourceAccess:
        costs = () if sight.readable else cost_of(self._catalog, sight.feeds)
        return SourceAccess(
            source=sight.source,
            readable=sight.readable,
            detail=sight.detail,
            costs=costs,
            enable_with=sight.enable_with,
        )

    async def evidence(self, wanted: Sequence[type], target: Target | None = None) -> tuple[object, ...]:
        """Collect evidence by type without judging it."""
        return await ask(self.run(target, None, None), wanted, self._settings.run.timeout_s)

    async def _one(self, wanted: type[T], target: Target | None) -> T | Unavailable:
        (value,) = await self.evidence((wanted,), target)
        return value if isinstance(value, (wanted, Unavailable)) else _odd(value, wanted)

    def run(
        self,
        target: Target | None = None,
        observer: Observer | None = None,
        stop: asyncio.Event | None = None,
        instead: Mapping[type, object] | None = None,
    ) -> Run:
        """Return what the engine is handed for a run; *instead* are sources to use in place of ours."""
        return Run(
            catalog=self._catalog,
            session_givens={**self._givens(), **(instead or {})},
            target_givens={} if target is None else {Target: target},
            observer=observer or Silent(),
            stop=stop or asyncio.Event(),
            calls=lambda: self._sources.calls.calls,
            on_collect=current_collector.set,
            version=self._version,
        )

    def _givens(self) -> Mapping[type, object]:
        sources = self._sources
        return {
            Kubernetes: sources.kubernetes,
            Hetzner: sources.hetzner,
            Cloudflare: sources.cloudflare,
            AccessToken: sources.access,
            Dns: sources.dns,
            Net: sources.net,
            Grpc: sources.grpc,
            Sql: sources.sql,
            MaxScale: sources.maxscale,
            Clock: Clock(now=datetime.now(UTC)),
            Preferences: Preferences(
                load_balancer=self._settings.hetzner.load_balancer,
                kube_context=self._settings.kubernetes.context,
                cloudflared_config=self._settings.tunnel.config_file,
                management=self._settings.access.management,
                public=self._settings.access.public,
            ),
        }


def _odd(value: object, wanted: type) -> Unavailable:
    return Unavailable(wanted=wanted.__name__, reason=f"a collector returned {type(value).__name__} instead")


def open_session(settings: Settings, *, version: str = "", environ: Mapping[str, str] | None = None) -> Session:
    """Load the catalog and open the sources; nothing is contacted yet.

    Args:
        settings: The effective configuration.
        version: The program's version, for the report.
        environ: Where tokens are looked up, in place of the process's environment.

    Raises:
        PluginError: a plugin is broken.
        UsageError: a --connect-to entry or a resolver is malformed.
    """
    return Session(settings, load_catalog(settings), open_sources(source_settings(settings, environ)), version)
