"""The lab's ingress-nginx and the objects around an Ingress: flags, ConfigMap, Services, Secrets, odd annotations."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest

from lab.dataplane.kit import Spec, issue, obj, running, service
from lab.dataplane.nginxkit import HOST, Shop, ask, log_of, path, shop
from lab.dataplane.test_nginx import FAKE, certificate_of, subject

Patch = Callable[[Shop], object]
UNAVAILABLE = "503 Service Temporarily Unavailable"


def flagged(*flags: str) -> Patch:
    def patch(world: Shop) -> None:
        world.get("Pod", "ingress-nginx-controller-1")["spec"]["containers"][0]["args"].extend(flags)

    return patch


def image(tag: str) -> Patch:
    def patch(world: Shop) -> None:
        container = world.get("Pod", "ingress-nginx-controller-1")["spec"]["containers"][0]
        container["image"] = f"registry.k8s.io/ingress-nginx/controller:{tag}"

    return patch


def with_class(name: str, controller: str) -> Spec:
    return obj("IngressClass", name, api="networking.k8s.io/v1", spec={"controller": controller})


async def asked(*patches: Patch, url: str = f"https://{HOST}/") -> tuple[int, str, str]:
    world = shop()
    for patch in patches:
        patch(world)
    async with running(world) as plane:
        answer = await ask(plane, url)
        return answer.status_code, answer.text, log_of(plane)


FLAGS = [
    pytest.param(["--watch-namespace=shop"], 200, id="its-own-namespace"),
    pytest.param(["--watch-namespace", "other"], 404, id="another-namespace"),
    pytest.param(["--controller-class=example.com/nginx"], 404, id="another-controller-class"),
    pytest.param(["--controller-class=example.com/nginx", "--ingress-class-by-name"], 200, id="the-class-by-its-name"),
    pytest.param(["--annotations-prefix=example.com"], 200, id="another-prefix"),
]


@pytest.mark.parametrize(("flags", "status"), FLAGS)
async def test_flags_decide_what_is_watched(flags: list[str], status: int) -> None:
    assert (await asked(flagged(*flags)))[0] == status


@pytest.mark.parametrize(("flags", "status"), [([], 200), (["--disable-catch-all"], 404)], ids=["usual", "disabled"])
async def test_a_catch_all_may_be_refused(flags: list[str], status: int) -> None:
    def catch_all(world: Shop) -> None:
        made = world.add("rest", host="", defaultBackend={"service": {"name": "shop", "port": {"number": 80}}})
        del made["spec"]["rules"]

    assert (await asked(catch_all, flagged(*flags), url="https://other.test/"))[0] == status


@pytest.mark.parametrize(
    ("name", "shown"), [("shop/shop-tls", HOST), ("shop/nope", FAKE)], ids=["a-secret", "one-that-does-not-exist"]
)
async def test_the_default_certificate_may_be_a_secret(name: str, shown: str) -> None:
    world = shop()
    flagged(f"--default-ssl-certificate={name}")(world)
    async with running(world) as plane:
        assert subject(await asyncio.to_thread(certificate_of, plane, "other.test")) == shown


async def test_a_certificate_that_is_about_to_expire_is_noted() -> None:
    def soon(world: Shop) -> None:
        world.get("Secret", "shop-tls")["metadata"]["annotations"] = issue(names=(HOST,), not_after_days=5)

    assert f'SSL certificate for server "{HOST}" is about to expire' in (await asked(soon))[2]


async def test_a_missing_secret_is_noted() -> None:
    log = (await asked(lambda world: world.drop("Secret", "shop-tls")))[2]
    assert 'Error getting SSL certificate "shop/shop-tls"' in log
    assert "Using default certificate" in log


SERVICES = [
    pytest.param("10.42.0.20", [], 200, id="an-address"),
    pytest.param("twin.shop.svc.cluster.local", [], 200, id="a-service-of-the-cluster"),
    pytest.param("nowhere.example", [], 503, id="a-name-that-nobody-knows"),
    pytest.param("10.42.0.20", ["--disable-svc-external-name=true"], 503, id="forbidden-by-a-flag"),
]


@pytest.mark.parametrize(("name", "flags", "status"), SERVICES)
async def test_a_service_that_is_only_a_name(name: str, flags: list[str], status: int) -> None:
    def patch(world: Shop) -> None:
        twin = service("twin", "shop", {"app": "shop"}, [{"port": 8080}], clusterIP="10.43.0.9")
        world.objects.append(twin)
        world.get("Service", "shop")["spec"] = {
            "type": "ExternalName",
            "externalName": name,
            "ports": [{"port": 80, "targetPort": 8080}],
        }

    assert (await asked(patch, flagged(*flags)))[0] == status


async def test_service_upstream_goes_to_the_cluster_address() -> None:
    def patch(world: Shop) -> None:
        world.get("Service", "shop")["spec"]["clusterIP"] = "10.43.0.8"
        world.annotate(service_upstream="true")

    status, _, log = await asked(patch)
    assert status == 200
    assert "10.43.0.8:80 4 " in log


async def test_a_default_backend_of_its_own_stands_in_for_a_service_without_endpoints() -> None:
    def patch(world: Shop) -> None:
        world.add_app("sorry", "10.42.0.31")
        world.get("Service", "shop")["spec"]["selector"] = {"app": "nobody"}
        world.annotate(default_backend="sorry")

    assert (await asked(patch))[1] == "sorry"


async def test_endpoints_take_turns_and_a_dead_one_is_passed_over() -> None:
    world = shop()
    world.add_app("twin", "10.42.0.31")
    world.get("Pod", "twin")["metadata"]["labels"]["app"] = "shop"
    world.backends.pop()
    world.backends[0]["selector"]["labels"] = {"app": "shop"}
    world.get("Pod", "twin")["status"]["containerStatuses"] = []
    world.get("Pod", "twin")["spec"]["containers"][0]["name"] = "other"
    async with running(world) as plane:
        answers = [await ask(plane) for _ in range(4)]
        log = log_of(plane)
    assert {answer.text for answer in answers} <= {"shop"}
    assert "10.42.0.20:8080" in log


ANNOTATIONS = [
    pytest.param({"ssl_redirect": "maybe"}, 200, "annotation ssl-redirect contains invalid value", id="no-boolean"),
    pytest.param({"proxy_read_timeout": "1m"}, 200, "annotation proxy-read-timeout contains", id="no-number"),
    pytest.param({"backend_protocol": "H2C"}, 200, "Using HTTP as protocol", id="an-unknown-protocol"),
    pytest.param({"permanent_redirect": "x y"}, 404, "contains invalid annotation value", id="a-bad-redirect"),
    pytest.param({"server_snippet": "x"}, 404, "contains risky annotation", id="a-risky-one"),
    pytest.param({"proxy_buffer_size": "huge"}, 200, "", id="a-size-that-is-none"),
]


@pytest.mark.parametrize(("annotations", "status", "words"), ANNOTATIONS)
async def test_odd_annotations(annotations: dict[str, str], status: int, words: str) -> None:
    got, _, log = await asked(lambda world: world.annotate(**annotations))
    assert got == status
    assert words in log


async def test_before_1_12_a_snippet_is_left_out_and_the_ingress_stays() -> None:
    status, body, _ = await asked(lambda world: world.annotate(server_snippet="x"), image("v1.11.8"))
    assert (status, body) == (200, "shop")


async def test_an_unknown_risk_level_counts_as_the_lowest() -> None:
    def patch(world: Shop) -> None:
        world.settings_of_nginx["annotations-risk-level"] = "Extreme"
        world.annotate(app_root="/x")

    assert (await asked(patch))[0] == 404


async def test_a_rule_without_host_or_paths() -> None:
    def patch(world: Shop) -> None:
        world.add("open", path("/open"), host="")
        world.add("empty", host="empty.test")

    assert (await asked(patch, url="https://other.test/open"))[1] == "shop"
    assert (await asked(patch, url="https://empty.test/"))[0] == 404


async def test_an_alias_is_served_as_the_host_is_and_a_real_host_is_no_alias() -> None:
    def patch(world: Shop) -> None:
        world.add_app("real", "10.42.0.31")
        world.add("real", path(to="real"), host="real.test")
        world.annotate(server_alias="alias.test,real.test")

    assert (await asked(patch, url="https://alias.test/"))[1] == "shop"
    assert (await asked(patch, url="https://real.test/"))[1] == "real"


async def test_a_default_backend_that_is_no_service_is_passed_over() -> None:
    def patch(world: Shop) -> None:
        world.ingress["spec"]["rules"][0]["http"]["paths"] = [
            {"path": "/", "pathType": "Prefix", "backend": {"resource": {"kind": "Bucket", "name": "x"}}}
        ]

    assert (await asked(patch))[0] == 404


BROKEN = [
    pytest.param({"spec": None}, id="no-spec"),
    pytest.param({"spec": {"ingressClassName": "nginx", "rules": None, "tls": None}}, id="nulls"),
    pytest.param({"spec": {"ingressClassName": "nginx", "rules": [None, "x", {}], "tls": [None, {}]}}, id="odd-rules"),
    pytest.param({"spec": {"ingressClassName": "nginx", "rules": [{"host": 7, "http": None}]}}, id="a-host-of-digits"),
    pytest.param(
        {
            "spec": {
                "ingressClassName": "nginx",
                "rules": [
                    {"host": "b.test", "http": {"paths": [None, {}, {"path": None, "backend": {"service": []}}]}}
                ],
                "defaultBackend": "x",
            }
        },
        id="odd-paths",
    ),
    pytest.param({"metadata": {"name": "broken", "namespace": "shop", "annotations": ["x"]}}, id="odd-annotations"),
]


@pytest.mark.parametrize("change", BROKEN)
async def test_a_broken_ingress_leaves_the_others_alone(change: Spec) -> None:
    def patch(world: Shop) -> None:
        made = world.add("broken", path(), host="b.test", age=30)
        made.update(change)

    assert (await asked(patch))[:2] == (200, "shop")


@pytest.mark.parametrize("http2", ["true", "false"])
async def test_http_2_may_be_switched_off(http2: str) -> None:
    world = shop()
    world.settings_of_nginx["use-http2"] = http2
    async with running(world) as plane:
        tried = ask(plane, http2=True)
        if http2 == "true":
            assert (await tried).http_version == "HTTP/2"
        else:
            with pytest.raises(httpx.HTTPError):
                await tried
