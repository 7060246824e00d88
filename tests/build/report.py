"""Reports with overridable parts, for renderers: one broken, and variations of it."""

from __future__ import annotations

import re

from build.values import replace
from ingressdoctor.model.check import Check
from ingressdoctor.model.evidence import Unavailable
from ingressdoctor.model.finding import Command, Fact, Finding, Remedy, Status
from ingressdoctor.model.report import (
    Cause,
    CheckResult,
    Coverage,
    Diagnosis,
    Report,
    SourceCall,
    StepReport,
    Timings,
    Verdict,
    result_of,
)
from ingressdoctor.model.symptom import Symptom
from ingressdoctor.model.target import Target
from ingressdoctor.model.timeline import Change, Timeline
from ingressdoctor.model.walk import Step, Walk

WALK = Walk(
    id="public",
    title="From the browser through the edge to the pods",
    steps=(
        Step(id="public.outside", question="Is it up from outside?", hop="the outside", docs="walks/public.md"),
        Step(id="public.dns", question="Does DNS point at Cloudflare?", hop="DNS", docs="walks/public.md"),
        Step(
            id="public.balancer",
            question="Is the load balancer healthy?",
            hop="the Hetzner load balancer",
            docs="walks/public.md",
        ),
        Step(id="public.traefik", question="Does Traefik have the route?", hop="Traefik", docs="walks/public.md"),
        Step(id="public.backend", question="Is the backend healthy?", hop="the backend", docs="walks/public.md"),
    ),
    proof=("edge.answers",),
)


def check(name: str, step: str, title: str = "It holds", causes: tuple[str, ...] = ()) -> Check:
    return Check(
        id=name,
        title=title,
        step=f"public.{step}",
        link=title,
        causes=causes,
        needs=(),
        function=lambda: (),
        module="tests",
    )


def result(name: str, step: str, *findings: Finding, **over: object) -> CheckResult:
    return replace(result_of(check(name, step), findings), elapsed_s=0.05, **over)


def passed(summary: str, **over: object) -> Finding:
    return replace(Finding(status=Status.PASS, summary=summary), **over)


REMEDY = Remedy(
    text="Let the load balancer listen on 443 again: the cloud controller does it when the Service changes.",
    commands=(
        Command(argv=("kubectl", "-n", "traefik", "describe", "service", "traefik")),
        Command(
            argv=("hcloud", "load-balancer", "add-service", "ecnv4-lb", "--protocol", "tcp", "--listen-port", "443"),
            changing=True,
        ),
    ),
    proof=Command(argv=("curl", "-sSI", "https://www.wecare.gr/")),
)
NO_SERVICE = Finding(
    status=Status.FAIL,
    summary="it has no service on port 443",
    subject="Load balancer ecnv4-lb",
    facts=(Fact(name="services", value="80, 3306", where="Hetzner API"),),
    remedy=REMEDY,
)
EDGE_522 = Finding(
    status=Status.FAIL,
    summary="Cloudflare answers 522",
    facts=(
        Fact(name="status", value="522", where="https://www.wecare.gr/"),
        Fact(name="cf-ray", value="8f2a-FRA", where="https://www.wecare.gr/"),
    ),
    remedy=Remedy(text="Look at what Cloudflare connects to: the load balancer's public address."),
    symptom=Symptom.EDGE_522,
)
STALE_NODE = Finding(
    status=Status.WARN,
    summary="one of three targets is unhealthy",
    subject="Load balancer ecnv4-lb",
    facts=(Fact(name="unhealthy", value="worker-3", where="Hetzner API"),),
    remedy=Remedy(text="Look why worker-3 fails its health check."),
)
NO_POLICIES = Unavailable(
    wanted="the NetworkPolicies",
    reason="403: user ingressdoctor cannot list networkpolicies.networking.k8s.io",
    enable_with="grant list on networkpolicies.networking.k8s.io",
)


def steps(*results: CheckResult) -> tuple[StepReport, ...]:
    return tuple(
        StepReport(
            step=step,
            results=tuple(item for item in results if item.check.step == step.id),
            elapsed_s=0.1 * number,
        )
        for number, step in enumerate(WALK.steps, start=1)
    )


