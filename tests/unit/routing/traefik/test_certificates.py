"""Which certificate a handshake gets, and what the TLS rows of the drop table come to."""

from __future__ import annotations

from typing import Any

import pytest

from build.routing import a_route, a_service, an_ingress_of, objects_of, static_with, thing
from ingressdoctor.evidence.answer import AnswerSource, ConnectionEnd, PredictedAnswer
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.evidence.routes import NOT_READ, RouteRequest
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.routing.traefik.answer import AnswerModel, build_answers, predict, predict_connection
from ingressdoctor.routing.traefik.certificates import KnownCertificate, Shelf
from ingressdoctor.routing.traefik.decide import decide_in
from ingressdoctor.routing.traefik.handler import Speaks
from ingressdoctor.routing.traefik.table import build_table
from ingressdoctor.routing.traefik.tcp_matchers import Connection

DEFAULT = "TRAEFIK DEFAULT CERT"
UNREAD = Unavailable(wanted="the TLSStores", reason="403")
PAIR = ("tls.crt", "tls.key")
Names = dict[tuple[str, str], tuple[str, ...]]


def modelled(
    *things: dict[str, Any],
    names: Names | None = None,
    args: tuple[str, ...] = (),
    version: str = "v3.7.9",
    **unread: Any,
) -> AnswerModel:
    objects = objects_of(*things, *a_service(), **unread)
    return build_answers(objects, build_table(objects, static_with(*args), version), names)


def secret(name: str, *keys: str, filled: tuple[str, ...] | None = None, **more: Any) -> dict[str, Any]:
    return thing(
        "SecretShape", name, None, keys=keys or PAIR, filled=(keys or PAIR) if filled is None else filled, **more
    )


def secure(secret_name: str = "web", host: str = "a.com", name: str = "shop", **tls: Any) -> dict[str, Any]:
    section = {"secretName": secret_name, **tls} if secret_name else tls
    return a_route(rule=f"Host(`{host}`)", name=name, spec={"entryPoints": ["websecure"], "tls": section})


def store(namespace: str = "ns", **spec: Any) -> dict[str, Any]:
    return thing("TLSStore", "default", spec, namespace)


def asked(model: AnswerModel, host: str = "a.com", sni: str | None = None) -> PredictedAnswer:
    request = RouteRequest(host=host, tls=True, entry_point="websecure", sni=host if sni is None else sni)
    return predict(model, decide_in(model.table, request))


@pytest.mark.parametrize(
    ("sni", "names", "expected"),
    [
        pytest.param("www.a.com", (("*.a.com",), ("www.a.com",)), "1", id="exact-sorts-before-the-wildcard"),
        pytest.param("x.a.com", (("*.a.com",), ("www.a.com",)), "0", id="wildcard"),
        pytest.param("y.x.a.com", (("*.a.com",),), DEFAULT, id="one-label-only"),
        pytest.param("A.com", (("a.com",), ("a.com",)), "0", id="first-of-equal-names-stays"),
        pytest.param("a.com", (("b.com", "a.com"),), "0", id="any-san"),
        pytest.param("", (("a.com",),), DEFAULT, id="no-sni-default"),
        pytest.param("a.com", (("a.com",), None), "", id="names-not-known"),
    ],
)
def test_certificates_as_specification(sni: str, names: tuple[tuple[str, ...] | None, ...], expected: str) -> None:
    known = tuple(KnownCertificate(names=item, ref=str(index)) for index, item in enumerate(names))

    assert Shelf(certificates=known).choose(sni).ref == expected


