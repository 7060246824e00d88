"""Reading ingressdoctor.toml: what is found, what is refused, and how it is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingressdoctor.config.keys import KEYS
from ingressdoctor.config.loading import find_config, load_settings, override, parse_settings
from ingressdoctor.config.secrets import AccessTokenRef, Kind, SecretRef
from ingressdoctor.config.settings import Settings
from ingressdoctor.errors import ConfigError

FULL = """
[kubernetes]
kubeconfig = "kube/config"
context = "production"
timeout = 7
[hetzner]
load_balancer = "ecnv4-lb"
endpoint = "http://127.0.0.1:1234/v1/"
token = { env = "HCLOUD_TOKEN_RO" }
[cloudflare]
endpoint = "http://127.0.0.1:1235/client/v4"
token = { command = ["pass", "show", "cloudflare"] }
[dns]
resolvers = ["127.0.0.1:5353", "1.1.1.1", "2606:4700:4700::1111", "[::1]:5353"]
authoritative = "127.0.0.1:5455"
[http]
ca_file = "ca.pem"
connect_to = ["203.0.113.10:443:127.0.0.1:4433", "::127.0.0.1:9"]
timeout = 2.5
[online]
probe = ["127.0.0.1:5353"]
[plugins]
folders = ["./checks"]
[walks]
patterns = { "*-mgmt.example.org" = "tunnel", "WWW.example.org" = "public" }
[run]
timeout = 9
strict = true

[sweep]
targets = "hosts.txt"
match = ["*.example.org"]
exclude = ["old.example.org"]
namespaces = ["shop-*"]
at_once = 32
per_origin = 4
jitter = 0
timeout = 20
open_after = 2
close_after = 3
flap_flips = 6
flap_within = 7200
vantage = "eu"

[[sweep.maintenance]]
hosts = ["*.example.org"]
weekly = "Sun 02:00-04:00 Europe/Athens"
until = 2027-01-01T00:00:00+02:00
reason = "backups"

[[sweep.suppress]]
check = "cert.expiring"
until = 2026-12-31
reason = "renewed by hand"
[cloudflare.access]
client_id = { env = "CF_ID" }
client_secret = { file = "secret" }
hosts = ["*-mgmt.Example.org"]
[access]
management = ["*-mgmt.example.org"]
public = ["status.example.org"]
[tunnel]
config_file = "ca.pem"
[maxscale]
url = "https://mxs.example.org:8989/"
user = "reader"
password = { file = "secret" }
ca_file = "ca.pem"
[sql]
user = "erp"
password = { file = "secret" }
[history]
url = "history.db"
password = { file = "secret" }
retention_days = 30
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "checks").mkdir()
    (tmp_path / "ca.pem").write_text("")
    return tmp_path


def read(text: str, folder: Path) -> Settings:
    return parse_settings(text, folder / "ingressdoctor.toml")


def test_every_key_is_read(folder: Path) -> None:
    """Relative paths start at the file's folder; ports and slashes are normalised; order is kept."""
    settings = read(FULL, folder)

    assert settings.kubernetes.kubeconfig == str(folder / "kube/config")
    assert settings.kubernetes.context == "production"
    assert settings.hetzner.endpoint == "http://127.0.0.1:1234/v1"
    assert settings.hetzner.token == SecretRef(kind=Kind.ENV, place=("HCLOUD_TOKEN_RO",))
    assert settings.cloudflare.token == SecretRef(kind=Kind.COMMAND, place=("pass", "show", "cloudflare"))
    assert settings.dns.resolvers == ("127.0.0.1:5353", "1.1.1.1:53", "[2606:4700:4700::1111]:53", "[::1]:5353")
    assert settings.dns.authoritative == "127.0.0.1:5455"
    assert settings.http.ca_file == str(folder / "ca.pem")
    assert settings.http.connect_to == ("203.0.113.10:443:127.0.0.1:4433", "::127.0.0.1:9")
    assert settings.http.timeout_s == 2.5
    assert settings.online.probe == ("127.0.0.1:5353",)
    assert settings.plugins.folders == (str(folder / "checks"),)
    assert settings.walks.patterns == (("*-mgmt.example.org", "tunnel"), ("www.example.org", "public"))
    assert settings.run.timeout_s == 9
    assert settings.run.strict
    assert (settings.sweep.targets, settings.sweep.timeout_s) == (str(folder / "hosts.txt"), 20)
    assert (settings.sweep.at_once, settings.sweep.per_origin, settings.sweep.jitter) == (32, 4, 0)
    assert [item.reason for item in settings.sweep.maintenance] == ["backups"]
    assert [item.check for item in settings.sweep.suppress] == ["cert.expiring"]
    assert settings.cloudflare.access == AccessTokenRef(
        client_id=SecretRef(kind=Kind.ENV, place=("CF_ID",)),
        client_secret=SecretRef(kind=Kind.FILE, place=(str(folder / "secret"),)),
        hosts=("*-mgmt.example.org",),
    )
    assert settings.access.management == ("*-mgmt.example.org",)
    assert settings.access.public == ("status.example.org",)
    assert settings.tunnel.config_file == str(folder / "ca.pem")
    assert settings.maxscale.url == "https://mxs.example.org:8989"
    assert settings.maxscale.user == "reader"
    kept = SecretRef(kind=Kind.FILE, place=(str(folder / "secret"),), what="password")
    assert settings.maxscale.password == kept
    assert (settings.sql.user, settings.sql.password) == ("erp", kept)
    history = settings.history
    assert (history.url, history.password, history.retention_days) == (str(folder / "history.db"), kept, 30)
    assert settings.maxscale.ca_file == str(folder / "ca.pem")
    assert settings.origins["dns.resolvers"] == "line 14"
    assert set(settings.origins) == {key.path for key in KEYS}


