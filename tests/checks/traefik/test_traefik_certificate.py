"""Does Traefik serve its default certificate?"""

from __future__ import annotations

from typing import Any

import pytest

from build.controller import logs
from build.outside import asked, certificate, exchange, failed, handshake, record, visited, zone
from build.routes import HOST, a_candidate, a_decision
from ingressdoctor.api import CertificateFacts, Reach, Status, Target, Unavailable
from ingressdoctor_checks.traefik_certificate import default_certificate

TARGET = Target.parse(HOST)
UNSEEN = Unavailable(wanted="it", reason="not looked at", enable_with="Look.")
MADE_UP = CertificateFacts(
    subject="CN=TRAEFIK DEFAULT CERT",
    issuer="CN=TRAEFIK DEFAULT CERT",
    names=("0123.4567.traefik.default",),
    not_before="2026-01-01T00:00:00Z",
    not_after="2027-01-01T00:00:00Z",
    self_signed=True,
)
DEFAULT = asked(exchange(tls=handshake(trusted=False, code=18, chain=(MADE_UP,))))
ROUTED = a_decision(a_candidate())
GONE = 'ERR Error configuring TLS error="secret ns/example-tls does not exist"'
STRICT, FULL = zone(settings={"ssl": "strict"}), zone(settings={"ssl": "full"})
REFUSED = visited(exchange(526), error=526)
WORKS = visited(exchange(200))
GREY = zone(record(proxied=False), settings={"ssl": "flexible"})
DISTRUSTED = visited(exchange(200, tls=handshake(trusted=False, code=18, chain=(MADE_UP,))), edge=False)
ROWS = [
    pytest.param(asked(), STRICT, WORKS, ROUTED, logs(), Status.PASS, "serves a certificate", id="own-certificate"),
    pytest.param(DEFAULT, STRICT, WORKS, ROUTED, logs(), Status.FAIL, "Full (strict)", id="strict-zone"),
    pytest.param(DEFAULT, UNSEEN, REFUSED, ROUTED, logs(), Status.FAIL, "526", id="the-edge-refuses-it"),
    pytest.param(DEFAULT, FULL, WORKS, ROUTED, logs(), Status.WARN, "lets it pass", id="full-lets-it-pass"),
    pytest.param(DEFAULT, UNSEEN, UNSEEN, ROUTED, logs(), Status.WARN, "lets it pass", id="mode-not-known"),
    pytest.param(DEFAULT, STRICT, WORKS, ROUTED, logs(GONE), Status.FAIL, "does not exist", id="log-says-why"),
    pytest.param(
        DEFAULT, STRICT, WORKS, ROUTED, UNSEEN, Status.FAIL, "missing or covers another name", id="log-not-readable"
    ),
    pytest.param(
        *(DEFAULT, STRICT, WORKS, a_decision(a_candidate(tls_secret="")), logs(), Status.FAIL, "names no Secret"),
        id="route-without-secret",
    ),
    pytest.param(
        *(
            DEFAULT,
            GREY,
            DISTRUSTED,
            a_decision(a_candidate(tls_secret="")),
            logs(),
            Status.SKIP,
            "would ask over http",
        ),
        id="grey-record-of-a-flexible-zone",
    ),
    pytest.param(
        *(DEFAULT, GREY, DISTRUSTED, ROUTED, logs(), Status.FAIL, "reach Traefik without the edge"),
        id="grey-record-but-a-certificate-was-meant",
    ),
    pytest.param(
        DEFAULT, STRICT, WORKS, UNSEEN, logs(), Status.FAIL, "no Secret that it has loaded", id="no-route-known"
    ),
    pytest.param(UNSEEN, STRICT, WORKS, ROUTED, logs(), Status.UNKNOWN, "not looked at", id="origin-not-reached"),
    pytest.param(
        asked(failed(Reach.REFUSED)), STRICT, WORKS, ROUTED, logs(), Status.SKIP, "No certificate", id="no-handshake"
    ),
    pytest.param(
        asked(exchange(tls=handshake(chain=(certificate(not_after="2020-01-01T00:00:00Z"),)))),
        *(STRICT, WORKS, ROUTED, logs(), Status.PASS, "serves a certificate"),
        id="expired-is-judged-elsewhere",
    ),
]


@pytest.mark.parametrize(("origin", "facts", "outside", "decision", "found", "status", "says"), ROWS)
def test_default_certificate(  # noqa: PLR0917
    origin: Any, facts: Any, outside: Any, decision: Any, found: Any, status: Status, says: str
) -> None:
    (finding,) = default_certificate(origin, facts, outside, decision, found, TARGET)

    assert finding.status is status
    assert says in finding.summary