WEB = {("ns", "web"): ("a.com",)}
CHOICES = [
    pytest.param((secure(), secret("web")), WEB, (), "Secret ns/web (it has the name a.com)", id="of-the-route"),
    pytest.param((secure(),), None, (), "", id="names-not-told"),
    pytest.param((secure(""),), None, (), f"{DEFAULT} (no other has the name a.com)", id="no-secret-at-all"),
    pytest.param(
        (secure("gone"), secret("web")),
        None,
        (),
        f"{DEFAULT} (no other has the name a.com)",
        id="secret-does-not-exist",
    ),
    pytest.param(
        (secure(), secret("web", "tls.crt")), WEB, (), f"{DEFAULT} (no other has the name a.com)", id="no-key"
    ),
    pytest.param(
        (secure(), secret("web", filled=("tls.crt",))),
        WEB,
        (),
        f"{DEFAULT} (no other has the name a.com)",
        id="empty-key",
    ),
    pytest.param(
        (secure(), secret("web", labels={"owner": "helm"})),
        *(WEB, (), f"{DEFAULT} (no other has the name a.com)"),
        id="secret-of-helm",
    ),
    pytest.param(
        (secure(""), store(defaultCertificate={"secretName": "own"}), secret("own")),
        *(None, (), "Secret ns/own (no other has the name a.com)"),
        id="default-of-the-store",
    ),
    pytest.param(
        (secure(""), store(certificates=[{"secretName": "web"}]), secret("web")),
        *(WEB, (), "Secret ns/web (it has the name a.com)"),
        id="listed-in-the-store",
    ),
    pytest.param(
        (secure(""), thing("TLSStore", "other", {"defaultCertificate": {"secretName": "own"}}), secret("own")),
        *(None, (), f"{DEFAULT} (no other has the name a.com)"),
        id="store-of-another-name-is-not-used",
    ),
    pytest.param(
        (secure(""), *(store(n, defaultCertificate={"secretName": "own"}) for n in ("ns", "b")), secret("own")),
        *(None, (), f"{DEFAULT} (no other has the name a.com)"),
        id="rival-stores-none-is-used",
    ),
    pytest.param(
        (secure(""), store(defaultCertificate={"secretName": "gone"}), secret("web")),
        *(None, (), f"{DEFAULT} (no other has the name a.com)"),
        id="secret-of-the-store-does-not-exist",
    ),
    pytest.param(
        (secure(""),), None, ("--certificatesresolvers.le.acme.email=x@y.z",), "", id="resolvers-may-have-some"
    ),
    pytest.param((secure(""),), None, ("--providers.file.directory=/x",), "", id="files-may-have-some"),
    pytest.param(
        (secure(""), an_ingress_of(spec={"tls": [{"secretName": "gone"}, {"secretName": "web"}]}), secret("web")),
        *(WEB, (), f"{DEFAULT} (no other has the name a.com)"),
        id="ingress-loads-nothing-behind-a-bad-secret",
    ),
    pytest.param(
        (secure(""), an_ingress_of(spec={"tls": [{"hosts": ["a.com"]}, {"secretName": "web"}]}), secret("web")),
        *(WEB, (), "Secret ns/web (it has the name a.com)"),
        id="ingress-without-secret-name-is-skipped",
    ),
    pytest.param(
        (
            secure(""),
            an_ingress_of(spec={"tls": [{"secretName": "web"}]}, annotations={"router.middleware": "x"}),
            secret("web"),
        ),
        *(WEB, (), f"{DEFAULT} (no other has the name a.com)"),
        id="ingress-that-is-dropped-loads-none",
    ),
    pytest.param(
        (
            secure(""),
            secure(name="not-taken")
            | {"metadata": {"name": "x", "namespace": "ns", "annotations": {"kubernetes.io/ingress.class": "other"}}},
            secret("web"),
        ),
        *(WEB, (), f"{DEFAULT} (no other has the name a.com)"),
        id="route-of-another-class-loads-none",
    ),
]


@pytest.mark.parametrize(("things", "names", "args", "certificate"), CHOICES)
def test_the_certificate_of_an_answer(
    things: tuple[dict[str, Any], ...], names: Names | None, args: tuple[str, ...], certificate: str
) -> None:
    unread: dict[str, Any] = {} if any(item["kind"] == "SecretShape" for item in things) else {"secrets": NOT_READ}

    assert asked(modelled(*things, names=names, args=args, **unread)).certificate == certificate


def test_without_tls_there_is_no_certificate() -> None:
    model = modelled(a_route())

    assert predict(model, decide_in(model.table, RouteRequest(host="a.com", tls=False))).certificate == ""


@pytest.mark.parametrize(
    "unread",
    [{"tls_stores": UNREAD}, {"tls_stores": NOT_READ}, {"ingresses": UNREAD}, {"ingress_route_tcps": NOT_READ}],
)
def test_kinds_that_were_not_read_leave_it_open(unread: dict[str, Any]) -> None:
    assert asked(modelled(secure(""), **unread)).certificate == ""


def test_a_configuration_that_was_not_read_leaves_it_open() -> None:
    objects = objects_of(secure(""))
    shelf = build_answers(objects, build_table(objects, static_with("--configfile=/x.yml"), "v3.7.9")).shelf

    assert shelf.choose("a.com").fits is None


