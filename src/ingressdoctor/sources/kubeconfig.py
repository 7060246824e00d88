"""Turn kubeconfig files, or a pod's service account, into a client of the official library.

The library does the work: several files in KUBECONFIG, contexts, tokens, client certificates, exec plugins. Guarded
here is what it does besides: writing refreshed tokens back into the user's file, logging through the root logger,
going on without credentials when an exec plugin failed, and quoting whole user entries in its error texts.

Blocking, and slow to import (0.2 s): call it in a thread. Reads files, and runs what the kubeconfig says to run.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from ingressdoctor.errors import SourceError
from ingressdoctor.model.text import clean
from ingressdoctor.sources.loading import load

__all__ = ["KubeClient", "load_client", "quiet_library"]

_DEFAULT: Final = "~/.kube/config"
_HINT: Final = "Set KUBECONFIG, or kubeconfig under [kubernetes] in the configuration; choose a context with --context."


class KubeClient(msgspec.Struct, frozen=True, kw_only=True):
    """A configured client of the official library (an ``ApiClient``), and the context that it speaks to."""

    api: Any
    context: str


def load_client(kubeconfig: str | None, context: str | None, connections: int) -> KubeClient:
    """Configure and authenticate as kubectl would; without any kubeconfig, as a pod would.

    Args:
        kubeconfig: One or several paths joined like PATH; None for $KUBECONFIG, then ``~/.kube/config``.
        context: A context of it; None for its current one.
        connections: How many connections may be kept open.

    Raises:
        SourceError: there is no kubeconfig, no such context, or no credentials to be had.
    """
    load("yaml", "kubernetes.client", "kubernetes.config")
    import yaml
    from kubernetes import client, config

    settings = client.Configuration()
    # urllib3 would turn a timeout of one second into four, and wait for every Retry-After.
    settings.retries = False
    settings.connection_pool_maxsize = connections
    paths = kubeconfig or os.environ.get("KUBECONFIG") or _DEFAULT
    try:
        if any(path.is_file() for path in _split(paths)):
            name = _from_files(settings, paths, context)
        elif not kubeconfig and os.environ.get("KUBERNETES_SERVICE_HOST"):
            config.load_incluster_config(client_configuration=settings)  # type: ignore[no-untyped-call]
            name = "in-cluster"
        else:
            looked = ", ".join(clean(str(path), 200) for path in _split(paths))
            raise SourceError(f"There is no kubeconfig (looked for {looked}).", hint=_HINT)
        api = client.ApiClient(settings)
    except config.ConfigException as error:
        raise SourceError(f"The kubeconfig cannot be used: {_without_contents(error)}.", hint=_HINT) from None
    except yaml.YAMLError as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        where = f" (line {line + 1})" if isinstance(line, int) else ""
        raise SourceError(f"The kubeconfig is not YAML{where}.", hint=_HINT) from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise SourceError(f"The kubeconfig cannot be used ({type(error).__name__}).", hint=_HINT) from None
    if not settings.verify_ssl:
        _accept_insecure()
    return KubeClient(api=api, context=name)


@contextmanager
def quiet_library() -> Iterator[list[str]]:
    """Collect what the library logs through the root logger, instead of letting it reach standard error.

    A failing exec plugin is only logged, never raised: the texts collected are how it is noticed.
    """
    said: list[str] = []

    def catch(record: logging.LogRecord) -> bool:
        if record.module != "kube_config":
            return True
        said.append(record.getMessage())
        return False

    root = logging.getLogger()
    # logging.error() installs a handler for good when there is none, so there has to be one.
    handler = logging.NullHandler()
    root.addHandler(handler)
    root.addFilter(catch)
    try:
        yield said
    finally:
        root.removeFilter(catch)
        root.removeHandler(handler)


def _from_files(settings: Any, paths: str, context: str | None) -> str:  # noqa: ANN401 - the library is untyped
    from kubernetes.config import kube_config

    merged = _plain(kube_config.KubeConfigMerger(paths).config)  # type: ignore[no-untyped-call]
    known = sorted(_named(merged, "contexts"))
    name = context or str(merged.get("current-context") or "")
    hint = f"Choose one with --context: {clean(', '.join(known) or '(none)', 400)}."
    if not name:
        raise SourceError("The kubeconfig sets no current context.", hint=hint)
    if name not in known:
        raise SourceError(f"The kubeconfig has no context {clean(name, 100)!r}.", hint=hint)
    chosen = _plain(_named(merged, "contexts")[name].get("context"))
    cluster = _plain(_named(merged, "clusters").get(str(chosen.get("cluster")), {}).get("cluster"))
    if not cluster.get("server"):
        raise SourceError(f"The context {clean(name, 100)!r} names no cluster with a server.", hint=hint)
    user = _plain(_named(merged, "users").get(str(chosen.get("user")), {}).get("user"))
    with quiet_library() as said:
        # persist_config would write refreshed tokens back into the user's file.
        kube_config.load_kube_config(  # type: ignore[no-untyped-call]
            config_file=paths, context=name, client_configuration=settings, persist_config=False
        )
    if "exec" in user and said:
        command = clean(str(_plain(user["exec"]).get("command")), 100)
        raise SourceError(
            f"The credential plugin {command!r} of context {clean(name, 100)!r} failed: {clean(said[0], 300)}",
            hint=f"Run kubectl --context {clean(name, 100)} get --raw /version to see it fail by itself.",
        )
    return name


def _named(merged: Mapping[str, Any], kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the entries of one list of a kubeconfig by name; the first of a name wins, as in kubectl."""
    entries: dict[str, Mapping[str, Any]] = {}
    for node in merged.get(kind) or ():
        entry = _plain(node)
        entries.setdefault(str(entry.get("name")), entry)
    return entries


def _plain(node: Any) -> Mapping[str, Any]:  # noqa: ANN401 - whatever stands in the file
    """Return the mapping in a library node or in raw YAML, or an empty one."""
    value = getattr(node, "value", node)
    return value if isinstance(value, Mapping) else {}


def _split(paths: str) -> list[Path]:
    return [Path(path).expanduser() for path in paths.split(os.pathsep) if path]


def _without_contents(error: Exception) -> str:
    """Return the library's text up to where it begins to quote the file: a user entry has the token in it."""
    return clean(str(error).split("{", 1)[0].split("\n", 1)[0], 200).rstrip(" ./")


def _accept_insecure() -> None:
    """Silence the warning that urllib3 prints on every request: the kubeconfig asked for it.

    Process-wide, because ``warnings.catch_warnings`` is not safe in threads.
    """
    import urllib3

    urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
