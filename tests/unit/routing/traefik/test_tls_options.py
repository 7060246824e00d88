from __future__ import annotations

from typing import Any

import msgspec
import pytest

from build.entry import CRD, UNREAD, an_option, https_route, model, points, static
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import NOT_READ, Custom, SecretShape
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.traefik.settings import CRD as PROVIDER
from ingressdoctor.routing.traefik.settings import ProviderSettings
from ingressdoctor.routing.traefik.sni_table import SniTable, rule_hosts
from ingressdoctor.routing.traefik.tls_options import TlsOptions, build_tls_options
from ingressdoctor.routing.traefik.version import Version

ONE, TWO, DEFAULT = "ns-one@kubernetescrd", "ns-two@kubernetescrd", "default"
SETTINGS = ProviderSettings.read(static(), PROVIDER)
OPTIONS = an_option("one"), an_option("two")


def table(*items: Custom, version: str = "3.7.9", point: str = "websecure", **changes: Any) -> SniTable:
    return model(*items, *OPTIONS, version=version, **changes).points[point].sni


def used(found: SniTable, sni: str) -> tuple[str, ...]:
    return tuple(option for entry in found.find(sni) for option in entry.options)


@pytest.mark.parametrize(
    ("match", "sni", "expected"),
    [
        pytest.param("Host(`a.com`)", "A.com", (ONE,), id="by-sni"),
        pytest.param("Host(`a.com`)", "b.com", (), id="other-sni"),
        pytest.param("Host(`a.com.`)", "a.com", (ONE,), id="trailing-dot"),
        pytest.param("Host(`*.a.com`)", "x.a.com", (ONE,), id="wildcard-since-3.7"),
        pytest.param("HostRegexp(`a.com`)", "a.com", (DEFAULT,), id="regexp-never-counts"),
        pytest.param("PathPrefix(`/`)", "a.com", (DEFAULT,), id="no-host-no-options"),
        pytest.param("!Host(`a.com`)", "a.com", (ONE,), id="negated-host-counts"),
        pytest.param("Host(`https://a.com`)", "a.com", (), id="what-is-no-name-is-not-served"),
        pytest.param("Host(`*`)", "a.com", (ONE,), id="star-carries-options"),
    ],
)
def test_options_by_sni_as_specification(match: str, sni: str, expected: tuple[str, ...]) -> None:
    assert used(table(https_route(match, option="one")), sni) == expected


def test_wildcards_claim_nothing_before_3_7() -> None:
    assert not table(https_route("Host(`*.a.com`)", option="one"), version="3.6.24").has_routes
    assert used(table(https_route("Host(`x.a.com`)", option="one"), version="3.6.24"), "x.a.com") == (ONE,)


@pytest.mark.parametrize(
    ("version", "other_point", "expected"),
    [
        pytest.param("3.7.9", False, (DEFAULT,), id="3.7.5-same-entry-point"),
        pytest.param("3.7.9", True, (ONE,), id="3.7.5-other-entry-point-does-not-count"),
        pytest.param("3.7.3", True, (DEFAULT,), id="3.7.2-any-entry-point-counts"),
        pytest.param("3.7.1", False, (DEFAULT,), id="older-same-entry-point"),
        pytest.param("3.7.1", True, (ONE,), id="older-other-entry-point-does-not-count"),
    ],
)
def test_conflicts_by_version_as_specification(version: str, other_point: bool, expected: tuple[str, ...]) -> None:
    point = {"entryPoints": ["mysql"]} if other_point else {}
    one, two = (
        https_route("Host(`a.com`)", option="one"),
        https_route("Host(`a.com`)", option="two", name="b", spec=point),
    )

    found = table(one, two, version=version)

    assert used(found, "a.com") == expected
    assert bool(found.conflicts) is (expected == (DEFAULT,))
    if found.conflicts:
        assert (found.conflicts[0].host, found.conflicts[0].options) == ("a.com", (ONE, TWO))
        assert len(found.conflicts[0].routers) == 2


def test_one_host_in_conflict_costs_a_router_all_its_options() -> None:
    both = https_route("Host(`a.com`) || Host(`b.com`)", option="one")
    rival = https_route("Host(`a.com`)", option="two", name="rival")

    assert used(table(both, rival), "b.com") == (DEFAULT,)
    assert used(table(both, rival, version="3.7.3"), "b.com") == (DEFAULT, ONE)  # the order of a map decides
    assert used(table(both, rival, version="3.7.1"), "b.com") == (ONE,)


