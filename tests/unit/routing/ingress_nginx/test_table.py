"""Servers and locations that Ingresses become together: who owns a host, a path, a certificate; canaries."""

from __future__ import annotations

from typing import Any

import pytest

from build.nginx import HOST, a_class, a_path, an_ingress
from ingressdoctor.evidence.kube import Ingress
from ingressdoctor.evidence.routes import DropReason
from ingressdoctor.routing.ingress_nginx.servers import CATCH_ALL, NginxTable, Server
from ingressdoctor.routing.ingress_nginx.settings import NginxSettings
from ingressdoctor.routing.ingress_nginx.table import build_nginx_table

SETTINGS = NginxSettings(risk=3)
DEFAULT: dict[str, Any] = {"defaultBackend": {"service": {"name": "dflt", "port": {"number": 80}}}}
CANARY = {"canary": "true", "canary-weight": "20"}


def table(*ingresses: Ingress, settings: NginxSettings = SETTINGS) -> NginxTable:
    return build_nginx_table(ingresses, settings, (a_class(),))


def server(*ingresses: Ingress, host: str = HOST) -> Server:
    return table(*ingresses).servers[host]


def shown(*ingresses: Ingress, host: str = HOST) -> list[str]:
    """The locations as nginx has them, each with its Service; empty for the default backend."""
    found = server(*ingresses, host=host)
    return [
        f"{'= ' if item.exact else ''}{item.path} {item.backend.name if item.backend is not None else '-'}"
        for item in found.locations
    ]


LOCATIONS: list[Any] = [
    pytest.param([an_ingress()], ["/ api"], id="a-prefix-of-the-root-stays-one"),
    pytest.param(
        [an_ingress(a_path("/a"))], ["/a/ api", "= /a api", "/ -"], id="a-prefix-becomes-two-and-a-root-is-made"
    ),
    pytest.param([an_ingress(a_path("/a", "Exact"))], ["= /a api", "/ -"], id="exact"),
    pytest.param([an_ingress(a_path("/", "Exact"))], ["/ -", "= / api"], id="exact-root-beside-the-made-one"),
    pytest.param([an_ingress(a_path("/a", None))], ["/a/ api", "= /a api", "/ -"], id="no-type-is-prefix"),
    pytest.param(
        [an_ingress(a_path("/a", "ImplementationSpecific"))], ["/a/ api", "= /a api", "/ -"], id="so-is-the-free-type"
    ),
    pytest.param([an_ingress(a_path("", "Exact"))], ["/ -", "= / api"], id="no-path-is-the-root"),
    pytest.param(
        [an_ingress(a_path("/a"), a_path("/a", "Exact", "exact"))],
        ["/a/ api", "= /a exact", "/ -"],
        id="exact-replaces-the-made-one",
    ),
    pytest.param(
        [an_ingress(a_path("/a/b"), a_path("/c"))],
        ["/a/b/ api", "= /a/b api", "/c/ api", "= /c api", "/ -"],
        id="longest-first",
    ),
    pytest.param(
        [an_ingress(a_path("/a"), **DEFAULT)], ["/a/ api", "= /a api", "/ dflt"], id="its-own-default-backend"
    ),
    pytest.param(
        [an_ingress(a_path("/a"), annotations={"rewrite-target": "/x"})], ["/a api", "/ -"], id="a-rewrite-stays-one"
    ),
    pytest.param(
        [an_ingress(a_path("/a"), annotations={"use-regex": "true"})], ["/a api", "/ -"], id="so-does-a-regex"
    ),
    pytest.param(
        [an_ingress(a_path(to="young"), name="b"), an_ingress(a_path(to="old"), age=9)], ["/ old"], id="the-oldest-wins"
    ),
    pytest.param(
        [an_ingress(a_path(to="first"), name="a"), an_ingress(a_path(to="last"), name="b")],
        ["/ last"],
        id="of-equal-age-the-name-that-sorts-last",
    ),
    pytest.param(
        [an_ingress({"path": "/a", "pathType": "Prefix", "backend": {"resource": {"kind": "x"}}})],
        ["/ -"],
        id="no-service-no-location",
    ),
    pytest.param([an_ingress(rules=[{"host": HOST}])], ["/ -"], id="a-rule-without-paths"),
]


@pytest.mark.parametrize(("ingresses", "expected"), LOCATIONS)
def test_locations(ingresses: list[Ingress], expected: list[str]) -> None:
    assert shown(*ingresses) == expected


