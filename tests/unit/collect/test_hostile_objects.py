"""Objects of any shape: whatever a custom resource or a policy holds, models and parsers answer and never raise."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from build.backend import CLOCK, HOST, a_pod
from ingressdoctor.api import NetworkPolicy
from ingressdoctor.collect.backend import makers_of
from ingressdoctor.collect.certificates import chain_of, order_of, owned_by, writer_of
from ingressdoctor.collect.gitops import judge
from ingressdoctor.evidence.certificates import Stated
from ingressdoctor.routing.netpol import Party, evaluate, needs_namespace_labels

KEYS = st.sampled_from(
    [
        "podSelector",
        "policyTypes",
        "ingress",
        "egress",
        "from",
        "to",
        "ports",
        "port",
        "endPort",
        "protocol",
        "ipBlock",
        "cidr",
        "except",
        "matchLabels",
        "matchExpressions",
        "key",
        "operator",
        "values",
        "namespaceSelector",
        "conditions",
        "type",
        "status",
        "message",
        "reason",
        "state",
        "notAfter",
        "renewalTime",
        "lastFailureTime",
        "failedIssuanceAttempts",
        "issuerRef",
        "dnsNames",
        "secretName",
        "resources",
        "kind",
        "namespace",
        "name",
        "health",
        "operationState",
        "phase",
        "sync",
        "syncPolicy",
        "automated",
        "selfHeal",
        "template",
        "metadata",
        "labels",
        "replicas",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8) | KEYS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=25,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=6)


@settings(max_examples=400, deadline=None)
@given(OBJECTS)
def test_policies(spec: dict[str, Any]) -> None:
    policy = msgspec.convert({"kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "shop"}}, NetworkPolicy)
    policy = msgspec.structs.replace(policy, spec=spec)
    source = Party.of(a_pod("ctl", namespace="edge", node="node-9"))

    needs_namespace_labels([policy])
    verdict = evaluate([policy], source, Party.of(a_pod()), 8080)

    assert verdict.allowed in (True, False, None)
    assert verdict.why


@settings(max_examples=400, deadline=None)
@given(OBJECTS, OBJECTS)
def test_custom_resources(spec: dict[str, Any], status: dict[str, Any]) -> None:
    meta = {"name": "x", "namespace": "shop", "ownerReferences": [{"kind": None}]}
    item = msgspec.structs.replace(msgspec.convert({"kind": "Certificate", "metadata": meta}, Stated), spec=spec)
    item = msgspec.structs.replace(item, status=status)

    chain = chain_of((item,), (item,), CLOCK)
    view = judge((item,), frozenset(), HOST)

    assert chain.deepest is not None
    assert isinstance(view.message, str)
    assert writer_of((item,), "web-tls") in ((), (item,))
    assert owned_by(item, (item,)) == ()
    assert isinstance(order_of(item), str)
    assert len(makers_of((item,), {"app": "web"})) <= 1
