"""Does the cloud controller get done what the Service asks for?

Its events say why it does not; the annotations say beforehand what it will refuse, and what it will silently ignore.
Source: hcloud-cloud-controller-manager internal/annotation, hcloud/load_balancers.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.api import (
    Clock,
    Command,
    Controller,
    Event,
    Finding,
    Remedy,
    Service,
    ServiceEvents,
    Unavailable,
    changes,
    check,
    fail,
    look,
    misnamed_annotations,
    ok,
    refused_annotations,
    skip,
    unknown,
    warn,
)
from ingressdoctor_checks.balancer_common import PREFIX
from ingressdoctor_checks.balancer_signatures import FAILED, REMARKS, SUCCEEDED, Signature, explain

__all__ = ["annotation_unknown", "sync_failing"]

_WHERE: Final = "events of the Service"
_PATIENCE_S: Final = 600.0  # a sync takes seconds; retries back off to five minutes
_HCCM_LOG: Final = look("kubectl", "-n", "kube-system", "logs", "deploy/hcloud-cloud-controller-manager", "--tail=100")


@check(
    id="lb.sync-failing",
    title="The cloud controller's last sync succeeded",
    step="balancer",
    link="Service → LB",
    causes=(
        "lb.missing",
        "lb.service-missing",
        "lb.wrong-node-port",
        "lb.no-targets",
        "lb.network-detached",
        "lb.proxy-protocol-mismatch",
        "lb.address-mismatch",
    ),
)
def sync_failing(controller: Controller, events: ServiceEvents, clock: Clock) -> Iterator[Finding]:
    """No failure is newer than the last success."""
    service = controller.service
    if service is None or not events.kept:
        yield skip("No cloud controller keeps a load balancer for this path.")
        return
    if not events.asked:
        yield ok(f"The load balancer is as {service.ref} asks, so the last sync did its work.", subject=service.ref)
        return
    yield _judge(service, events, clock)
    yield from _remarks(service, events)


def _judge(service: Service, events: ServiceEvents, clock: Clock) -> Finding:
    decisive = [event for event in events.events if event.reason in (*SUCCEEDED, *FAILED)]
    if decisive and decisive[-1].reason in FAILED:
        return _failing(service, decisive[-1], events.difference)
    last = events.events[-1] if events.events else None
    if last is not None and last.reason == "EnsuringLoadBalancer":
        age = clock.seconds_since(last.when)
        if age is not None and age > _PATIENCE_S:
            return warn(
                f"The cloud controller has been at the load balancer of {service.ref} for {age / 60:.0f} minutes "
                "without saying how it ended.",
                subject=service.ref,
                where=_WHERE,
                seen={"last event": _shown(last)},
                remedy=Remedy(text="Its log says what it waits for.", commands=(_HCCM_LOG,), proof=_describe(service)),
            )
    if decisive:
        return ok(f"The cloud controller's last sync of {service.ref} succeeded.", subject=service.ref, where=_WHERE)
    if not events.difference:
        return ok(f"No sync of {service.ref} failed lately; its load balancer is as it asks.", subject=service.ref)
    return unknown(
        f"The cloud controller left no recent event about {service.ref} (they live for an hour).",
        subject=service.ref,
        seen={"why it matters": events.difference},
        enable_with="Read its log: " + _HCCM_LOG.shell(),
    )


def _failing(service: Service, event: Event, difference: str) -> Finding:
    text = f"{event.reason}: {event.message or ''}"
    known = explain(text)
    meaning = known.meaning if known else "its message says why"
    commands = [_describe(service), _HCCM_LOG]
    if known is not None and known.annotation:
        key = f"{PREFIX}{known.annotation}"
        commands.append(changes("kubectl", "-n", service.namespace, "annotate", "service", service.name, f"{key}-"))
    verb = fail if difference else warn
    return verb(
        f"The cloud controller cannot do what {service.ref} asks for: {meaning}.",
        subject=service.ref,
        where=_WHERE,
        seen={
            "event": _shown(event),
            "repeated": str(event.count or 1),
            "in the way of traffic": difference or "nothing yet: the load balancer still is as the Service asks",
        },
        remedy=Remedy(
            text=_fix(known),
            commands=tuple(commands),
            proof=_describe(service),
        ),
    )


def _fix(known: Signature | None) -> str:
    if known is None:
        return "Repair what the message names; the cloud controller retries by itself."
    if not known.annotation:
        return known.fix
    return f"{known.fix} The annotation is {PREFIX}{known.annotation}; without it the default rules."


def _remarks(service: Service, events: ServiceEvents) -> Iterator[Finding]:
    """Yield a warning for each kind of remark that does not stop a sync."""
    latest = {event.reason: event for event in events.events if event.reason in REMARKS}
    for event in latest.values():
        known = explain(f"{event.reason}: {event.message or ''}")
        yield warn(
            f"The cloud controller remarks about {service.ref}: {known.meaning if known else event.reason}.",
            subject=service.ref,
            where=_WHERE,
            seen={"event": _shown(event)},
            remedy=Remedy(text=known.fix if known else "Read the event.", commands=(_describe(service),)),
        )


def _shown(event: Event) -> str:
    return f"{event.when} {event.reason}: {event.message or ''}"


def _describe(service: Service) -> Command:
    return look("kubectl", "-n", service.namespace, "describe", "service", service.name)


@check(
    id="lb.annotation-unknown",
    title="The Service's Hetzner annotations are known and well formed",
    step="balancer",
    link="Service → LB",
    causes=("lb.sync-failing",),
)
def annotation_unknown(controller: Controller, events: ServiceEvents | Unavailable) -> Iterator[Finding]:
    """No annotation is misspelt, and none holds what the cloud controller will refuse."""
    service = controller.service
    if service is None and controller.unread:
        gap = controller.unread[0]
        yield unknown(f"The controller's Service could not be read: {gap.reason}.", enable_with=gap.enable_with)
        return
    if service is None or not any("hetzner" in key for key in service.annotations):
        yield skip("No Service in front of the controller carries Hetzner annotations.")
        return
    complaint = _complaint(events) if isinstance(events, ServiceEvents) else ""
    problems = [_misnamed(service, key, near) for key, near in misnamed_annotations(service.annotations)]
    refused = tuple(refused_annotations(service.annotations))
    blamed = [key for key, _ in refused if _blames(complaint, key, service.annotations[key])]
    problems += [_rejected(service, key, why) for key, why in refused if key not in blamed]
    yield from problems
    if blamed:
        yield skip(f"The failing sync already speaks of {', '.join(blamed)}.")
    elif not problems:
        yield ok(f"The Hetzner annotations of {service.ref} are known and well formed.", subject=service.ref)


def _complaint(events: ServiceEvents) -> str:
    """Return the text of the failure that the Service's sync ended with, or nothing."""
    decisive = [event for event in events.events if event.reason in (*SUCCEEDED, *FAILED)]
    last = decisive[-1] if decisive else None
    return f"{last.reason}: {last.message or ''}" if last is not None and last.reason in FAILED else ""