STRICT = thing("TLSOption", "one", {"sniStrict": True})
OPTIONS: dict[str, Any] = {"options": {"name": "one"}}


@pytest.mark.parametrize(
    ("names", "option", "alert"),
    [
        pytest.param({}, STRICT, True, id="sniStrict-without-certificate-alert"),
        pytest.param({("ns", "web"): ("b.com",)}, STRICT, True, id="sniStrict-certificate-of-another-name"),
        pytest.param({("ns", "web"): ("*.com",)}, STRICT, False, id="sniStrict-wildcard-certificate"),
        pytest.param({}, thing("TLSOption", "one", {}), False, id="default-certificate-without-sniStrict"),
    ],
)
@pytest.mark.parametrize("tcp", [False, True])
def test_a_strict_sni_needs_a_certificate(names: Names, option: dict[str, Any], alert: bool, tcp: bool) -> None:
    held = "web" if names else ""
    route = secure(held, **OPTIONS)
    if tcp:
        section = {**OPTIONS, **({"secretName": held} if held else {})}
        match = {"match": "HostSNI(`a.com`)", "services": [{"name": "shop", "port": 80}]}
        route = thing("IngressRouteTCP", "db", {"entryPoints": ["websecure"], "routes": [match], "tls": section})
    model = modelled(route, option, *([secret("web")] if held else []), names=names)
    answer = asked(model)
    if tcp:
        answer = predict_connection(model, "websecure", Connection(server_name="a.com"), Speaks.TLS)

    assert (answer.end is ConnectionEnd.TLS_ALERT) is alert
    assert (answer.source is AnswerSource.NOBODY) is alert
    assert bool(answer.certificate) is not alert
    assert ("strict SNI enabled" in answer.log) is alert
    assert answer.limits == ()


def test_a_strict_sni_is_said_where_the_certificates_are_not_known() -> None:
    answer = asked(modelled(secure(**OPTIONS), STRICT, secret("web")))

    assert answer.source is AnswerSource.BACKEND
    assert "sniStrict of the TLS options ns-one@kubernetescrd" in answer.limits[-1]
    assert "the names on Secret ns/web" in answer.limits[-1]


SHORTFALLS = [
    pytest.param(
        (store(defaultCertificate={"secretName": "gone"}),),
        "v3.7.9",
        "Secret ns/gone does not exist",
        id="TLSStore-secret",
    ),
    pytest.param(
        (store(defaultCertificate={"secretName": "half"}), secret("half", "tls.key")),
        *(
            "v3.7.9",
            "Could not get certificate blocks: secret ns/half is missing the following TLS data entries: tls.crt",
        ),
        id="TLSStore-certificate-blocks",
    ),
    pytest.param(
        (store(certificates=[{"secretName": "gone"}, {"secretName": "web"}]), secret("web")),
        *("v3.7.9", "Unable to read certificate secret ns/gone, skipping (will retry on next configuration refresh)"),
        id="TLSStore-certificate-skipped-since-3.7",
    ),
    pytest.param(
        (store(certificates=[{"secretName": "gone"}, {"secretName": "web"}]), secret("web")),
        *("v3.6.24", "Failed to load certificates: secret ns/gone does not exist"),
        id="TLSStore-dropped-before-3.7",
    ),
    pytest.param(
        (store(), store("b")),
        "v3.7.9",
        "Default TLS Stores defined in multiple namespaces: [b ns]",
        id="TLSStore-rivals",
    ),
    pytest.param(
        (secure("gone"),), "v3.7.9", "Error configuring TLS: secret ns/gone does not exist", id="IngressRoute-TLS"
    ),
    pytest.param(
        (secure("e"), secret("e", filled=())),
        *("v3.7.9", "secret ns/e contains the following empty TLS data entries: tls.crt, tls.key"),
        id="IngressRoute-empty-entries",
    ),
    pytest.param(
        (an_ingress_of(spec={"tls": [{"secretName": "gone"}]}),),
        *("v3.7.9", "Error configuring TLS: secret ns/gone does not exist"),
        id="Ingress-TLS",
    ),
]


@pytest.mark.parametrize(("things", "version", "log"), SHORTFALLS)
def test_what_traefik_says_of_certificates(things: tuple[dict[str, Any], ...], version: str, log: str) -> None:
    shelf = modelled(*things, version=version).shelf

    assert log in shelf.shortfalls[0].log
    assert [item.ref for item in shelf.certificates] == (["Secret ns/web"] if "skipping" in log else [])


