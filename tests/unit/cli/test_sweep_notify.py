"""``ingressdoctor sweep notify-test``, as a user types it, with real receivers on loopback."""

from __future__ import annotations

from pathlib import Path

from build.program import run
from build.receiver import Answer, receiver

CONFIG = """
[[notify]]
kind = "slack"
name = "web team"
url = { env = "HOOK" }

[[notify]]
kind = "alertmanager"
url = "http://127.0.0.1:PORT"
"""


def configured(folder: Path, text: str) -> str:
    path = folder / "notify.toml"
    path.write_text(text)
    return str(path)


def test_every_channel_is_tried_and_named(tmp_path: Path) -> None:
    with receiver() as good, receiver(Answer(status=404, body=b"no_team")) as gone:
        config = configured(tmp_path, CONFIG.replace("PORT", str(good.port)))
        done = run("sweep", "notify-test", "--config", config, env={"HOOK": gone.url})

        assert done.stdout == "web team: not delivered: it answers 404 (no_team)\nalertmanager-2: delivered\n"
        assert (done.returncode, done.stderr) == (1, "")
        assert good.got[0].json[0]["labels"]["alertname"] == "ingressdoctor.test"


def test_all_is_well(tmp_path: Path) -> None:
    with receiver() as good:
        config = configured(tmp_path, CONFIG.replace("PORT", str(good.port)))

        assert run("sweep", "notify-test", "--config", config, env={"HOOK": good.url}).returncode == 0


def test_a_secret_that_is_missing_is_named_and_none_is_shown(tmp_path: Path) -> None:
    with receiver() as good:
        config = configured(tmp_path, CONFIG.replace("PORT", str(good.port)))
        done = run("sweep", "notify-test", "--config", config)

        assert done.stdout.startswith("web team: not delivered: no URL: the environment variable HOOK is not set")
    shown = run("config", "show", "--config", config, env={"HOOK": good.url}).stdout
    assert "env HOOK (set)" in shown
    assert "s3cr3t" not in shown + done.stdout + done.stderr


def test_nobody_to_tell(tmp_path: Path) -> None:
    done = run("sweep", "notify-test", "--config", configured(tmp_path, ""))

    assert done.returncode == 2
    assert "no channel is configured" in done.stderr
