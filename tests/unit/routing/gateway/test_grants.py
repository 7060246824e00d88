"""References into another namespace need a ReferenceGrant there."""

from __future__ import annotations

from typing import Any

import pytest

from build.gateway import a_custom, a_grant
from ingressdoctor.routing.gateway.grants import is_granted

TARGET = ("", "Service", "other", "web")
GROUP = "gateway.networking.k8s.io"


@pytest.mark.parametrize(
    ("source", "target", "grant", "granted"),
    [
        pytest.param(("HTTPRoute", "other"), TARGET, {}, True, id="same-namespace-needs-none"),
        pytest.param(("HTTPRoute", "shop"), TARGET, {}, True, id="granted"),
        pytest.param(("GRPCRoute", "shop"), TARGET, {}, False, id="another-kind"),
        pytest.param(("HTTPRoute", "blog"), TARGET, {}, False, id="another-namespace"),
        pytest.param(
            ("HTTPRoute", "shop"),
            TARGET,
            {"from": [{"group": "", "kind": "HTTPRoute", "namespace": "shop"}]},
            False,
            id="another-group",
        ),
        pytest.param(("HTTPRoute", "shop"), ("", "Service", "third", "web"), {}, False, id="a-grant-elsewhere"),
        pytest.param(("HTTPRoute", "shop"), TARGET, {"to": [{"kind": "Service", "name": "web"}]}, True, id="by-name"),
        pytest.param(
            ("HTTPRoute", "shop"), TARGET, {"to": [{"kind": "Service", "name": "x"}]}, False, id="another-name"
        ),
        pytest.param(("HTTPRoute", "shop"), TARGET, {"to": [{"kind": "Secret"}]}, False, id="another-target-kind"),
        pytest.param(("HTTPRoute", "shop"), TARGET, {"to": None, "from": [None]}, False, id="nonsense"),
    ],
)
def test_grants(
    source: tuple[str, str], target: tuple[str, str, str, str], grant: dict[str, Any], granted: bool
) -> None:
    assert is_granted(source, target, (a_grant(**grant),)) is granted


def test_without_any_grant_nothing_is_granted() -> None:
    assert not is_granted(("HTTPRoute", "shop"), TARGET, ())
    assert not is_granted(("HTTPRoute", "shop"), TARGET, (a_custom("ReferenceGrant", "x", "other"),))