def test_a_third_router_of_the_other_host_leaves_it_open() -> None:
    both = https_route("Host(`a.com`) || Host(`b.com`)", option="one")
    rival = https_route("Host(`a.com`)", option="two", name="rival")
    third = https_route("Host(`b.com`)", option="one", name="third")

    (entry,) = table(both, rival, third).find("b.com")

    assert (entry.options, entry.broken) == ((DEFAULT, ONE), "")
    bad = table(both, rival, https_route("Host(`b.com`)", option="gone", name="third"))
    assert [item.broken for item in bad.find("a.com")] == [""]


def test_an_entry_point_gives_options_to_routers_without_tls() -> None:
    config = static(*points(websecure={"tls": True}), entrypoints__websecure__http__tls__options="ns-one@kubernetescrd")
    bare = https_route("Host(`a.com`)")
    own = https_route("Host(`b.com`)", name="own")
    bare = type(bare)(kind=bare.kind, metadata=bare.metadata, spec={**bare.spec, "tls": None})

    found = table(bare, own, config=config)

    assert (used(found, "a.com"), used(found, "b.com")) == ((ONE,), (DEFAULT,))
    named = static(*points(websecure={"tls": True}), entrypoints__websecure__http__tls__options="ns-one")
    assert used(table(bare, config=named), "a.com") == (ONE,)
    redirecting = static(*points(websecure={"tls": True, "redirect_to": "web"}))
    assert redirecting.entry_points[1].redirect_to
    assert used(table(config=redirecting), "zzz") == (DEFAULT,)


def test_rules_that_do_not_parse_claim_nothing() -> None:
    assert not table(https_route("Host(`a.com`")).has_routes
    assert rule_hosts("(" * 3000 + "Host(`a`)" + ")" * 3000) == ("a",)
    assert rule_hosts("HostHeader(`b`) || Host(`A`, `c`)") == ("a", "c")


@pytest.mark.parametrize(
    ("version", "sni", "host", "expected"),
    [
        pytest.param("3.7.9", "a.com", "a.com", False, id="same"),
        pytest.param("3.7.9", "", "a.com", True, id="no-sni-means-default"),
        pytest.param("3.7.9", "b.com", "a.com", True, id="other-options"),
        pytest.param("3.7.1", "b.com", "a.com", True, id="older-other-host-and-options"),
        pytest.param("3.7.1", "a.com", "A.com", False, id="older-same-host-in-any-case"),
        pytest.param("3.7.1", "c.com", "d.com", False, id="older-both-default"),
        pytest.param("3.7.1", "b.com", "a.com.", True, id="older-host-with-dot"),
    ],
)
def test_421_as_specification(version: str, sni: str, host: str, expected: bool) -> None:
    route = https_route("Host(`a.com`)", option="one")
    found = table(route, https_route("Host(`b.com`)", option="two", name="b"), version=version)

    assert found.misdirected(sni, host, (route.ref, "Host(`a.com`)")) is expected


def test_421_is_open_where_the_options_are() -> None:
    exact = https_route("Host(`x.a.com`)", option="one", name="exact")
    found = table(exact, https_route("Host(`*.a.com`)", option="two", name="wild"))

    assert found.misdirected("x.a.com", "x.a.com", (exact.ref, "Host(`x.a.com`)")) is None


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        pytest.param({}, "", id="sound"),
        pytest.param(
            {"clientAuth": {"clientAuthType": "RequireAndVerifyClientCert"}},
            "building TLS config: invalid clientAuthType: RequireAndVerifyClientCert, CAFiles is required",
            id="no-ca",
        ),
        pytest.param(
            {"clientAuth": {"clientAuthType": "RequireAndVerifyClientCert", "secretNames": ["ca"]}}, "", id="with-ca"
        ),
        pytest.param(
            {"clientAuth": {"clientAuthType": "Maybe"}},
            'building TLS config: unknown client auth type "Maybe"',
            id="unknown-type",
        ),
        pytest.param({"cipherSuites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]}, "", id="cipher"),
        pytest.param({"cipherSuites": ["NOPE"]}, "building TLS config: invalid CipherSuite: NOPE", id="bad-cipher"),
        pytest.param({"curvePreferences": ["CurveP256"]}, "", id="curve"),
        pytest.param(
            {"curvePreferences": ["P256"]},
            "building TLS config: invalid CurveID in curvePreferences: P256",
            id="bad-curve",
        ),
    ],
)
def test_options_that_cannot_be_built_as_specification(spec: dict[str, Any], problem: str) -> None:
    options = model(an_option("x", **spec)).options

    assert options.problem("ns-x@kubernetescrd") == problem


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        pytest.param("ns-gone@kubernetescrd", {}, "unknown TLS options: ns-gone@kubernetescrd", id="missing"),
        pytest.param("gone@kubernetes", {}, "unknown TLS options: gone@kubernetes", id="bare-name-in-an-ingress"),
        pytest.param("gone@file", {}, None, id="another-provider"),
        pytest.param("ns-gone@kubernetescrd", {"tls_options": UNREAD}, None, id="not-read"),
        pytest.param("ns-gone@kubernetescrd", {"tls_options": Loaded(broken=("x",))}, None, id="one-not-decoded"),
        pytest.param("", {}, "", id="default"),
    ],
)
def test_references_to_options_as_specification(name: str, changes: dict[str, Any], problem: str | None) -> None:
    assert model(**changes).options.problem(name) == problem


