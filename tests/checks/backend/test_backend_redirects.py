"""Redirects that the application behind ingress-nginx makes to the very address that was asked."""

from __future__ import annotations

import pytest

from build.backend import FORBIDDEN, a_decision, a_view
from build.nginx import HOST, a_path, an_ingress, an_origin_rule, seen_by_nginx
from build.outside import exchange, redirect, visited
from ingressdoctor.api import (
    BackendView,
    Inapplicable,
    NginxDecision,
    OutsideProbe,
    RouteDecision,
    Status,
    Target,
    Unavailable,
)
from ingressdoctor_checks.backend_redirects import redirect_loop

URL = f"https://{HOST}/"
RULE = an_origin_rule("http://10.0.0.200:80", "")
TARGET = Target.parse(URL)
LOOP = visited(redirect(URL, url=URL, status=307), redirect(URL, url=URL, status=307), loop=True)
PASSED_ON = seen_by_nginx(an_ingress(tls=[]), origin=RULE)
ARGOCD = seen_by_nginx(an_ingress(a_path(to="argocd-server"), tls=[]), origin=RULE)
OWN = seen_by_nginx(an_ingress(), origin=RULE)
REDIRECTED = seen_by_nginx(an_ingress(tls=[], annotations={"permanent-redirect": URL}), origin=RULE)
NOBODYS = seen_by_nginx(origin=RULE)
NONE = Inapplicable(wanted="x", reason="there is no ingress-nginx")
UNSEEN = Unavailable(wanted="what a visitor gets", reason="no address")


@pytest.mark.parametrize(
    ("nginx", "probe", "status", "words"),
    [
        pytest.param(PASSED_ON, LOOP, Status.FAIL, "Service api/api redirects visitors with 307", id="the-application"),
        pytest.param(ARGOCD, LOOP, Status.FAIL, "Service api/argocd-server", id="argo-cd-without-server.insecure"),
        pytest.param(OWN, LOOP, Status.SKIP, "ingress-nginx itself", id="ssl-redirect-of-nginx"),
        pytest.param(REDIRECTED, LOOP, Status.SKIP, "ingress-nginx itself", id="permanent-redirect-of-nginx"),
        pytest.param(NOBODYS, LOOP, Status.SKIP, "not known", id="no-route"),
        pytest.param(NONE, LOOP, Status.SKIP, "not known", id="no-nginx-on-the-way"),
        pytest.param(PASSED_ON, visited(exchange(200)), Status.PASS, "No circle", id="no-loop"),
        pytest.param(PASSED_ON, visited(exchange(200), loop=True), Status.SKIP, "not end", id="a-circle-without-end"),
        pytest.param(PASSED_ON, UNSEEN, Status.SKIP, "Nobody visited", id="not-visited"),
    ],
)
def test_redirect_loop(
    nginx: NginxDecision | Unavailable, probe: OutsideProbe | Unavailable, status: Status, words: str
) -> None:
    [finding] = redirect_loop(nginx, probe, TARGET, a_decision(), a_view())

    assert finding.status is status
    assert words in finding.summary


@pytest.mark.parametrize(
    ("decision", "backend", "status"),
    [
        pytest.param(a_decision(), a_view(), Status.PASS, id="a-backend"),
        pytest.param(a_decision(), FORBIDDEN, Status.PASS, id="a-backend-that-may-not-be-read"),
        pytest.param(a_decision(routed=False), FORBIDDEN, Status.SKIP, id="no-route"),
        pytest.param(
            a_decision(), Inapplicable(wanted="x", reason="it is a redirect"), Status.SKIP, id="none-by-design"
        ),
        pytest.param(FORBIDDEN, FORBIDDEN, Status.PASS, id="nothing-is-known-of-routes"),
    ],
)
def test_without_a_backend_no_application_is_called_fine(
    decision: RouteDecision | Unavailable, backend: BackendView | Unavailable, status: Status
) -> None:
    [finding] = redirect_loop(NONE, visited(exchange(404)), TARGET, decision, backend)

    assert finding.status is status
    assert ("backend to look at" in finding.summary) is (status is Status.SKIP)


def test_argo_cd_is_told_what_to_set() -> None:
    [finding] = redirect_loop(ARGOCD, LOOP, TARGET, a_decision(), a_view())

    assert finding.remedy is not None
    assert "server.insecure" in finding.remedy.text
    assert any("argocd-cmd-params-cm" in " ".join(item.argv) for item in finding.remedy.commands)
