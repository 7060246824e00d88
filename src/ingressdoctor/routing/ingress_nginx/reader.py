"""Reads single annotations of one Ingress as the controller's parser does, and keeps what is wrong with them.

Source: kubernetes/ingress-nginx internal/ingress/annotations/parser (main.go, validators.go).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ingressdoctor.routing.ingress_nginx.catalogue import is_int
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings, parse_bool

__all__ = ["Reader"]


class Reader:
    """The annotations of one Ingress; ``refused``, ``denied`` and ``ignored`` are as in ``NginxAnnotations``."""

    def __init__(self, annotations: Mapping[str, str], settings: NginxSettings) -> None:
        start = settings.annotations_prefix + "/"
        self.values = {key.removeprefix(start): value for key, value in annotations.items() if key.startswith(start)}
        self.settings = settings
        self.refused = self.denied = ""
        self.ignored: list[str] = []

    def refuse(self, why: str) -> None:
        """Keep the first reason not to load the Ingress."""
        self.refused = self.refused or why

    def deny(self, why: str) -> None:
        """Keep the first reason to answer 503."""
        self.denied = self.denied or why

    def text(self, name: str, valid: Callable[[str], bool] | None = None) -> str:
        """Return a text, empty when it is absent, or ignored because it is not valid."""
        raw = self.values.get(name, "")
        value = "\n".join(line.strip() for line in raw.split("\n"))
        if raw and valid is not None and self.settings.validates_annotations and not valid(raw):
            self.ignored.append(name)
            return ""
        return value

    def truth(self, name: str, default: bool) -> bool:
        """Return a truth value, the default when it is absent or none."""
        raw = self.values.get(name)
        if raw is None:
            return default
        value = parse_bool(raw)
        if value is None:
            self.ignored.append(name)
        return default if value is None else value

    def number(self, name: str) -> int | None:
        """Return a whole number, None when it is absent or none."""
        raw = self.values.get(name)
        if raw is None:
            return None
        if is_int(raw):
            return int(raw)
        self.ignored.append(name)
        return None

    def checked(self, name: str, valid: Callable[[str], bool], *, parsed: bool = True) -> bool:
        """Tell whether a group of annotations goes on after this one: it is absent or valid.

        An invalid one refuses the Ingress; an empty one ends the group, as does one that nobody validates and that
        cannot be *parsed*.
        """
        raw = self.values.get(name)
        unasked = not parsed and not self.settings.validates_annotations
        if raw is None or (raw.strip() and (unasked or valid(raw))):
            return True
        if raw and self.settings.validates_annotations:
            self.refuse(f"annotation {self.settings.annotations_prefix}/{name} contains invalid value")
        self.ignored.append(name)
        return False