def test_a_rule_without_a_host_is_the_catch_alls() -> None:
    assert shown(an_ingress(host=None), host=CATCH_ALL) == ["/ api"]


def test_an_ingress_without_rules_serves_the_catch_all_without_its_redirects() -> None:
    whole = an_ingress(rules=[], annotations={"use-regex": "true", "permanent-redirect": "/x"}, **DEFAULT)
    second = an_ingress(rules=[], name="b", defaultBackend={"service": {"name": "other", "port": {"number": 80}}})

    [location] = server(whole, second, host=CATCH_ALL).locations

    # Of equal age the name that sorts last comes first.
    assert location.backend is not None
    assert (location.backend.name, location.annotations.redirect) == ("other", None)


def test_who_loses_a_path_is_told() -> None:
    young, old = an_ingress(a_path(to="young"), name="b"), an_ingress(a_path(to="old"), age=9)

    [(hosts, route)] = table(young, old).dropped

    assert (hosts, route.reason, route.ref, route.related) == (
        frozenset({HOST}),
        DropReason.COLLISION,
        "Ingress api/b",
        "Ingress api/api",
    )


def test_a_rewrite_to_the_path_itself_is_one_once_the_path_has_its_slash() -> None:
    assert server(an_ingress(a_path("/a"), annotations={"rewrite-target": "/a"})).regex


def test_one_regular_expression_makes_all_of_its_host_some() -> None:
    plain, regex = an_ingress(a_path("/a"), name="b"), an_ingress(a_path("/c"), annotations={"use-regex": "true"})

    assert server(plain, regex).regex
    assert not server(plain).regex


CERTIFICATES: list[Any] = [
    pytest.param([an_ingress(tls=None)], False, "", (), id="no-section"),
    pytest.param([an_ingress()], True, "", (), id="a-section-without-a-secret"),
    pytest.param([an_ingress(tls=[{"hosts": [HOST.upper()], "secretName": "s"}])], True, "api/s", (), id="its-block"),
    pytest.param(
        [an_ingress(tls=[{"hosts": ["x.test"], "secretName": "a"}, {"secretName": "b"}, {}])],
        True,
        "",
        ("api/a", "api/b"),
        id="not-listed-so-all-are-tried",
    ),
    pytest.param(
        [an_ingress(tls=None, age=9), an_ingress(name="b", tls=[{"hosts": [HOST], "secretName": "s"}])],
        True,
        "api/s",
        (),
        id="the-oldest-that-has-one",
    ),
]


@pytest.mark.parametrize(("ingresses", "bound", "secret", "tried"), CERTIFICATES)
def test_certificate(ingresses: list[Ingress], bound: bool, secret: str, tried: tuple[str, ...]) -> None:
    found = server(*ingresses)

    assert (found.tls, found.tls_secret, found.tls_tried) == (bound, secret, tried)


def test_aliases_are_the_first_ones_and_no_real_hosts() -> None:
    first = an_ingress(age=9, annotations={"server-alias": f"{HOST},real.test,x.test"})
    second = an_ingress(name="b", annotations={"server-alias": "y.test"})

    assert server(first, second, an_ingress(name="c", host="real.test")).aliases == ("x.test",)


def test_passthrough_of_one_ingress_is_the_hosts() -> None:
    settings = NginxSettings(passthrough=True)
    found = table(an_ingress(age=9), an_ingress(name="b", annotations={"ssl-passthrough": "true"}), settings=settings)

    assert found.servers[HOST].passthrough
    assert found.servers[HOST].owners == ("Ingress api/api", "Ingress api/b")


def canary(*paths: dict[str, Any], **given: Any) -> Ingress:
    return an_ingress(*(paths or (a_path(to="new"),)), name="canary", annotations=CANARY, **given)


def beside(*ingresses: Ingress, host: str = HOST) -> list[str]:
    return [item.canary.backend.name if item.canary else "-" for item in server(*ingresses, host=host).locations]


def test_a_canary_stands_beside_the_location_that_it_repeats() -> None:
    found = table(an_ingress(), canary())

    assert beside(an_ingress(), canary()) == ["new"]
    assert found.dropped == ()


def test_it_stands_beside_every_location_of_that_service_port_on_any_host() -> None:
    other = an_ingress(name="b", host="other.test")

    assert beside(an_ingress(), other, canary(), host="other.test") == ["new"]