def transport(**spec: Any) -> dict[str, Any]:
    return thing("ServersTransport", "t", spec)


TRANSPORTS = [
    pytest.param(
        transport(rootCAs=[{"secret": "gone"}]),
        "Error while loading CA Secret: secret 'ns/gone' not found",
        id="root-CA",
    ),
    pytest.param(transport(rootCAsSecrets=["gone"]), "Error while loading CA Secret: secret", id="root-CA-old-field"),
    pytest.param(
        transport(rootCAs=[{"secret": "web"}]),
        "secret 'ns/web' has no CA block: secret ns/web contains neither tls.ca nor ca.crt",
        id="root-CA-neither-key",
    ),
    pytest.param(
        transport(rootCAs=[{"secret": "web", "configMap": "x"}]),
        "both Secret and ConfigMap are defined",
        id="root-CA-both",
    ),
    pytest.param(
        transport(certificatesSecrets=["gone"]),
        "Error while loading certificates gone: secret ns/gone does not exist",
        id="client-certificate",
    ),
    pytest.param(transport(cipherSuites=["X"]), "cipher suite not supported: X", id="cipher-suite"),
    pytest.param(transport(minVersion="VersionTLS9"), "invalid TLS minimum version: VersionTLS9", id="minimum-version"),
    pytest.param(transport(maxVersion="1.2"), "invalid TLS maximum version: 1.2", id="maximum-version"),
]


@pytest.mark.parametrize(("item", "log"), TRANSPORTS)
def test_a_servers_transport_is_built_without_it(item: dict[str, Any], log: str) -> None:
    model = modelled(a_route({"name": "shop", "port": 80, "serversTransport": "t"}), item, secret("web"))
    answer = predict(model, decide_in(model.table, RouteRequest(host="a.com", tls=False)))

    assert answer.source is AnswerSource.BACKEND
    assert answer.limits[0].startswith("ServersTransport ns/t: ")
    assert log in answer.limits[0]


@pytest.mark.parametrize(
    ("item", "secrets"),
    [
        pytest.param(transport(rootCAs=[{"secret": "ca"}]), (secret("ca", "ca.crt"),), id="ca-crt"),
        pytest.param(transport(rootCAs=[{"secret": "ca"}]), (secret("ca", "any"),), id="only-key-of-any-name"),
        pytest.param(transport(rootCAs=[{"configMap": "ca"}]), (), id="config-maps-are-not-read"),
        pytest.param(
            transport(certificatesSecrets=["web"], minVersion="VersionTLS12", cipherSuites=["TLS_AES_128_GCM_SHA256"]),
            (secret("web"),),
            id="sound",
        ),
    ],
)
def test_a_servers_transport_as_written(item: dict[str, Any], secrets: tuple[dict[str, Any], ...]) -> None:
    assert modelled(item, *secrets).shortfalls == {}


def test_a_servers_transport_whose_secrets_were_not_read() -> None:
    assert modelled(transport(rootCAs=[{"secret": "x"}], certificatesSecrets=["y"]), secrets=NOT_READ).shortfalls == {}
    assert modelled(servers_transports=NOT_READ).shortfalls == {}


@pytest.mark.parametrize(
    ("item", "args", "said"),
    [
        pytest.param(secure("", certResolver="gone"), (), True, id="nonexistent-certificate-resolver"),
        pytest.param(
            secure("", certResolver="LE"),
            ("--certificatesresolvers.le.acme.email=x@y.z",),
            False,
            id="resolver-defined",
        ),
        pytest.param(
            an_ingress_of(
                annotations={"router.entrypoints": "websecure", "router.tls": "true", "router.tls.certResolver": "x"}
            ),
            *((), True),
            id="nonexistent-certificate-resolver-of-an-ingress",
        ),
    ],
)
def test_a_certificate_resolver(item: dict[str, Any], args: tuple[str, ...], said: bool) -> None:
    answer = asked(modelled(item, args=args))

    assert answer.source is AnswerSource.BACKEND
    assert any("Router uses a nonexistent certificate resolver" in limit for limit in answer.limits) is said


def test_resolvers_that_may_be_in_a_file_are_not_judged() -> None:
    objects = objects_of(secure("", certResolver="gone"), ingresses=Loaded())

    assert build_answers(objects, build_table(objects, static_with("--configfile=/x.yml"), "v3.7.9")).shortfalls == {}
