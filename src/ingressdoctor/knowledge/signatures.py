"""Signatures of log lines, read from the package's data, one file per component, and not before they are asked for.

Must not: know the form of a line (that is lines.py), or read files from elsewhere. Source of each: named in its file.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import resources
from typing import Final

import msgspec

__all__ = ["COMPONENTS", "Signature", "signatures_of", "titles"]

# The file of each component, in the order in which equal signatures are preferred.
_FILES: Final = {
    "traefik": "traefik",
    "cloudflared": "cloudflared",
    "cloudflare": "cloudflare",
    "ingress-nginx": "ingress_nginx",
    "cert-manager": "cert_manager",
    "hetzner": "hetzner",
    "maxscale": "maxscale",
    "mariadb": "mariadb",
    "kubernetes": "kubernetes",
    "k3s": "k3s",
    "dns": "dns",
    "tls": "tls",
    "argocd": "argocd",
    "haproxy": "haproxy",
}
COMPONENTS: Final = tuple(_FILES)
_RANK: Final = 50


class Signature(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One known meaning.

    ``patterns`` are RE2, matched anywhere in a line as lines.py prepares it; those of ``own`` count only in a log that
    is known to be the component's. Of several signatures in one line the highest ``rank`` counts. ``code`` is the name
    by which collectors and checks know it, empty where none asks; ``everywhere`` tells that it concerns every route,
    not one object's; ``harmless`` that it is no fault by itself. ``cause`` is a clause and ``remedy`` an imperative,
    both to be used inside of a sentence.
    """

    id: str
    component: str = ""
    patterns: tuple[str, ...]
    own: tuple[str, ...] = ()
    cause: str
    remedy: str
    detail: str = ""
    checks: tuple[str, ...] = ()
    step: str = ""
    versions: str = ""
    source: str = ""
    rank: int = _RANK
    harmless: bool = False
    code: str = ""
    everywhere: bool = False
    samples: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the data; step, versions and source are those of every signature that names none."""

    component: str
    title: str
    step: str
    versions: str
    source: str
    signature: tuple[Signature, ...]


@lru_cache(maxsize=len(_FILES))
def _file_of(component: str) -> _File:
    data = resources.files(__package__ or __name__).joinpath("data", f"{_FILES[component]}.toml").read_bytes()
    return msgspec.toml.decode(data, type=_File)


@lru_cache(maxsize=len(_FILES))
def signatures_of(component: str) -> tuple[Signature, ...]:
    """Return a component's signatures, their ids made whole: ``traefik.port-taken``."""
    file = _file_of(component)
    return tuple(
        msgspec.structs.replace(
            item,
            id=f"{component}.{item.id}",
            component=component,
            step=item.step or file.step,
            versions=item.versions or file.versions,
            source=item.source or file.source,
        )
        for item in file.signature
    )


def titles() -> dict[str, str]:
    """Return what each component is called in a sentence."""
    return {component: _file_of(component).title for component in COMPONENTS}
