"""What the checks of LAN names share. Holds no check and judges nothing.

Source: RFC 1918, 4193 and 6598 for the addresses that a LAN has.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Command, DnsView, Finding, LanName, Unavailable, look, skip

__all__ = ["NODES", "STEP", "lan_addresses", "nodes_command", "shown", "where_record"]

STEP: Final = "lan-dns"
NODES: Final = "Kubernetes: nodes and Services"


def lan_addresses(lan: LanName | Unavailable) -> LanName | Finding:
    """Return what makes the target a name of the LAN, or the finding that says that it is none."""
    if isinstance(lan, LanName) and lan.by_cluster:
        return skip(f"No record leads the name anywhere; {lan.told_by} has {shown(lan)}.")
    if isinstance(lan, LanName):
        return lan
    return skip("The name leads to no private address, so there is none whose owner could be looked for.")


def shown(lan: LanName) -> str:
    """Return the addresses for a sentence."""
    return ", ".join(lan.addresses)


def nodes_command() -> Command:
    """Return the command that shows the addresses of the nodes."""
    return look("kubectl", "get", "nodes", "-o", "wide")


def where_record(view: DnsView) -> str:
    """Say in which place of the dashboard the record is."""
    return f"in the Cloudflare dashboard under DNS > Records, or wherever the zone of {view.hostname} is kept"
