"""A server while it is being written, and what is made of it. ``table`` says in which order.

Source: ingress-nginx controller.go (getBackendServers, mergeAlternativeBackends, extractTLSSecretName), location.go.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Sequence
from typing import Final

import msgspec

from ingressdoctor.evidence.kube import Ingress
from ingressdoctor.routing.ingress_nginx.annotations import NginxAnnotations
from ingressdoctor.routing.ingress_nginx.servers import CanaryBackend, Location, Server

__all__ = ["ROOT", "Draft", "TlsChoice"]

ROOT: Final = "/"


class TlsChoice(msgspec.Struct, frozen=True):
    """Whose certificate a server gets: that of a Secret, or of the first of several that names the host."""

    secret: str = ""
    tried: tuple[str, ...] = ()
    owner: str = ""


class Draft:
    """A server while it is being written: whoever comes first decides."""

    def __init__(self, host: str, root: Location) -> None:
        self.host = host
        self.locations = [root]
        self.aliases: tuple[str, ...] = ()
        self.tls: TlsChoice | None = None
        self.passthrough = False
        self.owners: dict[str, None] = {}

    def place(self, new: Location) -> Location | None:
        """Add a location, or take over one that nobody asked for; return the one that stands in the way.

        The search ends at the first location of the same path, also when that is of the other type: a second Exact
        one behind a Prefix is written twice, which nginx refuses.
        """
        for index, standing in enumerate(self.locations):
            if standing.path != new.path:
                continue
            if standing.exact != new.exact:
                break
            if standing.generated:
                self.locations[index] = new
                return None
            return standing
        self.locations.append(new)
        return None

    def set_up(self, ingress: Ingress, annotations: NginxAnnotations) -> None:
        """Take over what an Ingress asks for the whole server, where nobody before it did."""
        self.owners[ingress.ref] = None
        self.aliases = self.aliases or annotations.aliases
        self.passthrough = self.passthrough or annotations.passthrough
        if self.tls is None and ingress.spec.tls:
            self.tls = _tls_choice(self.host, ingress)

    def finished(self, hosts: Container[str], canary_of: Callable[[Location], CanaryBackend | None]) -> Server:
        """Return the server: locations sorted with the longest path first, and the pair that a Prefix becomes."""
        beside = [msgspec.structs.replace(item, canary=canary_of(item)) for item in self.locations]
        ordered = sorted(beside, key=lambda item: item.path, reverse=True)
        ordered.sort(key=lambda item: len(item.path.encode()), reverse=True)
        tls = self.tls or TlsChoice()
        paired = tuple(_pairs(ordered))
        return Server(
            host=self.host,
            locations=paired,
            aliases=tuple(name for name in self.aliases if name != self.host and name not in hosts),
            regex=any(item.rewrites for item in paired),
            tls=self.tls is not None,
            tls_secret=tls.secret,
            tls_tried=tls.tried,
            tls_owner=tls.owner,
            passthrough=self.passthrough,
            owners=tuple(self.owners),
        )


def _tls_choice(host: str, ingress: Ingress) -> TlsChoice:
    """Return the Secret of the block that lists the host; without one, all of them are tried by their certificates."""
    blocks = ingress.spec.tls or ()
    for block in blocks:
        if any(name.lower() == host for name in block.hosts or ()):
            secret = f"{ingress.namespace}/{block.secret_name}" if block.secret_name else ""
            return TlsChoice(secret, (), ingress.ref)
    tried = tuple(f"{ingress.namespace}/{block.secret_name}" for block in blocks if block.secret_name)
    return TlsChoice("", tried, ingress.ref)


def _pairs(ordered: Sequence[Location]) -> Iterator[Location]:
    """Yield ``/a/`` and ``= /a`` for a Prefix ``/a``, unless an Exact one has the latter."""
    exact = {item.path for item in ordered if item.exact}
    for item in ordered:
        if item.path == ROOT or item.exact or item.rewrites:
            yield item
            continue
        yield msgspec.structs.replace(item, path=item.path if item.path.endswith("/") else f"{item.path}/")
        if item.path not in exact:
            yield msgspec.structs.replace(item, exact=True)
