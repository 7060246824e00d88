"""How an ingress-nginx controller is set up: its arguments, and the ConfigMap that it reads.

Source: ingress-nginx pkg/flags/flags.go, internal/ingress/controller/config/config.go.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

__all__ = ["DEFAULT_CONTROLLER", "NginxSettings", "parse_bool", "settings_from"]

DEFAULT_CONTROLLER: Final = "k8s.io/ingress-nginx"
_RISKS: Final = ("low", "medium", "high", "critical")
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE: Final = frozenset({"0", "f", "F", "FALSE", "false", "False"})
_ACME: Final = ("/.well-known/acme-challenge",)


class NginxSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What decides which Ingresses are taken, and what they become.

    ``watch_namespace`` empty means all namespaces; ``namespace_selector`` is written as on the command line. ``risk``
    is the highest level of annotation that is let in, from 0 (Low) to 3 (Critical). ``default_backend`` and
    ``default_certificate`` are ``namespace/name``, or empty. ``version`` is as in the image's tag, empty when unknown.
    """

    controller_class: str = DEFAULT_CONTROLLER
    ingress_class: str = "nginx"
    class_by_name: bool = False
    without_class: bool = False
    watch_namespace: str = ""
    namespace_selector: str = ""
    no_catch_all: bool = False
    default_backend: str = ""
    default_certificate: str = ""
    annotations_prefix: str = "nginx.ingress.kubernetes.io"
    passthrough: bool = False
    no_external_names: bool = False
    validates_annotations: bool = True
    ssl_redirect: bool = True
    force_ssl_redirect: bool = False
    redirect_code: int = 308
    no_redirect_paths: tuple[str, ...] = _ACME
    use_forwarded_headers: bool = False
    use_proxy_protocol: bool = False
    use_http2: bool = True
    risk: int = 2
    allow_snippets: bool = False
    allowlist: tuple[str, ...] = ()
    rejects_handshakes: bool = False
    version: str = ""


def parse_bool(text: str) -> bool | None:
    """Read a truth value as Go's strconv.ParseBool does; None when it is none."""
    return True if text in _TRUE else False if text in _FALSE else None


def settings_from(
    args: Sequence[str], config: Mapping[str, str | None] | None = None, version: str = ""
) -> NginxSettings:
    """Return the settings that a container's arguments and its ConfigMap's data make; what is unreadable is default.

    Args:
        args: Of the container, the program's own name included or not.
        config: ``data`` of the ConfigMap that ``--configmap`` names; None when it was not read.
        version: Of the controller.
    """
    flags, data = _flags(args), {key: value or "" for key, value in (config or {}).items()}
    early = _before(version, (1, 12))

    def flag(name: str, default: bool = False) -> bool:
        return _bool(flags.get(name), default)

    def setting(name: str, default: bool) -> bool:
        return _bool(data.get(name), default)

    return NginxSettings(
        controller_class=flags.get("controller-class") or DEFAULT_CONTROLLER,
        ingress_class=flags.get("ingress-class") or "nginx",
        class_by_name=flag("ingress-class-by-name"),
        without_class=flag("watch-ingress-without-class"),
        watch_namespace=flags.get("watch-namespace", ""),
        namespace_selector=flags.get("watch-namespace-selector", ""),
        no_catch_all=flag("disable-catch-all"),
        default_backend=flags.get("default-backend-service", ""),
        default_certificate=flags.get("default-ssl-certificate", ""),
        annotations_prefix=flags.get("annotations-prefix") or "nginx.ingress.kubernetes.io",
        passthrough=flag("enable-ssl-passthrough"),
        no_external_names=flag("disable-svc-external-name"),
        validates_annotations=flag("enable-annotation-validation", not early),
        ssl_redirect=setting("ssl-redirect", True),
        force_ssl_redirect=setting("force-ssl-redirect", False),
        redirect_code=_redirect_code(data.get("http-redirect-code", "")),
        no_redirect_paths=_words(data.get("no-tls-redirect-locations")) or _ACME,
        use_forwarded_headers=setting("use-forwarded-headers", False),
        use_proxy_protocol=setting("use-proxy-protocol", False),
        use_http2=setting("use-http2", True),
        risk=_risk(data.get("annotations-risk-level"), early=early),
        allow_snippets=setting("allow-snippet-annotations", False),
        allowlist=_words(data.get("whitelist-source-range")),
        rejects_handshakes=setting("ssl-reject-handshake", False),
        version=version,
    )


def _flags(args: Sequence[str]) -> dict[str, str]:
    """Read ``--name=value``, ``--name value`` and ``--name``; as with the program, the last one counts."""
    found: dict[str, str] = {}
    pending = ""
    for word in args:
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            found[name] = value if equals else "true"
            pending = "" if equals else name
        elif pending:
            found[pending] = word
            pending = ""
    return found


def _bool(text: str | None, default: bool) -> bool:
    value = parse_bool(text) if text is not None else None
    return default if value is None else value


def _redirect_code(text: str) -> int:
    code = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 308
    return code if code in {301, 302, 307, 308} else 308


def _risk(text: str | None, *, early: bool) -> int:
    """Return the level; a word that is none of the four counts as Low, and before v1.12 the default was Critical."""
    if text is None:
        return _RISKS.index("critical" if early else "high")
    return _RISKS.index(text.lower()) if text.lower() in _RISKS else 0


def _words(text: str | None) -> tuple[str, ...]:
    return tuple(word for item in (text or "").split(",") if (word := item.strip()))


def _before(version: str, release: tuple[int, int]) -> bool:
    """Tell whether a known version is older than a release; an unknown one is not."""
    numbers = version.removeprefix("controller-").lstrip("v").split(".")[:2]
    if len(numbers) < 2 or not all(part.isascii() and part.isdecimal() for part in numbers):
        return False
    return (int(numbers[0]), int(numbers[1])) < release
