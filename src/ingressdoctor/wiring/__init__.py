"""From settings to sessions and scenes: the only package that knows every layer.

Everything heavy is imported when a session is opened, so that ``--help`` loads none of it.
"""

from ingressdoctor.collect.gateway import gateway_hosts
from ingressdoctor.collect.route_scene import Scene, supposing
from ingressdoctor.collect.rules_view import rules_of_file
from ingressdoctor.collect.tunnel_rules_view import rules_of_route
from ingressdoctor.wiring.scenes import scene_of_files, view_of_request, view_of_routes
from ingressdoctor.wiring.session import RunOptions, Session, SourceAccess, load_catalog, open_session
from ingressdoctor.wiring.settings import source_settings

__all__ = [
    "RunOptions",
    "Scene",
    "Session",
    "SourceAccess",
    "gateway_hosts",
    "load_catalog",
    "open_session",
    "rules_of_file",
    "rules_of_route",
    "scene_of_files",
    "source_settings",
    "supposing",
    "view_of_request",
    "view_of_routes",
]
