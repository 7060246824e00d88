"""What both checklists of a new hostname look at: Argo CD's Applications, Services by name, records of neighbours.

Reads lists of kinds and one list of records; every failure becomes a gap of its own item. Judges no item.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final

import msgspec

from ingressdoctor.collect.cloudflare_api import list_all
from ingressdoctor.collect.gitops import tracked
from ingressdoctor.collect.kinds import APPLICATIONS, SERVICES, Kind
from ingressdoctor.collect.kube import list_or_gap
from ingressdoctor.errors import SourceError
from ingressdoctor.evidence.certificates import Stated, TrackedResource
from ingressdoctor.evidence.cloudflare import ZoneFacts
from ingressdoctor.evidence.kube import Loaded, Service
from ingressdoctor.evidence.onboarding import NextAction, OnboardItem, Progress
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import changes, look
from ingressdoctor.model.text import clean
from ingressdoctor.model.untyped import as_map, as_text
from ingressdoctor.sources.base import Cloudflare, Kubernetes

__all__ = [
    "Applications",
    "applications_of",
    "as_yaml",
    "dns_line",
    "done",
    "home_in_git",
    "list_applications",
    "list_services",
    "missing",
    "nearest",
    "origin_guess",
    "read_zone_list",
    "records_at",
    "slug_of",
    "sync_action",
    "unseen",
]

_KIND: Final = Kind(
    Stated, APPLICATIONS.name, APPLICATIONS.group, APPLICATIONS.version, APPLICATIONS.plural, custom=True
)
_PLACEHOLDER: Final = "http://SERVICE.NAMESPACE.svc.cluster.local:PORT"
_WORDLESS: Final = frozenset({"http", "service", "svc", "app", "web", "www", "api"})
_LEAST_WORD: Final = 3
_MAX_DETAIL: Final = 600
_MAX_LINES, _MAX_LINE = 200, 500


def done(ident: str, title: str, detail: str) -> OnboardItem:
    """Return an item that is done."""
    return OnboardItem(id=ident, title=title, progress=Progress.DONE, detail=clean(detail, _MAX_DETAIL))


def missing(ident: str, title: str, detail: str, action: NextAction | None = None) -> OnboardItem:
    """Return an item that is not done, with what would get it done."""
    return OnboardItem(
        id=ident, title=title, progress=Progress.MISSING, detail=clean(detail, _MAX_DETAIL), action=action
    )


def unseen(ident: str, title: str, gap: Unavailable) -> OnboardItem:
    """Return an item that could not be looked at."""
    return OnboardItem(
        id=ident,
        title=title,
        progress=Progress.UNSEEN,
        detail=clean(f"{gap.wanted}: {gap.reason}", _MAX_DETAIL),
        enable_with=gap.enable_with,
    )


class Applications(msgspec.Struct, frozen=True, kw_only=True):
    """Argo CD's Applications; ``installed`` False where there is no Argo CD."""

    items: tuple[Stated, ...] = ()
    installed: bool = True

    def tracking(self, kind: str, namespace: str, name: str) -> tuple[Stated, TrackedResource] | None:
        """Return the Application that tracks one object, and what it says of it."""
        for item in self.items:
            for entry in tracked(item):
                if (entry.kind, entry.namespace, entry.name) == (kind, namespace, name):
                    return item, entry
        return None


async def list_applications(kube: Kubernetes) -> Applications | Unavailable:
    """Return every Application."""
    return applications_of(await list_or_gap(kube, _KIND))


def applications_of(loaded: Loaded[Stated] | Unavailable) -> Applications | Unavailable:
    """Return the Applications of a list; without Argo CD there are none, which is no gap."""
    if isinstance(loaded, Unavailable):
        return loaded
    return Applications(items=loaded.items, installed=loaded.installed)


async def list_services(kube: Kubernetes) -> tuple[Service, ...]:
    """Return the cluster's Services, none where they cannot be listed: they only serve as a suggestion."""
    loaded = await list_or_gap(kube, SERVICES)
    return () if isinstance(loaded, Unavailable) else loaded.items


async def read_zone_list(
    cloudflare: Cloudflare, path: str, query: Mapping[str, str], wanted: str, permission: str
) -> tuple[Any, ...] | Unavailable:
    """List something at Cloudflare; an API that does not answer is a gap."""
    try:
        return await list_all(cloudflare, path, query, wanted=wanted, permission=permission)
    except SourceError as error:
        return Unavailable(wanted=wanted, reason=clean(error.message), enable_with=clean(error.hint))