def broken(**over: object) -> Report:
    """The 443 service of the load balancer is gone; one kind may not be read."""
    results = (
        result("edge.answers", "outside", EDGE_522),
        result("dns.not-proxied", "dns", passed("2 proxied addresses", subject="www.wecare.gr")),
        result("lb.service-missing", "balancer", NO_SERVICE),
        result("lb.targets", "balancer", passed("3 of 3 targets are healthy")),
        result("traefik.route", "traefik", passed("IngressRoute wecare/www takes the request")),
        result("backend.ready", "backend", passed("2 of 2 pods are ready")),
        result(
            "policy.shuts-out",
            "backend",
            Finding(status=Status.UNKNOWN, summary="not looked at", enable_with=NO_POLICIES.enable_with),
            missing=NO_POLICIES,
        ),
    )
    cause = Cause(
        check_id="lb.service-missing",
        step=WALK.steps[2],
        finding=NO_SERVICE,
        explains=(Symptom.EDGE_522,),
        brings_about=("edge.answers",),
    )
    calls = (
        SourceCall(source="dns", what="A www.wecare.gr", started_s=0.01, elapsed_s=0.02),
        SourceCall(source="kubernetes", what="GET /api/v1/services", started_s=0.02, elapsed_s=0.12),
        SourceCall(source="kubernetes", what="GET /api/v1/pods", started_s=0.14, elapsed_s=0.1),
    )
    report = Report(
        target=Target.parse("www.wecare.gr"),
        walk=WALK,
        ground="IngressRoute ecommercen-clients-wecare/www names the host",
        steps=steps(*results),
        diagnosis=Diagnosis(
            verdict=Verdict.BROKEN,
            headline="www.wecare.gr is down at the Hetzner load balancer: it has no service on port 443",
            causes=(cause,),
            symptoms=(Symptom.EDGE_522,),
            healthy_hops=("DNS", "Traefik"),
        ),
        coverage=Coverage(verified=6, total=7, unverified=("policy",)),
        timings=Timings(total_s=0.84, calls=calls, longest_chain=calls[1:]),
        started="2026-01-02T03:04:05Z",
        version="0.1.0",
        environment={"kubernetes": "v1.34.2"},
    )
    return replace(report, **over)


EVENTS_FORBIDDEN = Unavailable(wanted="the events of namespace wecare", reason="403: cannot list events")
ROLLED_OUT = Change(
    at="2026-01-02T02:50:05Z",
    what="rolled out",
    object="Deployment wecare/www",
    detail="shop:1.4.1 → 1.4.2 (revision 18)",
)
TIMELINE = Timeline(
    changes=(
        Change(
            at="2026-01-02T03:03:35Z",
            what="warning",
            object="Pod wecare/www-1",
            by="kubelet",
            detail="Unhealthy 90 times on 3 Pods: Readiness probe failed: HTTP probe failed with statuscode: 500",
        ),
        ROLLED_OUT,
        Change(at="2026-01-02T02:49:55Z", what="edited", object="Deployment wecare/www", by="kubectl-set"),
        Change(at="2026-01-01T23:00:05Z", what="update service", object="Load balancer ecnv4-lb", detail="3 times"),
        Change(at="2026-01-01T21:00:05Z", what="edited", object="Service wecare/www", by="helm", detail="spec.ports"),
        Change(at="2026-01-01T20:00:05Z", what="synced", object="Application argocd/www", by="automated sync"),
    ),
    unread=(EVENTS_FORBIDDEN,),
    broke_at="2026-01-02T02:51:05Z",
    looked=True,
)


def changed() -> Report:
    """Broken, with something that happened shortly before."""
    return broken(timeline=TIMELINE)


def healthy(**over: object) -> Report:
    """Every link was looked at and works."""
    names = {
        "edge.answers": "outside",
        "dns.not-proxied": "dns",
        "lb.targets": "balancer",
        "traefik.route": "traefik",
        "backend.ready": "backend",
    }
    report = broken(
        steps=steps(*(result(name, step, passed(f"{step} is well")) for name, step in names.items())),
        diagnosis=Diagnosis(verdict=Verdict.HEALTHY, headline="www.wecare.gr is healthy."),
        coverage=Coverage(verified=5, total=5),
    )
    return replace(report, **over)


def degraded() -> Report:
    """It works, with one warning."""
    cause = Cause(check_id="lb.targets", step=WALK.steps[2], finding=STALE_NODE)
    return healthy(
        steps=steps(
            result("edge.answers", "outside", passed("200 from the edge")),
            result("lb.targets", "balancer", STALE_NODE),
        ),
        diagnosis=Diagnosis(
            verdict=Verdict.DEGRADED,
            headline="www.wecare.gr works, with 1 warning: one of three targets is unhealthy",
            warnings=(cause,),
        ),
    )


