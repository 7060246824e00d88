"""Which two neighbours on the way disagree about the greeting?

An observation: it tells between which hops the fault lies, where no configuration does.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Command,
    Finding,
    HopPlace,
    Inapplicable,
    Reach,
    Remedy,
    SqlGreeting,
    SqlHop,
    SqlHops,
    Symptom,
    Target,
    TcpRoute,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    unknown,
)
from ingressdoctor_checks.mysql_errors import symptom_of
from ingressdoctor_checks.sql_common import keeps_us_out, nc

__all__ = ["hops_disagree"]

_GRANT: Final = "Bind the ClusterRole ingressdoctor-hop-probes (docs/rbac.md), which grants pods/portforward."
_UNREACHED: Final = {Reach.REFUSED: Symptom.MYSQL_REFUSED, Reach.RESET: Symptom.MYSQL_REFUSED}


@check(
    id="sql.hops-disagree",
    title="All hops say the same",
    step="entry",
    link="greeting at every hop",
    causes=(
        str(Symptom.MYSQL_REFUSED),
        str(Symptom.MYSQL_TIMEOUT),
        str(Symptom.MYSQL_CLOSED),
        str(Symptom.MYSQL_SILENT),
        str(Symptom.MYSQL_NOT_MYSQL),
        str(Symptom.MYSQL_ERROR),
        str(Symptom.MYSQL_1040),
        str(Symptom.MYSQL_1045),
        str(Symptom.MYSQL_1129),
        str(Symptom.MYSQL_1130),
        str(Symptom.MYSQL_1156),
    ),
)
def hops_disagree(target: Target, hops: SqlHops | Unavailable, route: TcpRoute | Unavailable) -> Iterator[Finding]:
    """The hop that is ill, and the next one inwards that is well."""
    if isinstance(hops, Inapplicable):
        yield skip(f"No hop has to be asked: {hops.reason}.")
        return
    if isinstance(hops, Unavailable):
        reason = f"The hops behind the client's could not be asked: {hops.reason}."
        yield unknown(reason, enable_with=hops.enable_with or _GRANT)
        return
    pair, facts = hops.disagreement, {hop.target: _said(hop) for hop in hops.hops}
    first = hops.hops[0].greeting
    if pair is None:
        deepest = hops.hops[-1]
        yield skip(f"No hop greets as it should, as far in as {deepest.place.value} ({deepest.target}).")
        return
    outer, inner = pair
    inside = inner.place.value[0].upper() + inner.place.value[1:]
    if keeper := _refuser(route) or keeps_us_out(route):
        yield ok(f"{inside} greets ({inner.target}); {keeper} may keep this machine out.", seen=facts)
        return
    yield fail(
        f"{inside} greets ({inner.target}), and {outer.place.value} ({outer.target}) does not: the fault "
        "lies there, or between the two.",
        subject=outer.target,
        where="the same greeting asked for at every hop",
        seen=facts,
        symptom=_symptom(first) if isinstance(first, SqlGreeting) else None,
        remedy=Remedy(
            text=f"Look at {outer.place.value} and at what leads from there to {inner.place.value}.",
            commands=(_shows(outer), _forward(inner)),
            proof=nc(target.hostname, target.port),
        ),
    )


def _refuser(route: TcpRoute | Unavailable) -> str:
    """Return the allow list that is known to refuse the client; that is no fault of a hop."""
    lists = () if isinstance(route, Unavailable) or route.entry.winner is None else route.lists
    return next((item.ref for item in lists if item.lets_seen is False or item.lets_client is False), "")


def _said(hop: SqlHop) -> str:
    seen = hop.greeting
    if isinstance(seen, Unavailable):
        return f"not asked: {seen.reason}"
    note = f" ({hop.note})" if hop.note else ""
    if seen.error is not None:
        return f"error {seen.error.errno} {seen.error.text}{note}"
    if seen.greeting is not None:
        after = f", then error {seen.second.errno} {seen.second.text}" if seen.second else ""
        return f"{seen.speaker.value} {seen.greeting.version}{after}{note}"
    if seen.words.reach is not Reach.OK:
        return f"{seen.words.reach.value}{note}"
    return f"{'closed without a byte' if seen.words.end else 'silence'}{note}" if not seen.words.first else "not MySQL"


def _symptom(seen: SqlGreeting) -> Symptom:
    """Return what the client sees at the outermost hop."""
    error = seen.error or seen.second
    if error is not None:
        return symptom_of(error.errno)
    if seen.words.reach is not Reach.OK:
        return _UNREACHED.get(seen.words.reach, Symptom.MYSQL_TIMEOUT)
    if seen.words.first:
        return Symptom.MYSQL_1045 if seen.greeting is not None else Symptom.MYSQL_NOT_MYSQL
    return Symptom.MYSQL_SILENT if seen.words.end is None else Symptom.MYSQL_CLOSED


def _shows(hop: SqlHop) -> Command:
    if hop.place in (HopPlace.NAME, HopPlace.BALANCER):
        return look("hcloud", "load-balancer", "list")
    namespace, name, _ = _pod_of(hop)
    return look("kubectl", "-n", namespace, "describe", "pod", name)


def _forward(hop: SqlHop) -> Command:
    if hop.place in (HopPlace.NAME, HopPlace.BALANCER):
        return look("nc", "-w", "10", *hop.target.rsplit(":", 1))
    namespace, name, port = _pod_of(hop)
    return look("kubectl", "-n", namespace, "port-forward", f"pod/{name}", f"13306:{port}")


def _pod_of(hop: SqlHop) -> tuple[str, str, str]:
    """Turn ``Pod ns/name port 3306`` into its parts."""
    where, _, port = hop.target.removeprefix("Pod ").partition(" port ")
    namespace, _, name = where.partition("/")
    return namespace, name, port
