"""How sweeps are done, as configured: which targets, how many at a time, when an incident opens, what is excused."""

from __future__ import annotations

import msgspec

from ingressdoctor.model.excuses import Suppression, Window

__all__ = ["SweepSettings"]


class SweepSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Sweeps. ``targets`` is a file with one target a line; without it they are looked for in the installation.

    ``at_once`` targets are under way at a time, with ``per_origin`` probes at one address; each begins up to
    ``jitter`` seconds late and takes at most ``timeout_s``. An incident opens when so many sweeps in a row saw its
    cause, closes when so many did not, and flaps when it came and went ``flap_flips`` times in ``flap_within_s``.
    """

    targets: str = ""
    match: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    namespaces: tuple[str, ...] = ()
    at_once: int = 64
    per_origin: int = 8
    jitter: float = 0.05
    timeout_s: float = 30.0
    open_after: int = 1
    close_after: int = 1
    flap_flips: int = 4
    flap_within: float = 3600.0
    vantage: str = ""
    maintenance: tuple[Window, ...] = ()
    suppress: tuple[Suppression, ...] = ()