def latent() -> Report:
    """Broken inside although it answers from outside, with a cause beside."""
    report = broken()
    causes = tuple(replace(cause, explains=()) for cause in report.diagnosis.causes)
    headline = "www.wecare.gr answers, but something is broken at the Hetzner load balancer: it has no service on 443"
    return replace(
        report,
        diagnosis=Diagnosis(verdict=Verdict.BROKEN, headline=headline, causes=causes, latent=True),
    )


def unexplained() -> Report:
    """A symptom that no finding explains, with something broken beside it."""
    report = broken()
    beside = tuple(replace(cause, explains=()) for cause in report.diagnosis.causes)
    return replace(
        report,
        diagnosis=Diagnosis(
            verdict=Verdict.BROKEN,
            headline="www.wecare.gr is down, and nothing that was looked at explains it: Cloudflare answers 522",
            beside=beside,
            symptoms=(Symptom.EDGE_522,),
            unexplained=(Symptom.EDGE_522,),
            healthy_hops=("DNS", "Traefik"),
            unseen_hops=("the backend",),
            next_steps=("Ask the provider of the origin.", "grant list on networkpolicies.networking.k8s.io"),
        ),
    )


def nobody_knows() -> Report:
    """No walk claims the name; two known ones look like it."""
    return healthy(
        target=Target.parse("ww.wecare.gr"),
        walk=None,
        ground="nothing is known about this name",
        steps=(),
        diagnosis=Diagnosis(
            verdict=Verdict.BROKEN,
            headline="ww.wecare.gr is not known anywhere that was searched.",
            next_steps=("searched: DNS", "searched: IngressRoutes and Ingresses of the cluster"),
        ),
        coverage=Coverage(verified=0, total=0),
        suggestions=("www.wecare.gr", "shop.wecare.gr"),
    )


def with_manifest(lines: int) -> Report:
    """A report whose first cause has a manifest of that many lines to apply."""
    report = broken()
    first, *others = report.diagnosis.causes
    manifest = "".join(f"line: {number}\n" for number in range(1, lines + 1))
    finding = replace(first.finding, remedy=replace(REMEDY, manifest=manifest))
    causes = (replace(first, finding=finding), *others)
    return replace(report, diagnosis=replace(report.diagnosis, causes=causes))


def hostile(text: str) -> Report:
    """A report in which every free text is *text*."""
    finding = Finding(
        status=Status.FAIL,
        summary=text,
        subject=text,
        facts=(Fact(name=text, value=text, where=text),),
        remedy=Remedy(
            text=text,
            commands=(Command(argv=("echo", text), changing=True),),
            proof=Command(argv=(text,)),
            manifest=f"kind: NetworkPolicy\nname: {text!r}",
        ),
    )
    missing = Unavailable(wanted=text, reason=text, enable_with=text)
    results = (
        result("edge.answers", "outside", finding, error=text),
        result("dns.not-proxied", "dns", Finding(status=Status.UNKNOWN, summary=text), missing=missing),
    )
    cause = Cause(check_id="edge.answers", step=WALK.steps[0], finding=finding)
    call = SourceCall(source=text, what=text, started_s=0, elapsed_s=0, outcome=text)
    return broken(
        ground=text,
        steps=steps(*results),
        diagnosis=Diagnosis(
            verdict=Verdict.BROKEN,
            headline=text,
            causes=(cause,),
            beside=(cause,),
            warnings=(cause,),
            unexplained=(Symptom.EDGE_522,),
            symptoms=(Symptom.EDGE_522,),
            healthy_hops=(text,),
            unseen_hops=(text,),
            next_steps=(text,),
        ),
        coverage=Coverage(verified=1, total=2, unverified=(text,)),
        timings=Timings(total_s=1.0, calls=(call,), longest_chain=(call,)),
        environment={text: text},
        suggestions=(text,),
        timeline=Timeline(
            changes=(Change(at=text, what=text, object=text, by=text, detail=text),),
            unread=(missing,),
            broke_at=text,
            looked=True,
        ),
    )


def without_colour(text: str) -> str:
    """Text without SGR codes, and nothing else removed."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
