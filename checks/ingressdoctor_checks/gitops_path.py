"""Is what git says of the path's objects applied? On every walk: route, cloudflared's rules, Service.

A failure only where the path lacks what such an object brings, and Argo CD says that the object is not as in git;
otherwise a word beside the cause. Source: status of Argo CD's Applications.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Finding,
    Inapplicable,
    OwnedObject,
    OwningApplication,
    PathOwners,
    Remedy,
    Unavailable,
    changes,
    check,
    fail,
    look,
    ok,
    shorten,
    skip,
    unknown,
    warn,
)

__all__ = ["app_degraded", "not_applied", "sync_failed"]

_STEP: Final = "backend"
_LINK: Final = "git → objects of the path"
_WHERE: Final = "status of the Argo CD Applications"
_CAUSES: Final = (
    *("traefik.route-missing", "nginx.route-missing", "rule.host-missing", "sql.route-missing"),
    *("backend.service-missing", "backend.port-missing", "controller-404", "app-404", "tunnel-404"),
    *("edge-502", "http-503", "mysql-silent", "mysql-closed"),
)


def _owners(owners: PathOwners | Unavailable) -> tuple[OwnedObject, ...] | Finding:
    if isinstance(owners, Inapplicable):
        return skip(f"Argo CD was not asked: {owners.reason}.")
    if isinstance(owners, Unavailable):
        return unknown(
            f"What git says of the path's objects could not be told: {owners.reason}.",
            enable_with=owners.enable_with or "Allow list on applications (argoproj.io).",
        )
    return owners.objects or skip("No Argo CD Application tracks an object of the path.")


@check(
    id="argocd.sync-failed",
    title="Argo CD's last sync of the path's objects succeeded",
    step=_STEP,
    link=_LINK,
    causes=_CAUSES,
)
def sync_failed(owners: PathOwners | Unavailable) -> Iterator[Finding]:
    """One revision is tried once: what failed stays away until somebody acts."""
    objects = _owners(owners)
    if isinstance(objects, Finding):
        yield objects
        return
    broken = [item for item in objects if item.application.failed]
    for item in broken:
        application = item.application
        why = shorten(application.trouble or application.message or application.operation, 200)
        if item.status == "OutOfSync":
            say = fail if item.lacking else warn
            missing = f", and the request lacks {item.lacking}" if item.lacking else ""
            summary = f"{item.ref} is not what git says{missing}: the last sync of {_name(application)} failed ({why})."
        else:
            say, summary = warn, f"The last sync of {_name(application)} failed ({why}); {item.ref} is as in git."
        yield say(summary, subject=_name(application), where=_WHERE, seen=_facts(item), remedy=_remedy(application))
    if not broken:
        names = ", ".join(dict.fromkeys(_name(item.application) for item in objects))
        yield ok(f"The last sync of {names} did not fail.", where=_WHERE)


@check(
    id="argocd.not-applied",
    title="The path's objects are as git has them",
    step=_STEP,
    link=_LINK,
    causes=_CAUSES,
)
def not_applied(owners: PathOwners | Unavailable) -> Iterator[Finding]:
    """OutOfSync is a change in git that nobody brought to the cluster, or one in the cluster that git does not know."""
    objects = _owners(owners)
    if isinstance(objects, Finding):
        yield objects
        return
    drifted = [item for item in objects if item.status == "OutOfSync" and not item.application.failed]
    for item in drifted:
        application = item.application
        how = "it does not sync by itself" if not application.automated else "it has not synced it yet"
        what = f"so the request lacks {item.lacking}" if item.lacking else "what it holds is not what git says"
        say = fail if item.lacking else warn
        yield say(
            f"{item.ref} is OutOfSync, {what}: {_name(application)} knows it otherwise, and {how}.",
            subject=_name(application),
            where=_WHERE,
            seen=_facts(item),
            remedy=_remedy(application),
        )
    if not drifted:
        yield ok("No object of the path differs from git, as far as a sync would tell.", where=_WHERE)


@check(
    id="argocd.app-degraded",
    title="The Applications of the path are healthy",
    step=_STEP,
    link=_LINK,
)
def app_degraded(owners: PathOwners | Unavailable) -> Iterator[Finding]:
    """Health is a summary of the objects' own states: it points at the Application, and is no cause by itself."""
    objects = _owners(owners)
    if isinstance(objects, Finding):
        yield objects
        return
    applications = {item.application.name: item.application for item in objects}
    for application in applications.values():
        if application.health in ("Degraded", "Missing"):
            yield warn(
                f"{_name(application)} is {application.health}: some object of it is not well.",
                subject=_name(application),
                where=_WHERE,
                seen={"health": application.health, "sync": application.sync},
                remedy=Remedy(
                    text="See which of its objects it is.",
                    commands=(look(*_kubectl(application), "describe", "application", application.name),),
                ),
            )
        else:
            yield ok(f"{_name(application)} is {application.health or 'without a health'}.", where=_WHERE)


def _name(application: OwningApplication) -> str:
    return f"Application {application.name}"


def _kubectl(application: OwningApplication) -> tuple[str, ...]:
    return ("kubectl", "-n", application.namespace or "argocd")


def _facts(item: OwnedObject) -> dict[str, str]:
    application = item.application
    found = {
        "object": f"{item.ref} ({item.status or 'no status'})",
        "sync": application.sync,
        "health": application.health,
        "last operation": f"{application.operation}: {shorten(application.message, 160)}",
        "condition": shorten(application.trouble, 160),
        "self-heal": "on" if application.self_heal else "off",
    }
    return {name: value for name, value in found.items() if value.strip(": ")}


def _remedy(application: OwningApplication) -> Remedy:
    text = "Repair what the message names, then sync the Application."
    if application.self_heal:
        text += " Self-heal is on: repairs made in the cluster are reverted, so make them in git."
    return Remedy(
        text=text,
        commands=(
            look(*_kubectl(application), "describe", "application", application.name),
            look("argocd", "app", "diff", application.name),
            changes("argocd", "app", "sync", application.name),
        ),
        proof=look(*_kubectl(application), "get", "application", application.name),
    )
