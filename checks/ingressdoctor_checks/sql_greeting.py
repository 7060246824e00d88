"""What does a client get on the port, before it says anything? These findings are the client's view; others say why.

Source: how Traefik, HAProxy, MariaDB and MaxScale end connections was observed or read in their source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    DatabaseObjects,
    Finding,
    FirstWords,
    MaxScaleState,
    Reach,
    Remedy,
    SqlGreeting,
    SqlSpeaker,
    Symptom,
    Target,
    TcpRoute,
    Unavailable,
    check,
    fail,
    is_private,
    look,
    ok,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.mysql_common import commands_for, try_login, try_port
from ingressdoctor_checks.mysql_errors import is_about_header, meaning_of, symptom_of
from ingressdoctor_checks.sql_common import keeps_us_out

__all__ = ["error_greeting", "greeting_late", "no_greeting", "not_mysql", "plain_text", "unreachable"]

_LINK: Final = "client → MySQL port"
_WHERE: Final = "the first packet on the port, without saying anything"
# A minute is what Traefik waits for a PROXY header by default; less where readTimeout is set shorter. A greeting takes
# milliseconds, or a second where MariaDB looks up names that do not resolve.
_LATE_S: Final = 4.5
_SLOW_S: Final = 2.0
_UNREACHED: Final = {
    Reach.REFUSED: (
        Symptom.MYSQL_REFUSED,
        "the connection is refused",
        "Nothing listens there: look at whatever holds the address, and whether it takes connections on that port.",
    ),
    Reach.RESET: (
        Symptom.MYSQL_REFUSED,
        "the connection is reset",
        "A packet filter rejects it, or nothing listens there.",
    ),
}
_NO_ANSWER: Final = (
    Symptom.MYSQL_TIMEOUT,
    "nobody answers the connection attempt",
    "A firewall drops it, the address is nobody's, or Cloudflare proxies the name, and does not carry this port.",
)
_SILENT: Final = (
    "Something waits for the client, or nobody accepts: no TCP route takes the connection, the entry point waits for a "
    "PROXY header, a TLS route shares it, or MaxScale's listener is stopped."
)
_CLOSED: Final = (
    "Traefik's allow list does this to addresses that it does not list, and Traefik when nothing listens behind it; so "
    "does whatever else holds the address and has nobody healthy behind it."
)
_OWN: Final = (
    Symptom.MYSQL_1156,
    Symptom.MYSQL_1130,
    Symptom.MYSQL_1129,
    Symptom.MYSQL_1040,
    Symptom.MYSQL_ERROR,
)


def _facts(words: FirstWords) -> dict[str, str]:
    facts = {"address": f"{words.address}:{words.port}", "connect": words.reach.value}
    if words.detail:
        facts["said by the system"] = words.detail
    if words.reach is Reach.OK:
        facts["first bytes"] = f"{len(words.first)} after {words.elapsed_s:.1f} s"
        facts["ended by the peer"] = words.end.value if words.end else "no"
    return facts


@check(id="sql.unreachable", title="A client gets a connection on the port", step="greeting", link=_LINK)
def unreachable(target: Target, seen: SqlGreeting) -> Iterator[Finding]:
    """How far the TCP connection comes."""
    words = seen.words
    if words.reach is Reach.OK:
        yield ok(f"Port {words.port} at {words.address} takes connections.", where=_WHERE)
        return
    symptom, what, advice = _UNREACHED.get(words.reach, _NO_ANSWER)
    yield fail(
        f"A client cannot connect to {target.hostname}:{target.port}: {what}.",
        subject=f"{target.hostname}:{target.port}",
        where=_WHERE,
        seen=_facts(words),
        symptom=symptom,
        remedy=Remedy(
            text=advice,
            commands=(look("dig", "+short", target.hostname), look("hcloud", "load-balancer", "list")),
            proof=try_port(target),
        ),
    )


@check(id="sql.no-greeting", title="The server greets", step="greeting", link=_LINK)
def no_greeting(target: Target, seen: SqlGreeting, route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """A connection that stands and says nothing, or ends without a greeting."""
    words = seen.words
    if words.reach is not Reach.OK:
        yield skip("There is no connection on which a server could greet.")
        return
    if seen.speaker is not SqlSpeaker.NOBODY and not _cut_short(seen):
        yield ok(f"Something speaks on port {words.port}: {seen.speaker.value}.", where=_WHERE)
        return
    symptom, what, advice = _ending(words)
    keeper = keeps_us_out(route) if symptom is Symptom.MYSQL_CLOSED and not words.first else ""
    if keeper:
        yield unknown(
            f"{target.hostname}:{target.port} takes this machine's connection {what}, as {keeper} does to addresses "
            "that it does not list: what a listed client gets is not seen from here.",
            seen=_facts(words),
            enable_with=f"Run this at an address that {keeper} lists.",
        )
        return
    yield fail(
        f"{target.hostname}:{target.port} takes the connection {what}.",
        subject=f"{target.hostname}:{target.port}",
        where=_WHERE,
        seen=_facts(words),
        symptom=symptom,
        remedy=Remedy(
            text=advice,
            commands=(look("kubectl", "get", "ingressroutetcp,middlewaretcp", "-A"),),
            proof=try_port(target),
        ),
    )


def _ending(words: FirstWords) -> tuple[Symptom, str, str]:
    """Return what a client sees that gets no greeting, how to say it, and what may be behind it."""
    if words.end is None:
        return Symptom.MYSQL_SILENT, f"but says nothing for {words.elapsed_s:.0f} s", _SILENT
    if words.first:
        what = f"and ends it after {len(words.first)} bytes, in the middle of a packet"
        return Symptom.MYSQL_CLOSED, what, "The server died while it spoke, or a hop cut the connection."
    how = "resets it" if words.end is Reach.RESET else "closes it"
    return Symptom.MYSQL_CLOSED, f"and {how} without a byte", _CLOSED


def _cut_short(seen: SqlGreeting) -> bool:
    """Tell whether what came is the beginning of a packet that never ended."""
    first = seen.words.first
    half = len(first) < 4 or len(first) - 4 < int.from_bytes(first[:3], "little") < 4_096
    return seen.speaker is SqlSpeaker.OTHER and half and first[3:4] in (b"", b"\0")


@check(id="sql.greeting-late", title="The greeting comes at once", step="greeting", link=_LINK)
def greeting_late(target: Target, seen: SqlGreeting) -> Iterator[Finding]:
    """A greeting that comes after seconds: somebody waited for something that did not come."""
    after = seen.words.first_after_s
    if seen.greeting is None or after is None:
        yield skip("There is no greeting whose time could be judged.")
        return
    if after < _SLOW_S:
        yield ok("The greeting comes at once.", seen={"after": f"{after:.2f} s"}, where=_WHERE)
        return
    late = after >= _LATE_S
    say = fail if late else warn
    yield say(
        f"The greeting of {target.hostname}:{target.port} comes only after {after:.1f} s.",
        subject=f"{target.hostname}:{target.port}",
        where=_WHERE,
        seen={"after": f"{after:.1f} s", "greets": seen.speaker.value},
        symptom=Symptom.MYSQL_LATE if late else None,
        remedy=Remedy(
            text="An entry point that expects a PROXY header waits for it (readTimeout) when nobody before it "
            "sends one: set both the same. A server that looks up clients' names is slow as well: skip_name_resolve.",
            commands=(look("hcloud", "load-balancer", "list"), look("kubectl", "get", "ingressroutetcp", "-A")),
            proof=try_port(target),
        ),
    )


@check(
    id="sql.error-greeting",
    title="The server greets, and sends no error in its place or after it",
    step="greeting",
    link=_LINK,
    causes=tuple(map(str, _OWN)),
)
def error_greeting(
    target: Target, seen: SqlGreeting, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable
) -> Iterator[Finding]:
    """An error before anybody logged in tells which hop refuses the connection."""
    error = seen.error or seen.second
    if error is None:
        if seen.greeting is None:
            yield skip("Nothing came that could hold an error.")
        else:
            yield ok(f"{seen.speaker.value} greets without an error.", where=_WHERE)
        return
    meaning = meaning_of(error)
    place = "in place of the greeting" if seen.error else "after its greeting, unasked"
    who = "" if seen.error else f"{seen.speaker.value} of "
    header = is_about_header(error)
    what = "a PROXY header comes to a peer that does not take it" if header else meaning.what
    advice = (
        "Let each hop send a PROXY header only where the next one expects it: load balancer and entry point, Traefik "
        "and MaxScale's listener (proxy_protocol_networks)."
        if header
        else meaning.look
    )
    yield fail(
        f"{who}{target.hostname}:{target.port} sends error {error.errno} {place}: {what}.",
        subject=f"{target.hostname}:{target.port}",
        where=_WHERE,
        seen={
            "error": f"{error.errno} ({error.sqlstate or 'no SQLSTATE'}) {error.text}",
            "sequence": str(error.sequence),
            "speaks of": meaning.hop,
        },
        symptom=symptom_of(error.errno),
        remedy=Remedy(text=advice, commands=commands_for(meaning, state, objects), proof=try_port(target)),
    )


@check(
    id="sql.not-mysql",
    title="What speaks on the port is MySQL",
    step="greeting",
    link=_LINK,
    causes=(str(Symptom.MYSQL_NOT_MYSQL),),
)
def not_mysql(target: Target, seen: SqlGreeting) -> Iterator[Finding]:
    """Another protocol on the port."""
    if seen.speaker is SqlSpeaker.NOBODY or _cut_short(seen):
        yield skip("Nobody speaks on the port.")
        return
    if seen.greeting is not None or seen.error is not None:
        version = seen.greeting.version if seen.greeting else "no version"
        yield ok(f"{seen.speaker.value} speaks on the port ({version}).", where=_WHERE)
        return
    what = "something that is not MySQL" if seen.speaker is SqlSpeaker.OTHER else seen.speaker.value
    yield fail(
        f"On {target.hostname}:{target.port} speaks {what}, not MySQL.",
        subject=f"{target.hostname}:{target.port}",
        where=_WHERE,
        seen={"first bytes": seen.start or "none", **_facts(seen.words)},
        symptom=Symptom.MYSQL_NOT_MYSQL,
        remedy=Remedy(
            text="Whatever holds the address, or the TCP route, leads to another program. Compare node port, entry "
            "point and Service with those of MaxScale.",
            commands=(look("hcloud", "load-balancer", "list"), look("kubectl", "get", "ingressroutetcp", "-A")),
            proof=try_port(target),
        ),
    )


@check(id="sql.plain-text", title="A client can encrypt what it sends", step="greeting", link=_LINK)
def plain_text(target: Target, seen: SqlGreeting) -> Iterator[Finding]:
    """No TLS on the way over the internet: everything but the password can be read and changed."""
    if seen.greeting is None:
        yield skip("There is no greeting that could offer TLS.")
    elif seen.greeting.offers_tls:
        yield ok("The server offers TLS.", where=_WHERE)
    elif is_private(seen.words.address):
        yield ok("The server offers no TLS, and its address is a private one.", where=_WHERE)
    else:
        yield warn(
            f"{target.hostname}:{target.port} offers no TLS: statements and data cross the internet in the clear.",
            subject=f"{target.hostname}:{target.port}",
            where=_WHERE,
            seen={"capabilities": f"{seen.greeting.capabilities:#010x}", "TLS bit (0x0800)": "clear"},
            remedy=Remedy(
                text="Switch TLS on at MaxScale's listener and its servers (spec.tls of the MaxScale), then let the "
                "client demand it; clients of MariaDB 11.4 and later demand it by themselves.",
                commands=(look("kubectl", "get", "maxscales.k8s.mariadb.com", "-A"),),
                proof=try_login(target, "STATUS", "--ssl"),
            ),
        )
