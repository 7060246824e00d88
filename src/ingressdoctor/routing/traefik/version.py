"""Traefik's versions, under the name by which its model knows them; the comparison itself is shared with ``service``."""

from __future__ import annotations

from ingressdoctor.routing.release import NEWEST, Version

__all__ = ["NEWEST", "Version"]
