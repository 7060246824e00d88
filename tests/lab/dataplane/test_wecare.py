"""The shipped world wecare, carried end to end: every fault brings about the symptom it names."""

from __future__ import annotations

import pytest

from build.values import replace
from ingressdoctor.lab import Fault, apply_fault, load_world
from ingressdoctor.lab.dataplane import DataPlane
from ingressdoctor.lab.world import merged
from lab.dataplane.kit import ask
from scenarios import PATIENCE, described, faults_of

# Symptom to what a visitor of the edge gets: status and a part of the body (HTTP text form).
SEEN = {
    "controller-404": (404, "404 page not found\n"),
    "redirect-loop": (301, "Moved Permanently"),
    **{f"edge-{code}": (code, f"error code: {code}") for code in (502, 504, 520, 521, 522, 523, 524, 525, 526)},
}


def cases() -> list[Fault]:
    http = [fault for fault in faults_of("wecare") if not fault.host.startswith("mysql://")]
    return [fault for fault in http if fault.expect.symptom in (*SEEN, "http-503", None)]


@pytest.mark.lab
@pytest.mark.parametrize("fault", cases(), ids=lambda fault: fault.name)
async def test_symptom_emerges(fault: Fault) -> None:
    world = apply_fault(described("wecare"), fault)
    world = replace(world, settings=merged(world.settings, PATIENCE))
    plane = DataPlane(world)
    client_id, secret = plane.tokens.handed_out(world.settings["service_token"])
    await plane.start()
    try:
        url = fault.host if "://" in fault.host else f"https://{fault.host}/"
        response = await ask(plane, url, accept="*/*", cf_access_client_id=client_id, cf_access_client_secret=secret)
    finally:
        await plane.stop()

    symptom = fault.expect.symptom
    if symptom is None and fault.name != "dns-grey-cloud":
        assert response.status_code < 400
    elif symptom == "http-503":
        assert (response.status_code, response.headers["cf-cache-status"]) == (503, "DYNAMIC")
    elif symptom is not None:
        status, text = SEEN[symptom]
        assert response.status_code == status
        assert text in response.text


@pytest.mark.lab
async def test_logs_begin_with_the_worlds_own_and_go_on() -> None:
    world = load_world("wecare")
    plane = DataPlane(world)
    await plane.start()
    try:
        for _ in range(6):
            await ask(plane, "https://www.wecare.gr/")
        names = [pod["metadata"]["name"] for pod in world.select("Pod", "traefik")]
        logs = [text for name in names if (text := plane.log("traefik", name, "traefik")) is not None]
        other = plane.log("ecommercen-clients-wecare", "adveshop4", "adveshop4")
    finally:
        await plane.stop()

    assert len(logs) >= 2
    assert all("INF Traefik version" in text for text in logs)
    assert sum(text.count('"RequestHost": "www.wecare.gr"') for text in logs) >= 6
    assert other is None
