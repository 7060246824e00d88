"""NetworkPolicy against an evaluation written from the API's text alone, which shares nothing with the model.

It knows no third answer: what a network plugin decides is decided both ways, once for each kind of plugin, and the
model must say "undecided" exactly where the two differ.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from build.backend import a_pod, a_policy
from ingressdoctor.routing.netpol import Party, evaluate

NAME = "kubernetes.io/metadata.name"
KEYS, VALUES, SPACES = ("app", "tier"), ("a", "b"), ("shop", "kube-system", "other")
LABELS_OF = {"shop": {"tier": "a"}, "kube-system": {"tier": "b"}, "other": {}}
NUMBERS = (80, 8000, 8080, 8443, 9000)


@dataclass(frozen=True)
class End:
    """A pod, a pod in its node's network, or an address outside the cluster (then ``space`` is empty)."""

    space: str
    labels: dict[str, str]
    address: str
    ports: tuple[tuple[str | None, int, str | None], ...] = ()
    host: bool = False
    node: str = "node-1"

    @property
    def policed(self) -> bool:
        return bool(self.space) and not self.host


def selected(selector: dict[str, Any] | None, labels: dict[str, str]) -> bool:
    for key, value in ((selector or {}).get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for item in (selector or {}).get("matchExpressions") or []:
        key, operator, values = item["key"], item["operator"], item.get("values") or []
        if operator == "In" and not (key in labels and labels[key] in values):
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


def number(address: str) -> int:
    return int(ipaddress.IPv4Address(address))


def in_cidr(address: str, cidr: str) -> bool:
    base, length = cidr.split("/")
    drop = 32 - int(length)
    return number(address) >> drop == number(base) >> drop


def touches_private(cidr: str) -> bool:
    private = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
    return any(in_cidr(cidr.split("/")[0], one) or in_cidr(one.split("/")[0], cidr) for one in private)


def block_fits(block: dict[str, Any], other: End, plugin_matches: bool) -> bool:
    inside = in_cidr(other.address, block["cidr"])
    inside = inside and not any(in_cidr(other.address, item) for item in block.get("except") or [])
    if not other.space:
        return inside
    if other.host:
        return plugin_matches and (inside or touches_private(block["cidr"]))
    return plugin_matches and inside


def peer_fits(peer: dict[str, Any], home: str, other: End, plugin_matches: bool) -> bool:
    if peer.get("ipBlock"):
        return block_fits(peer["ipBlock"], other, plugin_matches)
    if not other.policed:
        return False
    if peer.get("namespaceSelector") is None:
        in_space = other.space == home
    else:
        in_space = selected(peer["namespaceSelector"], {**LABELS_OF[other.space], NAME: other.space})
    return in_space and selected(peer.get("podSelector"), other.labels)


def port_fits(item: dict[str, Any], port: int, protocol: str, target: End, plugin_matches: bool) -> bool:
    if (item.get("protocol") or "TCP") != protocol:
        return False
    wanted = item.get("port")
    if wanted is None:
        return True
    if isinstance(wanted, int):
        return wanted <= port <= (wanted if item.get("endPort") is None else item["endPort"])
    named = any(name == wanted and value == port and (kind or "TCP") == protocol for name, value, kind in target.ports)
    return named and (not target.host or plugin_matches)


def one_side(
    everything: list[tuple[str, dict[str, Any]]],
    kind: str,
    ends: tuple[End, End],
    port: tuple[int, str],
    plugin_matches: bool,
) -> bool:
    own, other = ends
    if not own.policed:
        return True
    isolated, target = False, own if kind == "Ingress" else other
    for space, spec in everything:
        types = spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])
        if space != own.space or kind not in types or not selected(spec.get("podSelector"), own.labels):
            continue
        isolated = True
        for rule in spec.get(kind.lower()) or []:
            filled = rule or {}
            who, where = filled.get("from" if kind == "Ingress" else "to") or [], filled.get("ports") or []
            if who and not any(peer_fits(peer, space, other, plugin_matches) for peer in who):
                continue
            if where and not any(port_fits(item, *port, target, plugin_matches) for item in where):
                continue
            return True
    return not isolated


def expected(
    everything: list[tuple[str, dict[str, Any]]], source: End, target: End, port: int, protocol: str
) -> bool | None:
    if source.host and source.node == target.node:
        return True
    answers = {
        one_side(everything, "Ingress", (target, source), (port, protocol), plugin)
        and one_side(everything, "Egress", (source, target), (port, protocol), plugin)
        for plugin in (False, True)
    }
    return answers.pop() if len(answers) == 1 else None


