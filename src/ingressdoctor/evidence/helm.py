"""What k3s' helm controller makes of a chart: the chart, what is configured over it, and how its install job does."""

from __future__ import annotations

import msgspec

from ingressdoctor.model.evidence import Unavailable

__all__ = ["HelmInstall"]


class HelmInstall(msgspec.Struct, frozen=True, kw_only=True):
    """The chart of the ingress controller and the newest run of its install job.

    ``config`` is the HelmChartConfig over it (empty: none); its values never leave the collector, but for ``surge``:
    the line that sets maxSurge other than 0 beside host ports. ``failed`` is the helm controller's own complaint.
    ``job`` is the job's name, ``done`` whether it has succeeded since the last change (None: there is none any more,
    or it could not be read), ``waiting`` what keeps its pod, ``restarts`` its count, ``line`` helm's complaint in
    the pod's log. ``unread`` says what could not be read.
    """

    chart: str
    namespace: str
    config: str = ""
    surge: str = ""
    failed: str = ""
    job: str = ""
    done: bool | None = None
    pod: str = ""
    waiting: str = ""
    restarts: int = 0
    line: str = ""
    unread: tuple[Unavailable, ...] = ()
