"""Is there a configuration that cloudflared takes, and is it the one that it runs with?

Which rule takes the request is judged in ``rules_host``. Source: cloudflared config/configuration.go and
ingress/ingress.go (one mistake refuses the whole), cmd/cloudflared/tunnel (a file is read at the start only),
orchestration/orchestrator.go (rules from Cloudflare replace a file's).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    CloudflaredState,
    Command,
    ConfigHome,
    Finding,
    OutsideProbe,
    Remedy,
    Target,
    TunnelConfig,
    TunnelRoute,
    TunnelRule,
    Unavailable,
    check,
    fail,
    look,
    ok,
    skip,
    warn,
)
from ingressdoctor_checks.rules_common import STEP, config_of, curl, empty_answer, routes_command
from ingressdoctor_checks.tunnel_workloads import EDGE_1033, edit_config, errors_of_edge, restart, serves

__all__ = ["config_invalid", "config_missing", "lint", "remote_overrides_local", "stale_config"]

_LINK: Final = "cloudflared's configuration"
_SHOWN: Final = 5


@check(
    id="rule.config-missing",
    title="cloudflared has rules",
    step=STEP,
    link=_LINK,
    causes=(*EDGE_1033, "rule.host-missing", "tunnel.log-errors", "tunnel-503", "edge-503", "http-503"),
)
def config_missing(route: TunnelRoute | Unavailable, probe: OutsideProbe | Unavailable) -> Iterator[Finding]:
    """The ConfigMap and its key exist, and hold at least one rule."""
    found = config_of(route)
    if isinstance(found, Finding):
        yield found
        return
    way, config = found
    if not config.missing and not config.built_in:
        count = len(config.rules)
        yield ok(f"{config.source.ref} holds {count} rule{'s' if count != 1 else ''}.", subject=config.source.ref)
        return
    what = config.error if config.missing else f"{config.source.ref} has no ingress rules: cloudflared answers 503"
    say = warn if serves(probe) and not empty_answer(probe, 503) else fail
    yield say(
        f"{what}.",
        subject=config.source.ref,
        where=config.source.ref,
        seen={"workloads": ", ".join(item.ref for item in way.workloads[:_SHOWN]) or "none", "rules": "none"},
        remedy=Remedy(
            text="Write the rules below 'ingress:' in lower case, the last one without a hostname; restart the pods."
            if config.built_in
            else "Create it, or correct its name in the workload's volumes and arguments.",
            commands=edit_config(config.source) or (routes_command(config),),
            proof=_rollout(way),
        ),
    )


def _rollout(route: TunnelRoute) -> Command:
    if route.workloads:
        item = route.workloads[0]
        return look("kubectl", "-n", item.namespace, "rollout", "status", f"{item.kind.lower()}/{item.name}")
    return look("cloudflared", "tunnel", "ingress", "validate")


@check(
    id="rule.config-invalid",
    title="cloudflared takes its configuration",
    step=STEP,
    link=_LINK,
    causes=(*EDGE_1033, "rule.host-missing", "tunnel.log-errors"),
)
def config_invalid(route: TunnelRoute | Unavailable, probe: OutsideProbe | Unavailable) -> Iterator[Finding]:
    """One mistake refuses the whole configuration: cloudflared then ends at its start."""
    found = config_of(route)
    if isinstance(found, Finding):
        yield found
        return
    way, config = found
    if config.missing:
        yield skip("There is no configuration whose validity could be judged.")
        return
    if not config.error:
        yield ok(f"{config.source.ref} is valid.", subject=config.source.ref)
        return
    place = f" (line {config.error_line})" if config.error_line else ""
    rule = f"rule {config.error_rule}{place}" if config.error_rule else f"the file{place}"
    serving = serves(probe)
    still = " The running pods still have an earlier one." if serving else ""
    yield (warn if serving else fail)(
        f"cloudflared refuses its configuration because of {rule}: {config.error.rstrip('.')}.{still}",
        subject=config.source.ref,
        where=config.source.ref,
        seen={
            "cloudflared's words": config.error,
            **({"the rule": _rule(config)} if config.error_rule else {}),
            **({"further mistakes": "; ".join(config.errors[1:_SHOWN])} if len(config.errors) > 1 else {}),
        },
        remedy=Remedy(
            text=_advice(config),
            commands=(*edit_config(config.source), *(restart(item) for item in way.workloads[:1])),
            proof=look("cloudflared", "tunnel", "--config", "config.yaml", "ingress", "validate"),
        ),
    )


def _rule(config: TunnelConfig) -> str:
    number = config.error_rule
    return next((rule.shown for rule in config.rules if rule.number == number), f"rule {number}")


def _advice(config: TunnelConfig) -> str:
    if "matching the hostname" in config.error or "must match all URLs" in config.error:
        return "Move the rule without a hostname to the very end: it takes everything, so nothing may stand below it."
    if "yaml" in config.error.lower():
        return "Correct the YAML: quote hostnames that begin with *, indent with spaces, write each key once."
    return "Correct the rule, then restart the pods: cloudflared reads its file at the start only."


@check(
    id="rule.stale-config",
    title="The pods run with the configuration that is there",
    step=STEP,
    link="configuration → running rules",
    causes=(
        "tunnel-404",
        "tunnel-503",
        "app-404",
        "edge-502",
        "edge.error-page",
        "edge.http-error",
        "tunnel.log-errors",
    ),
)
def stale_config(
    target: Target,
    route: TunnelRoute | Unavailable,
    state: CloudflaredState | Unavailable,
    probe: OutsideProbe | Unavailable,
) -> Iterator[Finding]:
    """A file is read once: an edit takes effect with the next start."""
    found = config_of(route)
    if isinstance(found, Finding):
        yield found
        return
    way, config = found
    if config.source.home is ConfigHome.REMOTE:
        yield skip("The rules come from Cloudflare, which sends every change to the running connectors.")
    elif isinstance(state, Unavailable) or not way.workloads:
        yield skip("No pod of this cluster runs with this configuration.")
    elif not state.outdated:
        yield ok("All pods started after the last edit of their configuration.", subject=config.source.ref)
    else:
        yield _outdated(target, way, state, probe)


def _outdated(
    target: Target, route: TunnelRoute, state: CloudflaredState, probe: OutsideProbe | Unavailable
) -> Finding:
    config = route.config
    if isinstance(config, Unavailable):
        return skip("There is no configuration to compare with.")
    differing = [item for item in state.pods if not _same(item.running, config.rules)]
    if state.pods and not differing:
        return ok(
            "The configuration was edited since, but the pods run with the same rules.", subject=config.source.ref
        )
    item, source = route.workloads[0], config.source
    wrong = empty_answer(probe, 404) or empty_answer(probe, 503) or errors_of_edge(probe) in (502, 504)
    lost = [one for one in differing if not any(rule.hostname == target.hostname for rule in one.running)]
    say = fail if wrong and route.named and (differing or not state.pods) else warn
    known = "the running rules are others" if differing else "which rules they run with could not be asked"
    return say(
        f"{item.ref} runs with an older configuration: it started before {config.source.ref} was edited.",
        subject=item.ref,
        where=f"{config.source.ref}, and when the pods started",
        seen={
            "pods": ", ".join(state.outdated[:_SHOWN]),
            "edited": source.edited_at + (f" by {source.edited_by}" if source.edited_by else ""),
            "running rules": known + (", without this hostname" if lost else ""),
            **({"not asked": state.unread[0].reason} if state.unread and not state.pods else {}),
        },
        remedy=Remedy(
            text="Restart the pods; a checksum of the ConfigMap in their template's annotations does so by itself. "
            + ("A file mounted by subPath does not even change on disk." if config.source.sub_path else ""),
            commands=(restart(item),),
            proof=curl(target.hostname),
        ),
    )


def _same(running: tuple[TunnelRule, ...], written: tuple[TunnelRule, ...]) -> bool:
    """Compare what decides: hostname, path and service of each rule."""
    return [_key(rule) for rule in running] == [_key(rule) for rule in written]


def _key(rule: TunnelRule) -> tuple[str, str, str]:
    return ("" if rule.hostname == "*" else rule.hostname, rule.path, rule.service.rstrip("/").lower())


@check(
    id="rule.remote-overrides-local",
    title="No rules of a file are hidden by those at Cloudflare",
    step=STEP,
    link=_LINK,
)
def remote_overrides_local(route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """A tunnel that is configured at Cloudflare ignores the file that its pods mount."""
    found = config_of(route)
    if isinstance(found, Finding):
        yield found
        return
    way, config = found
    hidden = [item for item in way.workloads if isinstance(item.config, TunnelConfig) and item.config is not config]
    if config.source.home is not ConfigHome.REMOTE or not hidden:
        yield ok(f"The rules of {config.source.ref} are the ones that count.", subject=config.source.ref)
        return
    item = hidden[0]
    yield warn(
        f"{item.source.ref} is ignored: {config.source.ref} replaces it.",
        subject=item.ref,
        where=config.source.ref,
        seen={"rules that count": str(len(config.rules)), "version at Cloudflare": str(config.version)},
        remedy=Remedy(
            text="Change rules in the dashboard under Networks > Tunnels; take the ingress section out of the file.",
            commands=edit_config(item.source),
            proof=routes_command(config),
        ),
    )


@check(
    id="rule.lint",
    title="Every rule of the configuration can match",
    step=STEP,
    link=_LINK,
)
def lint(route: TunnelRoute | Unavailable) -> Iterator[Finding]:
    """Rules that nothing reaches, and settings without effect, in what cloudflared accepts."""
    found = config_of(route)
    if isinstance(found, Finding):
        yield found
        return
    _, config = found
    serious = [item for item in config.lints if item.serious]
    if config.error:
        yield skip("cloudflared refuses this configuration; its mistakes are named elsewhere.")
    elif not serious:
        yield ok("No rule is out of reach.", subject=config.source.ref)
    else:
        more = f" (and {len(serious) - 1} more of the kind)" if len(serious) > 1 else ""
        yield warn(
            f"{serious[0].text.rstrip('.')}{more}.",
            subject=config.source.ref,
            where=config.source.ref,
            seen={f"{number}": item.text for number, item in enumerate(serious[:10], start=1)},
            remedy=Remedy(
                text="The first rule that matches wins: put the special before the general.",
                commands=edit_config(config.source),
                proof=routes_command(config),
            ),
        )
