from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.values import replace
from ingressdoctor.model.text import Secret
from ingressdoctor.routing.cloudflared import EnvValue, Invocation, TokenFrom, TokenProblem, read_invocation

ID = "6ff42ae2-765d-4adf-8112-31c55c1551ef"
KEY = base64.b64encode(b"not a real one, and long enough").decode()
TOKEN = base64.b64encode(json.dumps({"a": "acc", "t": ID, "s": KEY}).encode()).decode()


def words(text: str) -> list[str]:
    return text.split()


def variable(name: str, value: str) -> EnvValue:
    return EnvValue(name=name, value=Secret(value))


FROM_SECRET = EnvValue(name="TUNNEL_TOKEN", reference="Secret cloudflared/token, key token")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "tunnel --config /etc/cloudflared/config/config.yaml --no-autoupdate --protocol http2 "
            "--metrics 0.0.0.0:2000 run my-tunnel",
            Invocation(
                runs=True,
                tunnel="my-tunnel",
                config="/etc/cloudflared/config/config.yaml",
                protocol="http2",
                metrics="0.0.0.0:2000",
            ),
            id="as-in-the-documentation",
        ),
        pytest.param(
            f"cloudflared tunnel --config=/c.yml run {ID.upper()}",
            Invocation(runs=True, tunnel=ID.upper(), tunnel_id=ID, config="/c.yml"),
            id="by-id",
        ),
        pytest.param(
            "/usr/local/bin/cloudflared --protocol http2 tunnel run",
            Invocation(runs=True, protocol="http2"),
            id="flag-in-front-of-the-command",
        ),
        pytest.param(
            "tunnel run --cred-file /creds.json -p quic x y",
            Invocation(runs=True, tunnel="x", credentials_file="/creds.json", protocol="quic", extra=("y",)),
            id="aliases-and-one-word-too-many",
        ),
        pytest.param("tunnel run -- x", Invocation(runs=True, tunnel="x"), id="two-hyphens"),
        pytest.param("tunnel --url http://localhost:80", Invocation(runs=True), id="made-on-the-spot"),
        pytest.param("tunnel --name n --url http://x", Invocation(runs=True, tunnel="n"), id="named-on-the-spot"),
        pytest.param("access tcp --hostname x", Invocation(), id="another-command"),
        pytest.param("tunnel list", Invocation(), id="another-subcommand"),
        pytest.param("", Invocation(), id="nothing"),
        pytest.param("tunnel run - --metrics", Invocation(runs=True, tunnel="-"), id="flag-without-a-value"),
    ],
)
def test_command_lines(text: str, expected: Invocation) -> None:
    assert replace(read_invocation(words(text)), flags=()) == expected


@pytest.mark.parametrize(
    ("text", "env", "source", "where", "tunnel"),
    [
        pytest.param(f"tunnel run --token {TOKEN}", (), TokenFrom.ARGUMENT, "", ID, id="argument"),
        pytest.param(
            f"tunnel run --token={TOKEN} {ID[:-1]}0", (), TokenFrom.ARGUMENT, "", ID, id="token-beats-the-name"
        ),
        pytest.param("tunnel run", (variable("TUNNEL_TOKEN", TOKEN),), TokenFrom.VARIABLE, "", ID, id="variable"),
        pytest.param(
            "tunnel run", (FROM_SECRET,), TokenFrom.REFERENCE, "Secret cloudflared/token, key token", "", id="secret"
        ),
        pytest.param(
            "tunnel run --token $(TUNNEL_TOKEN)",
            (FROM_SECRET,),
            TokenFrom.REFERENCE,
            "Secret cloudflared/token, key token",
            "",
            id="secret-in-an-argument",
        ),
        pytest.param(
            "tunnel run --token $(T)", (variable("T", TOKEN),), TokenFrom.VARIABLE, "", ID, id="variable-in-an-argument"
        ),
        pytest.param("tunnel run --token-file /t", (), TokenFrom.FILE, "/t", "", id="file"),
        pytest.param(
            "tunnel run", (variable("TUNNEL_TOKEN_FILE", "/t"),), TokenFrom.FILE, "/t", "", id="file-by-variable"
        ),
        pytest.param(
            f"tunnel run {ID}", (variable("TUNNEL_TOKEN", ""),), TokenFrom.NOWHERE, "", ID, id="empty-variable"
        ),
    ],
)
def test_where_the_token_is(text: str, env: tuple[EnvValue, ...], source: TokenFrom, where: str, tunnel: str) -> None:
    found = read_invocation(words(text), env)

    assert (found.token, found.token_in, found.tunnel_id) == (source, where, tunnel)
    assert found.token_exposed is (source in (TokenFrom.ARGUMENT, TokenFrom.VARIABLE))
    assert TOKEN not in repr(found)
    assert KEY not in repr(found)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("tunnel run --token nonsense!", TokenProblem.NOT_BASE64, id="nonsense"),
        pytest.param("tunnel run --token $(GONE)", TokenProblem.NOT_BASE64, id="variable-that-is-not-there"),
        pytest.param("tunnel run --token $$(T)", TokenProblem.NOT_BASE64, id="escaped-reference"),
    ],
)
def test_a_token_that_cannot_be_used(text: str, problem: TokenProblem) -> None:
    assert read_invocation(words(text), (variable("T", TOKEN),)).token_problem is problem


def test_flags_beat_variables_and_variables_fill_in() -> None:
    env = (
        variable("TUNNEL_METRICS", "0.0.0.0:1"),
        variable("TUNNEL_TRANSPORT_PROTOCOL", "quic"),
        variable("TUNNEL_CRED_CONTENTS", "{}"),
        variable("PORT", "2000"),
        EnvValue(name="TUNNEL_LOGLEVEL", reference="ConfigMap x"),
    )
    found = read_invocation(
        words("tunnel --metrics 0.0.0.0:$(PORT) --label $$(PORT)-$(GONE) --loglevel info run n"), env
    )

    assert (found.metrics, found.protocol, found.holds_credentials) == ("0.0.0.0:2000", "quic", True)
    assert (found.flag("label"), found.flag("loglevel"), found.flag("retries")) == ("$(PORT)-$(GONE)", "info", "")


@pytest.mark.parametrize(
    ("script", "tunnel"),
    [
        pytest.param("exec cloudflared tunnel run n", "n", id="exec"),
        pytest.param("sleep 5 && /bin/cloudflared tunnel --no-autoupdate run 'n'", "n", id="after-another-command"),
        pytest.param("echo hello", "", id="another-program"),
        pytest.param("cloudflared tunnel run 'n", "", id="quote-left-open"),
    ],
)
def test_a_shell_around_the_program(script: str, tunnel: str) -> None:
    assert read_invocation(["/bin/sh", "-ec", script]).tunnel == tunnel


@given(
    st.lists(
        st.none() | st.text(max_size=12) | st.sampled_from(("tunnel", "run", "--token", "--", "-", "sh", "-c")),
        max_size=12,
    )
)
def test_any_words_are_an_invocation(found: list[str | None]) -> None:
    assert isinstance(read_invocation(found), Invocation)
