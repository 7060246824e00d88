"""Which keys of the file's top level stand for command line flags, and of which type each must be.

cloudflared refuses to start when one has another type. Keys that are no flag are swallowed without a word.

Source: cloudflared cmd/cloudflared/tunnel/cmd.go, subcommands.go, cliutil/logger.go (flags that read the file),
config/configuration.go (String, Bool, Int, Duration, StringSlice).
"""

from __future__ import annotations

from typing import Any, Final

from ingressdoctor.routing.cloudflared.scalars import Moment
from ingressdoctor.routing.durations import duration_error

__all__ = ["BOOLEANS", "KNOWN", "complaint"]

_STRINGS: Final = (
    "access-key-id api-ca-key api-email api-key api-url bucket-name cacert credentials-contents credentials-file"
    " edge-bind-address edge-ip-version host-key-path hostname http-host-header id label lb-pool"
    " local-ssh-port log-directory logfile loglevel management-hostname metrics name origin-ca-pool origin-server-name"
    " origincert pidfile protocol proxy-address proxy-dns-address quick-service region region-name"
    " s3-url-host secret-id service-op-ip session-token token token-file trace-output transport-loglevel"
    " unix-socket url"
)
_BOOLS: Final = (
    "bastion hello-world http2-origin is-autoupdated management-diagnostics no-autoupdate"
    " no-chunked-encoding no-prechecks no-tls-verify post-quantum proxy-dns proxy-no-happy-eyeballs"
    " quic-disable-pmtu-discovery socks5 ssh-server stdin-control ui use-reconnect-token"
)
_INTS: Final = (
    "compression-quality ha-connections heartbeat-count max-edge-addr-retries max-fetch-size"
    " proxy-keepalive-connections proxy-dns-max-upstream-conns proxy-dns-port proxy-port"
    " quic-connection-level-flow-control-limit"
    " quic-stream-level-flow-control-limit retries"
)
_DURATIONS: Final = (
    "autoupdate-freq dial-edge-timeout grace-period heartbeat-interval metrics-update-freq proxy-connect-timeout"
    " proxy-connection-timeout proxy-expect-continue-timeout proxy-keepalive-timeout proxy-tcp-keepalive"
    " proxy-tls-timeout rpc-timeout ssh-idle-timeout ssh-max-timeout write-stream-timeout"
)
_LISTS: Final = "edge features proxy-dns-bootstrap proxy-dns-upstream tag"
_KINDS: Final = {
    **dict.fromkeys(_STRINGS.split(), "string"),
    **dict.fromkeys(_BOOLS.split(), "boolean"),
    **dict.fromkeys(_INTS.split(), "int"),
    **dict.fromkeys(_DURATIONS.split(), "duration"),
    **dict.fromkeys(_LISTS.split(), "string slice"),
}
_GO_TYPES: Final = {"string": "string", "boolean": "bool", "int": "int"}
BOOLEANS: Final = frozenset((*_BOOLS.split(), "force", "f", "overwrite-dns", "help", "h", "version", "v"))
KNOWN: Final = frozenset(_KINDS)


def complaint(name: str, value: Any) -> str:  # noqa: ANN401 - whatever the file holds
    """Return cloudflared's words for a flag of the wrong type, or the empty string."""
    kind = _KINDS.get(name)
    found = _go_type(value)
    if kind is None or found == _GO_TYPES.get(kind):
        return ""
    if kind == "duration" and found == "string":
        return duration_error(value)
    if kind == "string slice" and isinstance(value, list):
        odd = next((each for each in map(_go_type, value) if each != "string"), "")
        return f"expected string, found {odd} for {name}" if odd else ""
    return f"expected {kind} found {found} for {name}"


def _go_type(value: Any) -> str:  # noqa: ANN401
    if isinstance(value, Moment):
        return "time.Time"
    if isinstance(value, int) and not isinstance(value, bool):
        return "int" if value < 2**63 else "uint64"
    names = {bool: "bool", float: "float64", str: "string", list: "[]interface {}", type(None): "<nil>"}
    return names.get(type(value), "map[string]interface {}")