def _blames(complaint: str, key: str, value: str) -> bool:
    """Tell whether a sync failure speaks of this annotation: by its name, its value, or the field it fills."""
    name = key.removeprefix(PREFIX)
    known = explain(complaint) if complaint else None
    if known is not None and known.annotation == name:
        return True
    if name.startswith("http-") and "invalid input in field 'http'" in complaint:
        return True
    return bool(complaint) and (name in complaint or f'"{value}"' in complaint)


def _misnamed(service: Service, key: str, near: str) -> Finding:
    value = service.annotations[key]
    commands = [changes("kubectl", "-n", service.namespace, "annotate", "service", service.name, f"{key}-")]
    if near:
        setting = f"{near}={value}"
        commands.append(
            changes("kubectl", "-n", service.namespace, "annotate", "service", service.name, setting, "--overwrite")
        )
    hint = f"; did you mean {near}?" if near else "."
    return warn(
        f"{service.ref} carries {key}, which the cloud controller does not know and ignores{hint}",
        subject=service.ref,
        where="metadata.annotations",
        seen={key: value},
        remedy=Remedy(
            text="Rename it where the Service comes from (git, Helm values); what it asks for is not in force.",
            commands=tuple(commands),
            proof=_describe(service),
        ),
    )


def _rejected(service: Service, key: str, why: str) -> Finding:
    return warn(
        f"{service.ref} has {key} set to a value that the cloud controller refuses: {why}.",
        subject=service.ref,
        where="metadata.annotations",
        seen={key: service.annotations[key]},
        remedy=Remedy(
            text="Correct it where the Service comes from; until then no sync succeeds, whatever else changes.",
            commands=(changes("kubectl", "-n", service.namespace, "annotate", "service", service.name, f"{key}-"),),
            proof=_describe(service),
        ),
    )