def or_null(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(strategy, strategy, strategy, st.none())


some_labels = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES))
expressions = st.lists(
    st.builds(
        lambda key, operator, values: {"key": key, "operator": operator, "values": values},
        st.sampled_from(KEYS),
        st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist")),
        or_null(st.lists(st.sampled_from(VALUES), max_size=2)),
    ),
    max_size=2,
)
selectors = st.fixed_dictionaries(
    {}, optional={"matchLabels": or_null(some_labels), "matchExpressions": or_null(expressions)}
)
namespaces = st.one_of(selectors, st.sampled_from(SPACES).map(lambda name: {"matchLabels": {NAME: name}}))
# Pods, nodes and one network outside, and blocks that hold some of them.
ADDRESSES = ("10.42.1.5", "10.42.7.7", "10.0.1.12", "203.0.113.9", "203.0.113.77")
cidrs = st.tuples(st.sampled_from(ADDRESSES), st.sampled_from((0, 8, 16, 24, 28, 32))).map(lambda p: f"{p[0]}/{p[1]}")
blocks = st.fixed_dictionaries({"cidr": cidrs}, optional={"except": or_null(st.lists(cidrs, max_size=2))})
peers = st.one_of(
    st.fixed_dictionaries({"podSelector": selectors}, optional={"namespaceSelector": st.none(), "ipBlock": st.none()}),
    st.fixed_dictionaries({"namespaceSelector": namespaces}, optional={"podSelector": or_null(selectors)}),
    st.fixed_dictionaries({"ipBlock": blocks}, optional={"podSelector": st.none()}),
)
protocols = st.sampled_from(("TCP", "UDP", None))
ports = st.one_of(
    st.fixed_dictionaries(
        {"port": or_null(st.sampled_from((*NUMBERS, "http", "metrics")))}, optional={"protocol": protocols}
    ),
    st.fixed_dictionaries(
        {"port": st.sampled_from(NUMBERS), "endPort": or_null(st.sampled_from(NUMBERS))},
        optional={"protocol": protocols},
    ),
)


def rules(peers_key: str) -> st.SearchStrategy[Any]:
    rule = st.fixed_dictionaries(
        {},
        optional={
            peers_key: or_null(st.lists(peers, max_size=3)),
            "ports": or_null(st.lists(ports, max_size=3)),
        },
    )
    return or_null(st.lists(st.one_of(rule, rule, rule, rule, st.none()), max_size=3))


specs = st.fixed_dictionaries(
    {},
    optional={
        "podSelector": or_null(selectors),
        "policyTypes": or_null(st.lists(st.sampled_from(("Ingress", "Egress")), max_size=2, unique=True)),
        "ingress": rules("from"),
        "egress": rules("to"),
    },
)
policies = st.lists(st.tuples(st.sampled_from(SPACES), specs), max_size=5)
container_ports = st.lists(
    st.tuples(st.sampled_from(("http", "metrics", None)), st.sampled_from(NUMBERS), protocols), max_size=3
).map(tuple)


def pods(address: str, node: str) -> st.SearchStrategy[End]:
    return st.builds(
        lambda space, labels, declared, host, place: End(space, labels, address, declared, host, place),
        st.sampled_from(SPACES),
        some_labels,
        container_ports,
        st.sampled_from((False, False, False, True)),
        st.sampled_from((node, node, "node-3")),
    )


outside = st.sampled_from(ADDRESSES[3:]).map(lambda address: End("", {}, address, node=""))
sources = st.one_of(pods("10.42.7.7", "node-2"), pods("10.42.7.7", "node-2"), outside)
targets = st.one_of(pods("10.42.1.5", "node-1"), pods("10.42.1.5", "node-1"), outside)


def party(name: str, end: End) -> Party:
    if not end.space:
        return Party(addresses=(end.address,))
    declared = [{"name": label, "containerPort": value, "protocol": kind} for label, value, kind in end.ports]
    pod = a_pod(
        name,
        namespace=end.space,
        ip=end.address,
        node=end.node,
        meta={"labels": end.labels},
        spec={"hostNetwork": end.host, "containers": [{"name": "app", "ports": declared}]},
    )
    return Party.of(pod, LABELS_OF[end.space])


@settings(max_examples=1500, deadline=None)
@given(policies, sources, targets, st.sampled_from(NUMBERS), st.sampled_from(("TCP", "UDP")))
def test_agrees_with_an_independent_evaluation(
    everything: list[tuple[str, dict[str, Any]]], source: End, target: End, port: int, protocol: str
) -> None:
    listed = [a_policy(f"p{index}", namespace=space, **spec) for index, (space, spec) in enumerate(everything)]

    verdict = evaluate(listed, party("ctl", source), party("web", target), port, protocol)

    assert verdict.allowed is expected(everything, source, target, port, protocol)
    assert verdict.allowed or verdict.deciding.startswith("NetworkPolicy ")
    assert verdict.why.endswith(".")
