"""How one ingress-nginx is set up: the controller's arguments and its ConfigMap.

Source: kubernetes/ingress-nginx pkg/flags/flags.go and internal/ingress/controller/config/config.go (v1.15). A value
that does not parse falls back to its default, as it does there. Pure: no I/O.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ingressdoctor.lab.cluster import Cluster, Object, dig, mapping, namespace_of, sequence, text

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Version = tuple[int, int]

NEWEST: Version = (1, 15)
VALIDATED: Version = (1, 12)  # since then an annotation above the risk level costs the whole Ingress
EVERYWHERE = ("0.0.0.0/0", "::/0")
_VARIABLE = re.compile(r"\$\(([^)]+)\)")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The ConfigMap, typed, with its defaults. Times are nginx's own seconds."""

    use_forwarded_headers: bool = False
    full_forwarded_for: bool = False
    trusted: tuple[str, ...] = EVERYWHERE
    use_proxy_protocol: bool = False
    use_http2: bool = True
    redirect_code: int = 308
    ssl_redirect: bool = True
    force_ssl_redirect: bool = False
    hsts: bool = True
    hsts_max_age: str = "31536000"
    hsts_subdomains: bool = True
    hsts_preload: bool = False
    reject_handshake: bool = False
    body_size: str = "1m"
    buffer_size: str = "4k"
    connect_timeout: float = 5
    read_timeout: float = 60
    tries: int = 3
    next_upstream: str = "error timeout"
    retry_non_idempotent: bool = False
    service_upstream: bool = False
    risk_level: str = "High"
    allow_snippets: bool = False
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    log_default_backend: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Arguments of the controller, and the ConfigMap they name."""

    http_port: int = 80
    https_port: int = 443
    controller_class: str = "k8s.io/ingress-nginx"
    ingress_class: str = "nginx"
    class_by_name: bool = False
    without_class: bool = False
    watch_namespace: str = ""
    default_certificate: str = ""
    default_backend: str = ""
    disable_catch_all: bool = False
    disable_external_name: bool = False
    prefix: str = "nginx.ingress.kubernetes.io"
    version: Version = NEWEST
    config: Config = Config()


def options_of(cluster: Cluster, pod: Object, container: Mapping[str, Any]) -> Options:
    """The options of a controller's container."""
    words = (*sequence(container.get("command")), *sequence(container.get("args")))
    flags = _flags([_filled(text(word), pod, container) for word in words])
    namespace, _, name = flags.get("configmap", "").rpartition("/")
    found = cluster.get("ConfigMap", namespace, name) if name else None
    return Options(
        http_port=_integer(flags, "http-port", 80),
        https_port=_integer(flags, "https-port", 443),
        controller_class=flags.get("controller-class", "k8s.io/ingress-nginx"),
        ingress_class=flags.get("ingress-class", "nginx"),
        class_by_name=_boolean(flags, "ingress-class-by-name", default=False),
        without_class=_boolean(flags, "watch-ingress-without-class", default=False),
        watch_namespace=flags.get("watch-namespace", ""),
        default_certificate=flags.get("default-ssl-certificate", ""),
        default_backend=flags.get("default-backend-service", ""),
        disable_catch_all=_boolean(flags, "disable-catch-all", default=False),
        disable_external_name=_boolean(flags, "disable-svc-external-name", default=False),
        prefix=flags.get("annotations-prefix", "nginx.ingress.kubernetes.io"),
        version=version_of(text(container.get("image"))),
        config=config_of(mapping(found.get("data")) if found else {}),
    )


def version_of(image: str) -> Version:
    """The version in an image's tag; the newest for a digest or an unusual tag."""
    found = re.search(r":v?(\d+)\.(\d+)", image.partition("@")[0])
    return (int(found[1]), int(found[2])) if found else NEWEST


