from __future__ import annotations

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from ingressdoctor.collect.cloudflared_yaml import configuration_of, read_nodes
from ingressdoctor.routing.cloudflared import (
    Configuration,
    Refused,
    RuleTable,
    Unreadable,
    lint_configuration,
    validate,
)
from ingressdoctor.routing.cloudflared.nodes import Alias, Document, Mapping, Scalar, Sequence

TEXT = """# a comment
base: &base {service: "http://x"}
ingress:
  - <<: *base
    hostname: 'a.com'
  - [x, !!int "3"]
---
other: [
"""


def test_nodes_keep_their_places_tags_and_quotes() -> None:
    found = read_nodes(TEXT)

    base = Mapping(((Scalar("service", "", True, 2, 14), Scalar("http://x", "", False, 2, 23)),), 2, 7)
    rule = Mapping(
        (
            (Scalar("<<", "", True, 4, 5), Alias("base", 0, 4, 9)),
            (Scalar("hostname", "", True, 5, 5), Scalar("a.com", "", False, 5, 15)),
        ),
        4,
        5,
    )
    odd = Sequence(
        (Scalar("x", "", True, 6, 6), Scalar("3", "tag:yaml.org,2002:int", False, 6, 9)),
        6,
        5,
    )
    root = Mapping(
        (
            (Scalar("base", "", True, 2, 1), base),
            (Scalar("ingress", "", True, 3, 1), Sequence((rule, odd), 4, 3)),
        ),
        2,
        1,
    )
    assert found == Document(root=root, anchors=(base,))


def test_the_parser_without_libyaml_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_nodes(TEXT)
    monkeypatch.delattr(yaml, "CSafeLoader")

    assert read_nodes(TEXT) == expected
    assert isinstance(read_nodes("a: b: c"), Unreadable)


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        pytest.param("\ufeffingress: []", False, id="byte-order-mark"),
        pytest.param("# nothing\n", True, id="comments"),
        pytest.param("a: 1\n---\nb: [\n", False, id="second-document-broken-far-behind"),
        pytest.param("a: 1\n...\n", False, id="end-mark"),
    ],
)
def test_what_is_read(text: str, empty: bool) -> None:
    found = configuration_of(text)

    assert isinstance(found, Configuration)
    assert found.empty is empty


SCRAPS = ["ingress:\n", "- hostname: a.com\n", "  service: http://x\n", "  path: ^/a\n", "- service: http_status:404\n"]
SIGNS = (
    "\t,&a ,*a,<<: *a\n,{,},[,],? ,: ,- ,',\",|\n,!!int ,!!binary ,null\n,30\n,\x00,%YAML 1.2\n,---\n,...\n,é,😀,\u2028"
)
PIECES = st.sampled_from([*SCRAPS, *SIGNS.split(","), "originRequest: {noTLSVerify: yes}\n", "*.a.com\n", "a: 1\n"])


@settings(max_examples=300)
@given(st.lists(PIECES, max_size=14).map("".join) | st.text(max_size=60))
def test_any_text_is_a_configuration_or_one_error(text: str) -> None:
    found = configuration_of(text)

    if isinstance(found, Unreadable):
        assert found.text
        return
    assert isinstance(validate(found), (RuleTable, Refused))
    lint_configuration(found)
