"""Read a kubeconfig that needs nothing but reading: one file, a fixed token or client certificate, no proxy.

Most are like that, and the official library takes a fifth of a run's time to load (it brings OAuth, requests and
pydantic). What is anything but plain is left to it (kubeconfig.py): several files, credential plugins, identity
providers, proxies, every key that is not known here, and all that is broken, so that every complaint is the same.
Blocking: call it in a thread. Reads files and connects to nothing.

Source: kubernetes.io/docs/reference/config-api/kubeconfig.v1.
"""

from __future__ import annotations

import base64
import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies

from ingressdoctor.model.text import Secret
from ingressdoctor.sources.kube_client import KubeClient
from ingressdoctor.sources.loading import load

__all__ = ["plain_client"]

_CONTEXT: Final = frozenset(("cluster", "user", "namespace", "extensions"))
_AUTHORITY: Final = ("certificate-authority-data", "certificate-authority")
_CLUSTER: Final = frozenset((*_AUTHORITY, "server", "insecure-skip-tls-verify", "tls-server-name", "extensions"))
_CERTIFICATE: Final = ("client-certificate-data", "client-certificate")
_KEY: Final = ("client-key-data", "client-key")
_USER: Final = frozenset((*_CERTIFICATE, *_KEY, "token", "extensions"))


class _NotPlainError(Exception):
    """The official library is needed for it."""


def plain_client(path: Path, context: str | None, connections: int) -> KubeClient | None:
    """Return what the context of the file at *path* comes to; None if the official library is to say.

    Args:
        path: One kubeconfig.
        context: A context of it; None for its current one.
        connections: How many connections may be kept open.
    """
    load("yaml", "urllib3")
    import yaml

    try:
        with path.open("rb") as file:
            content = yaml.load(file, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        return _client(_mapping(content), context, path.absolute().parent, connections)
    except (_NotPlainError, yaml.YAMLError, OSError, ValueError, RecursionError):
        # Broken files too: ssl's errors are OSErrors, those of base64 and of texts are ValueErrors.
        return None


def _client(content: Mapping[str, Any], wanted: str | None, base: Path, connections: int) -> KubeClient:
    name = _text(wanted or content.get("current-context"))
    context = _named(content, "contexts", name, "context", _CONTEXT)
    cluster = _named(content, "clusters", _text(context.get("cluster")), "cluster", _CLUSTER)
    user = _named(content, "users", _text(context.get("user")), "user", _USER)
    host = _text(cluster.get("server")).rstrip("/")
    scheme = urlsplit(host).scheme
    if scheme not in {"http", "https"} or getproxies().keys() & {scheme, "all"}:
        raise _NotPlainError
    token = Secret(_text(user["token"])) if "token" in user else None
    tls = _tls(cluster, user, base) if scheme == "https" else {}
    return KubeClient(
        context=name,
        host=host,
        pool=_pool(tls, connections),
        credentials=lambda: {} if token is None else {"authorization": f"Bearer {token.reveal()}"},
        tls=tls,
    )


def _pool(tls: Mapping[str, Any], connections: int) -> Any:  # noqa: ANN401 - as KubeClient has it
    import urllib3

    options: dict[str, Any] = {"maxsize": connections, "retries": False}
    if not tls:
        return urllib3.PoolManager(**options)
    context = tls["context"]
    if context.verify_mode is ssl.CERT_NONE:
        # urllib3 would warn on every request of what the kubeconfig asked for.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    if "server_hostname" in tls:
        options["server_hostname"] = tls["server_hostname"]
    return urllib3.PoolManager(ssl_context=context, cert_reqs=context.verify_mode, **options)


def _tls(cluster: Mapping[str, Any], user: Mapping[str, Any], base: Path) -> dict[str, Any]:
    from urllib3.util.ssl_ import create_urllib3_context

    insecure = cluster.get("insecure-skip-tls-verify", False)
    if not isinstance(insecure, bool):
        raise _NotPlainError
    context = create_urllib3_context()
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif (authority := _pem(cluster, _AUTHORITY, base)) is not None:
        context.load_verify_locations(cadata=authority.decode("ascii"))
    else:
        context.load_default_certs()
    certificate, key = _pem(user, _CERTIFICATE, base), _pem(user, _KEY, base)
    if (certificate is None) is not (key is None):
        raise _NotPlainError
    if certificate is not None and key is not None:
        _present(context, certificate + b"\n" + key)
    options: dict[str, Any] = {"context": context}
    if "tls-server-name" in cluster:
        options["server_hostname"] = _text(cluster["tls-server-name"])
    return options


def _present(context: ssl.SSLContext, pem: bytes) -> None:
    """Have a client certificate presented; ssl takes files only, so there is one as long as it takes to read it."""
    handle, path = tempfile.mkstemp()
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(pem)
        # With a password given, an encrypted key is an error and not a prompt.
        context.load_cert_chain(path, password="")
    finally:
        Path(path).unlink()


def _pem(entry: Mapping[str, Any], keys: tuple[str, str], base: Path) -> bytes | None:
    """Return what stands in the entry as base64, or in the file that it names; None if neither is there."""
    data, path = keys
    if data in entry:
        return base64.b64decode(_text(entry[data]), validate=True)
    return (base / _text(entry[path])).read_bytes() if path in entry else None


def _named(content: Mapping[str, Any], kind: str, name: str, inner: str, known: frozenset[str]) -> Mapping[str, Any]:
    """Return what the one entry of this *name* holds, if it holds nothing but *known* keys."""
    entries = content.get(kind)
    if not isinstance(entries, list):
        raise _NotPlainError
    found = [entry for entry in entries if _mapping(entry).get("name") == name]
    inside = _mapping(found[0].get(inner)) if len(found) == 1 else None
    if inside is None or not inside.keys() <= known:
        raise _NotPlainError
    return inside


def _mapping(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _NotPlainError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise _NotPlainError
    return value
