"""The live sources against the embedded lab: one call each, over real sockets, with real clients."""

from __future__ import annotations

import tomllib

import pytest

from ingressdoctor.evidence.net import HttpRequest, Reach
from ingressdoctor.lab.lab import Lab
from ingressdoctor.lab.world import load_world
from ingressdoctor.model.text import Secret
from ingressdoctor.sources.live import SourceSettings, open_sources

HOST = "www.wecare.gr"


@pytest.mark.lab
async def test_every_source_reads_the_lab() -> None:
    async with Lab(load_world("wecare")) as lab:
        config = tomllib.loads(lab.handout.config.read_text())
        environment = lab.handout.environment
        sources = open_sources(
            SourceSettings(
                kubeconfig=config["kubernetes"]["kubeconfig"],
                hetzner_token=Secret(environment["HCLOUD_TOKEN"]),
                hetzner_endpoint=config["hetzner"]["endpoint"],
                cloudflare_token=Secret(environment["CLOUDFLARE_API_TOKEN"]),
                cloudflare_endpoint=config["cloudflare"]["endpoint"],
                resolvers=tuple(config["dns"]["resolvers"]),
                authoritative=config["dns"]["authoritative"],
                ca_file=config["http"]["ca_file"],
                connect_to=tuple(config["http"]["connect_to"]),
                anchors=tuple(config["online"]["probe"]),
            )
        )
        kube = await sources.kubernetes.get("/api/v1/namespaces", {})
        hetzner = await sources.hetzner.get("/load_balancers", {})
        cloudflare = await sources.cloudflare.get("/zones", {})
        reply = await sources.dns.query(HOST, "A", sources.dns.authoritative)
        anchor, _, port = sources.net.anchors[0].rpartition(":")
        online = await sources.net.tcp(anchor, int(port))
        edge = await sources.net.http(HttpRequest(url=f"https://{HOST}/", address=reply.of("A")[0]))
        nowhere = await sources.net.http(HttpRequest(url="http://elsewhere.example/", timeout_s=0.3))
        await sources.aclose()

    assert (kube.status, hetzner.status, cloudflare.status) == (200, 200, 200)
    assert reply.authoritative
    assert online.reach is Reach.OK
    assert (edge.reach, edge.status) == (Reach.OK, 200)
    assert edge.tls is not None
    assert edge.tls.trusted is True
    assert nowhere.reach in {Reach.TIMEOUT, Reach.REFUSED}
