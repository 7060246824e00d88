"""How the certificate checks word what they found: facts of a chain, what to do, which commands show it.

Holds no check.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ingressdoctor.api import CertificateChain, ChainLink, Clock, Command, look, parse_time, shorten
from ingressdoctor_checks.certificates_reasons import signature_of

__all__ = ["advice", "describe", "facts", "next_try", "reason_of", "stop", "wait"]

_LONGEST: Final = 7
_CAP_H: Final = 32


def facts(chain: CertificateChain, clock: Clock) -> dict[str, str]:
    """Return what is known of the chain, link by link, and when cert-manager tries again."""
    found = {
        f"{link.ref.partition(' ')[0]}": f"{link.state}: {shorten(link.reason, 160)}".removesuffix(": ")
        for link in chain.links
    }
    found["valid until"] = chain.not_after
    found["renewal due"] = chain.renewal_time
    found["issuer"] = chain.issuer
    found["failed in a row"] = str(chain.failures or "")
    found["next try"] = next_try(chain, clock)
    return {name: value for name, value in found.items() if value}


def next_try(chain: CertificateChain, clock: Clock) -> str:
    """Return when cert-manager tries again, or that it does; empty when it waits for nothing.

    No field holds that time: it is an hour after the last failure, doubled with each failure in a row up to 32 hours
    (pkg/controller/certificates/trigger); a changed spec skips the wait.
    """
    failed = parse_time(chain.last_failure) if chain.last_failure else None
    if failed is None:
        return ""
    if chain.issuing:
        return "under way"
    try:
        again = failed + timedelta(hours=min(2 ** (min(max(chain.failures, 1), _LONGEST) - 1), _CAP_H))
    except OverflowError:
        return ""
    return again.strftime("%Y-%m-%dT%H:%M:%SZ") + (" (overdue)" if again < clock.now else "")


def reason_of(chain: CertificateChain) -> str:
    """Return the words of the deepest object that gives any; those of a waiting order without challenge are ours."""
    deepest = chain.deepest
    if deepest is not None and deepest.kind == "Order" and deepest.state == "pending" and not deepest.reason:
        return "no configured challenge solvers can be used"
    return next((item.reason for item in reversed(chain.links) if item.reason), "")


def advice(reason: str) -> str:
    """Return what to do about a reason, as far as it is known."""
    known = signature_of(reason)
    return known.remedy if known else "Follow the chain down: the deepest object carries the reason."


def stop(text: str) -> str:
    """Return the full stop that a quoted sentence lacks."""
    return "" if text.endswith((".", "…")) else "."


def describe(chain: CertificateChain, link: ChainLink) -> Command:
    """Return the command that shows one object of the chain."""
    kind, _, rest = link.ref.partition(" ")
    return look("kubectl", "-n", chain.namespace, "describe", kind.lower(), rest.rpartition("/")[2])


def wait(chain: CertificateChain, top: ChainLink) -> Command:
    """Return the command that ends well once the Certificate is Ready."""
    name = top.ref.rpartition("/")[2]
    return look(
        "kubectl", "-n", chain.namespace, "wait", "--for=condition=Ready", f"certificate/{name}", "--timeout=5m"
    )
