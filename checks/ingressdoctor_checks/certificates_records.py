"""What the DNS records of a challenge, asked at the zone's own servers, say about why it waits. Holds no check.

Source: RFC 8555 section 8.4; cert-manager pkg/issuer/acme/dns (cnameStrategy None writes at the name itself, while its
own look follows CNAMEs).
"""

from __future__ import annotations

import msgspec

from ingressdoctor.api import ChainLink, ChallengeRecords, Rcode, as_map, clean

__all__ = ["RecordVerdict", "admitted", "caa_facts", "record_facts", "verdict_on"]


class RecordVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with the record, as the end of a sentence, and what to do."""

    how: str
    remedy: str


def verdict_on(records: ChallengeRecords, link: ChainLink) -> RecordVerdict | None:
    """Judge the TXT record; None where nothing can be told."""
    held = [reply for reply in records.replies if reply.of("TXT")]
    answered = [reply for reply in records.replies if reply.rcode in (Rcode.NOERROR, Rcode.NODATA, Rcode.NXDOMAIN)]
    place = f"{records.target} (where the CNAME at {records.name} leads)" if records.target else records.name
    if not records.replies:
        return None
    if not answered:
        codes = ", ".join(sorted({reply.rcode.value for reply in records.replies}))
        return RecordVerdict(
            how=f"the servers of {records.zone or 'its zone'} do not answer for {place} ({codes})",
            remedy="Repair the delegation: the parent's NS records must name servers that serve the zone.",
        )
    if records.target and not records.by_cname:
        return RecordVerdict(
            how=f"{records.name} is a CNAME to {records.target}, and the solver writes where no CNAME leads",
            remedy="Set cnameStrategy: Follow on the solver, with a token for the target's zone, or remove the CNAME.",
        )
    return _of_values(records, len(answered), place) if held else _missing(records, link, place)


def _of_values(records: ChallengeRecords, answered: int, place: str) -> RecordVerdict | None:
    """Judge records that are there, by the value that the challenge expects."""
    if records.right is None:
        return None
    if not records.right:
        return RecordVerdict(
            how=f"the servers of {records.zone or 'its zone'} hold another value for {place} than this challenge's",
            remedy="Remove the stale record: another cert-manager, or an earlier try, left it. The right value is the "
            "challenge's spec.key.",
        )
    if len(records.right) < answered:
        return RecordVerdict(
            how=f"only {len(records.right)} of {answered} servers of the zone hold the TXT record of {place}",
            remedy="Repair the transfer between the zone's servers; cert-manager asks every one of them.",
        )
    return RecordVerdict(
        how=f"the TXT record of {place} is right on the zone's own servers, but cert-manager is shown other ones",
        remedy="cert-manager asks a resolver with a view of its own (split horizon). Set "
        "--dns01-recursive-nameservers=1.1.1.1:53 and --dns01-recursive-nameservers-only for it.",
    )


def _missing(records: ChallengeRecords, link: ChainLink, place: str) -> RecordVerdict:
    zone = records.zone or "its zone"
    presented = as_map(as_map(link.raw).get("status")).get("presented") is True
    if not presented:
        return RecordVerdict(
            how=f"cert-manager has not written the TXT record of {place} yet",
            remedy="See the challenge's events for why it cannot write at the DNS provider.",
        )
    return RecordVerdict(
        how=f"the servers of {zone} hold no TXT record for {place}, although cert-manager wrote one",
        remedy="It wrote into another copy of the zone, or somebody removed the record: compare the zone's NS records "
        "with the account of the solver's token.",
    )


def record_facts(records: ChallengeRecords) -> dict[str, str]:
    """Return what each server holds, by server."""
    seen = {
        f"TXT at {reply.server}": clean(", ".join(reply.of("TXT")[:4]), 200) or reply.rcode.value
        for reply in records.replies[:4]
    }
    if records.target:
        seen["CNAME"] = f"{records.name} → {records.target}"
    return seen


def caa_facts(records: ChallengeRecords) -> dict[str, str]:
    """Return the CAA records that the authority went by."""
    if not records.caa:
        return {}
    return {f"CAA of {records.caa_name}": clean(", ".join(records.caa), 200)}


def admitted(records: ChallengeRecords) -> str:
    """Say whom the CAA records admit, as the end of a sentence."""
    return f"the CAA records of {records.caa_name} do not admit this authority ({clean(', '.join(records.caa), 120)})"