@pytest.mark.parametrize(
    ("paths", "host"),
    [
        pytest.param([a_path("/a", to="new")], HOST, id="another-path"),
        pytest.param([a_path("/", "Exact", "new")], HOST, id="another-type"),
        pytest.param([a_path(to="new"), a_path("/a", to="new")], HOST, id="one-path-of-it-without-a-twin"),
        pytest.param([a_path(to="new")], "nobody.test", id="a-host-of-nobody"),
    ],
)
def test_one_without_a_twin_is_deleted(paths: list[dict[str, Any]], host: str) -> None:
    found = table(an_ingress(), canary(*paths, host=host))

    assert [item.canary for item in found.servers[HOST].locations] == [None]
    assert [(route.reason, route.ref) for _, route in found.dropped] == [(DropReason.PARENT, "Ingress api/canary")]
    assert found.dropped[0][1].log_line


def test_only_the_first_of_two_counts() -> None:
    second = an_ingress(a_path(to="newer"), name="a-second", annotations=CANARY)

    assert beside(an_ingress(), canary(), second) == ["new"]


def test_one_that_names_the_same_service_is_none() -> None:
    assert beside(an_ingress(age=9), canary(a_path())) == ["-"]
    assert table(an_ingress(age=9), canary(a_path())).dropped[0][1].reason is DropReason.COLLISION


def test_a_service_that_an_older_canary_named_gets_no_location() -> None:
    assert shown(an_ingress(), canary(a_path(), age=9)) == ["/ -"]


def test_two_paths_that_it_repeats_count_once() -> None:
    both = (a_path(), a_path("/a"))
    again = canary(a_path(to="new"), a_path("/a", to="new"))

    assert beside(an_ingress(*both), again) == ["new", "new", "new"]


def test_once_deleted_it_stays_so_for_all_its_paths() -> None:
    found = table(an_ingress(), canary(a_path("/x", to="new"), a_path("/y", to="new"), a_path(to="new")))

    assert [item.canary for item in found.servers[HOST].locations] == [None]
    assert len(found.dropped) == 1


def test_a_location_of_a_deleted_upstream_takes_no_canary() -> None:
    deleted = an_ingress(rules=[], name="c", age=9, annotations=CANARY, **DEFAULT)
    plain = an_ingress(a_path("/a"), age=5, **DEFAULT)

    found = beside(plain, deleted, canary(a_path("/a", to="new")))

    assert found == ["new", "new", "-"]


def test_canaries_alone_make_no_server() -> None:
    found = table(canary())

    assert sorted(found.servers) == [CATCH_ALL]


def test_a_canary_of_the_default_backend() -> None:
    whole = an_ingress(rules=[], **DEFAULT)
    fresh: dict[str, Any] = {"defaultBackend": {"service": {"name": "fresh", "port": {"number": 80}}}}

    assert beside(whole, an_ingress(rules=[], name="c", annotations=CANARY, **fresh), host=CATCH_ALL) == ["fresh"]
    [(hosts, route)] = table(an_ingress(), an_ingress(rules=[], name="c", annotations=CANARY, **fresh)).dropped
    assert (hosts, route.rule) == (frozenset({CATCH_ALL}), CATCH_ALL)


def test_a_canary_without_a_service_is_nothing() -> None:
    odd = canary({"path": "/", "pathType": "Prefix", "backend": {"resource": {"kind": "x"}}})

    assert table(an_ingress(), odd).dropped == ()


def test_a_canarys_rule_without_paths_kills_the_controller() -> None:
    found = table(an_ingress(), canary(rules=[{"host": HOST}]))

    assert found.broken.startswith("panic: Ingress api/canary")


def test_a_location_that_is_written_twice_breaks_the_whole_configuration() -> None:
    exacts = [an_ingress(a_path("/a", "Exact", f"s{number}"), name=f"i{number}", age=number) for number in (1, 2)]

    assert "duplicate location" in table(an_ingress(a_path("/a"), age=9), *exacts).broken
    regex = an_ingress(a_path("/x"), name="r", annotations={"use-regex": "true"})
    assert not table(an_ingress(a_path("/a"), age=9), *exacts, regex).broken


def test_a_port_by_name_and_none_at_all() -> None:
    found = server(an_ingress(a_path(port="http"), {"path": "/a", "backend": {"service": {"name": "x"}}}))

    assert [item.backend.port for item in found.locations if item.backend is not None] == ["", "", "http"]
