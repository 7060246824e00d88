"""Lines of failures that somebody reported in public: the right cause for nearly all, another one for none.

The collection is not part of the repository; without it these tests are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from ingressdoctor.knowledge.book import whole_book
from ingressdoctor.knowledge.signatures import COMPONENTS, signatures_of

CORPUS: Final = Path(__file__).parents[4] / "shared" / "corpus" / "failures.jsonl"
pytestmark = pytest.mark.skipif(not CORPUS.is_file(), reason="the collection of reported failures is not here")

# What a line of a case may mean, written down by comparing each meaning with the cause that was reported.
MEANS: Final[Mapping[str, tuple[str, ...]]] = {
    "traefik-gateway-no-entrypoint-for-port": ("traefik.gateway-port",),
    "traefik-peek-first-byte-lb-healthcheck": ("traefik.peek-reset",),
    "cfd-route-wrong-zone-appended": ("cloudflared.wrong-zone-record",),
    "cf-526-npm": ("cloudflare.edge-526",),
    "mysql-blocked-host-monitor-telnet": ("mariadb.host-blocked",),
    "traefik-tls-secret-placeholder-from-examples": ("traefik.tls-secret-example",),
    "nginx-no-ingressclass-keycloak": ("ingress-nginx.class-missing",),
    "cfd-access-browser-ok-cli-bad-handshake": (
        "cloudflared.access-client-refused",
        "tls.ssh-closed",
    ),
    "cf-multilevel-npm-grey-vs-orange": ("cloudflare.edge-no-certificate",),
    "traefik-crossns-default-off": ("traefik.service-other-namespace",),
    "hcloud-no-targets-providerid-kubespray": ("hetzner.provider-id",),
    "cf-multilevel-notls-verify-red-herring": ("cloudflare.edge-no-certificate",),
    "cm-dns01-selfcheck-blocked-authoritative": ("cert-manager.dns01-blocked",),
    "nginx-snippet-risk-config-fix": ("ingress-nginx.risky",),
    "mysql-blocked-vpn-pool-probe": ("mariadb.host-blocked",),
    "cloudflared-invalid-tunnel-secret": (
        "cloudflared.bad-secret",
        "cloudflared.reconnecting",
    ),
    "nginx-broken-header-empty-healthcheck": ("ingress-nginx.proxy-protocol-probe",),
    "cm-cloudflare-zone-tld": ("cert-manager.cloudflare-zone-climbed",),
    "cfd-terraform-last-rule-catchall": ("cloudflared.config-no-catch-all",),
    "coredns-loop-detected": ("dns.coredns-loop",),
    "cfd-terraform-config-needs-resave": ("cloudflared.no-rules",),
    "hcloud-missing-prefix-providerid": ("hetzner.provider-id",),
    "cfd-token-ignores-local-config": ("cloudflared.no-rules", "cloudflared.remote-empty"),
    "mysql-proxyproto-to-server-without-support": ("mariadb.tls-garbled",),
    "coredns-hinfo-ignored-upstream": ("dns.coredns-hinfo",),
    "cm-dns01-proxy-only-cluster": ("cert-manager.dns01-blocked",),
    "traefik-args-quote-unknown-port": ("traefik.port-unknown",),
    "hcloud-systemd-quote-typo": ("hetzner.provider-id",),
    "cfd-k8s-plain-http-to-443": ("cloudflared.plain-to-tls-port",),
    "cloudflared-x509-ip-changed": ("cloudflared.origin-wrong-name",),
    "mysql-operator-aborted-readiness": ("mariadb.aborted-reading",),
    "nginx-no-ingressclass-harbor": ("ingress-nginx.class-missing",),
    "cf-multilevel-host-tunnel-controller": (
        "cloudflare.browser-no-secure-connection",
        "cloudflare.edge-no-certificate",
    ),
    "traefik-rbac-disabled-chart": ("traefik.rights-missing",),
    "cm-cloudflare-global-key-as-token": ("cloudflare.api-token-6003",),
    "proxysql-monitor-access-denied": ("mariadb.proxy-monitor",),
    "traefik-hostnetwork-8080-in-use": ("traefik.port-taken",),
    "mysql-blocked-host-nginx-type-mysql": ("mariadb.host-blocked",),
    "nginx-vendor-8181-2": ("ingress-nginx.vendor-placeholder",),
    "cloudflared-k8s-secret-not-refreshed": (
        "cloudflared.bad-secret",
        "cloudflared.lost",
    ),
    "traefik-crd-endpoint-quoted": ("traefik.provider-endpoint-quoted",),
    "cfd-udp-blocked-fallback-warning": (
        "cloudflared.udp-judged-broken",
        "cloudflared.fallback",
    ),
    "cfd-origin-tls-handshake-failure-after-upgrade": ("cloudflared.origin-handshake",),
    "cloudflared-invalid-secret-two-tunnels": ("cloudflared.bad-secret",),
    "nginx-webhook-eks-8443": ("ingress-nginx.webhook-unreachable",),
    "nginx-vendor-8181-no-endpoints": ("ingress-nginx.vendor-placeholder",),
    "cfd-grpc-downgraded-eos": ("cloudflare.grpc-eos",),
    "nginx-snippet-disabled-default": ("ingress-nginx.snippets-off",),
    "k3d-traefik-port-conflict": ("kubernetes.ports-taken",),
    "cm-http01-selfcheck-timeout-eks": ("cert-manager.http01-self-check",),
    "traefik-acme-quoted-storage": ("traefik.acme-storage",),
    "traefik-tls-section-without-secret": ("traefik.tls-section-without-secret",),
    "traefik-rbac-new-crds-missing-rules": ("traefik.rights-missing",),
    "traefik-no-endpoints-port-name-mismatch": ("traefik.no-endpoints",),
    "traefik-cannot-define-port": ("traefik.port-undefined",),
    "traefik-subset-not-found-startup": ("traefik.subset-missing",),
    "cm-rate-limited-failed-auth": ("cert-manager.rate-limit-failed",),
    "hcloud-annotations-indent": ("kubernetes.annotations-empty",),
    "nginx-502-refused-wrong-port": ("ingress-nginx.upstream-refused",),
    "traefik-proxyproto-elb-oversized-record": ("traefik.proxy-header-as-tls",),
    "traefik-gateway-grpcroute-forbidden": ("traefik.rights-missing",),
    "maxscale-galera-flapping-states": ("maxscale.state-flapping",),
    "traefik-secretname-with-certresolver": ("traefik.tls-secret-missing",),
    "k3s-svclb-no-free-ports-metallb": ("kubernetes.ports-taken",),
    "nginx-too-big-header-annotations-of-other-controller": ("ingress-nginx.upstream-header-too-big",),
    "cfd-access-ssh-302": ("cloudflared.access-login-redirect",),
    "nginx-grpc-connection-reset": ("ingress-nginx.upstream-reset",),
    "cfd-access-tcp-to-http-origin-307": (
        "cloudflared.access-origin-redirect",
        "cloudflared.access-client-refused",
        "tls.curl-empty",
    ),
    "cf-multilevel-additional-hosts": ("cloudflare.edge-no-certificate",),
    "nginx-broken-header-one-controller-prod": ("ingress-nginx.proxy-protocol-probe",),
    "traefik-proxyproto-v2-nlb-ssl-error": ("cloudflare.browser-ssl-protocol",),
    "nginx-snippet-word-blocklist": ("ingress-nginx.word-blocked",),
    "traefik-no-endpoints-named-ports": ("traefik.no-endpoints",),
    "tls-gateway-certmanager-deadlock": ("tls.default-traefik",),
    "cfd-microk8s-dns-server-misbehaving": ("cloudflared.edge-lookup-dns",),
    "cm-http01-selfcheck-eof": ("cert-manager.http01-self-check",),
    "mariadb-aborted-comm-packets-app": ("mariadb.aborted-reading",),
    "traefik-middleware-chart-name-mismatch": ("traefik.middleware-missing",),
    "cm-dns01-selfcheck-internal-ns": ("cert-manager.dns01-blocked",),
    "traefik-rbac-endpointslices-nodes-v3": ("traefik.rights-missing",),
    "traefik-499-lingering-2111": ("traefik.client-gone",),
    "cf-websockets-disabled-zone": ("cloudflared.origin-bad-request",),
    "cf-525-proxy-cert-not-issued": ("cloudflare.edge-525",),
    "cfd-truenas-http2-timeout": ("cloudflared.tcp-blocked",),
    "traefik-rbac-gateway-manifest": ("traefik.rights-missing",),
    "cfd-origin-io-timeout-networkpolicy": ("cloudflared.origin-timeout",),
    "cm-rate-limited-openshift": ("cert-manager.rate-limit-failed",),
    "nginx-webhook-deadline-exceeded-delete": ("ingress-nginx.webhook-unreachable",),
    "k3s-traefik-210-api-group-rbac": ("traefik.rights-missing",),
    "nginx-oauth-cookie-too-big": ("ingress-nginx.upstream-header-too-big",),
    "cloudflared-login-mitm-ca": ("cloudflared.tls-inspection",),
    "nginx-no-ingressclass-rancher": ("ingress-nginx.class-missing",),
    "traefik-1x-endpoints-not-available": ("traefik.no-endpoints",),
    "cm-cloudflare-6003-key-header": ("cert-manager.cloudflare-token-malformed",),
    "nginx-webhook-bare-metal-timeout": ("ingress-nginx.webhook-unreachable",),
    "traefik-peek-first-byte-32": ("traefik.peek-reset",),
    "cf-525-new-host-no-cert": ("cloudflare.edge-525",),
    "nginx-no-ingressclass-manifest": ("ingress-nginx.class-missing",),
    "traefik-x509-no-ip-sans-ingress": ("traefik.backend-no-ip-san",),
    "traefik-no-endpoints-eks-port": ("traefik.no-endpoints",),
    "traefik-replacepath-own-crd": ("traefik.middleware-missing",),
    "k3s-svclb-pihole-80-443": ("kubernetes.ports-taken",),
    "nginx-413-external-auth": ("ingress-nginx.body-too-large-auth",),
    "hcloud-no-available-nodes-controlplane": ("hetzner.no-nodes",),
    "nginx-webhook-dial-io-timeout": ("ingress-nginx.webhook-unreachable",),
    "cfd-http2origin-still-http1": ("cloudflared.http2-origin-ignored",),
    "nginx-snippet-risky-annotation": ("ingress-nginx.risky",),
    "cloudflared-k8s-failed-to-get-tunnel": ("cloudflared.tunnel-gone",),
    "k3s-traefik-ns-duplicate-release": ("kubernetes.ports-taken",),
    "nginx-snippet-risky-with-webhook-off": ("ingress-nginx.risky",),
    "cfd-run-without-config-flag": ("cloudflared.no-rules",),
    "traefik-errors-middleware-missing": ("traefik.middleware-missing",),
    "traefik-502-upload-60s-loculus": ("traefik.upload-cut",),
    "cfd-http2-dial-timeout-7844": (
        "cloudflared.tcp-blocked",
        "cloudflared.reconnecting",
    ),
    "cloudflared-account-doesnt-have-tunnel": ("cloudflared.wrong-account",),
    "traefik-tcp-no-available-server": ("traefik.no-available-server",),
    "nginx-too-big-header-chart-buffer": ("ingress-nginx.upstream-header-too-big",),
    "cloudflared-windows-localhost-ipv6-refused": ("cloudflared.origin-localhost",),
    "maxscale-monitor-create-fails-operator": ("maxscale.monitor-not-made",),
    "mysql-blocked-host-lb-healthcheck": ("mariadb.host-blocked",),
    "cfd-kubectl-k3s-bad-handshake": (
        "cloudflared.access-client-refused",
        "cloudflared.access-plain-answer",
        "kubernetes.api-proxy-cut",
    ),
    "traefik-middleware-name-suffix-kustomize": ("traefik.middleware-missing",),
    "cf-fourth-level-domain": ("cloudflare.edge-no-certificate",),
    "traefik-no-endpoints-nextcloud": ("traefik.no-endpoints",),
    "traefik-file-middleware-internal-router-startup": ("traefik.middleware-before-file-provider",),
    "coredns-upstream-timeout-hinfo": ("dns.coredns-hinfo",),
    "cm-cloudflare-soa-not-found": ("cert-manager.dns01-no-soa",),
    "cloudflared-x509-valid-for-not-service": ("cloudflared.origin-wrong-name",),
    "traefik-499-readtimeout-upload": ("traefik.client-gone",),
    "cloudflared-websocket-bad-handshake-301": ("cloudflared.access-client-refused",),
    "traefik-v3-middleware-not-found-after-upgrade": ("traefik.middleware-missing",),
    "hcloud-missing-prefix-after-upgrade": ("hetzner.provider-id",),
}
# Lines that a page or a client shows for many causes; a log line of these cases is plain, too.
PLAIN: Final = ("404", "400 Bad Request", "Bad Request", "502", "HTTP/1.1 30", "Location: ", "notAfter=")


def cases() -> Iterator[Mapping[str, Any]]:
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def test_the_map_names_signatures_and_cases_that_exist() -> None:
    known = {item.id for component in COMPONENTS for item in signatures_of(component)}

    assert {name for names in MEANS.values() for name in names} <= known
    assert set(MEANS) <= {case["id"] for case in cases()}


def test_log_lines_are_recognised_with_the_right_cause() -> None:
    told = [
        (case["id"], found.id if (found := whole_book().recognise(line)) else "")
        for case in cases()
        for line in case["log_lines"]
        if case["component"] in COMPONENTS
    ]
    right = [pair for pair in told if pair[1] in MEANS.get(pair[0], ())]

    assert len(told) > 100
    assert len(right) / len(told) >= 0.95, [pair for pair in told if pair not in right]


def test_no_line_is_taken_for_another_cause() -> None:
    wrong = [
        (case["id"], found.id, line)
        for case in cases()
        for line in (*case["log_lines"], *case["client_output"])
        if (found := whole_book().recognise(line)) is not None and found.id not in MEANS.get(case["id"], ())
    ]

    assert wrong == []


def test_what_programs_show_to_clients_is_recognised() -> None:
    lines = [
        (case["id"], line) for case in cases() for line in case["client_output"] if not line.strip().startswith(PLAIN)
    ]
    known = [pair for pair in lines if whole_book().recognise(pair[1]) is not None]

    assert len(known) / len(lines) >= 0.8, [pair for pair in lines if pair not in known]
