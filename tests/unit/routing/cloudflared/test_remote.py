from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.routing.cloudflared import (
    Access,
    Configuration,
    Flaw,
    IpRule,
    RuleTable,
    Source,
    Unreadable,
    no_configuration,
    read_remote,
    validate,
)


def test_a_remote_configuration_counts_durations_in_seconds() -> None:
    found = read_remote(
        {
            "ingress": [
                {
                    "hostname": "a.example.com",
                    "service": "https://a:443",
                    "originRequest": {
                        "connectTimeout": 10,
                        "noTLSVerify": True,
                        "keepAliveConnections": 3,
                        "access": {"required": True, "teamName": "t", "audTag": ["x"]},
                        "ipRules": [{"prefix": "10.0.0.0/8", "ports": [80], "allow": True}],
                    },
                },
                {"service": "http_status:404"},
            ],
            "originRequest": {"tlsTimeout": 5},
            "warp-routing": {"enabled": True},
        },
        tunnel="t1",
        version=7,
    )

    assert isinstance(found, Configuration)
    assert (found.source, found.tunnel, found.version) == (Source.REMOTE, "t1", 7)
    request = found.rules[0].origin_request
    assert (request.connect_timeout, request.no_tls_verify, request.keep_alive_connections) == (10.0, True, 3)
    assert request.access == Access(required=True, team_name="t", aud_tags=("x",))
    assert request.ip_rules == (IpRule(prefix="10.0.0.0/8", ports=(80,), allow=True),)
    assert found.origin_request.tls_timeout == 5.0
    assert isinstance(validate(found), RuleTable)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="empty"),
        pytest.param({"ingress": None, "originRequest": None, "warp-routing": None}, id="nulls"),
        pytest.param({"ingress": []}, id="no-rules"),
        pytest.param({"unknown": 1}, id="unknown-key"),
    ],
)
def test_no_remote_rules_are_cloudflareds_503(config: object) -> None:
    found = read_remote(config)

    assert isinstance(found, Configuration)
    table = validate(found)
    assert isinstance(table, RuleTable)
    assert table.built_in


def test_keys_match_in_any_case_and_nulls_leave_the_default() -> None:
    found = read_remote({"Ingress": [{"HOSTNAME": None, "Service": "http://x", "path": None}]})

    assert isinstance(found, Configuration)
    assert [(rule.hostname, rule.service, rule.path) for rule in found.rules] == [("", "http://x", "")]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        pytest.param([], "json: cannot unmarshal array into config of type ingress.RemoteConfigJSON", id="list"),
        pytest.param(
            {"ingress": {}}, "into config.ingress of type []config.UnvalidatedIngressRule", id="rules-mapping"
        ),
        pytest.param({"ingress": ["a"]}, "cannot unmarshal string into config.ingress", id="rule-text"),
        pytest.param({"ingress": [{"hostname": 1}]}, "number into config.ingress.hostname of type string", id="number"),
        pytest.param(
            {"originRequest": {"connectTimeout": "30s"}},
            "config.originRequest.connectTimeout: a duration must be a whole number of seconds, not string",
            id="duration-as-text",
        ),
        pytest.param({"originRequest": {"connectTimeout": True}}, "not bool", id="duration-as-boolean"),
        pytest.param({"originRequest": {"connectTimeout": 1.5}}, "not number", id="duration-with-fraction"),
        pytest.param({"originRequest": {"noTLSVerify": 1}}, "number into", id="boolean-as-number"),
        pytest.param({"originRequest": {"proxyPort": -1}}, "of type uint", id="negative"),
        pytest.param({"originRequest": {"keepAliveConnections": True}}, "bool into", id="integer-as-boolean"),
        pytest.param({"originRequest": {"keepAliveConnections": 2**63}}, "of type int", id="too-large"),
        pytest.param({"originRequest": {"access": {"audTag": "x"}}}, "of type []string", id="tags-as-text"),
        pytest.param({"ingress": [{}] * 20_001}, "20001 ingress rules", id="too-many-rules"),
        pytest.param({"ingress": [{"hostname": object()}]}, "cannot unmarshal value", id="no-json-at-all"),
    ],
)
def test_what_a_connector_refuses(config: object, said: str) -> None:
    found = read_remote(config)

    assert isinstance(found, Unreadable)
    assert found.flaw in (Flaw.REMOTE, Flaw.TOO_LARGE)
    assert said in found.text


def test_a_token_tunnel_has_no_configuration_of_its_own() -> None:
    assert no_configuration() == Configuration(source=Source.NONE)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
SHAPED = st.fixed_dictionaries(
    {},
    optional={
        "ingress": JSON
        | st.lists(
            st.fixed_dictionaries({}, optional={"hostname": JSON, "service": JSON, "path": JSON, "originRequest": JSON})
        ),
        "originRequest": JSON | st.fixed_dictionaries({}, optional={"connectTimeout": JSON, "access": JSON}),
        "warp-routing": JSON,
    },
)


@given(JSON | SHAPED)
def test_any_json_is_a_configuration_or_an_error(value: Any) -> None:
    found = read_remote(value)

    assert isinstance(found, (Configuration, Unreadable))
    if isinstance(found, Configuration):
        validate(found)
