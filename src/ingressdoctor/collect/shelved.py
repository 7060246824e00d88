"""What stands in for a cluster whose objects were read already. Only says how it is asked."""

from __future__ import annotations

import abc
from typing import TypeVar

from ingressdoctor.collect.kinds import Kind
from ingressdoctor.evidence.kube import Loaded, Resource
from ingressdoctor.model.evidence import Unavailable

__all__ = ["Shelved"]

T = TypeVar("T", bound=Resource)


class Shelved(abc.ABC):
    """A cluster whose objects may have been read already: it is asked for them before the API server is."""

    @abc.abstractmethod
    async def listing(self, kind: Kind[T], namespace: str, labels: str, fields: str) -> Loaded[T] | Unavailable:
        """Return what ``list_kind`` would."""

    @abc.abstractmethod
    async def one(self, kind: Kind[T], namespace: str, name: str) -> T | Unavailable | None:
        """Return what ``get_object`` would."""
