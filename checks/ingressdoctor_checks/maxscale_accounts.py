"""Does MaxScale know the account, and does the account's host match the address that MaxScale sees?

MaxScale judges logins by its own copy of the accounts, without asking a server. The REST API shows that copy without
any secret, so that what a login would come to is told without one.

Source: MaxScale server/modules/protocol/MariaDB/user_data.cc; failure modes observed on 23.08 and 24.02.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    AccountMatch,
    Controller,
    DatabaseObjects,
    Finding,
    HostFit,
    MaxScaleState,
    Remedy,
    SeenAs,
    Target,
    TcpRoute,
    Unavailable,
    check,
    fail,
    fit_of,
    match_account,
    ok,
    skip,
    unknown,
)
from ingressdoctor_checks.maxscale_common import (
    STEP,
    Seen,
    copy_of,
    corrected_in,
    made_by_operator,
    maxctrl,
    subject,
    users_command,
)

__all__ = ["host_pattern", "user_unknown"]

_WHERE: Final = "MaxScale's REST API: GET /v1/services, the users of the service"
_LINK: Final = "MaxScale's accounts"
_NO_USER: Final = "No account was named (--sql-user, or mysql://user@host)."


@check(
    id="mxs.user-unknown",
    title="MaxScale knows the account",
    step=STEP,
    link=_LINK,
    causes=("mysql-1045", "mxs.host-pattern"),
)
def user_unknown(
    target: Target, state: MaxScaleState | Unavailable, objects: DatabaseObjects | Unavailable
) -> Iterator[Finding]:
    """Of an account that does not exist, a client learns what a wrong password would tell it: 1045."""
    if not target.sql_user:
        yield skip(_NO_USER)
        return
    copy = copy_of(state)
    if isinstance(copy, Finding):
        yield copy
        return
    seen, service = copy
    known = sorted({account.user for account in service.users or ()})
    if not known:
        yield skip("MaxScale knows no account at all; that is said elsewhere.")
    elif target.sql_user in known:
        yield ok(f"MaxScale knows the account {target.sql_user!r}.", subject=subject(seen.state))
    elif made_by_operator(objects, target.sql_user) is not None:
        yield skip("The operator made the account after MaxScale's copy; that is said elsewhere.")
    else:
        near = difflib.get_close_matches(target.sql_user, [name for name in known if name], n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        yield fail(
            f"There is no account {target.sql_user!r} among the {len(known)} that MaxScale knows{meant}",
            subject=subject(seen.state),
            where=_WHERE,
            seen={"copied": service.users_updated} | ({"nearest": near[0]} if near else {}),
            remedy=Remedy(
                text="Create it (a User and a Grant of the operator), or log in with the right name. MaxScale learns "
                "of a new account half a minute later at the latest.",
                commands=(users_command(seen.state.namespace),),
                proof=maxctrl(seen.state, "show", "service", service.name),
            ),
        )


@check(
    id="mxs.host-pattern",
    title="The account's host matches the address that MaxScale sees",
    step=STEP,
    link=_LINK,
    causes=("mysql-1045", "mysql-1130"),
)
def host_pattern(
    target: Target,
    state: MaxScaleState | Unavailable,
    route: TcpRoute | Unavailable,
    controller: Controller | Unavailable,
) -> Iterator[Finding]:
    """Without the PROXY protocol that is the address of Traefik's pod, whoever the client is."""
    if not target.sql_user:
        yield skip(_NO_USER)
        return
    copy = copy_of(state)
    if isinstance(copy, Finding):
        yield copy
        return
    seen, service = copy
    accounts = service.users or ()
    if not any(account.user == target.sql_user for account in accounts):
        yield skip("MaxScale does not know the account; that is said elsewhere.")
        return
    source, addresses = _sources(target, seen, route, controller)
    if not addresses:
        yield _by_any(target, match_account(target.sql_user, "", accounts), source)
        return
    matches = {address: match_account(target.sql_user, address, accounts) for address in addresses}
    wrong = [address for address, match in matches.items() if match.account is None]
    if not wrong:
        account = matches[addresses[0]].account
        shown = f"'{account.user}'@'{account.host}'" if account is not None else ""
        yield ok(f"{shown} admits {addresses[0]}, {source}.", subject=subject(seen.state))
        return
    yield _refused(target, seen, matches[wrong[0]], (wrong[0], source))


def _refused(target: Target, seen: Seen, match: AccountMatch, place: tuple[str, str]) -> Finding:
    address, source = place
    hosts = [account.host for account in match.of_user]
    short = [host for host in hosts if fit_of(host, address) is HostFit.SHORT_MASK]
    if match.by_name and not seen.first.skips_names:
        return unknown(
            f"Whether {target.sql_user!r} may come from {address} ({source}) depends on reverse DNS: its hosts are "
            f"names ({', '.join(account.host for account in match.by_name[:5])}).",
            enable_with="Give the account an address, a netmask or '%' for its host: names make logins slow besides.",
            subject=subject(seen.state),
        )
    note = f" ({short[0]} has a netmask in the short form, which matches nothing)" if short else ""
    return fail(
        f"No account of {target.sql_user!r} admits {address}, {source}: 1045 whatever the password is{note}.",
        subject=subject(seen.state),
        where=_WHERE,
        seen={"address": address, "hosts": ", ".join(hosts[:10]) or "none"},
        remedy=Remedy(
            text="Make an account for the network of Traefik's pods or for '%' and let the allow list choose; "
            "or carry the client's address through with the PROXY protocol (MaxScale 23.08.7 or later) and keep the "
            "host. The Grant needs the same host as the User.",
            commands=(users_command(seen.state.namespace),),
            proof=maxctrl(seen.state, "show", "services"),
        ),
    )


def _by_any(target: Target, match: AccountMatch, why: str) -> Finding:
    """Judge without knowing the address: an account for every host needs none."""
    if any(account.host in ("", "%") for account in match.of_user):
        return ok(f"The account {target.sql_user!r} may come from anywhere.")
    hosts = ", ".join(account.host for account in match.of_user[:5])
    return unknown(
        f"Whether the hosts of {target.sql_user!r} ({hosts}) match was not told: {why}.",
        enable_with="Name the client's address: --client-ip.",
    )


def _sources(
    target: Target, seen: Seen, route: TcpRoute | Unavailable, controller: Controller | Unavailable
) -> tuple[str, tuple[str, ...]]:
    """Return (whose addresses, the addresses) that MaxScale takes for the client's; none where that is not known."""
    listener = seen.first.listener_on(seen.state.port or 0)
    accepts = listener is not None and bool(listener.proxy_networks) and not corrected_in(seen.first.version)
    written = route.route if isinstance(route, TcpRoute) else None
    sends = any(service.proxy_version for service in written.services) if written is not None else False
    if accepts and sends and isinstance(route, TcpRoute):
        return _announced(target, route)
    if isinstance(controller, Unavailable):
        return f"Traefik's pods are not known ({controller.reason})", ()
    addresses = tuple(pod.status.pod_ip for pod in controller.ready_pods if pod.status.pod_ip)
    return ("the address of Traefik's pod", addresses) if addresses else ("Traefik has no pod with an address", ())


def _announced(target: Target, route: TcpRoute) -> tuple[str, tuple[str, ...]]:
    """Return the same for the address in Traefik's PROXY header: that of whom Traefik takes for the client."""
    if route.seen.kind is not SeenAs.CLIENT:
        return f"{route.seen.kind.value}, which Traefik announces", route.seen.addresses
    if target.client_ip:
        return "the client's address, by the PROXY protocol", (target.client_ip,)
    return "MaxScale sees the client's own address, which was not given", ()
