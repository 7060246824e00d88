"""Where the installation would have a record of the target lead, for a name that has none."""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.hetzner import LoadBalancer

__all__ = ["RecordGoal"]


class RecordGoal(msgspec.Struct, frozen=True, kw_only=True):
    """The load balancer in front of the cluster, and the private address at which the target's Ingress listens.

    ``address`` is one of a node that is ready, if any is; ``owner`` is who has it, ``told_by`` who said so. All three
    are set only where no record leads the name anywhere.
    """

    balancer: LoadBalancer | None = None
    address: str = ""
    owner: str = ""
    told_by: str = ""
