"""Traefik's versions, under the name by which its model knows them; ``service`` and ``servers`` compare them too."""

from __future__ import annotations

from ingressdoctor.routing.release import CHECKED, NEWEST, Version

__all__ = ["CHECKED", "NEWEST", "Version"]
