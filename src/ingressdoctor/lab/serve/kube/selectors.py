"""Label and field selectors as the API server reads them from a query string. Pure.

Grammar: Kubernetes apimachinery, pkg/labels/selector.go and pkg/fields/selector.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ingressdoctor.lab.cluster import Object, dig, labels_of, text
from ingressdoctor.lab.serve.kube.resources import Resource

Test = Callable[[Object], bool]

_SET = re.compile(r"^(?P<key>[^\s!=,()]+)\s+(?P<verb>in|notin)\s*\((?P<values>[^()]*)\)$")
_EQUAL = re.compile(r"^(?P<key>[^\s!=,()]+)\s*(?P<verb>==|=|!=)\s*(?P<value>[^\s!=,()]*)$")
_KEY = re.compile(r"^(?P<not>!?)\s*(?P<key>[^\s!=,()]+)$")
# A comma ends a requirement unless it stands inside the brackets of a set.
_COMMA = re.compile(r",(?![^()]*\))")

_FIELDS = {
    "Pod": ("spec.nodeName", "spec.restartPolicy", "status.phase", "status.podIP"),
    "Event": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "reason",
        "type",
    ),
    "Secret": ("type",),
}


class SelectorError(ValueError):
    """The selector cannot be read; the API server answers 400."""


def label_test(selector: str) -> Test:
    """What an object must have to match a labelSelector; everything matches an empty one."""
    tests = [_requirement(part.strip()) for part in _COMMA.split(selector) if part.strip()]
    return lambda item: all(test(item) for test in tests)


def _requirement(part: str) -> Test:
    if found := _SET.match(part):
        values = frozenset(value.strip() for value in found["values"].split(","))
        inside, key = found["verb"] == "in", found["key"]
        return lambda item: (key in labels_of(item) and text(labels_of(item)[key]) in values) == inside
    if found := _EQUAL.match(part):
        key, value, equal = found["key"], found["value"], found["verb"] != "!="
        return lambda item: (key in labels_of(item) and text(labels_of(item)[key]) == value) == equal
    if found := _KEY.match(part):
        key, wanted = found["key"], not found["not"]
        return lambda item: (key in labels_of(item)) == wanted
    raise SelectorError(f"unable to parse requirement: {part!r}")


def field_test(selector: str, resource: Resource) -> Test:
    """What an object must have to match a fieldSelector; SelectorError for a field this resource lacks."""
    known = ("metadata.name", "metadata.namespace", *_FIELDS.get(resource.kind, ()))
    tests: list[Test] = []
    for part in filter(None, (piece.strip() for piece in selector.split(","))):
        found = _EQUAL.match(part)
        if found is None:
            raise SelectorError(f"invalid selector: {part!r}; can't understand {part!r}")
        if found["key"] not in known:
            raise SelectorError(f"field label not supported: {found['key']}")
        tests.append(_field(found["key"], found["value"], equal=found["verb"] != "!="))
    return lambda item: all(test(item) for test in tests)


def _field(path: str, value: str, *, equal: bool) -> Test:
    return lambda item: (text(dig(item, *path.split("."))) == value) == equal
