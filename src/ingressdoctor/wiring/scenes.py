"""What the models of routing are asked about: the objects of files, of a cluster, or of a cloudflared's rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingressdoctor.collect.route_scene import Scene, file_scene
from ingressdoctor.errors import UsageError
from ingressdoctor.evidence.route_view import RouteQuestion, RouteSet, RouteView
from ingressdoctor.model.target import Target
from ingressdoctor.model.text import clean

__all__ = ["scene_of_files", "view_of_request", "view_of_routes"]

_NAMED: Final = 5


def scene_of_files(paths: Sequence[str], namespace: str) -> Scene:
    """Read manifests in place of a cluster; ``-`` is standard input.

    Raises:
        UsageError: none of them holds a Kubernetes object.
    """
    from ingressdoctor.collect.manifest_files import read_files
    from ingressdoctor.collect.manifests import parse_manifests

    found = parse_manifests(read_files(paths), namespace=namespace)
    if not found.used and not found.ignored:
        why = "; ".join(f"{item.where}: {item.what}" for item in found.skipped[:_NAMED])
        given = ", ".join(clean(path, 100) for path in paths)
        raise UsageError(
            f"No Kubernetes object was found in {given}" + (f" ({why})." if why else "."),
            hint="Give rendered manifests, for example: helm template . | ingressdoctor route --manifests - URL",
        )
    return file_scene(found)


def view_of_request(scene: Scene, target: Target, question: RouteQuestion, kind: str = "") -> RouteView:
    """Ask the model of routing what becomes of one request; of files, with who may reach the pods.

    *kind* names a controller to ask, whoever has the host. For a cluster ``Session.around`` adds who reaches the pods.
    """
    from ingressdoctor.collect.route_around import of_files
    from ingressdoctor.collect.route_nginx import TRAEFIK, view_as, view_of_either
    from ingressdoctor.collect.route_policies import with_around

    view = view_as(scene, target, question, kind) if kind else view_of_either(scene, target, question)
    plain = scene.pods is None or view.controller.kind != TRAEFIK
    return view if plain else with_around(scene, view, of_files(scene, view))


def view_of_routes(scene: Scene, host: str) -> RouteSet:
    """Ask the model of routing for all routes, of one host where *host* is set."""
    from ingressdoctor.collect.route_set import set_of

    return set_of(scene, host)
