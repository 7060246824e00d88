"""Make routing objects of Kubernetes manifests that were never applied: files, Helm or kustomize output.

What is not understood is named with file, line and document, and skipped. A kind of Traefik's own that the files lack
does not exist; Services and endpoints are judged only where the files hold some. No cluster is asked anything.

Source: kubernetes.io/docs/reference/using-api/api-concepts (lists); traefik: pkg/provider/kubernetes/crd (groups).
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec

from ingressdoctor.collect.documents import Document, Fault, read_documents
from ingressdoctor.collect.manifest_files import TextFile
from ingressdoctor.collect.manifest_kinds import (
    APART,
    CLUSTER_SCOPED,
    FIELDS,
    HARMLESS,
    KINDS,
    OUTDATED,
    WORKLOADS,
    rendered,
)
from ingressdoctor.collect.plugin_policies import is_plugin_policy
from ingressdoctor.evidence.kube import IngressClass, Loaded, NetworkPolicy, Pod, Resource
from ingressdoctor.evidence.route_view import Skipped
from ingressdoctor.evidence.routes import NOT_READ, Custom, RoutingObjects
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.text import clean

__all__ = ["Manifests", "parse_manifests"]

_MAX_LIST_DEPTH: Final = 4
_NOT_ALONE: Final = ("services", "endpoint_slices", "certificates")
_CLASS: Final = msgspec.convert(
    {"kind": "IngressClass", "metadata": {"name": "traefik"}, "spec": {"controller": "traefik.io/ingress-controller"}},
    IngressClass,
)


class Manifests(msgspec.Struct, frozen=True, kw_only=True):
    """What a set of files holds.

    ``pods`` are those of the files and one for each workload, made from its template; ``policies`` and ``namespaces``
    say who may talk to whom, ``foreign`` names policies of a network plugin's own kinds; ``outdated`` are
    objects of the API group that only Traefik 2 reads; ``ignored`` counts the kinds that routing does not
    depend on; ``assumed`` says what was added.
    """

    objects: RoutingObjects
    pods: tuple[Pod, ...] = ()
    policies: Loaded[NetworkPolicy] = Loaded()
    namespaces: tuple[Resource, ...] = ()
    foreign: tuple[str, ...] = ()
    outdated: tuple[Custom, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    ignored: Mapping[str, int] = msgspec.field(default_factory=dict)
    assumed: tuple[str, ...] = ()
    files: int = 0
    used: int = 0

    @property
    def origin(self) -> str:
        """Where the objects are from, in words."""
        return f"{self.files} file{'' if self.files == 1 else 's'}, never applied"


def parse_manifests(texts: Iterable[TextFile | Skipped], *, namespace: str = "default") -> Manifests:
    """Sort the objects of all texts by kind; *namespace* is where those go that name none."""
    reader = _Reader(namespace)
    files = 0
    for item in texts:
        if isinstance(item, Skipped):
            reader.skipped.append(item)
            continue
        files += 1
        for document in read_documents(item.text):
            reader.take(item.name, document)
    return reader.finished(files)


class _Reader:
    """Collects objects; of two with the same name the later one stays, as with kubectl apply."""

    def __init__(self, namespace: str) -> None:
        self.skipped: list[Skipped] = []
        self._namespace = namespace
        self._ignored: Counter[str] = Counter()
        self._found: dict[tuple[str, str, str, str], tuple[Resource, str]] = {}
        self._broken: dict[str, list[str]] = {}
        self._foreign: list[str] = []

    def take(self, name: str, document: Document | Fault) -> None:
        """Use one document, or note why not."""
        place = f"document {document.number}" + (f", {document.source}" if document.source else "")
        where = clean(f"{name}:{document.line} ({place})", 400)
        if isinstance(document, Fault):
            self.skipped.append(Skipped(where=where, what=document.reason))
            return
        for value in self._flat(document.value, where, 0):
            self._object(value, where)

    def _flat(self, value: Any, where: str, depth: int) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """Yield the objects of a document: itself, or the items of lists."""
        if isinstance(value, list):  # as some tools write several objects
            value = {"kind": "List", "items": value}
        if not isinstance(value, dict):
            self._skip(where, f"not an object but {_shown(value)}")
            return
        kind = value.get("kind")
        is_list = isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), (list, type(None)))
        if not is_list:
            yield value
            return
        if depth >= _MAX_LIST_DEPTH:
            self._skip(where, "lists in lists in lists")
            return
        # The items of a typed list may leave out what the list says.
        said = {} if kind == "List" else {"kind": str(kind)[: -len("List")], "apiVersion": value.get("apiVersion")}
        for item in value.get("items") or ():
            yield from self._flat({**said, **item} if isinstance(item, dict) else item, where, depth + 1)

    def _object(self, value: dict[str, Any], where: str) -> None:
        kind, version = value.get("kind"), value.get("apiVersion")
        if not isinstance(kind, str) or not isinstance(version, str) or not kind or not version:
            serious = isinstance(kind, str) and bool(kind)
            what = f"{_shown(kind)} without apiVersion" if serious else "not a Kubernetes object: it has no kind"
            self._skip(where, what, serious=serious)
            return
        group = version.rpartition("/")[0]
        struct = KINDS.get((group, kind))
        if struct is None:
            self._unknown(value, kind, version, where)
        elif version in OUTDATED:
            self._skip(where, f"{kind} of {version}: {OUTDATED[version]}")
        else:
            self._decode(value, struct, (group, kind), where)

    def _unknown(self, value: Mapping[str, Any], kind: str, version: str, where: str) -> None:
        """Count a kind that routing does not depend on, but name one that looks like a mistyped one that it does."""
        shown, group = clean(kind, 60), version.rpartition("/")[0]
        if is_plugin_policy(group, kind):
            metadata = value.get("metadata")
            name = clean(str(metadata.get("name")), 80) if isinstance(metadata, dict) else "without a name"
            self._foreign.append(f"{shown} ({clean(group, 60)}) {name}")
            return
        meant = {name.lower(): (owner, name) for owner, name in reversed(KINDS)}
        for near in difflib.get_close_matches(kind.lower(), meant, n=1, cutoff=0.85):
            owner, name = meant[near]
            if group in ("", owner) or group.startswith("traefik"):
                wanted = f"{name} of {owner}" if group != owner else name
                self._skip(where, f"{shown} of {clean(version, 80)} is not known; did you mean {wanted}?")
                return
        self._ignored[shown] += 1

    def _decode(self, value: dict[str, Any], struct: type[Resource], kind: tuple[str, str], where: str) -> None:
        metadata = value.get("metadata")
        # Who edited an object decides nothing, and a hand may have been in it.
        metadata = {**metadata, "managedFields": None} if isinstance(metadata, dict) else {}
        name, namespace = metadata.get("name"), metadata.get("namespace") or self._namespace
        namespace = "" if kind[1] in CLUSTER_SCOPED else namespace
        ref = f"{kind[1]} {clean(f'{namespace}/' if namespace else '', 80)}{clean(str(name), 260)}"
        if not isinstance(name, str) or not name:
            why = "without a name"
            if metadata.get("generateName"):
                why += ": it has a generateName, so the name is not known before it is applied"
            elif name is not None and name != "":
                why += f" that is text: {_shown(name)} wants quotes"
            self._skip(where, f"{kind[1]} {why}")
            return
        if raw := rendered(value, kind[1]):
            self._break(kind, f"{ref}: {raw}", where)
            return
        try:
            item = msgspec.convert({**value, "metadata": {**metadata, "namespace": namespace or None}}, struct)
        except (msgspec.ValidationError, RecursionError) as error:
            self._break(kind, f"{ref} has an unexpected shape: {clean(str(error), 200)}", where)
            return
        key = (*kind, namespace, name)
        if key in self._found:
            self._skip(self._found[key][1], f"{ref} is there a second time, in {where}; the later one counts")
            del self._found[key]
        self._found[key] = (item, where)

    def _skip(self, where: str, what: str, *, serious: bool = True) -> None:
        self.skipped.append(Skipped(where=where, what=what, serious=serious))

    def _break(self, kind: tuple[str, str], what: str, where: str) -> None:
        field = FIELDS.get(kind, "")
        self._skip(where, what, serious=field not in HARMLESS)
        self._broken.setdefault(field, []).append(f"{what} ({where})")

    def finished(self, files: int) -> Manifests:
        """Return all that was found."""
        by_field: dict[str, list[Any]] = {}
        pods: list[Pod] = []
        made: list[Pod] = []
        for (group, kind, _, _), (item, where) in self._found.items():
            if kind in WORKLOADS and isinstance(item, Custom):
                made += self._pod_of(item, where)
            elif isinstance(item, Pod):
                pods.append(item)
            else:
                by_field.setdefault(FIELDS[(group, kind)], []).append(item)
        old = tuple(by_field.pop("old", ()))
        policies = Loaded(items=tuple(by_field.pop("policies", ())), broken=tuple(self._broken.pop("policies", ())))
        namespaces = tuple(by_field.pop("namespaces", ()))
        classes = by_field.setdefault("ingress_classes", [])
        assumed: list[str] = []
        if not any(item.spec.controller == _CLASS.spec.controller for item in classes):
            classes.append(_CLASS)
            if by_field.get("ingresses"):
                assumed.append("an IngressClass 'traefik' of Traefik's, since the files hold none")
        return Manifests(
            objects=_objects(by_field, self._broken),
            pods=(*pods, *(pod for pod in made if not _is_run_by(pod, pods))),
            policies=policies,
            namespaces=namespaces,
            foreign=tuple(self._foreign),
            outdated=old,
            skipped=tuple(self.skipped),
            ignored=dict(sorted(self._ignored.items())),
            assumed=tuple(assumed),
            files=files,
            used=len(self._found),
        )

    def _pod_of(self, item: Custom, where: str) -> Iterator[Pod]:
        """Yield the pod that a workload's template makes, under the workload's name."""
        template = item.spec.get("template")
        template = template if isinstance(template, dict) else {}
        metadata = template.get("metadata")
        labels = metadata.get("labels") if isinstance(metadata, dict) else None
        raw = {
            "kind": item.kind,
            "metadata": {"name": item.name, "namespace": item.namespace, "labels": labels},
            "spec": template.get("spec") or {},
        }
        try:
            yield msgspec.convert(raw, Pod)
        except (msgspec.ValidationError, RecursionError) as error:
            self._skip(where, f"{item.ref} has an unexpected shape: {clean(str(error), 200)}")


def _is_run_by(template: Pod, pods: Sequence[Pod]) -> bool:
    """Tell whether real pods of the template are there too, as in a dump of a cluster."""
    wanted = template.labels.items()
    return any(pod.namespace == template.namespace and wanted <= pod.labels.items() for pod in pods if wanted)


def _objects(found: Mapping[str, Sequence[Any]], broken: Mapping[str, Sequence[str]]) -> RoutingObjects:
    loaded: dict[str, Loaded[Any] | Unavailable] = {}
    for name in sorted({name for name in FIELDS.values() if name not in APART}):
        items, lost = tuple(found.get(name, ())), tuple(broken.get(name, ()))
        # Most charts leave Services and endpoints to others: none at all then tells nothing.
        absent = name in _NOT_ALONE and not items and not lost
        loaded[name] = NOT_READ if absent else Loaded(items=items, broken=lost)
    return RoutingObjects(**loaded)


def _shown(value: object) -> str:
    return clean(repr(value), 60)
