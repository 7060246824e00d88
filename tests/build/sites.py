"""The sites of the nginx that TLS tests talk to: one certificate each, right or wrong in its own way."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from build.authority import Authority, Issued, self_signed
from build.webserver import WebServer, nginx
from ingressdoctor.sources.net import LiveNet

__all__ = ["DEFAULT", "Sites", "running", "site"]

ZONE = "shop.example"
DEFAULT = f"default.{ZONE}"
LISTENERS = (
    "web",
    "rsa",
    "tls12",
    "tls13",
    "old",
    "reject",
    "wants",
    "plain",
    "proxied",
    "proxied-tls",
    "nameless",
    "weak",
    "http1",
    "backend",
)


# What an application makes of an upgrade that reached it, and of one that did not.
_BACKEND = """
    location / {
      add_header Sec-WebSocket-Accept "observed" always;
      if ($http_upgrade = websocket) { return 426 "upgrade $http_connection"; }
      return 200 "no upgrade";
    }
"""


def site(name: str) -> str:
    """The hostname of a site."""
    return f"{name}.{ZONE}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """The server with its authorities."""

    server: WebServer
    issued: Mapping[str, Issued]

    @property
    def net(self) -> LiveNet:
        """The product's own source, which trusts the root; one for each test's loop."""
        return self.server.net(str(self.server.folder / "root.crt"))

    def at(self, listener: str) -> str:
        """The address that stands for a listener."""
        return self.server.addresses[listener]


def _certificates(middle: Authority, root: Authority) -> dict[str, tuple[Issued, bool]]:
    """Certificates by the name of their site; False for those that are served without their intermediate."""
    stranger = Authority("Nobody's CA 1", Authority("Nobody's Root"))
    names = {
        "good": (middle.issue(site("good")), True),
        "expired": (middle.issue(site("expired"), days=(-90.5, -3.5)), True),
        "early": (middle.issue(site("early"), days=(2.5, 90.0)), True),
        "other": (middle.issue("elsewhere.example"), True),
        "six-days": (middle.issue(site("six-days"), days=(-2.0, 4.0)), True),
        "six-days-late": (middle.issue(site("six-days-late"), days=(-5.0, 1.0)), True),
        "47-days": (middle.issue(site("47-days"), days=(-30.0, 17.0)), True),
        "47-days-late": (middle.issue(site("47-days-late"), days=(-40.0, 7.0)), True),
        "self": (self_signed(site("self")), True),
        "incomplete": (middle.issue(site("incomplete")), False),
        "stranger": (stranger.issue(site("stranger")), True),
        "leafless": (root.issue(common_name=site("leafless")), True),
        "many": (middle.issue(*(f"n{number}.many.example" for number in range(1_200)), site("many")), True),
        "address": (middle.issue("203.0.113.1", site("address")), True),
    }
    wild = middle.issue(f"*.wild.{ZONE}")
    return {**names, "one.wild": (wild, True), "two.one.wild": (wild, True), "default": (middle.issue(DEFAULT), True)}


def _chains(folder: Path, root: Authority, middle: Authority) -> str:
    """Sites whose certificate is right and whose chain is unusual."""
    upper = Authority("Shop Upper CA", root)
    lower = Authority("Shop Lower CA", upper)
    shuffled = lower.issue(site("shuffled"))
    wrong = middle.issue(site("wrong-middle"))
    lost = Authority("Nobody's Lower CA", Authority("Nobody's Upper CA", Authority("Nobody's Root")))
    lost_leaf = lost.issue(site("shuffled-stranger"))
    long = middle.issue(site("long"))
    many = tuple(Authority(f"Stranger {number}").certificate for number in range(20))
    huge = tuple(Authority(f"Stranger {number}").certificate for number in range(350))
    with_root = middle.issue(site("with-root"))
    blocks = {
        "shuffled": shuffled.write(folder, "shuffled", chain=tuple(reversed(lower.above))),
        "wrong-middle": wrong.write(folder, "wrong-middle", chain=(upper.certificate,)),
        "shuffled-stranger": lost_leaf.write(folder, "shuffled-stranger", chain=tuple(reversed(lost.above))),
        "long": long.write(folder, "long", chain=(middle.certificate, *many)),
        "huge": long.write(folder, "huge", chain=(middle.certificate, *huge)),
        "with-root": with_root.write(folder, "with-root", chain=(middle.certificate, root.certificate)),
        "twice": f"{_dual(folder, middle)}",
    }
    return "\n".join(_block("<web> ssl http2", site(name), text) for name, text in blocks.items())


def _dual(folder: Path, middle: Authority) -> str:
    curve = middle.issue(site("twice"), common_name="twice by EC")
    number = middle.issue(site("twice"), common_name="twice by RSA", key=rsa.generate_private_key(65_537, 2_048))
    return curve.write(folder, "twice-ec") + number.write(folder, "twice-rsa")


def _block(listen: str, name: str, more: str, *, location: str = 'return 200 "$server_name $ssl_protocol\\n";') -> str:
    add = "" if "location" in more or "return" in more else f"location / {{ {location} }}"
    return f"  server {{ listen {listen}; server_name {name}; {more} {add} }}"


def _weak(folder: Path, root: Authority) -> str:
    """A key and a signature that nobody takes any more; nginx only serves them when told that anything goes."""
    short = root.issue(site("short-key"), key=rsa.generate_private_key(65_537, 1_024))
    old = Authority("Weak CA", root, key=rsa.generate_private_key(65_537, 2_048))
    signed = old.issue_by_sha1(site("sha1"))
    free = "ssl_ciphers DEFAULT@SECLEVEL=0;"
    return "\n".join(
        _block("<weak> ssl", site(name), issued.write(folder, name) + free)
        for name, issued in (("short-key", short), ("sha1", signed))
    )


def _odd(folder: Path, good: str, wild: str) -> str:
    """Listeners that are TLS, or HTTP, in a way of their own."""
    wants = f"{good} ssl_verify_client on;"
    old = f"{good} ssl_protocols TLSv1 TLSv1.1; ssl_ciphers DEFAULT@SECLEVEL=0;"
    reset = "reset_timedout_connection on; return 444;"
    forwarded = "proxy_pass http://<backend>; proxy_http_version 1.1;"
    socket = f"{forwarded} proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $upgraded;"
    answers = {
        "hsts": 'add_header Strict-Transport-Security "max-age=63072000" always;',
        "moved": "return 308 https://good.shop.example$request_uri;",
        "silent": "return 444;",
        "reset": reset,
        "socket": f"location / {{ {socket} }}",
        "no-upgrade": f"location / {{ {forwarded} }}",
    }
    blocks = [_block("<web> ssl http2", site(name), f"{wild} {text}") for name, text in answers.items()]
    redirect = "return 301 https://$host$request_uri;"
    blocks += [
        _block("<http1> ssl", site("good"), good),
        _block("<web> ssl http2", site("wants"), f"{wild} ssl_verify_client on;"),
        _block("<tls12> ssl http2", site("good"), f"{good} ssl_protocols TLSv1.2;"),
        _block("<tls13> ssl http2", site("good"), f"{good} ssl_protocols TLSv1.3;"),
        _block("<old> ssl", site("good"), old),
        _block("<reject> ssl default_server", "_", "ssl_reject_handshake on;"),
        _block("<reject> ssl", site("good"), good),
        _block("<wants> ssl", site("good"), wants),
        _block("<plain>", site("good"), ""),
        _block("<plain> default_server", "_", redirect),
        _block("<proxied> proxy_protocol", site("good"), ""),
        _block("<proxied-tls> ssl proxy_protocol", site("good"), good),
        _block("<backend>", "_", _BACKEND),
    ]
    return "\n".join(blocks)


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Sites]:
    """Run the server until the block ends."""
    root = Authority("Shop Root")
    middle = Authority("Shop CA 1", root)
    certificates = _certificates(middle, root)
    written = {
        name: issued.write(folder, name, chain=None if whole else ()) for name, (issued, whole) in certificates.items()
    }
    default = _block("<web> ssl http2 default_server", DEFAULT, written.pop("default"))
    blocks = [default, *(_block("<web> ssl http2", site(name), text) for name, text in written.items())]
    nameless = _block("<nameless> ssl default_server", "_", certificates["default"][0].write(folder, "nameless"))
    any_name = middle.issue(f"*.{ZONE}").write(folder, "any-name")
    (folder / "root.crt").write_bytes(root.pem())
    (folder / "chain.crt").write_bytes(middle.pem() + root.pem())
    blocks += [f"ssl_protocols TLSv1.2 TLSv1.3; ssl_client_certificate {folder}/chain.crt; ssl_verify_depth 3;"]
    blocks += [_chains(folder, root, middle), _odd(folder, written["good"], any_name), _weak(folder, root), nameless]
    numbers = middle.issue(site("good"), key=rsa.generate_private_key(65_537, 2_048))
    blocks.append(_block("<rsa> ssl http2", site("good"), numbers.write(folder, "rsa")))
    with nginx(folder, LISTENERS, "\n".join(blocks)) as server:
        yield Sites(server=server, issued={name: issued for name, (issued, _) in certificates.items()})
