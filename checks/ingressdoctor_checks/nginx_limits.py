"""What ingress-nginx refuses that a visit does not show: uploads that are too large.

Source: nginx's client_max_body_size (proxy-body-size, 1m by default) and its error log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Finding,
    Inapplicable,
    NginxDecision,
    NginxLogs,
    Remedy,
    Unavailable,
    changes,
    check,
    clean,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.nginx_common import STEP, describe, logs_of, nginx_of

__all__ = ["body_too_large"]

_SIZE: Final = re.compile(r"too large body: (\d+) bytes")
_REQUEST: Final = re.compile(r'request: "([A-Z]+ [^" ]{1,200})')
_KEY: Final = "nginx.ingress.kubernetes.io/proxy-body-size"


@check(
    id="nginx.body-too-large",
    title="ingress-nginx lets uploads through",
    step=STEP,
    link="ingress-nginx → uploads",
)
def body_too_large(nginx: NginxDecision | Unavailable, logs: NginxLogs | Unavailable) -> Iterator[Finding]:
    """Its log tells of requests that were answered 413, which no GET would show."""
    found = nginx_of(nginx)
    if isinstance(found, Finding):
        yield found
        return
    if isinstance(logs, Inapplicable):
        yield skip("The controller's log was not read, since no request is seen to fail.")
        return
    if isinstance(logs, Unavailable):
        yield unknown(f"The controller's log could not be read: {logs.reason}.", enable_with=logs.enable_with)
        return
    line = logs.of("body-too-large")
    if line is None:
        yield ok(f"None of the last {logs.lines_read} lines of the log tells of a body that was too large.")
        return
    winner = found.decision.winner
    size = _SIZE.search(line.line)
    asked = _REQUEST.search(line.line)
    how_much = f" of {int(size[1][:15]) / 1_048_576:.1f} MiB" if size else ""
    what = f" ({clean(asked[1], 200)})" if asked else ""
    kind, _, full = (winner.ref if winner is not None else "").partition(" ")
    namespace, _, name = full.rpartition("/")
    annotate = ("kubectl", "-n", namespace, "annotate", kind.lower(), name, f"{_KEY}=16m", "--overwrite")
    yield warn(
        f"ingress-nginx refused an upload{how_much}{what} with 413: it is larger than proxy-body-size.",
        subject=winner.ref if winner is not None else found.controller.ref,
        where="the controller's log",
        seen={"log": line.line, "times": str(line.count)},
        remedy=Remedy(
            text=f"Raise {_KEY} on the Ingress (1m where nothing says otherwise), or proxy-body-size in the "
            "controller's ConfigMap. Through Cloudflare 100 MB is the end all the same.",
            commands=((describe(winner.ref), changes(*annotate)) if winner is not None else ())
            + (logs_of(found.controller),),
            proof=logs_of(found.controller),
        ),
    )