def config_of(data: Mapping[str, Any]) -> Config:
    """The ConfigMap's data as values."""
    known = {text(key): text(value).strip() for key, value in data.items()}
    fallback = Config()
    return Config(
        use_forwarded_headers=_boolean(known, "use-forwarded-headers", default=False),
        full_forwarded_for=_boolean(known, "compute-full-forwarded-for", default=False),
        trusted=_networks(known.get("proxy-real-ip-cidr", "")) or EVERYWHERE,
        use_proxy_protocol=_boolean(known, "use-proxy-protocol", default=False),
        use_http2=_boolean(known, "use-http2", default=True),
        redirect_code=_integer(known, "http-redirect-code", 308),
        ssl_redirect=_boolean(known, "ssl-redirect", default=True),
        force_ssl_redirect=_boolean(known, "force-ssl-redirect", default=False),
        hsts=_boolean(known, "hsts", default=True),
        hsts_max_age=known.get("hsts-max-age", fallback.hsts_max_age),
        hsts_subdomains=_boolean(known, "hsts-include-subdomains", default=True),
        hsts_preload=_boolean(known, "hsts-preload", default=False),
        reject_handshake=_boolean(known, "ssl-reject-handshake", default=False),
        body_size=known.get("proxy-body-size", fallback.body_size),
        buffer_size=known.get("proxy-buffer-size", fallback.buffer_size),
        connect_timeout=_integer(known, "proxy-connect-timeout", 5),
        read_timeout=_integer(known, "proxy-read-timeout", 60),
        tries=_integer(known, "proxy-next-upstream-tries", 3),
        next_upstream=known.get("proxy-next-upstream", fallback.next_upstream),
        retry_non_idempotent=_boolean(known, "retry-non-idempotent", default=False),
        service_upstream=_boolean(known, "service-upstream", default=False),
        risk_level=known.get("annotations-risk-level", "High"),
        allow_snippets=_boolean(known, "allow-snippet-annotations", default=False),
        allow=_networks(known.get("whitelist-source-range", "")),
        deny=_networks(known.get("denylist-source-range", "")),
        log_default_backend=_boolean(known, "enable-access-log-for-default-backend", default=False),
    )


def size_of(value: str) -> int | None:
    """Bytes of an nginx size (8k, 1m); 0 is unlimited, None for what is no size."""
    found = re.fullmatch(r"(\d+)([kKmMgG]?)", value.strip())
    return int(found[1]) * {"": 1, "k": 1024, "m": 1024**2, "g": 1024**3}[found[2].lower()] if found else None


def inside(ip: str, networks: Sequence[str]) -> bool:
    """Whether an address is in one of the networks; what is no address is in none."""
    try:
        address = ipaddress.ip_address(ip)
        return any(address in ipaddress.ip_network(item, strict=False) for item in networks)
    except ValueError:
        return False


def networks_of(value: str) -> tuple[str, ...] | None:
    """A comma-separated list of networks or addresses; None when one of them is neither."""
    items = [item.strip() for item in value.split(",") if item.strip()]
    try:
        return tuple(str(ipaddress.ip_network(item, strict=False)) for item in items)
    except ValueError:
        return None


def _networks(value: str) -> tuple[str, ...]:
    return networks_of(value) or ()


def _flags(words: Sequence[str]) -> dict[str, str]:
    """--name=value, --name value, and --name alone, which means true."""
    found: dict[str, str] = {}
    for index, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        following = words[index + 1] if index + 1 < len(words) else ""
        if not equals and following and not following.startswith("-"):
            value, equals = following, "="
        found[name] = value if equals else "true"
    return found


def _filled(word: str, pod: Object, container: Mapping[str, Any]) -> str:
    """$(NAME) replaced by the container's variable of that name."""
    values = {}
    for item in map(mapping, sequence(container.get("env"))):
        field = text(dig(item, "valueFrom", "fieldRef", "fieldPath"))
        own = {"metadata.namespace": namespace_of(pod), "metadata.name": text(dig(pod, "metadata", "name"))}
        values[text(item.get("name"))] = own.get(field, "") if field else text(item.get("value"))
    return _VARIABLE.sub(lambda found: values.get(found[1], found[0]), word)


def _boolean(values: Mapping[str, str], key: str, *, default: bool) -> bool:
    value = values.get(key, "").lower()
    return value in {"true", "1", "t"} if value in {"true", "false", "1", "0", "t", "f"} else default


def _integer(values: Mapping[str, str], key: str, default: int) -> int:
    value = values.get(key, "")
    return int(value) if value.isdigit() else default