def test_nothing_configured_gives_the_defaults(tmp_path: Path) -> None:
    assert load_settings(environ={"HOME": str(tmp_path)}, cwd=tmp_path) == Settings()


WRONG = [
    pytest.param("[dns]\nresolver = []", "line 2: unknown key dns.resolver", "Did you mean resolvers?", id="key"),
    pytest.param("\n\n[dnss]", "line 3: unknown section or key dnss", "Did you mean dns?", id="section"),
    pytest.param("context = 'x'", "unknown section or key context", "kubernetes.context", id="key-without-section"),
    pytest.param("[hetzner]\ncontext = 'x'", "unknown key hetzner.context", "kubernetes.context", id="other-section"),
    pytest.param("dns = 1", "line 1: dns must be a section", "[dns]", id="section-as-value"),
    pytest.param("[run]\ntimeout = 'a'", "must be a number of seconds from above 0 to 3600", "timeout = 30", id="type"),
    pytest.param("[run]\ntimeout = 0", "not 0", "timeout = 30", id="zero-seconds"),
    pytest.param("[run]\ntimeout = true", "not true", "timeout = 30", id="bool-is-no-number"),
    pytest.param("[run]\nstrict = 1", "must be true or false", "strict = false", id="number-is-no-bool"),
    pytest.param("[dns]\nresolvers = '1.1.1.1'", "a list: put the value in [ ]", "resolvers = [", id="list"),
    pytest.param("[dns]\nresolvers = [\n'1.1.1.1',\n'dns.google']", "line 2: dns.resolvers", "1.1.1.1", id="in-list"),
    pytest.param("[dns]\nresolvers = ['1.1.1.1:0']", "port from 1 to 65535", "1.1.1.1", id="port"),
    pytest.param("[http]\nconnect_to = ['a:1:b']", "HOST:PORT:HOST:PORT", "connect_to", id="connect-to"),
    pytest.param("[http]\nca_file = 'gone.pem'", "a file that exists", "ca_file", id="no-such-file"),
    pytest.param("[plugins]\nfolders = ['gone']", "a folder that exists", "folders", id="no-such-folder"),
    pytest.param("[hetzner]\nendpoint = 'api'", "an http or https URL", "endpoint", id="url"),
    pytest.param("[hetzner]\nendpoint = 'http://u:p@h'", "without a user name", "endpoint", id="url-with-password"),
    pytest.param("[walks]\npatterns = ['x']", "a table from hostname pattern to walk", "patterns", id="patterns"),
    pytest.param("[hetzner]\ntoken = {}", "exactly one of { env", "token = { env", id="empty-reference"),
    pytest.param("[hetzner]\ntoken = {env='A',file='b'}", "exactly one of", "token = { env", id="two-references"),
    pytest.param("[hetzner]\ntoken = {command='pass'}", "exactly one of", "token = { env", id="command-as-text"),
    pytest.param("[hetzner]\ntoken = {env='A B'}", "exactly one of", "token = { env", id="impossible-variable"),
    pytest.param("[a", "is not TOML", "config validate", id="syntax"),
    pytest.param("[run]\ntimeout = 1\ntimeout = 2", "is not TOML", "config validate", id="twice"),
]


@pytest.mark.parametrize(("text", "message", "hint"), WRONG)
def test_what_is_wrong_is_named(text: str, message: str, hint: str, folder: Path) -> None:
    """Key, line, expectation and an example, in one line."""
    with pytest.raises(ConfigError) as caught:
        read(text, folder)

    assert message in caught.value.message
    assert hint in caught.value.hint
    assert "\n" not in caught.value.message
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    "text",
    ["[hetzner]\ntoken = 's3cr3t'", "[hetzner]\ntoken = ['s3cr3t']", "[cloudflare]\ntoken = { value = 's3cr3t' }"],
)
def test_a_secret_written_out_is_refused_and_not_repeated(text: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text, folder)

    assert "s3cr3t" not in caught.value.message + caught.value.hint
    assert '{ env = "' in caught.value.message


