"""Whether a controller takes an Ingress at all. Source: ingress-nginx store.go (GetIngressClass), flags.go.

The default mark of an IngressClass is not looked at: the API server writes the class when an Ingress is made.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from ingressdoctor.evidence.kube import Ingress, IngressClass
from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings

__all__ = ["CLASS_ANNOTATION", "known_classes", "refusal"]

CLASS_ANNOTATION: Final = "kubernetes.io/ingress.class"


def known_classes(classes: Iterable[IngressClass], settings: NginxSettings) -> frozenset[str]:
    """Return the names of the IngressClasses that are this controller's."""
    return frozenset(
        item.name
        for item in classes
        if item.spec.controller == settings.controller_class
        or (settings.class_by_name and item.name == settings.ingress_class)
    )


def refusal(
    ingress: Ingress, settings: NginxSettings, classes: Collection[str] | None
) -> tuple[DropReason, str] | None:
    """Return why the controller leaves an Ingress out, in its own words where it has some; None when it takes it.

    Args:
        ingress: Which one.
        settings: Of the controller.
        classes: Names of the IngressClasses that are its own; None where they could not be read: then a class name
            that is the controller's own is taken on trust, any other is not.
    """
    if settings.watch_namespace and ingress.namespace != settings.watch_namespace:
        return DropReason.NAMESPACE, f"the controller watches namespace {settings.watch_namespace} alone"
    problem = _class_problem(ingress, settings, classes)
    if problem:
        return DropReason.CLASS, problem
    if settings.no_catch_all and ingress.spec.default_backend is not None:
        return DropReason.DEFAULT_BACKEND, "Ignoring add for catch-all ingress because of --disable-catch-all"
    return None


def _class_problem(ingress: Ingress, settings: NginxSettings, classes: Collection[str] | None) -> str:
    named = ingress.spec.ingress_class_name
    if named is not None:
        mine = named in classes if classes is not None else named == settings.ingress_class
        return "" if mine else f'no object matching key "{named}" in local store'
    said = ingress.annotations.get(CLASS_ANNOTATION)
    if said is not None:
        wanted = said == settings.ingress_class
        return "" if wanted else "ingress class annotation is not equal to the expected by Ingress Controller"
    return "" if settings.without_class else "ingress does not contain a valid IngressClass"
