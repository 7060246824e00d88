"""Does Traefik answer what the cluster's objects say it must answer?

The objects and Traefik's static configuration predict the answer; the request was sent. Agreement proves that the
objects are the ones that count; disagreement means that Traefik does not have them, or that somebody else answers.
Source: Traefik's own answers (404, 503 and their bodies); fields of its access log.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from ingressdoctor.api import (
    AnswerSource,
    BackendView,
    CandidateRoute,
    Command,
    Controller,
    ControllerLogs,
    Finding,
    HttpExchange,
    OriginProbe,
    Outcome,
    OutsideProbe,
    Remedy,
    RouteDecision,
    ServiceForm,
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
from ingressdoctor_checks.backend_common import curl
from ingressdoctor_checks.traefik_common import STEP, describe, logs_of
from ingressdoctor_checks.traefik_objects import Observed, backends_text, misspelt_service_keys, observed
from ingressdoctor_checks.traefik_signatures import Signature, meaning_of
from ingressdoctor_checks.undecided import undecided

__all__ = ["prediction_mismatch"]

_MADE: Final = {
    (404, b"404 page not found\n"): "Traefik's own 404",
    (503, b"no available server\n"): "Traefik's own 503",
    (502, b"Bad Gateway"): "Traefik's own 502",
    (504, b"Gateway Timeout"): "Traefik's own 504",
}
_NO_ROUTE: Final = "Traefik's own 404"
_NO_SERVER: Final = "Traefik's own 503"
_APPLICATION: Final = "an answer of the application"
_REDIRECT: Final = "a redirect"
# What a middleware may answer before any backend is asked.
_BY_MIDDLEWARE: Final = frozenset([*range(300, 400), 401, 403, 413, 418, 429])
_STORED: Final = frozenset(["hit", "stale", "updating", "revalidated"])


class _Prediction(msgspec.Struct, frozen=True):
    """What must come, why, and the object that says so; ``status`` is 0 where the text says enough."""

    answer: str
    why: str
    ref: str = ""
    status: int = 0


@check(
    id="traefik.prediction-mismatch",
    title="Traefik answers what the cluster's objects predict",
    step=STEP,
    link="objects → Traefik's answer",
    causes=("controller-404", "http-503", "traefik.default-certificate", "cert.origin-invalid", "edge-526"),
)
def prediction_mismatch(
    decision: RouteDecision,
    view: BackendView | Unavailable,
    outside: OutsideProbe | Unavailable,
    origin: OriginProbe | Unavailable,
    logs: ControllerLogs | Unavailable,
    controller: Controller | Unavailable,
) -> Iterator[Finding]:
    """Hold the answer that the objects predict against the one that came."""
    if (gap := undecided(decision)) is not None:
        yield gap
        return
    prediction = _predict(decision, view, controller)
    if prediction is None:
        yield skip("What Traefik must answer is not certain from the objects alone.")
        return
    answer = observed(decision, outside, origin)
    if answer.exchange is None:
        yield _unseen(answer)
        return
    stored = answer.exchange.header("cf-cache-status").lower()
    if stored in _STORED:
        yield skip(f"The edge answered from its cache ({stored}), which says nothing about Traefik.")
        return
    got = _kind_of(answer.exchange)
    if _agree(prediction, got, answer.exchange, decision, logs):
        yield ok(
            f"As predicted, the request gets {got}: {prediction.why}.",
            subject=prediction.ref,
            where=answer.where,
            seen={"predicted": prediction.answer, "answer": str(answer)},
        )
        return
    yield _mismatch(prediction, got, answer, decision, (logs, controller))


def _unseen(answer: Observed) -> Finding:
    if answer.where:
        return skip("No answer of Traefik or the application came that could be held against the prediction.")
    return unknown(
        "Whether Traefik answers as predicted could not be seen.",
        enable_with="Let the tool reach the site or its origin.",
    )


def _predict(
    decision: RouteDecision, view: BackendView | Unavailable, controller: Controller | Unavailable
) -> _Prediction | None:
    """Return the answer that the objects demand; None where more than one is possible."""
    request, winner = decision.request, decision.winner
    if decision.outcome is Outcome.NO_ROUTE:
        return _Prediction(_NO_ROUTE, f"no route takes {request.host}{request.path}")
    if decision.predicted is not None and (
        decision.predicted.limits or decision.predicted.source is not AnswerSource.BACKEND
    ):
        return _by_controller(decision)
    if decision.outcome is Outcome.REDIRECT:
        return _Prediction(_REDIRECT, f"the entry point {request.entry_point} redirects everything")
    known = not isinstance(view, Unavailable) and winner is not None and view.route == winner.ref
    if winner is None or isinstance(view, Unavailable) or not known or not view.live or view.others:
        return None
    return _by_backend(decision, winner, view, controller)


def _by_controller(decision: RouteDecision) -> _Prediction | None:
    """Return what Traefik answers without asking a backend, where that is certain."""
    predicted, ref = decision.predicted, decision.winner.ref if decision.winner else ""
    if predicted is None or predicted.limits or predicted.source is not AnswerSource.CONTROLLER or not predicted.status:
        return None
    kind = _REDIRECT if 300 <= predicted.status < 400 else f"{predicted.status} of Traefik"
    return _Prediction(kind, predicted.why, ref, predicted.status)


def _by_backend(
    decision: RouteDecision, winner: CandidateRoute, view: BackendView, controller: Controller | Unavailable
) -> _Prediction | None:
    """Return what the winner's Service leads to."""
    if view.service is not None and winner.provider == "kubernetes" and misspelt_service_keys(view.service):
        return None
    elsewhere = view.form is ServiceForm.EXTERNAL_NAME
    dropped = view.service is None or (view.port is None and not elsewhere)
    if not dropped and (view.serving or elsewhere):
        return _Prediction(_APPLICATION, f"{winner.ref} sends it to {backends_text(winner)}", winner.ref)
    name = f"Service {view.ref.namespace}/{view.ref.name}"
    if dropped:
        why = (
            f"{name} {'does not exist' if view.service is None else 'has no such port'}, so Traefik drops {winner.ref}"
        )
        return _without(winner, decision, why)
    if isinstance(view.endpoints, Unavailable) or view.endpoints.servers or isinstance(controller, Unavailable):
        return None
    provider = "kubernetescrd" if winner.provider == "kubernetescrd" else "kubernetesingress"
    if controller.static.enabled(f"providers.{provider}.allowemptyservices"):
        return _Prediction(_NO_SERVER, f"{winner.ref} leads to {name}, which has no ready endpoint", winner.ref)
    return _without(winner, decision, f"{name} has no endpoint, so Traefik drops {winner.ref}")


