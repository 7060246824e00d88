from __future__ import annotations

import pytest

from ingressdoctor.collect.rules_view import rules_of_text
from ingressdoctor.model.target import Target

RULES = """ingress:
- hostname: a.com
  path: ^/ä$
  service: https://x
  originRequest: {access: {required: true, teamName: t, audTag: [z]}}
- {hostname: a.com, service: "tcp://y"}
- {hostname: "*.a.com", service: "http://u:hunter22@z"}
- {service: "http_status:404"}
"""


@pytest.mark.parametrize(
    ("url", "number"),
    [
        pytest.param("a.com/%C3%A4", 1, id="path-decoded"),
        pytest.param("a.com/%C3%A4?x=1", 1, id="without-query"),
        pytest.param("a.com/%FF", 2, id="no-text-in-the-path"),
        pytest.param("A.com:8443/", 2, id="case-and-port-of-the-question"),
        pytest.param("b.a.com", 3, id="wildcard"),
        pytest.param("c.org", 4, id="catch-all"),
    ],
)
def test_which_rule_takes_a_url(url: str, number: int) -> None:
    view = rules_of_text(RULES, "config.yml", Target.parse(url))

    assert view.taker is not None
    assert view.taker.number == number


def test_the_token_check_of_a_rule_is_a_setting() -> None:
    view = rules_of_text(RULES, "config.yml", Target.parse("a.com/%C3%A4"))

    assert [item.value for item in view.settings if item.key == "access"] == ["required true, team t, audTag z"]


def test_a_raw_tcp_service_answers_nothing_to_browsers() -> None:
    view = rules_of_text(RULES, "config.yml", Target.parse("a.com/"))

    assert view.answer is not None
    assert (view.answer.status, view.answer.empty) == (200, True)
    assert view.service is not None
    assert (view.service.port, view.service.kind) == (7864, "tcp")


def test_no_password_of_a_service_is_kept() -> None:
    view = rules_of_text(RULES, "config.yml", Target.parse("b.a.com"))

    assert "hunter22" not in repr(view)


def test_findings_of_other_hosts_are_left_out() -> None:
    text = RULES.replace("- {service", "- {hostname: b.a.com, service: 'h2c://x:1'}\n- {service")

    assert [item.rule for item in rules_of_text(text, "c", Target.parse("b.a.com")).findings] == [4, 4]
    assert rules_of_text(text, "c", Target.parse("c.org")).findings == ()
    assert [row.number for row in rules_of_text(text, "c", host="*.a.com").rows] == [3, 4, 5]
    assert [row.number for row in rules_of_text(text, "c", host="a.com").rows] == [1, 2, 5]
