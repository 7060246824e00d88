"""What a client gets on the target's MySQL port: the greeting, and a login where one is asked for.

The greeting is asked for once a run and nothing is sent: more would add up to a block of this machine. Whether what
came is good is for the checks.
"""

from __future__ import annotations

from typing import Final

from ingressdoctor.collect.online import offline_reason
from ingressdoctor.collect.outside import dial_order
from ingressdoctor.collect.sql_wire import read_words
from ingressdoctor.collect.together import together
from ingressdoctor.evidence.net import Reach
from ingressdoctor.evidence.outside import DnsView, Online
from ingressdoctor.evidence.sql import LoginRequest, SqlGreeting, SqlLogin, SqlSpeaker
from ingressdoctor.model.check import collector
from ingressdoctor.model.evidence import Inapplicable, Unavailable
from ingressdoctor.model.target import Protocol, Target
from ingressdoctor.sources.base import Sql

__all__ = ["collect_greeting", "collect_login"]

_GREETING: Final = "what a client gets on the port"
_LOGIN: Final = "a login"
# Traefik waits a minute for a PROXY header that never comes, and a client may see the greeting after that. A run does
# not: silence until here is evidence.
_FIRST_S: Final = 8.0
_FURTHER_S: Final = 5.0


@collector(wanted=_GREETING, timeout_s=20.0)
async def collect_greeting(
    target: Target, view: DnsView, sql: Sql, online: Online | Unavailable
) -> SqlGreeting | Unavailable:
    """Read the first packet at the first address that can be connected to."""
    if target.protocol is not Protocol.MYSQL:
        return Inapplicable(wanted=_GREETING, reason="the target does not speak MySQL")
    addresses = dial_order(view.addresses)
    if not addresses:
        return Unavailable(
            wanted=_GREETING,
            reason=f"{target.hostname} has no address to connect to",
            enable_with="The findings about DNS say why, and what to do.",
        )
    words = await sql.greet(addresses[0], target.port, timeout_s=_FIRST_S)
    if words.reach is not Reach.OK and len(addresses) > 1:
        # Side by side, for each may take its whole time; nobody greets twice, as only one that connects counts.
        others = await together(*(sql.greet(item, target.port, timeout_s=_FURTHER_S) for item in addresses[1:]))
        words = next((other for other in others if other.reach is Reach.OK), words)
    if (offline := offline_reason(online)) and words.reach is not Reach.OK:
        return Unavailable(wanted=_GREETING, reason=offline, enable_with="Connect this machine to the internet.")
    return read_words(words)


@collector(wanted=_LOGIN, timeout_s=15.0)
async def collect_login(target: Target, seen: SqlGreeting, sql: Sql) -> SqlLogin | Unavailable:
    """Log in once, where an account was named and a greeting came.

    Raises:
        SourceError: there is no password.
    """
    if not target.sql_user:
        return Inapplicable(
            wanted=_LOGIN, reason="no account was named", enable_with="Name one: --sql-user, or mysql://user@host/."
        )
    if reason := _pointless(seen):
        return Inapplicable(wanted=_LOGIN, reason=reason)
    request = LoginRequest(
        address=seen.words.address,
        port=target.port,
        user=target.sql_user,
        database=target.database,
        tls=bool(seen.greeting and seen.greeting.offers_tls),
    )
    return await sql.login(request)


def _pointless(seen: SqlGreeting) -> str:
    """Say why no login could succeed; each one that fails counts towards a block, so none is made then."""
    if seen.greeting is None:
        return "no greeting came that a login could answer"
    if seen.second is not None:
        return f"error {seen.second.errno} follows the greeting, whatever the client sends"
    if seen.speaker is SqlSpeaker.MAXSCALE_ALONE:
        return "MaxScale has not reached any server yet, and refuses every login"
    return ""
