"""What of the static configuration decides about routes: providers, classes, defaults.

Defaults are Traefik's own where the configuration is known, the Helm chart's where it is not.

Source: traefik: pkg/provider/kubernetes/{crd,ingress}/kubernetes.go (Provider), pkg/config/static.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ingressdoctor.evidence.controller import EntryPoint, StaticConfig
from ingressdoctor.routing.label_selector import LabelSelector, parse_selector

__all__ = [
    "CRD",
    "CRD_PROVIDER",
    "GATEWAY",
    "GATEWAY_PROVIDER",
    "INGRESS",
    "INGRESS_PROVIDER",
    "ProviderSettings",
    "assumed_static",
    "default_entry_points",
    "precedence",
    "providers_on",
]

CRD: Final = "providers.kubernetescrd"
INGRESS: Final = "providers.kubernetesingress"
CRD_PROVIDER: Final = "kubernetescrd"
INGRESS_PROVIDER: Final = "kubernetes"
GATEWAY: Final = "providers.kubernetesgateway"
GATEWAY_PROVIDER: Final = "kubernetesgateway"
_PRECEDENCE: Final = (GATEWAY_PROVIDER, CRD_PROVIDER, INGRESS_PROVIDER, "kubernetesingressnginx")


class ProviderSettings(msgspec.Struct, frozen=True):
    """The options of one Kubernetes provider; ``selector`` is None when Kubernetes would not accept it."""

    enabled: bool
    ingress_class: str
    namespaces: frozenset[str]
    label_selector: str
    selector: LabelSelector | None
    allow_cross_namespace: bool
    allow_empty_services: bool
    allow_external_names: bool
    cross_provider_namespaces: frozenset[str] | None
    no_class_lookup: bool
    strict_prefix: bool
    native_lb_by_default: bool = False
    no_cluster_scope: bool = False

    @classmethod
    def read(cls, static: StaticConfig, prefix: str) -> ProviderSettings:
        """Read the options below *prefix* (``providers.kubernetescrd``)."""

        def text(option: str) -> str:
            return static.flag(f"{prefix}.{option}")

        def on(option: str) -> bool:
            return static.enabled(f"{prefix}.{option}")

        named = any(name == prefix or name.startswith(prefix + ".") for name in static.options)
        switch = static.flag(prefix)
        crossing = f"{prefix}.crossprovidernamespaces"
        return cls(
            enabled=named and switch.lower() not in ("false", "0", "f"),
            ingress_class=text("ingressclass"),
            namespaces=frozenset(_words(text("namespaces"))),
            label_selector=text("labelselector"),
            selector=parse_selector(text("labelselector")),
            allow_cross_namespace=on("allowcrossnamespace"),
            allow_empty_services=on("allowemptyservices"),
            allow_external_names=on("allowexternalnameservices"),
            cross_provider_namespaces=frozenset(_words(static.flag(crossing))) if crossing in static.options else None,
            no_class_lookup=on("disableingressclasslookup") or on("disableclusterscoperesources"),
            strict_prefix=on("strictprefixmatching"),
            native_lb_by_default=on("nativelbbydefault"),
            no_cluster_scope=on("disableclusterscoperesources"),
        )

    def watches(self, namespace: str) -> bool:
        """Tell whether objects of the namespace are seen at all."""
        return not self.namespaces or namespace in self.namespaces

    def selects(self, labels: Mapping[str, str]) -> bool:
        """Tell whether the label selector lets an object through; a selector that is not understood does."""
        return self.selector is None or self.selector.matches(labels)


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def providers_on(static: StaticConfig) -> frozenset[str] | None:
    """Return the providers that can define anything, as names after the ``@``; None when that is not known."""
    if static.unreadable:
        return None
    prefix = "providers."
    named = {name.removeprefix(prefix).partition(".")[0] for name in static.options if name.startswith(prefix)}
    on = {name for name in named if static.flag(prefix + name).lower() not in ("false", "0", "f")}
    return frozenset({"internal", *on, *([INGRESS_PROVIDER] if INGRESS.removeprefix(prefix) in on else [])})


def default_entry_points(static: StaticConfig) -> tuple[str, ...]:
    """Return the entry points of a route that names none: those marked asDefault, else all TCP ones but "traefik"."""
    marked = any(point.as_default for point in static.entry_points)
    fit = (point for point in static.entry_points if point.protocol == "tcp" and point.name != "traefik")
    return tuple(sorted(point.name for point in fit if point.as_default or not marked))


def precedence(static: StaticConfig) -> tuple[str, ...]:
    """Return the providers in the order in which they win ties (3.7 and later)."""
    return tuple(_words(static.flag("providers.precedence"))) or _PRECEDENCE


def assumed_static() -> StaticConfig:
    """Return the Helm chart's defaults, for when the real configuration cannot be read."""
    return StaticConfig(
        source="assumed",
        entry_points=(
            EntryPoint(name="web", port=8000),
            EntryPoint(name="websecure", port=8443, tls=True),
            EntryPoint(name="traefik", port=8080),
        ),
        options={
            CRD: "true",
            f"{CRD}.allowemptyservices": "true",
            INGRESS: "true",
            f"{INGRESS}.allowemptyservices": "true",
        },
        unreadable="the Helm chart's defaults are assumed",
    )