def test_a_control_character_in_a_key_is_shown_not_printed(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read('[dns]\n"a\\u001b[31m" = 1', folder)

    assert "\x1b" not in caught.value.message
    assert "\\x1b[31m" in caught.value.message


SEARCH = [
    pytest.param("given.toml", "env.toml", True, True, "given.toml", id="option-first"),
    pytest.param("", "env.toml", True, True, "env.toml", id="then-the-variable"),
    pytest.param("", "", True, True, "work/ingressdoctor.toml", id="then-the-working-directory"),
    pytest.param("", "", False, True, "home/.config/ingressdoctor/ingressdoctor.toml", id="then-the-users-own"),
    pytest.param("", "", False, False, "", id="none"),
]


@pytest.mark.parametrize(("given", "variable", "local", "user", "expected"), SEARCH)
def test_the_first_file_counts(
    given: str, variable: str, local: bool, user: bool, expected: str, tmp_path: Path
) -> None:
    own = tmp_path / "home/.config/ingressdoctor"
    own.mkdir(parents=True)
    (tmp_path / "work").mkdir()
    for name in ("given.toml", "env.toml"):
        (tmp_path / name).write_text("")
    if local:
        (tmp_path / "work/ingressdoctor.toml").write_text("")
    if user:
        (own / "ingressdoctor.toml").write_text("")
    environ = {"HOME": str(tmp_path / "home"), "INGRESSDOCTOR_CONFIG": str(tmp_path / variable) if variable else ""}

    found = find_config(str(tmp_path / given) if given else "", environ, tmp_path / "work")

    assert found == (tmp_path / expected if expected else None)


@pytest.mark.parametrize(("path", "environ"), [("/gone.toml", {}), ("", {"INGRESSDOCTOR_CONFIG": "/gone.toml"})])
def test_a_file_that_was_named_must_exist(path: str, environ: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no configuration file /gone\.toml"):
        load_settings(path, environ=environ, cwd=tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"\xff\xfe", "line 1: not UTF-8", id="not-text"),
        pytest.param(b"# " + b"x" * 1_000_001, "more than 1000 kB", id="megabytes"),
        pytest.param(b"x = " + b"[" * 5000, "not TOML", id="deeply-nested"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "ingressdoctor.toml"
    path.write_bytes(content)

    with pytest.raises(ConfigError, match=message):
        load_settings(str(path), environ={}, cwd=tmp_path)


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Cannot read"):
        load_settings(str(tmp_path), environ={}, cwd=tmp_path)


def test_options_replace_what_the_file_says_but_connect_to_comes_before_it(folder: Path) -> None:
    settings = override(
        read(FULL, folder),
        {
            "dns.resolvers": ("--resolver", ["9.9.9.9"]),
            "http.connect_to": ("--connect-to", ["www.example.org:443:127.0.0.1:1"]),
        },
    )

    assert settings.dns.resolvers == ("9.9.9.9:53",)
    assert settings.http.connect_to[0] == "www.example.org:443:127.0.0.1:1"
    assert settings.http.connect_to[-1] == "::127.0.0.1:9"
    assert settings.origins["dns.resolvers"] == "--resolver"
    assert settings.origins["dns.authoritative"].startswith("line ")


def test_a_wrong_option_is_named_as_the_option() -> None:
    with pytest.raises(ConfigError, match=r"^--resolver .*must be a list, each the address of a DNS server"):
        override(Settings(), {"dns.resolvers": ("--resolver", ["dns.google"])})


SECRET = "cfast_0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(f'"{SECRET}"', id="the-secret-itself"),
        pytest.param(f'{{ client_id = {{ env = "A" }}, client_secret = "{SECRET}" }}', id="the-secret-as-one-half"),
        pytest.param('{ client_id = { env = "A" } }', id="one-half-alone"),
        pytest.param('{ client_id = { env = "A" }, client_secret = { env = "B" }, host = ["x"] }', id="an-unknown-key"),
        pytest.param('{ client_id = { env = "A" }, client_secret = { env = "B" }, hosts = [3] }', id="a-host-number"),
        pytest.param('{ client_id = { env = "A" }, client_secret = { env = "B" }, hosts = 3 }', id="hosts-as-number"),
        pytest.param('{ client_id = { env = "A" }, client_secret = { env = "B" }, hosts = ["a b"] }', id="a-space"),
    ],
)
def test_a_service_token_is_refused_without_being_quoted(value: str, folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(f"[cloudflare]\naccess = {value}\n", folder)

    assert "line 2: cloudflare.access must be" in str(caught.value)
    assert SECRET not in f"{caught.value} {caught.value.hint}"


def test_the_table_of_a_service_token_has_its_own_line(folder: Path) -> None:
    with pytest.raises(ConfigError, match="line 3: "):
        read('[run]\nstrict = true\n[cloudflare.access]\nclient_id = { env = "A" }\n', folder)
