"""Does the route's Ingress ask cert-manager for a certificate, and as what does cert-manager read it? Holds no check.

Source: cert-manager pkg/controller/certificate-shim (annotations; BadConfig where two issuers are named).
"""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final

from ingressdoctor.api import CandidateRoute, Loaded, RoutingObjects, Unavailable

__all__ = ["annotations_of", "asked_for", "asks", "unwritten"]

_ISSUERS: Final = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")
_KNOWN: Final = (*_ISSUERS, "cert-manager.io/issuer-kind", "cert-manager.io/issuer-group")
_ACME: Final = "kubernetes.io/tls-acme"


def annotations_of(objects: RoutingObjects | Unavailable, winner: CandidateRoute) -> Mapping[str, str] | None:
    """Return the annotations of the winning Ingress; None where it could not be read, or is none."""
    listed = objects.ingresses if isinstance(objects, RoutingObjects) else None
    if not isinstance(listed, Loaded):
        return None
    return next((item.annotations for item in listed.items if item.ref == winner.ref), None)


def asked_for(notes: Mapping[str, str] | None) -> str:
    """Name the annotation that asks for a certificate."""
    if notes is None:
        return "not known"
    return next((f"{key}: {notes[key]}" for key in (*_ISSUERS, _ACME) if notes.get(key)), "none: no annotation")


def asks(notes: Mapping[str, str] | None) -> bool:
    """Whether the Ingress asks for one, or means to with a misspelt annotation."""
    return notes is not None and (any(notes.get(key) for key in _ISSUERS) or bool(_slip(notes)[0]))


def _slip(notes: Mapping[str, str]) -> tuple[str, str]:
    """Return an annotation that is not cert-manager's, and the one that it was meant to be."""
    for key in [key for key in notes if len(key) < 60 and key not in _KNOWN][:200]:
        if meant := get_close_matches(key, _ISSUERS, n=1, cutoff=0.9):
            return key, meant[0]
    return "", ""


def unwritten(notes: Mapping[str, str] | None, winner: CandidateRoute) -> tuple[str, str]:
    """Say why no Certificate writes the Secret, by the annotations of the Ingress; and what to do."""
    by_hand = "no Certificate writes it, and whoever made it by hand removed it"
    if notes is None:
        return by_hand, "Create the Secret, or a Certificate with this secretName."
    asked = [key for key in _ISSUERS if notes.get(key)]
    if len(asked) == 2:
        return (
            "cert-manager makes no Certificate, as the Ingress names an issuer and a cluster-issuer",
            "Drop one of the two annotations.",
        )
    if asked or notes.get(_ACME) == "true":
        key = asked[0] if asked else _ACME
        return (
            f"{winner.ref} asks for it by {key}, but cert-manager has made no Certificate",
            "The events of the Ingress say why (BadConfig); without any, see whether cert-manager is running.",
        )
    slip, meant = _slip(notes)
    if slip:
        return f"the annotation {slip} is not one of cert-manager's, so nobody orders a certificate", (
            f"Correct it to {meant}."
        )
    return (
        "no Certificate writes it, and the Ingress names no issuer",
        "Annotate the Ingress with cert-manager.io/cluster-issuer, or put the Secret back.",
    )
