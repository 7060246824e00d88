"""The MiddlewareTCPs of a cluster: which can be built, and whom each lets through.

Source: traefik: pkg/server/middleware/tcp/middlewares.go, pkg/middlewares/tcp/{ipallowlist,ipwhitelist,inflightconn}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import Custom, DropReason, RoutingObjects
from ingressdoctor.routing.traefik.errors import RuleError
from ingressdoctor.routing.traefik.ip_checker import IpChecker
from ingressdoctor.routing.traefik.middlewares import Problem, as_list, as_map
from ingressdoctor.routing.traefik.naming import normalize
from ingressdoctor.routing.traefik.settings import CRD_PROVIDER, ProviderSettings

__all__ = ["TcpMiddleware", "TcpMiddlewares"]

_SUFFIX: Final = f"@{CRD_PROVIDER}"
# Of several types in one object the last of these counts; TCP middlewares are not checked for that.
_TYPES: Final = ("inFlightConn", "ipWhiteList", "ipAllowList")
_CREATED: Final = {"ipAllowList": "IPAllowLister", "ipWhiteList": "IPWhiteLister"}


class TcpMiddleware(msgspec.Struct, frozen=True, kw_only=True):
    """One middleware: an allow list of peers, or a limit of connections per peer (``amount``)."""

    ref: str
    kind: str
    allowed: IpChecker | None = None
    ranges: tuple[str, ...] = ()
    amount: int | None = None


class TcpMiddlewares(msgspec.Struct, frozen=True, kw_only=True):
    """All of them by id; None when they could not be read."""

    by_id: Mapping[str, Custom] | None
    limits: tuple[str, ...] = ()

    @classmethod
    def of(cls, objects: RoutingObjects, settings: ProviderSettings) -> TcpMiddlewares:
        """Take those that the provider sees."""
        found = objects.middleware_tcps
        if not isinstance(found, Loaded):
            return cls(by_id=None, limits=(f"{found.wanted}: {found.reason}",))
        if found.broken:
            return cls(by_id=None, limits=tuple(f"could not be decoded: {name}" for name in found.broken))
        seen = (m for m in found.items if settings.watches(m.namespace) and settings.selects(m.labels))
        return cls(by_id={normalize(f"{item.namespace}-{item.name}"): item for item in seen})

    def build(self, names: tuple[str, ...]) -> tuple[TcpMiddleware | None, ...] | Problem:
        """Return the chain in order, None for each that is not known; or what disables the router."""
        chain: list[TcpMiddleware | None] = []
        for name in reversed(names):  # Traefik builds from the Service outwards, so the last error shows
            built = self._one(name)
            if isinstance(built, Problem):
                return built
            chain.append(built)
        return tuple(reversed(chain))

    def _one(self, name: str) -> TcpMiddleware | Problem | None:
        if self.by_id is None or not name.endswith(_SUFFIX):
            return None
        item = self.by_id.get(name.removesuffix(_SUFFIX))
        if item is None:
            return Problem(DropReason.MIDDLEWARE_MISSING, f'middleware "{name}" does not exist', name)
        kinds = [kind for kind in _TYPES if isinstance(item.spec.get(kind), dict)]
        if not kinds:
            said = f'invalid middleware "{name}" configuration: invalid middleware type or middleware does not exist'
            return Problem(DropReason.MIDDLEWARE_INVALID, said, item.ref)
        return _build(item, kinds[-1], as_map(item.spec[kinds[-1]]))


def _build(item: Custom, kind: str, spec: Mapping[str, Any]) -> TcpMiddleware | Problem:
    if kind == "inFlightConn":
        amount = spec.get("amount")
        return TcpMiddleware(ref=item.ref, kind=kind, amount=amount if isinstance(amount, int) else 0)
    ranges = tuple(str(text) for text in as_list(spec.get("sourceRange")))
    if not ranges:
        said = f"sourceRange is empty, {_CREATED[kind]} not created"
        return Problem(DropReason.MIDDLEWARE_INVALID, said, item.ref)
    try:
        checker = IpChecker.parse(ranges)
    except RuleError as error:
        shown = " ".join(ranges)
        said = f"cannot parse CIDRs [{shown}]: {error.reason}"
        return Problem(DropReason.MIDDLEWARE_INVALID, said, item.ref)
    return TcpMiddleware(ref=item.ref, kind=kind, allowed=checker, ranges=ranges)
