"""What a sweep reads once is what a diagnosis would have read: the same questions, to the shelf and to the API."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from build.values import replace
from ingressdoctor.collect.cloudflare_api import result_of
from ingressdoctor.collect.cloudflare_shelf import CloudflareShelf
from ingressdoctor.collect.kinds import CONFIG_MAPS, EVENTS, KINDS, PODS, SERVICES, Kind
from ingressdoctor.collect.kube import get_object, list_kind
from ingressdoctor.collect.shelf import Shelf
from ingressdoctor.evidence.kube import Loaded
from ingressdoctor.lab import Lab
from ingressdoctor.model.text import Secret
from ingressdoctor.model.untyped import as_list, as_map
from ingressdoctor.sources.base import Answer
from ingressdoctor.sources.calls import CallLog
from ingressdoctor.sources.cloudflare import LiveCloudflare
from ingressdoctor.sources.kubernetes import LiveKubernetes

pytestmark = pytest.mark.lab


@dataclass(frozen=True)
class Both:
    """A live cluster and a shelf over it, with what was asked."""

    live: LiveKubernetes
    shelf: Shelf
    calls: CallLog


@pytest.fixture
async def both(apis: Lab) -> AsyncIterator[Both]:
    calls = CallLog()
    live = LiveKubernetes(kubeconfig=apis.handout.environment["KUBECONFIG"], context=None, timeout_s=10, calls=calls)
    yield Both(live=live, shelf=Shelf(live), calls=calls)
    await live.aclose()


def asked(both: Both) -> list[str]:
    return [call.what for _, call in both.calls.calls]


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.plural) for kind in KINDS])
async def test_every_kind_is_the_same(both: Both, kind: Kind[Any]) -> None:
    assert await list_kind(both.shelf, kind) == await list_kind(both.live, kind)


@pytest.mark.parametrize("namespace", ["", "traefik", "ecommercen-clients-wecare", "no-such-namespace"])
@pytest.mark.parametrize(
    "labels",
    [
        "",
        "app.kubernetes.io/name=traefik",
        "app.kubernetes.io/name=traefik,app.kubernetes.io/instance",
        "app.kubernetes.io/name in (traefik,maxscale)",
        "!app.kubernetes.io/name",
        "app.kubernetes.io/name!=traefik",
        "no-such-label=x",
    ],
)
async def test_namespaces_and_labels_select_the_same(both: Both, namespace: str, labels: str) -> None:
    kinds: tuple[Kind[Any], ...] = (PODS, SERVICES)
    for kind in kinds:
        here = await list_kind(both.shelf, kind, namespace=namespace, labels=labels)
        there = await list_kind(both.live, kind, namespace=namespace, labels=labels)
        assert isinstance(here, Loaded)
        assert isinstance(there, Loaded)
        assert {item.ref for item in here.items} == {item.ref for item in there.items}


@pytest.mark.parametrize(
    "fields",
    ["metadata.name=traefik", "involvedObject.name=traefik", "involvedObject.name=traefik,type=Warning"],
)
async def test_fields_select_the_same(both: Both, fields: str) -> None:
    kind: Kind[Any] = SERVICES if fields.startswith("metadata") else EVENTS
    here = await list_kind(both.shelf, kind, namespace="traefik", fields=fields)
    assert here == await list_kind(both.live, kind, namespace="traefik", fields=fields)


async def test_single_objects_are_the_same(both: Both) -> None:
    objects: tuple[tuple[Kind[Any], str, str], ...] = (
        (SERVICES, "traefik", "traefik"),
        (SERVICES, "traefik", "no-such-service"),
        (CONFIG_MAPS, "cloudflared", "cloudflared-config"),
        (CONFIG_MAPS, "cloudflared", "no-such-map"),
    )
    for kind, namespace, name in objects:
        here: Any = await get_object(both.shelf, kind, namespace, name)
        there: Any = await get_object(both.live, kind, namespace, name)
        # Items of a list carry no apiVersion.
        assert here == (there and replace(there, api_version=here.api_version))


async def test_a_thousand_questions_about_a_kind_are_one_request(both: Both) -> None:
    await asyncio.gather(
        *(list_kind(both.shelf, PODS, namespace=f"n{number}", labels="app=x") for number in range(500)),
        *(get_object(both.shelf, PODS, "traefik", f"p{number}") for number in range(500)),
    )
    assert len(asked(both)) == 1


async def test_config_maps_are_never_listed(both: Both) -> None:
    await get_object(both.shelf, CONFIG_MAPS, "cloudflared", "cloudflared-config")
    await get_object(both.shelf, CONFIG_MAPS, "cloudflared", "cloudflared-config")

    (only,) = asked(both)
    assert "configmaps/cloudflared-config" in only


async def test_one_who_gives_up_takes_the_answer_from_nobody(both: Both) -> None:
    first = asyncio.ensure_future(list_kind(both.shelf, PODS))
    second = asyncio.ensure_future(list_kind(both.shelf, PODS))
    await asyncio.sleep(0)
    first.cancel()

    assert isinstance(await second, Loaded)
    assert len(asked(both)) == 1


class Counting:
    """Cloudflare's API with a count of what it was asked."""

    def __init__(self, live: LiveCloudflare) -> None:
        self.live = live
        self.asked: list[str] = []

    async def get(self, path: str, query: Any) -> Answer:
        self.asked.append(f"{path} {sorted(query.items())}")
        return await self.live.get(path, query)


@pytest.fixture
async def account(apis: Lab) -> AsyncIterator[Counting]:
    live = LiveCloudflare(
        token=Secret(apis.handout.environment["CLOUDFLARE_API_TOKEN"]),
        endpoint=f"http://127.0.0.1:{apis.handout.endpoints.cloudflare}/client/v4",
        calls=CallLog(),
    )
    yield Counting(live)
    await live.aclose()


async def test_zones_and_records_are_the_same_and_read_once(account: Counting) -> None:
    shelf = CloudflareShelf(account)
    zone = as_map(as_list(result_of(await account.live.get("/zones", {"name": "wecare.gr"})))[0])
    path = f"/zones/{zone['id']}/dns_records"
    for _ in range(3):
        for name in ("wecare.gr", "ecommercen.com", "example.org"):
            query = {"name": name, "per_page": "50"}
            assert result_of(await shelf.get("/zones", query)) == result_of(await account.live.get("/zones", query))
        for name in ("www.wecare.gr", "WWW.wecare.gr", "*.wecare.gr", "nope.wecare.gr"):
            here = result_of(await shelf.get(path, {"name.exact": name, "per_page": "100"}))
            there = result_of(await account.live.get(path, {"name.exact": name.lower(), "per_page": "100"}))
            assert here == there

    assert len(account.asked) == 2


async def test_where_zones_may_not_be_listed_the_single_question_says_why() -> None:
    refused = Answer(status=403, body=b'{"success": false, "errors": [{"code": 10000, "message": "no"}]}')

    class Refusing:
        async def get(self, path: str, query: Any) -> Answer:
            del path, query
            return refused

    shelf = CloudflareShelf(Refusing())
    assert await shelf.get("/zones", {"name": "wecare.gr"}) == refused
    assert await shelf.records("/zones") is None
