"""Which Ingresses a controller takes, and in which order it works through them.

Source: kubernetes/ingress-nginx internal/ingress/controller/store/store.go and ingressclass. `ingressClassName` is
looked at first, then the annotation, and neither only with --watch-ingress-without-class. Oldest first; at equal times
the name that sorts last.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.lab.cluster import Cluster, Object, annotation, dig, name_of, namespace_of, sequence, text
from ingressdoctor.lab.serve.nginx.journal import Notes
from ingressdoctor.lab.serve.nginx.options import Options

CLASS_ANNOTATION = "kubernetes.io/ingress.class"


def claimed(cluster: Cluster, options: Options, notes: Notes) -> tuple[Object, ...]:
    """The Ingresses of this controller, in its order."""
    classes = _own_classes(cluster, options)
    taken = [item for item in _watched(cluster, options) if _takes(item, classes, options, notes)]
    newest_name_first = sorted(taken, key=lambda item: f"{namespace_of(item)}/{name_of(item)}", reverse=True)
    return tuple(sorted(newest_name_first, key=lambda item: text(dig(item, "metadata", "creationTimestamp"))))


def _own_classes(cluster: Cluster, options: Options) -> frozenset[str]:
    """Names of the IngressClasses that are the controller's."""
    return frozenset(
        name_of(item)
        for item in cluster.all("IngressClass")
        if dig(item, "spec", "controller") == options.controller_class
        or (options.class_by_name and name_of(item) == options.ingress_class)
    )


def _watched(cluster: Cluster, options: Options) -> Iterator[Object]:
    for item in cluster.all("Ingress", "networking.k8s.io"):
        if options.watch_namespace in {"", namespace_of(item)}:
            yield item


def _takes(item: Object, classes: frozenset[str], options: Options, notes: Notes) -> bool:
    named = dig(item, "spec", "ingressClassName")
    by_annotation = annotation(item, CLASS_ANNOTATION)
    if named is not None:
        problem = "" if text(named) in classes else f'no object matching key "{named}" in local store'
    elif by_annotation:
        same = by_annotation == options.ingress_class
        problem = "" if same else "ingress class annotation is not equal to the expected by Ingress Controller"
    else:
        problem = "" if options.without_class else "ingress does not contain a valid IngressClass"
    if not problem and options.disable_catch_all and _is_catch_all(item):
        problem = "catch-all ingresses are disabled"
    if problem:
        notes.warn(
            "store.go:425",
            '"Ignoring ingress because of error while validating ingress class" '
            f'ingress="{namespace_of(item)}/{name_of(item)}" error="{problem}"',
        )
    return not problem


def _is_catch_all(item: Object) -> bool:
    rules = sequence(dig(item, "spec", "rules"))
    return bool(dig(item, "spec", "defaultBackend")) and not any(dig(rule, "host") for rule in rules)
