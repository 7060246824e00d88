"""Ports of pods through the API server: what its refusals and silences come to. Those that open are for the lab."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ingressdoctor.errors import SourceError
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.kubernetes import LiveKubernetes
from unit.sources.servers import HOST, Pki, answering, close_at_once, free_port, greeting, hang, serve
from unit.sources.test_kubernetes import TOKEN, kubeconfig

FORBIDDEN = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"


async def refusal(config: str, timeout_s: float = 20.0) -> SourceError:
    """Return the error of one forward, after checking that the token is nowhere in it."""
    source = LiveKubernetes(kubeconfig=config, context=None, timeout_s=timeout_s, calls=CallLog())
    with pytest.raises(SourceError) as caught:
        await source.forward("shop", "mxs-0", 8989)
    await source.aclose()
    assert TOKEN not in caught.value.message + caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        pytest.param(answering(FORBIDDEN), "403: pods/portforward is not granted", id="forbidden"),
        pytest.param(answering(MISSING), "404", id="no-such-pod"),
        pytest.param(close_at_once, "No connection to port 8989 of pod shop/mxs-0", id="closed"),
        pytest.param(hang, "No connection", id="silent"),
        pytest.param(greeting(b"SSH-2.0-x\r\n"), "No connection", id="not-http"),
    ],
)
async def test_what_the_api_server_answers(behaviour: Any, words: str, tmp_path: Path) -> None:
    async with serve(behaviour) as port:
        error = await refusal(kubeconfig(tmp_path / "k", f"http://{HOST}:{port}"), 1.0 if behaviour is hang else 20.0)

    assert words in error.message


async def test_nobody_listens(tmp_path: Path) -> None:
    error = await refusal(kubeconfig(tmp_path / "k", f"http://{HOST}:{free_port()}"))

    assert "refused" in error.message


@pytest.mark.parametrize(
    ("cluster", "words"),
    [
        pytest.param("trusted", "403", id="with-its-ca"),
        pytest.param("untrusted", "not trusted", id="without-its-ca"),
        pytest.param("insecure", "403", id="where-the-kubeconfig-does-not-ask"),
    ],
)
async def test_tls_is_the_kubeconfigs(cluster: str, words: str, tmp_path: Path, pki: Pki) -> None:
    settings: dict[str, dict[str, Any]] = {
        "trusted": {"certificate-authority": pki.ca_file},
        "untrusted": {},
        "insecure": {"insecure-skip-tls-verify": True},
    }
    async with serve(answering(FORBIDDEN), pki.context(HOST)) as port:
        config = kubeconfig(tmp_path / "k", f"https://{HOST}:{port}", cluster=settings[cluster])
        error = await refusal(config)

    assert words in error.message