def test_one_default_rules_all_and_several_rule_none() -> None:
    strict = model(an_option("default", sniStrict=True, alpnProtocols=["h2"])).options
    rivals = model(an_option("default", sniStrict=True), an_option("default", namespace="b")).options

    found, without = strict.find("default"), rivals.find("default")
    assert found is not None
    assert without is not None
    assert (found.sni_strict, found.alpn) == (True, ("h2",))
    assert (without.sni_strict, rivals.rivals) == (False, ("b", "ns"))


def test_a_dot_in_the_name_hides_an_option_since_references_are_normalised() -> None:
    dotted = an_option("my.tls")

    assert model(dotted).options.problem("ns-my-tls@kubernetescrd") == "unknown TLS options: ns-my-tls@kubernetescrd"
    assert model(dotted, version="3.7.0").options.problem("ns-my-tls@kubernetescrd") == ""


def test_options_outside_the_watched_namespaces_do_not_exist() -> None:
    assert model(an_option("x"), config=static(**{f"{CRD}.namespaces": "far"})).options.by_id == {}


@pytest.mark.parametrize(
    ("kind", "cas", "wanted"),
    [("", True, True), ("", False, False), ("RequireAnyClientCert", False, True), ("RequestClientCert", True, False)],
)
def test_who_must_show_a_certificate(kind: str, cas: bool, wanted: bool) -> None:
    client = {"clientAuthType": kind, "secretNames": ["ca"] if cas else []}
    found = model(an_option("x", clientAuth=client)).options.find("ns-x@kubernetescrd")

    assert found is not None
    assert found.wants_certificate is wanted


def test_nothing_known_is_no_problem() -> None:
    assert TlsOptions().problem("default") == ""


REQUIRED = "building TLS config: invalid clientAuthType: RequireAndVerifyClientCert, CAFiles is required"


def a_secret(*keys: str, name: str = "ca", namespace: str = "ns", **labels: str) -> SecretShape:
    raw = {"metadata": {"name": name, "namespace": namespace, "labels": labels}, "keys": keys}
    return msgspec.convert(raw, SecretShape)


@pytest.mark.parametrize(
    ("secrets", "problem"),
    [
        pytest.param(Loaded(items=(a_secret("ca.crt"),)), "", id="ca-crt"),
        pytest.param(Loaded(items=(a_secret("tls.ca"),)), "", id="tls-ca"),
        pytest.param(Loaded(), REQUIRED, id="Secret-does-not-exist"),
        pytest.param(Loaded(items=(a_secret("tls.crt"),)), REQUIRED, id="contains-neither-tls-ca-nor-ca-crt"),
        pytest.param(Loaded(items=(a_secret("ca.crt", namespace="x"),)), REQUIRED, id="of-another-namespace"),
        pytest.param(Loaded(items=(a_secret("ca.crt", owner="helm"),)), REQUIRED, id="Secrets-of-helm-are-not-cached"),
        pytest.param(Loaded(broken=("one",)), "", id="not-all-read"),
        pytest.param(NOT_READ, "", id="not-read"),
    ],
)
def test_a_ca_comes_from_a_secret_that_holds_one(secrets: Loaded[SecretShape] | Unavailable, problem: str) -> None:
    auth = {"clientAuthType": "RequireAndVerifyClientCert", "secretNames": ["ca"]}
    loaded = Loaded(items=(an_option("o", clientAuth=auth),))

    found = build_tls_options(loaded, SETTINGS, Version.parse("v3.7.9"), secrets)

    assert found.problem("ns-o@kubernetescrd") == problem


def test_without_any_ca_mutual_tls_is_off_in_silence() -> None:
    loaded = Loaded(items=(an_option("o", clientAuth={"secretNames": ["gone"]}),))

    found = build_tls_options(loaded, SETTINGS, Version.parse("v3.7.9"), Loaded()).find("ns-o@kubernetescrd")

    assert found is not None
    assert (found.broken, found.wants_certificate) == ("", False)
