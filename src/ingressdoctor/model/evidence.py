"""The values that stand for "we could not look" and for "there is nothing of the kind to look at"."""

from __future__ import annotations

import msgspec

__all__ = ["Inapplicable", "Unavailable"]


class Unavailable(msgspec.Struct, frozen=True, kw_only=True):
    """Why a piece of evidence is missing. Never ``None``, never an empty list.

    ``wanted`` names the evidence ("the cluster's IngressRoutes"), ``reason`` what stood in the way ("403:
    ServiceAccount x cannot list ..."), ``enable_with`` the grant, token or option that would allow it. The reason is a
    clause, to be put into sentences: a full stop at its end is dropped.
    """

    wanted: str
    reason: str
    enable_with: str = ""

    def __post_init__(self) -> None:
        """Turn a sentence, as exceptions hold it, into a clause."""
        msgspec.structs.force_setattr(self, "reason", self.reason.rstrip().removesuffix("."))


class Inapplicable(Unavailable, frozen=True, kw_only=True):
    """There is nothing to look at, and that is no gap: the question does not apply to this target.

    ``left_out`` tells that it would apply, but the user left it out: whoever cannot judge without it is not asked.
    """

    left_out: bool = False
