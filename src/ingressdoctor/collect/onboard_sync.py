"""The last items of a checklist: has Argo CD brought it, and does cloudflared run with it? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ingressdoctor.collect.cloudflared_state import outdated_pods
from ingressdoctor.collect.onboard_common import Applications, done, missing, sync_action, unseen
from ingressdoctor.collect.onboard_rule import Ruling
from ingressdoctor.evidence.onboarding import NextAction, OnboardItem
from ingressdoctor.evidence.outside import OutsideProbe
from ingressdoctor.evidence.tunnel import Cloudflared
from ingressdoctor.evidence.tunnel_rules import ConfigHome, TunnelConfig
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import changes, look

__all__ = ["argo_item", "sync_item"]

_IDENT: Final = "synced-and-reloaded"
_TITLE: Final = "Argo CD has synced, and cloudflared runs with the rule"
_ARGO: Final = "argocd-synced"
_ARGO_TITLE: Final = "Argo CD has synced"
_OUTSIDE: Final = "Restart cloudflared on its machine, then open the hostname."


def sync_item(
    host: str,
    ruling: Ruling,
    argo: Applications | Unavailable,
    visit: OutsideProbe | Unavailable | None,
    *,
    ruled: bool,
) -> OnboardItem:
    """Judge whether the rule has arrived where it takes effect."""
    config, workload = ruling.config, ruling.workload
    if config is None and not ruled:
        return unseen(_IDENT, _TITLE, ruling.gap or Unavailable(wanted="cloudflared's rules", reason="none were found"))
    if not ruled:
        return missing(_IDENT, _TITLE, "there is no rule yet that could arrive.")
    if config is None or config.source.home is ConfigHome.REMOTE:
        return done(_IDENT, _TITLE, "Cloudflare shows the rule among those that the connectors run with.")
    return _outside_of_the_cluster(host, visit) if workload is None else _arrived(config, workload, argo)


def _arrived(config: TunnelConfig, workload: Cloudflared, argo: Applications | Unavailable) -> OnboardItem:
    source = config.source
    found = argo.tracking("ConfigMap", source.namespace, source.name) if isinstance(argo, Applications) else None
    if found is not None and found[1].status == "OutOfSync":
        detail = f"Application {found[0].name} holds another {source.ref} than the cluster has."
        return missing(_IDENT, _TITLE, detail, sync_action(found[0], source.ref))
    outdated = outdated_pods(workload)
    if outdated:
        kind = f"{workload.kind.lower()}/{workload.name}"
        words = ("kubectl", "-n", workload.namespace, "rollout")
        return missing(
            _IDENT,
            _TITLE,
            f"{outdated[0].name} started before {source.ref} was last edited, and cloudflared reads its file once.",
            NextAction(
                text="Restart the pods, so that they read the rule.",
                commands=(changes(*words, "restart", kind), look(*words, "status", kind)),
            ),
        )
    gap = next((item for item in (workload.pods, argo) if isinstance(item, Unavailable)), None)
    if gap is not None:
        return unseen(_IDENT, _TITLE, gap)
    if not workload.live_pods:
        base = ("kubectl", "-n", workload.namespace)
        fix = NextAction(
            text="Start it.",
            commands=(
                look(*base, "get", "pods"),
                changes(*base, "scale", f"{workload.kind.lower()}/{workload.name}", "--replicas=2"),
            ),
        )
        return missing(_IDENT, _TITLE, f"no pod of {workload.ref} runs.", fix)
    by = f"Application {found[0].name} is in sync" if found is not None else "no Application tracks the ConfigMap"
    return done(_IDENT, _TITLE, f"{by}; {len(workload.live_pods)} pods started after the last edit.")


def _outside_of_the_cluster(host: str, visit: OutsideProbe | Unavailable | None) -> OnboardItem:
    if isinstance(visit, OutsideProbe) and visit.edge and visit.edge_error is None and visit.gate is None:
        status, body = visit.last.status, visit.last.body
        if status and not (status in (404, 503) and not body):
            return done(_IDENT, _TITLE, f"https://{host}/ answers {status}, so a connector runs with the rule.")
        if status:
            detail = f"https://{host}/ answers {status} without a body, as a cloudflared without the rule does."
            commands = (changes("sudo", "systemctl", "restart", "cloudflared"),)
            return missing(_IDENT, _TITLE, detail, NextAction(text=_OUTSIDE, commands=commands))
    gap = Unavailable(
        wanted="the running cloudflared",
        reason="it runs outside of the cluster, and a visit does not tell",
        enable_with=_OUTSIDE,
    )
    return unseen(_IDENT, _TITLE, gap)


def argo_item(
    refs: Sequence[str] | Unavailable, argo: Applications | Unavailable, waiting: NextAction | None
) -> OnboardItem:
    """Judge whether Argo CD has brought the objects that name a public host.

    Args:
        refs: The objects, as "IngressRoute shop/web"; none when nothing names the host.
        argo: The Applications.
        waiting: How to let Argo CD bring what is in git only, where that is known.
    """
    if isinstance(argo, Unavailable):
        return unseen(_ARGO, _ARGO_TITLE, argo)
    if not argo.installed:
        return done(_ARGO, _ARGO_TITLE, "there is no Argo CD in this cluster.")
    return unseen(_ARGO, _ARGO_TITLE, refs) if isinstance(refs, Unavailable) else _tracked(refs, argo, waiting)


def _tracked(refs: Sequence[str], argo: Applications, waiting: NextAction | None) -> OnboardItem:
    if not refs:
        detail = "an object is in git and not in the cluster." if waiting else "there is nothing yet to sync."
        return missing(_ARGO, _ARGO_TITLE, detail, waiting)
    for ref in refs:
        kind, _, path = ref.partition(" ")
        namespace, _, name = path.partition("#")[0].strip().partition("/")
        found = argo.tracking(kind, namespace, name.split(" ")[0])
        if found is None:
            continue
        application, entry = found
        if entry.status == "OutOfSync":
            detail = f"{ref} differs from git: Application {application.name} is OutOfSync."
            return missing(_ARGO, _ARGO_TITLE, detail, sync_action(application, ref))
        return done(_ARGO, _ARGO_TITLE, f"Application {application.name} has {ref} in sync.")
    return done(_ARGO, _ARGO_TITLE, f"no Application tracks {refs[0]}: it was applied by hand, and stays so.")