def _without(winner: CandidateRoute, decision: RouteDecision, why: str) -> _Prediction | None:
    """Return what Traefik answers without the winner, where no other route may take the request instead."""
    others = any(route.matches is not False and route != winner for route in decision.candidates)
    return None if others else _Prediction(_NO_ROUTE, why, winner.ref)


def _kind_of(exchange: HttpExchange) -> str:
    made = _MADE.get((exchange.status, exchange.body))
    if made:
        return made
    return _REDIRECT if 300 <= exchange.status < 400 else _APPLICATION


def _agree(
    prediction: _Prediction,
    got: str,
    exchange: HttpExchange,
    decision: RouteDecision,
    logs: ControllerLogs | Unavailable,
) -> bool:
    winner = decision.winner
    if prediction.status and prediction.answer != _REDIRECT:
        return exchange.status == prediction.status
    if winner is not None and winner.middlewares and exchange.status in _BY_MIDDLEWARE:
        return True
    if prediction.answer == _REDIRECT:
        return got == _REDIRECT or exchange.status == 418
    if prediction.answer != _APPLICATION:
        return got == prediction.answer
    if got == _NO_ROUTE:
        # An application written in Go says the same; only the log tells them apart.
        return not isinstance(logs, Unavailable) and any(line.origin_status == 404 for line in logs.access[-10:])
    return got != _NO_SERVER


def _mismatch(
    prediction: _Prediction,
    got: str,
    answer: Observed,
    decision: RouteDecision,
    seen_by: tuple[ControllerLogs | Unavailable, Controller | Unavailable],
) -> Finding:
    told = _told_by_log(seen_by[0])
    hint, certain = _explain(answer, *seen_by) if told is None else (f"{told[0].cause}, says its log", True)
    broken = prediction.answer == _APPLICATION
    say = fail if broken and certain else warn
    request = decision.request
    refs = [prediction.ref] if prediction.ref else []
    controller = seen_by[1]
    namespace = "" if isinstance(controller, Unavailable) else controller.namespace
    restart = (look("kubectl", "-n", namespace, "get", "pods", "-o", "wide"),) if namespace else ()
    disagreement = f"{prediction.answer} for {request.host}{request.path}, and {got} came ({answer.status})"
    return say(
        f"The objects predict {disagreement}: {hint}."
        if told is None
        else f"Traefik does not follow the cluster's objects: {hint}. They predict {disagreement}.",
        subject=prediction.ref or f"host {request.host}",
        where=answer.where,
        seen={
            "predicted": f"{prediction.answer}: {prediction.why}",
            "answer": f"{answer}: {clean(answer.exchange.body[:120].decode('utf-8', 'replace'), 120)}"
            if answer.exchange
            else str(answer),
            **({"address asked": answer.exchange.address} if answer.exchange else {}),
            **({"Traefik's log": shorten(told[1], 300)} if told else {}),
        },
        remedy=Remedy(
            text=f"Do what its log asks for: {told[0].remedy}. A Traefik that lost its rights keeps old routes."
            if told
            else "See which Traefik answers: compare the address asked with this cluster's Service, look for errors of "
            "its providers in the log, and ask each pod directly. A Traefik that lost its rights keeps old routes.",
            commands=(*(() if told is None else _log_of(controller)), *(describe(ref) for ref in refs), *restart),
            proof=curl(decision),
        ),
    )


def _log_of(controller: Controller | Unavailable) -> tuple[Command, ...]:
    return () if isinstance(controller, Unavailable) else (logs_of(controller),)


def _told_by_log(logs: ControllerLogs | Unavailable) -> tuple[Signature, str] | None:
    """Return the newest complaint that concerns all routes, with its line."""
    lines = () if isinstance(logs, Unavailable) else tuple(reversed(logs.errors))
    return next(((m, line) for line in lines if (m := meaning_of(line)) is not None and m.everywhere), None)


def _explain(
    answer: Observed, logs: ControllerLogs | Unavailable, controller: Controller | Unavailable
) -> tuple[str, bool]:
    """Say what explains the disagreement best, and whether something was seen that shows it."""
    others = () if isinstance(controller, Unavailable) else controller.others
    if not isinstance(logs, Unavailable):
        same = [item for item in logs.access[-20:] if item.status == answer.status and not item.origin_status]
        if same:
            router = same[-1].router or "no router"
            return f"Traefik took the request with {router}, so it has not the state that the objects describe", True
        if logs.access_log_on and logs.other_access and not logs.access:
            return "Traefik's access log has no request for this host, so another Traefik or cluster answers", True
    if others:
        return f"another ingress controller may answer ({', '.join(others[:3])})", False
    return "Traefik has not the state that the objects describe, or something else answers", False
