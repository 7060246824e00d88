"""What cert-manager tells of the last day: a certificate issued, a failure, a step of the chain that ended. Pure.

Source: cert-manager, CertificateStatus (notBefore, lastFailureTime, conditions).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingressdoctor.collect.changes_day import Day, change
from ingressdoctor.collect.changes_edits import edits_of
from ingressdoctor.evidence.certificates import CertificateChain, ChainLink
from ingressdoctor.evidence.clock import Clock
from ingressdoctor.evidence.timelines import CertificateTimeline
from ingressdoctor.model.check import collector
from ingressdoctor.model.needs import Seen
from ingressdoctor.model.timeline import Change
from ingressdoctor.model.untyped import as_map, as_text

__all__ = ["certificate_changes", "collect_certificate_timeline"]

# Which turn of a condition says what; a turn that is no news (Issuing that ends) is left out.
_TURNS: Final = {
    ("Ready", "True"): "became ready",
    ("Ready", "False"): "not ready",
    ("Issuing", "True"): "issuing began",
    ("Issuing", "False"): "issuing failed",
    ("Denied", "True"): "denied",
    ("InvalidRequest", "True"): "refused",
}


@collector(wanted="what changed about the certificate")
async def collect_certificate_timeline(clock: Clock, chain: Seen[CertificateChain]) -> CertificateTimeline:
    """Tell what the chain says that the run has read anyway."""
    known = () if chain.value is None else certificate_changes(chain.value, Day.of(clock))
    return CertificateTimeline(changes=tuple(known))


def certificate_changes(chain: CertificateChain, day: Day) -> Iterator[Change]:
    """Yield what happened to the Certificate and to the objects below it."""
    if chain.certificate is not None:
        made = chain.certificate
        yield from edits_of(made.ref, made.created, made.managed, day)
        status = as_map(as_map(chain.certificate.raw).get("status"))
        revision = status.get("revision")
        if at := day.at(status.get("notBefore")):
            first = isinstance(revision, int) and revision <= 1
            yield change(at, "issued" if first else "renewed", chain.certificate.ref, by=chain.issuer)
        if at := day.at(chain.last_failure):
            times = f"{chain.failures} failed in a row" if chain.failures > 1 else ""
            detail = ": ".join(filter(None, (times, chain.deepest.reason if chain.deepest else "")))
            yield change(at, "issuing failed", chain.certificate.ref, by=chain.issuer, detail=detail)
    for link in chain.links:
        yield from _turns(link, day)


def _turns(link: ChainLink, day: Day) -> Iterator[Change]:
    for item in link.conditions:
        what = _TURNS.get((item.type, item.status), "")
        at = day.at(item.last_transition_time)
        # What is on its way is no news below the Certificate.
        waiting = what == "not ready" and link.kind != "Certificate" and item.reason not in ("Failed", "Denied")
        if what and at and not waiting:
            bad = item.status == "False" or item.type not in ("Ready", "Issuing")
            yield change(at, what, link.ref, detail=(item.message or item.reason or "") if bad else "")
    failed = day.at(as_text(as_map(as_map(link.raw).get("status")).get("failureTime")))
    if failed:
        yield change(failed, "failed", link.ref, detail=link.reason)
