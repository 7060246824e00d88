from __future__ import annotations

import base64
import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingressdoctor.model.text import Secret
from ingressdoctor.routing.cloudflared import TokenIdentity, TokenProblem, read_credentials, read_token, tunnel_id

ID = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
KEY = base64.b64encode(b"not a real one, and long enough").decode()


def token(**fields: object) -> Secret:
    return Secret(base64.b64encode(json.dumps(fields).encode()).decode())


@pytest.mark.parametrize(
    ("given_token", "expected"),
    [
        pytest.param(token(a="acc", t=ID, s=KEY), TokenIdentity(account="acc", tunnel=ID), id="usual"),
        pytest.param(token(A="acc", T=ID.upper(), S=KEY), TokenIdentity(account="acc", tunnel=ID), id="capitals"),
        pytest.param(
            token(a="acc", t=ID, s=KEY, e="fed"), TokenIdentity(account="acc", tunnel=ID, endpoint="fed"), id="fedramp"
        ),
        pytest.param(
            Secret(token(a="acc", t=ID, s=KEY).reveal() + "\r\n"),
            TokenIdentity(account="acc", tunnel=ID),
            id="line-break-behind",
        ),
        pytest.param(Secret(" " + token(a="x", t=ID).reveal()), TokenProblem.NOT_BASE64, id="blank-in-front"),
        pytest.param(Secret('"' + token(a="x", t=ID).reveal() + '"'), TokenProblem.NOT_BASE64, id="quotes"),
        pytest.param(Secret(token(a="x", t=ID).reveal()[:-3]), TokenProblem.NOT_BASE64, id="cut"),
        pytest.param(Secret("é"), TokenProblem.NOT_BASE64, id="no-ascii"),
        pytest.param(Secret(" \n"), TokenProblem.EMPTY, id="empty"),
        pytest.param(Secret("A" * 30_000), TokenProblem.TOO_LONG, id="long"),
        pytest.param(Secret("aGVsbG8="), TokenProblem.NOT_JSON, id="no-json"),
        pytest.param(Secret("W10="), TokenProblem.NOT_JSON, id="a-list"),
        pytest.param(Secret("/w=="), TokenProblem.NOT_JSON, id="no-text"),
        pytest.param(token(a="acc", s=KEY), TokenProblem.NO_TUNNEL, id="no-tunnel"),
        pytest.param(token(a=1, t="my-tunnel"), TokenProblem.NO_TUNNEL, id="name-instead-of-id"),
        pytest.param(token(t="0" * 32), TokenProblem.NO_TUNNEL, id="nil"),
    ],
)
def test_tokens(given_token: Secret, expected: TokenIdentity | TokenProblem) -> None:
    assert read_token(given_token) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(
            json.dumps({"AccountTag": "acc", "TunnelSecret": KEY, "TunnelID": ID, "TunnelName": "n"}),
            TokenIdentity(account="acc", tunnel=ID),
            id="usual",
        ),
        pytest.param("", TokenProblem.EMPTY, id="empty"),
        pytest.param("{" * 30_000, TokenProblem.TOO_LONG, id="long"),
        pytest.param("{", TokenProblem.NOT_JSON, id="no-json"),
        pytest.param("{}", TokenProblem.NO_TUNNEL, id="no-tunnel"),
    ],
)
def test_credentials_files(content: str, expected: TokenIdentity | TokenProblem) -> None:
    assert read_credentials(Secret(content)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(ID, ID, id="usual"),
        pytest.param(ID.upper(), ID, id="capitals"),
        pytest.param(ID.replace("-", ""), ID, id="without-hyphens"),
        pytest.param(f"{{{ID}}}", ID, id="braces"),
        pytest.param(f"urn:uuid:{ID}", ID, id="urn"),
        pytest.param(ID[:23] + ID[24:], "", id="one-hyphen-missing"),
        pytest.param("production", "", id="name"),
        pytest.param("", "", id="empty"),
    ],
)
def test_ids(text: str, expected: str) -> None:
    assert tunnel_id(text) == expected


@given(st.text(max_size=200) | st.binary(max_size=100).map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_is_a_token_or_a_problem(text: str) -> None:
    found = read_token(Secret(text))

    assert isinstance(found, (TokenIdentity, TokenProblem))
    assert isinstance(read_credentials(Secret(text)), (TokenIdentity, TokenProblem))


def test_the_secret_is_nowhere_to_be_seen(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        found = read_token(token(a="acc", t=ID, s=KEY))

    assert KEY not in repr(found)
    assert KEY not in caplog.text
