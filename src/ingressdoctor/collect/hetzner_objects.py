"""Read Hetzner API objects into evidence. Pure: decoded JSON in, values out; it decides nothing.

The API grows fields and makes others nullable between releases, and stubs leave some out, so a missing, null or
mistyped field becomes its default here; only an object without an id is refused.

Source: docs.hetzner.cloud, schemas of load balancers and servers.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping
from typing import Final

from ingressdoctor.evidence.hetzner import HealthCheck, LbService, LbTarget, LoadBalancer, Server
from ingressdoctor.model.untyped import as_map

__all__ = ["address_of", "parse_load_balancer", "parse_server", "sequence"]

_MAX_ITEMS: Final = 1_000  # far above every documented limit; keeps a hostile answer small
_MAX_NUMBER: Final = 2**63 - 1


def parse_load_balancer(raw: object) -> LoadBalancer | None:
    """Return one load balancer, or None when *raw* is no object with an id."""
    item = as_map(raw)
    number = _number(item.get("id"))
    if number is None:
        return None
    public = as_map(item.get("public_net"))
    kind = as_map(item.get("load_balancer_type"))
    targets = sequence(item.get("targets"))
    attached = tuple(as_map(entry) for entry in sequence(item.get("private_net")))
    families = tuple(as_map(public.get(family)) for family in ("ipv4", "ipv6"))
    return LoadBalancer(
        id=number,
        name=_text(item.get("name")),
        ipv4=address_of(families[0].get("ip")),
        ipv6=address_of(families[1].get("ip")),
        public_enabled=public.get("enabled") is not False,
        networks=_numbers(entry.get("network") for entry in attached),
        private_ips=tuple(filter(None, (address_of(entry.get("ip")) for entry in attached))),
        services=tuple(_services(sequence(item.get("services")))),
        targets=tuple(_targets(targets)),
        labels={_text(key): _text(value) for key, value in as_map(item.get("labels")).items()},
        type_name=_text(kind.get("name")),
        max_targets=_number(kind.get("max_targets")),
        max_services=_number(kind.get("max_services")),
        selectors=tuple(_selectors(targets)),
        blocked=tuple(address_of(family.get("ip")) for family in families if family.get("blocked") is True),
    )


def parse_server(raw: object) -> Server | None:
    """Return one server, or None when *raw* is no object with an id."""
    item = as_map(raw)
    number = _number(item.get("id"))
    if number is None:
        return None
    public = as_map(item.get("public_net"))
    attached = tuple(as_map(entry) for entry in sequence(item.get("private_net")))
    return Server(
        id=number,
        name=_text(item.get("name")),
        status=_text(item.get("status")),
        ipv4=address_of(as_map(public.get("ipv4")).get("ip")),
        networks=_numbers(entry.get("network") for entry in attached),
        private_ips=tuple(filter(None, (address_of(entry.get("ip")) for entry in attached))),
        firewalls=_numbers(as_map(entry).get("id") for entry in sequence(public.get("firewalls"))),
        ipv6=_text(as_map(public.get("ipv6")).get("ip"))[:50],
        blocked=tuple(n for n in (4, 6) if as_map(public.get(f"ipv{n}")).get("blocked") is True),
    )


def address_of(raw: object) -> str:
    """Return an address in its canonical form, without a prefix length; empty when it is none."""
    try:
        return str(ipaddress.ip_interface(_text(raw)).ip)
    except ValueError:
        return ""


def sequence(raw: object) -> tuple[object, ...]:
    """Return *raw* if it is a JSON array, cut at a sane length, else an empty one."""
    return tuple(raw[:_MAX_ITEMS]) if isinstance(raw, list) else ()


def _services(raw: tuple[object, ...]) -> Iterator[LbService]:
    for entry in raw:
        item = as_map(entry)
        listen = _number(item.get("listen_port"))
        if listen is None:
            continue
        destination = _number(item.get("destination_port")) or 0
        yield LbService(
            protocol=_text(item.get("protocol")) or "tcp",
            listen_port=listen,
            destination_port=destination,
            proxyprotocol=item.get("proxyprotocol") is True,
            health_check=_health_check(as_map(item.get("health_check")), destination),
        )


def _health_check(item: Mapping[str, object], destination: int) -> HealthCheck:
    plain = HealthCheck()
    return HealthCheck(
        protocol=_text(item.get("protocol")) or plain.protocol,
        port=_number(item.get("port")) or destination,
        interval_s=_number(item.get("interval")) or plain.interval_s,
        timeout_s=_number(item.get("timeout")) or plain.timeout_s,
        retries=_number(item.get("retries")) or plain.retries,
    )


def _targets(raw: tuple[object, ...]) -> Iterator[LbTarget]:
    """Yield resolved targets; a label selector's health sits on the servers it resolved to, never on itself."""
    for entry in raw:
        item = as_map(entry)
        if item.get("type") != "label_selector":
            yield _target(item, use_private_ip=item.get("use_private_ip") is True)
            continue
        for nested in sequence(item.get("targets")):
            inner = as_map(nested)
            private = inner.get("use_private_ip", item.get("use_private_ip"))
            yield _target(inner, use_private_ip=private is True)


def _target(item: Mapping[str, object], *, use_private_ip: bool) -> LbTarget:
    health: dict[int, str] = {}
    detail: dict[int, str] = {}
    for entry in sequence(item.get("health_status")):
        state = as_map(entry)
        port = _number(state.get("listen_port"))
        if port is None:
            continue
        health[port] = _text(state.get("status")) or "unknown"
        said = _text(state.get("detail"))
        code = _number(state.get("http_status_code"))
        if said:
            detail[port] = f"{said} {code}" if code is not None else said
    return LbTarget(
        type=_text(item.get("type")),
        server_id=_number(as_map(item.get("server")).get("id")),
        ip=address_of(as_map(item.get("ip")).get("ip")),
        use_private_ip=use_private_ip,
        health=health,
        detail=detail,
    )


def _selectors(raw: tuple[object, ...]) -> Iterator[str]:
    for entry in raw:
        item = as_map(entry)
        if item.get("type") == "label_selector":
            yield _text(as_map(item.get("label_selector")).get("selector"))


def _numbers(raw: Iterator[object]) -> tuple[int, ...]:
    return tuple(number for number in map(_number, raw) if number is not None)


def _number(raw: object) -> int | None:
    """Return a non-negative integer; true and false are none, although Python thinks otherwise."""
    if isinstance(raw, int) and not isinstance(raw, bool) and 0 <= raw <= _MAX_NUMBER:
        return raw
    return None


def _text(raw: object) -> str:
    return raw[:1_000] if isinstance(raw, str) else ""
