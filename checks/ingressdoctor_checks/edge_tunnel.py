"""Answers that cloudflared makes itself on a tunnel: without a body and without headers of an origin.

Holds no check; ``edge.http-error`` tells them from the application's.
Source: cloudflared's http_status rules, its default rule, and its check of Access tokens.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.api import Finding, HttpExchange, Remedy, Symptom, Target, clean, fail
from ingressdoctor_checks.outside_view import SEEN, curl, length_of

__all__ = ["by_cloudflared", "own_answer"]

_OWN: Final = {
    404: (Symptom.TUNNEL_404, "no rule of cloudflared takes it, so the catch-all does"),
    503: (Symptom.TUNNEL_503, "the connector that answers has no rules"),
    403: (Symptom.HTTP_403, "cloudflared demands a token of Access that the request did not carry, or of another kind"),
}
# What an origin that answers without a body sends all the same.
_OF_ORIGINS: Final = ("content-type", "x-powered-by", "www-authenticate", "set-cookie", "location", "via", "etag")


def own_answer(last: HttpExchange) -> tuple[Symptom, str] | None:
    """Return symptom and meaning where an answer can be cloudflared's own, else None."""
    if last.body or last.truncated or any(last.header(name) for name in _OF_ORIGINS):
        return None
    return _OWN.get(last.status)


def by_cloudflared(target: Target, last: HttpExchange, own: tuple[Symptom, str]) -> Finding:
    """Say that the request came as far as a connector, and no further."""
    symptom, meaning = own
    return fail(
        f"{clean(last.url, 200)} answers {last.status} without a body, as cloudflared itself does: {meaning}.",
        subject=target.hostname,
        seen={"status": str(last.status), "body": length_of(last), "content-type": "(none)"}
        | {"but": "an application may answer without a body as well"},
        where=SEEN,
        symptom=symptom,
        remedy=Remedy(
            text="Look at the rules that the running cloudflared has, not only at those of the file.",
            commands=(curl(target.url),),
            proof=curl(target.url),
        ),
    )
