"""Do the firewalls before the nodes let Cloudflare in, and only it?

Hetzner's Firewalls are known by their rules; one on the host itself only by its silence. A silence that only this
machine meets is what a good firewall does, and no fault.
Source: docs.hetzner.com/cloud/firewalls (rules only allow, the rest is dropped); Cloudflare's published ranges.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Finding,
    NodeCase,
    NodeState,
    NodeStates,
    OutsideProbe,
    Reach,
    Remedy,
    Target,
    Unavailable,
    admitted,
    changes,
    check,
    fail,
    look,
    ok,
    open_to_world,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.node_common import LOST, STEP, direct, facts, names, on_nodes, what
from ingressdoctor_checks.outside_view import works

__all__ = ["firewall_closed", "firewall_open"]

_API: Final = "Hetzner API: GET /firewalls, against Cloudflare's published ranges"
_TOKEN: Final = "Set HCLOUD_TOKEN to a token of the servers' project; read permission is enough."  # noqa: S105
_LIST: Final = "https://www.cloudflare.com/ips-v4"
_SHOWN: Final = 4


@check(
    id="node.firewall-closed",
    title="The firewalls let requests in to every node",
    step=STEP,
    link="edge → firewall → node",
    causes=("traefik.no-arrivals", *LOST),
)
def firewall_closed(states: NodeStates, target: Target, probe: OutsideProbe | Unavailable) -> Iterator[Finding]:
    """By the rules, where they can be read; else by a silence that other nodes prove to be none of ours."""
    closed, dropped = states.of(NodeCase.FIREWALL), states.of(NodeCase.DROPPED)
    for group in _by_firewall(closed):
        yield on_nodes(_closed(group, states, target), group)
    if dropped:
        yield on_nodes(_dropped(dropped, states, target), dropped)
    partly = [item for item in states.states if item.shut_out and item not in closed]
    if partly and states.lead.record.proxied:
        yield _partly(partly[0], states, served=works(probe))
    elif not closed and not dropped:
        yield _none_closed(states)


def _by_firewall(closed: tuple[NodeState, ...]) -> list[list[NodeState]]:
    """Return the states grouped by the Firewalls before them."""
    groups: dict[str, list[NodeState]] = {}
    for state in closed:
        groups.setdefault(state.why, []).append(state)
    return list(groups.values())


def _closed(group: list[NodeState], states: NodeStates, target: Target) -> Finding:
    first = group[0]
    who = "Cloudflare" if states.lead.record.proxied else "visitors"
    rules = ", ".join(admitted(first.firewalls or (), states.port)) or "nobody"
    name = next((item.name for item in first.firewalls or ()), "NAME")
    flags = ("--direction", "in", "--protocol", "tcp", "--port", str(states.port))
    sources = ("--source-ips", "RANGE") if states.lead.record.proxied else ("--source-ips", "0.0.0.0/0")
    return fail(
        f"Firewall {first.why} does not let {who} in to port {states.port} of {names(group)}: connections are dropped.",
        subject=f"Firewall {first.why}",
        where=_API,
        seen={
            f"let in to port {states.port}": shorten(rules, 300),
            "kept out": _cut(first.shut_out),
            **facts(group),
        },
        remedy=Remedy(
            text=f"Add an inbound rule for TCP port {states.port}"
            + (f" with each of Cloudflare's ranges ({_LIST})." if states.lead.record.proxied else "."),
            commands=(
                look("hcloud", "firewall", "describe", name),
                changes("hcloud", "firewall", "add-rule", name, *flags, *sources),
            ),
            proof=direct(target, states, first),
        ),
    )


def _dropped(dropped: tuple[NodeState, ...], states: NodeStates, target: Target) -> Finding:
    first = dropped[0]
    others = states.of(NodeCase.ANSWERS)
    why = (
        f"{names(others)} {'answers' if len(others) == 1 else 'answer'} this machine"
        if others
        else "nobody else gets through either"
    )
    known = "no Hetzner Firewall does that" if first.firewalls is not None else "Hetzner's Firewalls could not be read"
    where = (
        "a firewall of the host itself, most likely" if first.firewalls is not None else "a firewall there or before it"
    )
    open_port = changes("ufw", "allow", f"{states.port}/tcp")
    return fail(
        f"{names(dropped)} {'drops' if len(dropped) == 1 else 'drop'} connections to port {states.port}, although "
        f"Traefik's pod is ready there and {why}: {where}.",
        subject=first.name,
        where="the same request straight to each node",
        seen={
            **facts(states.states),
            "Traefik there": f"{first.pod.ref}, ready" if first.pod is not None else "not known",
            "before the server": known,
        },
        remedy=Remedy(
            text="On the node look at ufw, nftables and iptables for a rule on the port; a refusal would mean that "
            "nobody listens, a silence means that packets are dropped.",
            commands=(look("ufw", "status", "numbered"), look("nft", "list", "ruleset"), open_port),
            proof=direct(target, states, first),
        ),
    )


def _partly(state: NodeState, states: NodeStates, *, served: bool) -> Finding:
    count = len(state.shut_out)
    name = next((item.name for item in state.firewalls or ()), "NAME")
    return (warn if served else fail)(
        f"The Firewall before {state.name} keeps {count} of Cloudflare's ranges out of port {states.port}: requests of "
        "the edge from there are lost.",
        subject=f"Firewall {name}",
        where=_API,
        seen={"kept out": _cut(state.shut_out)},
        remedy=Remedy(
            text=f"Write today's whole list into the rule ({_LIST}, and ips-v6 for addresses of IPv6).",
            commands=(look("curl", "-sS", _LIST), look("hcloud", "firewall", "describe", name)),
            proof=look("hcloud", "firewall", "describe", name),
        ),
    )


def _none_closed(states: NodeStates) -> Finding:
    seen = facts(states.states)
    silent = states.of(NodeCase.SILENT)
    if silent:
        gap = states.firewalls_unread
        return unknown(
            f"Whether a firewall keeps requests from {names(silent)} could not be told"
            + (f": {gap.reason}." if gap is not None else ": it is silent, and nothing tells why."),
            enable_with=(gap.enable_with if gap is not None else "") or _TOKEN,
        )
    only = [item for item in states.of(NodeCase.NOT_FOR_US) if item.asked.reach is not Reach.UNREACHABLE]
    if only:
        named = [item for item in only if item.firewalls]
        how = "by its rules it lets Cloudflare in" if named else "but visitors are served through the edge"
        return ok(
            f"A firewall keeps this machine out of {names(only)}; {how}.",
            seen=seen,
            where=_API if named else "the request as a visitor sends it",
        )
    reached = states.of(NodeCase.ANSWERS)
    if not reached:
        return skip("Other findings of this step say why no node answers; no firewall was found to be closed.")
    what_came = what(reached[0])
    return ok(f"No firewall keeps requests from the nodes ({reached[0].name} {what_came}).", seen=seen, where=_API)


@check(
    id="node.firewall-open",
    title="Only Cloudflare gets in to the nodes",
    step=STEP,
    link="internet → node, past the edge",
    standing=True,
)
def firewall_open(states: NodeStates) -> Iterator[Finding]:
    """Behind an edge that protects, an open port lets everybody walk around it."""
    if not states.lead.record.proxied:
        yield skip("The record is not proxied, so everybody is meant to get in.")
        return
    known = [item for item in states.states if item.firewalls is not None]
    if not known:
        gap = states.firewalls_unread
        yield unknown(
            f"Whom the nodes' firewalls let in could not be looked at{f': {gap.reason}' if gap else ''}.",
            enable_with=(gap.enable_with if gap is not None else "") or _TOKEN,
        )
        return
    wide = [item for item in known if open_to_world(item.firewalls or (), states.port)]
    entered = [item for item in wide if item.case is NodeCase.ANSWERS]
    if not wide:
        yield ok(f"The Firewalls do not let the whole internet in to port {states.port}.", where=_API)
    elif not entered:
        yield ok(
            f"Hetzner filters nothing on port {states.port}, but this machine does not get in: the host does.",
            seen=facts(wide),
            where=_API,
        )
    else:
        yield _open(entered, states)


def _open(entered: list[NodeState], states: NodeStates) -> Finding:
    bare = [item for item in entered if not item.firewalls]
    first = next((item.name for item in entered[0].firewalls or ()), "")
    how = f"no Firewall stands before {names(bare)}" if bare else f"Firewall {first} lets everybody in"
    name = first or "NAME"
    return warn(
        f"Everybody gets in to port {states.port} of {names(entered)} past Cloudflare: {how}.",
        subject=f"Firewall {first}" if first else entered[0].name,
        where=_API,
        seen={
            item.name: ", ".join(admitted(item.firewalls or (), states.port)[:_SHOWN]) or "no Firewall"
            for item in entered
        },
        remedy=Remedy(
            text=f"Let only Cloudflare's ranges in to ports 80 and 443 ({_LIST}, ips-v6), once nothing else dials the "
            "nodes there.",
            commands=(
                look("curl", "-sS", _LIST),
                look("hcloud", "firewall", "describe", name)
                if first
                else changes("hcloud", "firewall", "apply-to-resource", "--type", "server", "--server", "SERVER", name),
            ),
            proof=look("hcloud", "firewall", "describe", name),
        ),
    )


def _cut(cidrs: tuple[str, ...]) -> str:
    return ", ".join(cidrs[:_SHOWN]) + (f" and {len(cidrs) - _SHOWN} more" if len(cidrs) > _SHOWN else "")