def nearest(host: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return names of the same domain, most alike first."""
    parent = host.partition(".")[2]
    same = [name for name in dict.fromkeys(names) if name != host and not name.startswith("*") and name]
    mine = [name for name in same if name.endswith(f".{parent}") or name == parent] or same
    return tuple(sorted(mine, key=lambda name: (-SequenceMatcher(None, host, name).ratio(), name)))


def slug_of(host: str) -> str:
    """Return a hostname as a name for objects."""
    return re.sub(r"[^a-z0-9]+", "-", host.lower()).strip("-")[:60]


def origin_guess(host: str, kin: Sequence[str], services: Sequence[Service]) -> tuple[str, str]:
    """Return (URL for a rule, the Service meant); a placeholder and "" where no Service is called like that."""
    words = _own_words(host, kin)
    scored = sorted(
        ((score, service.ref, service) for service in services if (score := _score(words, service)) > 0),
        key=lambda item: (-item[0], item[1]),
    )
    if not scored or (len(scored) > 1 and scored[0][0] == scored[1][0]):
        return _PLACEHOLDER, ""
    service = scored[0][2]
    ports = [port for port in service.spec.ports or () if (port.protocol or "TCP") == "TCP"]
    port = next((item for item in ports if (item.name or "").startswith("http")), ports[0] if ports else None)
    if port is None:
        return _PLACEHOLDER, ""
    scheme = "https" if port.port == 443 or (port.name or "").startswith("https") else "http"
    return f"{scheme}://{service.name}.{service.namespace}.svc.cluster.local:{port.port}", service.ref


def _own_words(host: str, kin: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a name that its neighbours do not all share."""
    mine = re.split(r"[^a-z0-9]+", host.partition(".")[0])
    theirs = [set(re.split(r"[^a-z0-9]+", name.partition(".")[0])) for name in kin]
    shared = set.intersection(*theirs) if theirs else set()
    return tuple(word for word in mine if word and word not in shared)


def _score(words: Sequence[str], service: Service) -> int:
    parts = set(re.split(r"[^a-z0-9]+", service.name))
    named = sum(2 if word in parts else 1 if _within(word, service.name) else 0 for word in words)
    if not named:
        return 0
    exact = 4 if service.name in ("-".join(words), *words) else 0
    return named + exact + sum(word in service.namespace for word in words)


def _within(word: str, name: str) -> bool:
    return len(word) > _LEAST_WORD and word not in _WORDLESS and word in name


def dns_line(host: str, kind: str, content: str) -> str:
    """Return a proxied record as Cloudflare's import of zone files takes it."""
    end = f"{content}." if kind == "CNAME" else content
    return f"{host}. 1 IN {kind} {end} ; cf_tags=cf-proxied:true"


def sync_action(application: Stated, what: str) -> NextAction:
    """Return how to let Argo CD bring *what*."""
    namespace = application.namespace or "argocd"
    phase = as_map(application.status.get("operationState"))
    why = clean(as_text(phase.get("message")), 160) if as_text(phase.get("phase")) in ("Failed", "Error") else ""
    return NextAction(
        text=f"Sync the Application {application.name}, which is to bring {what}"
        + (f"; its last sync failed: {why}." if why else "."),
        commands=(
            changes("argocd", "app", "sync", application.name),
            look("kubectl", "-n", namespace, "get", "application", application.name),
        ),
    )


def home_in_git(found: tuple[Stated, TrackedResource] | None) -> str:
    """Return where an Application takes its manifests from, as the end of a sentence; empty when it is not known."""
    if found is None:
        return ""
    source = as_map(found[0].spec.get("source"))
    repo, path = clean(as_text(source.get("repoURL")), 200), clean(as_text(source.get("path")), 200)
    return f" In git: {repo} {path}, Application {found[0].name}." if repo else ""


def records_at(zone: ZoneFacts) -> str:
    """Return where the records of a zone are edited."""
    return f"the zone {zone.name} at Cloudflare (DNS > Records)"


def as_yaml(value: object) -> str:
    """Return plain data as YAML, in the order in which it was put; long values are cut, and credentials are masked."""
    import yaml

    text = str(yaml.safe_dump(_tidy(value), sort_keys=False, default_flow_style=False, width=1_000))
    lines = text.rstrip("\n").split("\n")
    more = ["# … and more, which was left out"] if len(lines) > _MAX_LINES else []
    return "\n".join([*(clean(line, _MAX_LINE) for line in lines[:_MAX_LINES]), *more])


def _tidy(value: object) -> object:
    """Drop what an object leaves out, and keep its order."""
    if isinstance(value, Mapping):
        plain = {str(key): _tidy(item) for key, item in value.items()}
        return {key: item for key, item in plain.items() if item is not None and item not in ({}, [])}
    if isinstance(value, list | tuple):
        return [_tidy(item) for item in value]
    return value
