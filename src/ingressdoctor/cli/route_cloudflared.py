"""``ingressdoctor route --cloudflared-config FILE``: which of cloudflared's rules takes a request, or all of them."""

from __future__ import annotations

from ingressdoctor.cli.interrupts import interrupts_raise
from ingressdoctor.cli.route_options import Supposed
from ingressdoctor.cli.routing import Wanted, shown_rules
from ingressdoctor.errors import UsageError
from ingressdoctor.render.page import Page
from ingressdoctor.wiring import rules_of_file

__all__ = ["rules_answer"]


def rules_answer(wanted: Wanted, supposed: Supposed, page: Page, *, as_json: bool) -> tuple[str, int]:
    """Return the answer as text, and the exit code; without a target all rules are judged.

    Raises:
        UsageError: the file cannot be read, or files for Traefik are named as well.
    """
    if supposed.manifests:
        raise UsageError(
            "--cloudflared-config and --manifests ask different programs.",
            hint="Give one of them: ask cloudflared first.",
        )
    with interrupts_raise():  # standard input may never end
        view = rules_of_file(supposed.cloudflared_config, wanted.target, wanted.host)
    return shown_rules(view, page, as_json=as_json, everything=wanted.target is None)
