"""The shipped roles: read-only, no Secrets, and enough for every kind that is collected."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from ingressdoctor.collect.kinds import KINDS

DOCS = Path(__file__).parents[2] / "docs"
OBJECTS: list[dict[str, Any]] = [item for item in yaml.safe_load_all((DOCS / "deploy/rbac.yaml").read_text()) if item]
ROLES = {item["metadata"]["name"]: item for item in OBJECTS if item["kind"] == "ClusterRole"}
BOUND = [item["roleRef"]["name"] for item in OBJECTS if item["kind"] == "ClusterRoleBinding"]
RULES = [pytest.param(rule, id=f"{name}-{index}") for name, r in ROLES.items() for index, rule in enumerate(r["rules"])]


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_only_reads(rule: dict[str, list[str]]) -> None:
    assert set(rule["verbs"]) <= {"get", "list"}


@pytest.mark.parametrize("rule", RULES)
def test_no_rule_names_secrets_or_everything(rule: dict[str, list[str]]) -> None:
    assert not [name for name in rule["resources"] if name == "*" or name.split("/")[0] == "secrets"]
    assert "*" not in rule["apiGroups"]
    assert "nonResourceURLs" not in rule


def test_only_the_reading_role_is_bound_everywhere() -> None:
    assert BOUND == ["ingressdoctor"]


def test_configmaps_are_granted_by_namespace_only() -> None:
    everywhere = {name for rule in ROLES["ingressdoctor"]["rules"] for name in rule["resources"]}
    bindings = [item for item in OBJECTS if item["kind"] == "RoleBinding"]

    assert "configmaps" not in everywhere
    assert {item["roleRef"]["name"] for item in bindings} == {"ingressdoctor-configmaps"}
    assert all(item["metadata"]["namespace"] for item in bindings)


def test_the_bound_role_reaches_into_no_pod_or_service() -> None:
    resources = {name for rule in ROLES["ingressdoctor"]["rules"] for name in rule["resources"]}

    assert {name for name in resources if "/" in name} == {"pods/log"}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_collected_kind_may_be_listed(kind: Any) -> None:
    granted = {
        (group, resource)
        for rule in ROLES["ingressdoctor"]["rules"]
        if {"get", "list"} <= set(rule["verbs"])
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }

    assert (kind.group, kind.plural) in granted


@pytest.mark.parametrize(
    "group", sorted({g for rule in ROLES["ingressdoctor"]["rules"] for g in rule["apiGroups"] if g})
)
def test_the_page_explains_every_group(group: str) -> None:
    page = (DOCS / "rbac.md").read_text()
    named = {
        resource
        for rule in ROLES["ingressdoctor"]["rules"]
        if group in rule["apiGroups"]
        for resource in rule["resources"]
    }

    assert group in page or all(resource in page for resource in named)
