"""Do all nodes answer the same request alike?

The same request at every hop: what one node does not serve is lost for its share of the visitors. Why it does not is
for the other checks. Source: Cloudflare's round robin over several A records.
"""

from __future__ import annotations

from collections.abc import Iterator

from ingressdoctor.api import Finding, NodeState, NodeStates, Remedy, Target, check, fail, ok, skip, warn
from ingressdoctor_checks.node_common import ALL, STEP, WHERE, apart, direct, facts, names, served, share
from ingressdoctor_checks.outside_view import dig

__all__ = ["one_of_many"]


@check(
    id="node.one-of-many",
    title="All nodes answer the same request alike",
    step=STEP,
    link="edge → every node",
    causes=tuple(item for item in ALL if item != "node.one-of-many"),
)
def one_of_many(states: NodeStates, target: Target) -> Iterator[Finding]:
    """One dead node of three is every third request: the edge does not take it out of the turn."""
    judged = apart(states)
    good = [item for item in judged if served(item)]
    bad = [item for item in judged if not served(item)]
    if len(states.states) < 2:
        yield skip("The record holds one address, so there is nothing to compare.")
    elif not judged:
        yield skip("No node could be asked from here, so there is nothing to compare.")
    elif not good:
        yield skip("No node serves the request; other findings say why.")
    elif bad:
        yield _some_fail(bad, states, target, len(judged))
    elif len({item.asked.status for item in good}) > 1:
        yield _differ(good, states, target)
    else:
        left = len(states.states) - len(judged)
        beside = f"; {left} more could not be asked from here" if left else ""
        yield ok(
            f"All {len(good)} nodes answer {good[0].asked.status}{beside}.", seen=facts(states.states), where=WHERE
        )


def _some_fail(bad: list[NodeState], states: NodeStates, target: Target, count: int) -> Finding:
    first = bad[0]
    said = share(len(bad), count)
    proof = direct(target, states, first)
    return fail(
        f"{said[:1].upper()}{said[1:]} fails: {names(bad)} {'does' if len(bad) == 1 else 'do'} not serve it, the other "
        f"{count - len(bad)} of {count} do.",
        subject=target.hostname,
        where=WHERE,
        seen=facts(states.states),
        remedy=Remedy(
            text="Repair the node, or take its address out of the record until then: over plain A records the edge "
            "goes on sending requests there.",
            commands=(proof, dig(target.hostname, "A")),
            proof=proof,
        ),
    )


def _differ(good: list[NodeState], states: NodeStates, target: Target) -> Finding:
    proof = direct(target, states, good[0])
    said = ", ".join(f"{item.name} {item.asked.status}" for item in good)
    return warn(
        f"The nodes answer the same request differently: {said}.",
        subject=target.hostname,
        where=WHERE,
        seen=facts(states.states),
        remedy=Remedy(
            text="A Traefik that has not loaded the newest routes, or pods of two versions, answer by turns. Look at "
            "each node's Traefik and at the backend's rollout.",
            commands=tuple(direct(target, states, item) for item in good[:3]),
            proof=proof,
        ),
    )
