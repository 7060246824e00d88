"""``[[notify]]``: every key is read, and what is wrong is refused by line without repeating a secret."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingressdoctor.config.channels import CHANNEL_KEYS, ChannelKey, ChannelKind, ChannelSettings
from ingressdoctor.config.example import effective_toml, example_toml
from ingressdoctor.config.loading import parse_settings
from ingressdoctor.config.secrets import Kind, SecretRef
from ingressdoctor.errors import ConfigError, SourceError

PAGE = (Path(__file__).parents[3] / "docs/configuration.md").read_text(encoding="utf-8")
FULL = """
run.timeout = 9

[[notify]]
kind = "alertmanager"
url = "http://alertmanager:9093/"
token = { env = "AM_TOKEN" }
ca_file = "ca.pem"
only = ["LB.*", "*.example.org"]

[[notify]]
kind = "slack"
name = "web team"
severity = "warning"
send_resolved = false
timeout = 3
[notify.url]
env = "SLACK_URL"

[[notify]]
kind = "webhook"
url = { file = "hook" }
secret = { command = ["pass", "show", "hook"] }

[[notify]]
kind = "command"
command = ["/bin/page", "--now", "a b"]
"""


def read(text: str, folder: Path) -> tuple[ChannelSettings, ...]:
    (folder / "ca.pem").write_text("")
    return parse_settings(text, folder / "ingressdoctor.toml").notify


def test_every_key_is_read(tmp_path: Path) -> None:
    pager, slack, hook, command = read(FULL, tmp_path)

    assert pager == ChannelSettings(
        kind=ChannelKind.ALERTMANAGER,
        name="alertmanager-1",
        url="http://alertmanager:9093",
        token=SecretRef(kind=Kind.ENV, place=("AM_TOKEN",)),
        ca_file=str(tmp_path / "ca.pem"),
        only=("lb.*", "*.example.org"),
    )
    assert slack == ChannelSettings(
        kind=ChannelKind.SLACK,
        name="web team",
        url=SecretRef(kind=Kind.ENV, place=("SLACK_URL",), what="URL"),
        severity="warning",
        send_resolved=False,
        timeout_s=3.0,
    )
    assert hook.secret == SecretRef(kind=Kind.COMMAND, place=("pass", "show", "hook"), what="signing secret")
    assert hook.references == (("url", hook.url), ("secret", hook.secret))
    assert command.command == ("/bin/page", "--now", "a b")


def test_it_is_shown_without_secrets_and_can_be_read_back(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    settings = parse_settings(FULL, tmp_path / "ingressdoctor.toml")
    text = effective_toml(settings, {"SLACK_URL": "https://hooks.slack.com/services/T0/B0/s3cr3t"})

    assert "env SLACK_URL (set)" in text
    assert "s3cr3t" not in text
    assert parse_settings(text, tmp_path / "x.toml").notify == settings.notify


WRONG = [
    pytest.param('[notify]\nkind = "slack"', "line 1: notify must be a list of tables", "[[notify]]", id="one-table"),
    pytest.param("notify = 3", "line 1: notify must be a list", "[[notify]]", id="no-table"),
    pytest.param("[[notify]]\nname = 'x'", "line 1: a channel needs a kind", "alertmanager, slack", id="no-kind"),
    pytest.param("[[notify]]\n\nkind = 'slak'", "line 3: notify.kind must be one of", "mean slack", id="kind"),
    pytest.param("[[notify]]\nkind = 3", "line 2: notify.kind must be one of", "kind = ", id="kind-of-wrong-type"),
    pytest.param("[[notify]]\nkind = 'slack'", "line 1: a channel of kind slack needs url", "url = {", id="no-url"),
    pytest.param(
        "[[notify]]\nkind='command'\ncommand=['x']\n[[notify]]\nkind='slack'\nurl={env='A'}\n\nonyl=['x']",
        "line 8: unknown key notify.onyl for slack",
        "Did you mean only?",
        id="line-of-the-second-table",
    ),
    pytest.param(
        "[[notify]]\nkind='slack'\nurl={env='A'}\nsecret={env='B'}",
        "line 4: unknown key notify.secret for slack",
        "Known for slack",
        id="key-of-another-kind",
    ),
    pytest.param("[[notify]]\nkind='webhook'\nurl={env='A'}", "kind webhook needs secret", "secret = {", id="unsigned"),
    pytest.param(
        "[[notify]]\nkind='command'\ncommand='rm -rf /'",
        "line 3: notify.command must be a list of words",
        "[",
        id="shell",
    ),
    pytest.param("[[notify]]\nkind='command'\ncommand=[]", "must be a list of words", "[", id="empty-command"),
    pytest.param(
        "[[notify]]\nkind='command'\ncommand=['x']\nseverity='Very Bad'",
        "line 4: notify.severity",
        "warning",
        id="word",
    ),
    pytest.param(
        "[[notify]]\nkind='command'\ncommand=['x']\nname='a\\u001b'".replace("'a", '"a').replace("b'", 'b"'),
        "line 4: notify.name must be a name",
        "on call",
        id="name",
    ),
    pytest.param("[[notify]]\nkind='command'\ncommand=['x']\ntimeout=0", "must be a number of seconds", "5", id="time"),
    pytest.param(
        "[[notify]]\nkind='command'\ncommand=['x']\nname='a'\n[[notify]]\nkind='command'\ncommand=['x']\nname='a'",
        "line 8: two channels are called a",
        "name of its own",
        id="twice",
    ),
    pytest.param("[[notify]]\n" * 51, "more than 50 channels", "", id="too-many"),
    pytest.param("[[notyfi]]", "unknown section or key notyfi", "Did you mean notify?", id="misspelt-table"),
]


@pytest.mark.parametrize(("text", "message", "hint"), WRONG)
def test_what_is_wrong_is_named(text: str, message: str, hint: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, tmp_path)

    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("kind = 'slack'\nurl = 'https://hooks.example.org/s3cr3t'", id="slack"),
        pytest.param("kind = 'webhook'\nurl = 'https://hooks.example.org/s3cr3t'", id="webhook"),
        pytest.param("kind = 'webhook'\nurl = {env='A'}\nsecret = 's3cr3t'", id="signing-secret"),
        pytest.param("kind = 'alertmanager'\nurl = 'http://am:9093/?token=s3cr3t'", id="in-the-query"),
        pytest.param("kind = 'alertmanager'\nurl = 'http://me:s3cr3t@am:9093/'", id="user-and-password"),
    ],
)
def test_a_secret_written_out_is_refused_and_not_repeated(text: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"[[notify]]\n{text}", tmp_path)

    assert "s3cr3t" not in caught.value.message + caught.value.hint
    assert '{ env = "' in caught.value.message or "without a user name" in caught.value.message


def test_what_a_failing_command_says_of_an_address_is_not_repeated(tmp_path: Path) -> None:
    words = 'command = ["sh", "-c", "echo https://hooks.example.org/s3cr3t >&2; exit 1"]'
    (slack,) = read(f"[[notify]]\nkind = 'slack'\nurl = {{ {words} }}", tmp_path)
    assert isinstance(slack.url, SecretRef)

    with pytest.raises(SourceError) as caught:
        slack.url.resolve({})

    assert caught.value.message == "no URL: 'sh' ended with 1"


def test_the_example_can_be_used_as_it_stands(tmp_path: Path) -> None:
    _, _, end = example_toml().partition("# [[notify]]\n")
    lines = [line.removeprefix("# ") for line in end.splitlines()]

    (channel,) = read("\n".join(["[[notify]]", *lines]), tmp_path)

    assert (channel.kind, channel.only) == (ChannelKind.SLACK, ("lb.*", "*.example.org"))


@pytest.mark.parametrize("key", CHANNEL_KEYS, ids=lambda key: f"{key.name}-{key.kinds[0]}")
def test_every_key_is_described(key: ChannelKey) -> None:
    kinds = "all" if len(key.kinds) == len(ChannelKind) else ", ".join(key.kinds)

    assert f"| `{key.name}` | {kinds} | {key.about}{'; needed' if key.needed else ''} | `{key.example}` |" in PAGE
