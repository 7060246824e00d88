"""Is MaxScale's copy of the accounts current?

MaxScale judges logins by a copy of its own. It makes it anew at most every 30 seconds, with an account of its own.
Source: MaxScale server/modules/protocol/MariaDB/user_data.cc; failure modes observed on 23.08 and 24.02.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    DatabaseObjects,
    Finding,
    LoggedSignature,
    MaxScaleLogs,
    MaxScaleService,
    MaxScaleState,
    Remedy,
    Target,
    Unavailable,
    UserObject,
    check,
    fail,
    ok,
    warn,
)
from ingressdoctor_checks.backend_common import many
from ingressdoctor_checks.maxscale_common import (
    LOGIN,
    STEP,
    Seen,
    copy_of,
    log_command,
    logged,
    made_by_operator,
    maxctrl,
    maxctrl_changes,
    subject,
    users_command,
)

__all__ = ["users_stale"]

_WHERE: Final = "MaxScale's REST API: GET /v1/services, the users of the service"
_LINK: Final = "MaxScale's accounts"


@check(
    id="mxs.users-stale",
    title="MaxScale's copy of the accounts is current",
    step=STEP,
    link=_LINK,
    causes=("mysql-1045", "mysql-closed-after-ok", "mxs.user-unknown", "mxs.logins-fail-behind"),
)
def users_stale(
    target: Target,
    state: MaxScaleState | Unavailable,
    objects: DatabaseObjects | Unavailable,
    logs: MaxScaleLogs | Unavailable,
) -> Iterator[Finding]:
    """It is made anew at most every 30 s, when a login fails; where it cannot be made, nobody new gets in."""
    copy = copy_of(state)
    line = next(iter(logged(logs, "users-refused")), None)
    if isinstance(copy, Finding):
        yield _by_log(state, line) if line is not None and isinstance(state, MaxScaleState) else copy
        return
    seen, service = copy
    made = made_by_operator(objects, target.sql_user)
    known = {account.user for account in service.users or ()}
    if not service.users:
        yield _empty(seen, service, line)
    elif made is not None and made.user not in known:
        yield _behind(seen, service, made, line)
    elif line is not None:
        yield warn(
            f"MaxScale cannot make its copy of the accounts anew, and works with an old one{_why(line)}.",
            subject=subject(seen.state),
            where=f"the log of {line.pod}",
            seen={"log": line.line, "copied": service.users_updated},
            remedy=_reload(seen, service, _SERVICE_ACCOUNT),
        )
    else:
        yield ok(
            f"MaxScale knows {many(len(known), 'account')}.",
            subject=subject(seen.state),
            seen={"copied": service.users_updated},
        )


_SERVICE_ACCOUNT: Final = (
    "Give MaxScale's own account (Secret NAME-server) its password and SELECT on mysql.* and SHOW DATABASES back."
)


def _behind(seen: Seen, service: MaxScaleService, made: UserObject, line: LoggedSignature | None) -> Finding:
    soon = "Have the copy made anew; a login attempt does that too, half a minute later."
    return fail(
        f"{made.ref} is ready, and MaxScale's copy of the accounts does not have {made.user!r}"
        f"{f': it cannot be made anew{_why(line)}' if line else ' yet'}. Its logins get 1045.",
        subject=subject(seen.state),
        where=_WHERE,
        seen={"copied": service.users_updated, "account made": made.created} | ({"log": line.line} if line else {}),
        remedy=_reload(seen, service, _SERVICE_ACCOUNT if line else soon),
    )


def _empty(seen: Seen, service: MaxScaleService, line: LoggedSignature | None) -> Finding:
    return fail(
        f"MaxScale's service {service.name} knows no account at all{_why(line)}: everybody gets 1045, however right "
        "the password is.",
        subject=subject(seen.state),
        where=_WHERE,
        seen={"users": "0", "copied": service.users_updated or "never"} | ({"log": line.line} if line else {}),
        remedy=_reload(seen, service, _SERVICE_ACCOUNT),
    )


def _by_log(state: MaxScaleState, line: LoggedSignature) -> Finding:
    return fail(
        f"MaxScale could not read the accounts of its servers{_why(line)}: logins get 1045.",
        subject=subject(state),
        where=f"the log of {line.pod}",
        seen={"log": line.line, "times": str(line.count)},
        remedy=Remedy(
            text=_SERVICE_ACCOUNT,
            commands=(users_command(state.namespace), log_command(state.namespace, line.pod)),
            proof=log_command(state.namespace, line.pod),
        ),
    )


def _why(line: LoggedSignature | None) -> str:
    said = line.fields.get("said", "") if line is not None else ""
    if "1045" in said or "Access denied for user" in said:
        return ", since its own account is refused"
    if "Query '" in said or "denied" in said:
        return ", since its own account may not read mysql.*"
    return ""


def _reload(seen: Seen, service: MaxScaleService, text: str) -> Remedy:
    return Remedy(
        text=f"{text} {LOGIN}",
        commands=(maxctrl_changes(seen.state, "reload", "service", service.name), users_command(seen.state.namespace)),
        proof=maxctrl(seen.state, "show", "service", service.name),
    )
