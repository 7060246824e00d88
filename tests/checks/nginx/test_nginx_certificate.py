"""The certificate that a visitor of the LAN is shown by ingress-nginx itself."""

from __future__ import annotations

from typing import Any

import pytest

from build.nginx import HOST, an_ingress, an_origin_rule, seen_by_nginx
from build.outside import asked, certificate, exchange, failed, handshake
from build.values import replace
from ingressdoctor.api import Inapplicable, Reach, Status, Target
from ingressdoctor.collect.nginx_logs import parse_nginx_logs
from ingressdoctor_checks.nginx_certificate import FAKE
from ingressdoctor_checks.nginx_tls import default_certificate

NONE = Inapplicable(wanted="x", reason="no request is seen to fail behind it")
NAMED_RULE = an_origin_rule(more=f"originRequest: {{originServerName: {HOST}}}")
WITH_SECRET = an_ingress(tls=[{"hosts": [HOST], "secretName": "api-tls"}])
DIRECT = seen_by_nginx(WITH_SECRET, origin=NAMED_RULE, direct=True)
NO_TLS = seen_by_nginx(an_ingress(tls=[]), origin=NAMED_RULE, direct=True)
NO_ROUTE = seen_by_nginx(origin=NAMED_RULE, direct=True)
OWN = asked(exchange(headers=()))
SHOWN = replace(certificate(), subject=f"O=Acme Co,CN={FAKE}", names=("ingress.local",), self_signed=True)
MADE_UP = asked(exchange(headers=(), tls=handshake(trusted=False, code=18, chain=(SHOWN,))))
ANOTHER = replace(certificate(), subject="CN=files.lan", names=("files.lan",), self_signed=True)
STRANGER = asked(exchange(headers=(), tls=handshake(trusted=False, code=18, chain=(ANOTHER,))))
MUTE = asked(failed(Reach.REFUSED))
LINE = parse_nginx_logs(
    f'W1121 09:59:00.1 7 controller.go:1] "Error getting SSL certificate \\"api/api-tls\\": local SSL certificate '
    f'api/api-tls was not found" {HOST}',
    (HOST,),
)

CASES = [
    pytest.param(DIRECT, OWN, "https", Status.PASS, "not its own", id="a-certificate-of-the-host"),
    pytest.param(DIRECT, MADE_UP, "https", Status.FAIL, "Secret api/api-tls", id="its-secret-cannot-be-used"),
    pytest.param(NO_TLS, MADE_UP, "https", Status.FAIL, "no tls section", id="no-tls-section"),
    pytest.param(NO_ROUTE, MADE_UP, "https", Status.FAIL, "no Ingress takes", id="no-route"),
    pytest.param(DIRECT, MADE_UP, "http", Status.WARN, "fake certificate", id="asked-about-by-http"),
    pytest.param(DIRECT, STRANGER, "https", Status.SKIP, "judged elsewhere", id="a-strangers-certificate"),
    pytest.param(DIRECT, MUTE, "https", Status.SKIP, "No certificate", id="nobody-answers"),
]


@pytest.mark.parametrize(("nginx", "origin", "scheme", "status", "text"), CASES)
def test_default_certificate_in_the_lan(nginx: Any, origin: Any, scheme: str, status: Status, text: str) -> None:
    [finding] = default_certificate(nginx, NONE, NONE, origin, Target.parse(f"{scheme}://{HOST}"))

    assert finding.status is status
    assert text in finding.summary


def test_the_line_of_the_log_is_shown() -> None:
    [finding] = default_certificate(DIRECT, LINE, NONE, MADE_UP, Target.parse(HOST))

    assert [fact.name for fact in finding.facts] == ["subject", "meant", "log"]
