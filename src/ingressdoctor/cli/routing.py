"""What ``ingressdoctor route`` does once its options are parsed: read the cluster or files, ask the model, draw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ingressdoctor.cli.interrupts import interrupts_raise
from ingressdoctor.cli.options import Connection, TargetChoice
from ingressdoctor.cli.route_options import AskedFor, Supposed
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.route_view import RouteQuestion, RouteSet, RouteView
from ingressdoctor.evidence.routes import Outcome
from ingressdoctor.evidence.rules_view import RulesView
from ingressdoctor.evidence.tunnel import TunnelRoute
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.model.text import clean
from ingressdoctor.render.page import Page
from ingressdoctor.render.route import exit_code_of, exit_code_of_set, route_to_json, routes_to_json
from ingressdoctor.wiring import (
    Scene,
    Session,
    rules_of_route,
    scene_of_files,
    supposing,
    view_of_request,
    view_of_routes,
)

__all__ = ["Wanted", "look", "shown", "shown_rules"]

_KINDS: Final = {"traefik": "Traefik", "nginx": "ingress-nginx"}
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,200}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was asked: one request, or (``target`` None) all routes, of one host where ``host`` is set."""

    target: Target | None
    host: str
    question: RouteQuestion

    @classmethod
    def of(cls, url: str, what: TargetChoice, asked: AskedFor) -> Wanted:
        """Read the words of the command line.

        Raises:
            UsageError: one of them is wrong.
        """
        question = _question(asked)
        if asked.everything:
            host = Target.parse(url.removeprefix("*.")).hostname if url else ""
            return cls(target=None, host=f"*.{host}" if url.startswith("*.") else host, question=question)
        if not url:
            raise UsageError(
                "The URL is missing.", hint="For example: ingressdoctor route www.example.org/path, or --all"
            )
        spoken = Protocol(what.protocol) if what.protocol else None
        target = Target.parse(url, port=what.port, client_ip=what.client_ip, protocol=spoken)
        return cls(target=target, host=target.hostname, question=question)


def _question(asked: AskedFor) -> RouteQuestion:
    if not _TOKEN.fullmatch(asked.method):
        raise UsageError(f"{clean(asked.method, 40)!r} is not a method.", hint="For example --method POST")
    headers = tuple(_header(text) for text in asked.header or ())
    return RouteQuestion(method=asked.method, headers=headers, sni=asked.sni.lower(), entry_point=asked.entry_point)


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not _TOKEN.fullmatch(name) or any(ord(char) < 32 for char in value):
        raise UsageError(f"{clean(text, 60)!r} is not a header.", hint="For example --header 'X-Canary: 1'")
    return name, value.strip()


def look(wanted: Wanted, supposed: Supposed, connection: Connection) -> RouteView | RouteSet | RulesView:
    """Read the files that were named, or else the cluster, and ask the model.

    Raises:
        UsageError: none of the files holds a Kubernetes object.
        SourceError: the cluster's routes could not be read; the exit code is 3.
    """
    if supposed.controller not in ("", *_KINDS):
        raise UsageError(
            f"{clean(supposed.controller, 40)!r} is no controller that is known.", hint="traefik or nginx."
        )
    if supposed.controller and wanted.target is None:
        raise UsageError("--all judges the routes of Traefik only.", hint="Ask --as about one request.")
    if not supposed.manifests:
        return _in_cluster(wanted, supposed, connection)
    scene = _supposing(_of_files(supposed.manifests, supposed.namespace), supposed)
    return _asked(wanted, scene, _KINDS.get(supposed.controller, ""))


def _of_files(paths: Sequence[str], namespace: str) -> Scene:
    with interrupts_raise():  # standard input may never end
        return scene_of_files(paths, namespace)


def _in_cluster(wanted: Wanted, supposed: Supposed, connection: Connection) -> RouteView | RouteSet | RulesView:
    from ingressdoctor.cli.asking import ask, refuse_unseen
    from ingressdoctor.cli.settings import settings_for

    async def follow(session: Session) -> RouteView | RouteSet | RulesView | Unavailable:
        scene = await session.scene()
        if isinstance(scene, Unavailable):
            return scene
        scene = _supposing(scene, supposed)
        found = _asked(wanted, scene, _KINDS.get(supposed.controller, ""))
        if isinstance(found, RouteSet):
            return found
        if (rules := await _through_tunnel(session, found, wanted, supposed)) is not None:
            return rules
        return await session.around(scene, found) if found.controller.kind == _KINDS["traefik"] else found

    found = ask(settings_for(connection), follow)
    if isinstance(found, Unavailable):
        raise refuse_unseen(found)
    return found


async def _through_tunnel(session: Session, found: RouteView, wanted: Wanted, supposed: Supposed) -> RulesView | None:
    """Return what a tunnel's rules do with a request that no route of a controller takes; None where no tunnel does."""
    nobody = found.decision.outcome is Outcome.NO_ROUTE and not found.decision.dropped
    if wanted.target is None or not nobody or supposed.controller or wanted.target.protocol is Protocol.MYSQL:
        return None
    (route,) = await session.evidence((TunnelRoute,), wanted.target)
    return rules_of_route(route, wanted.target) if isinstance(route, TunnelRoute) else None


def _supposing(scene: Scene, supposed: Supposed) -> Scene:
    return supposing(scene, tuple(supposed.static_args or ()), supposed.traefik_version)


def _asked(wanted: Wanted, scene: Scene, kind: str) -> RouteView | RouteSet:
    if wanted.target is None:
        return view_of_routes(scene, wanted.host)
    return view_of_request(scene, wanted.target, wanted.question, kind)


def shown(found: RouteView | RouteSet | RulesView, page: Page, *, as_json: bool) -> tuple[str, int]:
    """Return the answer as text, and the exit code."""
    if isinstance(found, RulesView):
        return shown_rules(found, page, as_json=as_json, everything=False)
    if isinstance(found, RouteSet):
        code = exit_code_of_set(found)
        if as_json:
            return routes_to_json(found, exit_code=code), code
        from ingressdoctor.render.routes_tree import routes_to_terminal

        return routes_to_terminal(found, page), code
    code = exit_code_of(found)
    if as_json:
        return route_to_json(found, exit_code=code), code
    from ingressdoctor.render.route_tree import route_to_terminal

    return route_to_terminal(found, page), code


def shown_rules(view: RulesView, page: Page, *, as_json: bool, everything: bool) -> tuple[str, int]:
    """Return what cloudflared's rules do as text, and the exit code; *everything* judges all of them."""
    from ingressdoctor.render.rules_v1 import exit_code_of_rules, rules_to_json

    code = exit_code_of_rules(view, everything=everything)
    if as_json:
        return rules_to_json(view, exit_code=code), code
    from ingressdoctor.render.rules_tree import rules_to_terminal

    return rules_to_terminal(view, page, exit_code=code), code
