"""Does the application itself answer with an error, everything before it being in order?

Decides who made the answer, by the controller's access log and by the words of the body. Why an application fails is
in its own log, which is not read here. Source: traefik pkg/proxy/httputil/proxy.go (its own answers to a failed proxy
request: the plain status text) and pkg/middlewares/accesslog (OriginStatus, ServiceURL).
"""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Final

import msgspec

from ingressdoctor.api import (
    AccessLogLine,
    BackendView,
    ControllerLogs,
    Finding,
    OriginProbe,
    OutsideProbe,
    Remedy,
    RouteDecision,
    Symptom,
    Unavailable,
    check,
    clean,
    fail,
    look,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.backend_common import NO_HTTP, STEP, backend_of, curl, kubectl, subject, workload
from ingressdoctor_checks.backend_seen import newest_line

_NGINX_PAGE: Final = b"<hr><center>nginx</center>"
_EDGE_REPLACES: Final = frozenset({502, 504})
_NEVER_A_FAILED_REQUEST: Final = frozenset({404, 503})
_OWN_TEXTS: Final = {404: "404 page not found", 503: "no available server"}
_ACCESS_LOG: Final = "Switch Traefik's access log on in the JSON format, or let the tool reach the origin directly."


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The newest answer to this request: ``body`` is None where the edge put its own page over it."""

    status: int
    body: bytes | None
    direct: bool


@check(
    id="backend.application-error",
    title="The application answers without an error of its own",
    step=STEP,
    link="pod → answer",
    causes=(
        "http-500",
        "http-502",
        "http-503",
        "http-504",
        "edge-502",
        "edge-504",
        "response-timeout",
        "app-404",
        "controller-404",
    ),
)
def application_error(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
) -> Iterator[Finding]:
    """The path is whole, and what comes back is an error: then the application is the one to ask."""
    backend = backend_of(decision, view)
    if isinstance(backend, Finding):
        yield backend
        return
    if decision.request.raw_port:
        yield skip(NO_HTTP)
        return
    answer = _answer(outside, origin)
    if not backend.live:
        yield skip("The controller does not have this route, so its backend was not asked.")
    elif answer is None:
        yield skip("No answer came that could be the application's.")
    elif answer.status < 400:
        yield ok(f"The answer is {answer.status}, no error.", subject=subject(backend))
    elif answer.status != 404 and answer.status < 500:
        yield skip(f"{answer.status} refuses this request; that is no failure of the application.")
    elif backend.tunnel or backend.nginx:
        yield _through_tunnel(decision, backend, answer)
    else:
        yield _judged(decision, backend, answer, newest_line(decision.request.host, logs, answer.status))


def _answer(outside: OutsideProbe | Unavailable, origin: OriginProbe | Unavailable) -> _Answer | None:
    """Return the origin's own answer, else what came through the edge."""
    if not isinstance(origin, Unavailable) and origin.https.status:
        return _Answer(status=origin.https.status, body=origin.https.body, direct=True)
    if isinstance(outside, Unavailable) or outside.left_host or not outside.last.status:
        return None
    if outside.access_login or outside.challenge:
        return None
    error = outside.edge_error
    if error is None:
        return _Answer(status=outside.last.status, body=outside.last.body, direct=False)
    # Of the edge's own answers only these may stand for one of the origin.
    return _Answer(status=error.code, body=None, direct=False) if error.code in _EDGE_REPLACES else None


def _judged(decision: RouteDecision, backend: BackendView, answer: _Answer, line: AccessLogLine | None) -> Finding:
    own = answer.body is not None and answer.body.strip() == _own_text(answer.status).encode()
    if line is not None and (answer.status in _NEVER_A_FAILED_REQUEST or (answer.body is not None and not own)):
        return _blamed(decision, backend, answer, line)
    if own:
        return skip(f"Traefik made this {answer.status} itself; the reason lies before the application.")
    if answer.direct and not isinstance(backend.endpoints, Unavailable) and backend.serving:
        return _blamed(decision, backend, answer, None)
    return unknown(
        f"Whether the application made this {answer.status} itself could not be told.",
        enable_with=_ACCESS_LOG,
        subject=subject(backend),
    )


def _through_tunnel(decision: RouteDecision, backend: BackendView, answer: _Answer) -> Finding:
    """Judge an answer through a tunnel: cloudflared's own have no body, and the edge replaces a 502 and 504."""
    if backend.nginx and answer.body and _NGINX_PAGE in answer.body:
        return skip(f"ingress-nginx made this {answer.status} itself; the reason lies before the application.")
    if not answer.body:
        return skip(f"Nothing shows that this {answer.status} is the application's: see the log and the rules.")
    if answer.status == 404:
        return skip("The application answers 404, as a visitor sees it.")
    return _blamed(decision, backend, answer, None)


def _own_text(status: int) -> str:
    """Return the whole body of Traefik's own answer with this status."""
    known = _OWN_TEXTS.get(status)
    return known or (HTTPStatus(status).phrase if status in set(HTTPStatus) else "")


def _blamed(decision: RouteDecision, backend: BackendView, answer: _Answer, line: AccessLogLine | None) -> Finding:
    path = shorten(decision.request.path, 60)
    guards = decision.winner.middlewares if decision.winner else ()
    maker = backend.dialler if backend.tunnel or backend.nginx else "Traefik"
    body = clean((answer.body or b"")[:120].decode("utf-8", "replace").strip(), 120)
    seen = {
        "status": str(answer.status),
        "access log": f"status {line.origin_status} from {line.service_url}"
        if line
        else "tells nothing of this answer",
        "pod": _pod_of(backend, line),
        "body": f"{len(answer.body or b'')} bytes, not {maker}'s own" + (f", beginning with {body!r}" if body else ""),
        "middlewares": ", ".join(guards) if line is None else "",
    }
    pod = next((item for item in backend.current_pods if item.name == seen["pod"]), None)
    pod = pod or next((item for item in backend.current_pods if item.ready), None)
    missing = answer.status == 404
    # A missing start page is no outage. A 404 may also be the right answer of the wrong application: it is what the
    # visitor sees, and steps back behind whatever explains it.
    say = warn if missing and decision.request.path == "/" else fail
    return say(
        f"The application behind {subject(backend)} itself answers {answer.status} to {path}.",
        subject=subject(backend),
        where="the answer, and Traefik's access log" if line else "the origin's answer",
        symptom=Symptom.APP_404 if missing else None,
        seen={name: value for name, value in seen.items() if value},
        remedy=Remedy(
            text="Ask for a path that the application has, or look whether a middleware changes it."
            if missing
            else "Read the application's log at the time of the request: what it calls (database, API) may be down.",
            commands=tuple(
                look(*kubectl(backend.ref.namespace, "logs", workload(item), "--tail=50")) for item in (pod,) if item
            ),
            proof=curl(decision),
        ),
    )


def _pod_of(backend: BackendView, line: AccessLogLine | None) -> str:
    """Return the pod that the access log names by its address."""
    if line is None or isinstance(backend.endpoints, Unavailable):
        return ""
    target = line.service_url.rpartition("//")[2].partition("/")[0]
    ends = backend.endpoints.all
    return next(
        (item.pod for item in ends if target in (f"{item.address}:{item.port}", f"[{item.address}]:{item.port}")), ""
    )
