"""How the certificate checks word what they found: facts of a chain, what to do, which commands show it.

Holds no check.
"""

from __future__ import annotations

from datetime import timedelta

from ingressdoctor.api import CertificateChain, ChainLink, Clock, Command, look, parse_time, shorten
from ingressdoctor_checks.certificates_reasons import signature_of

__all__ = ["advice", "describe", "facts", "stop", "wait"]


def facts(chain: CertificateChain, clock: Clock) -> dict[str, str]:
    """Return what is known of the chain, link by link, and when cert-manager tries again."""
    found = {
        f"{link.ref.partition(' ')[0]}": f"{link.state}: {shorten(link.reason, 160)}".removesuffix(": ")
        for link in chain.links
    }
    found["valid until"] = chain.not_after
    found["renewal due"] = chain.renewal_time
    found["issuer"] = chain.issuer
    failed = parse_time(chain.last_failure) if chain.last_failure else None
    if failed is not None and chain.failures:
        again = failed + timedelta(hours=min(2 ** (min(chain.failures, 7) - 1), 32))
        found["next try"] = again.strftime("%Y-%m-%dT%H:%M:%SZ") + (" (overdue)" if again < clock.now else "")
    return {name: value for name, value in found.items() if value}


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
