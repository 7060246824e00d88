"""The evidence about Argo CD on every walk that checks may ask for; listed apart, nothing else.

Ask for these types through ``ingressdoctor.api``.
"""

from __future__ import annotations

from ingressdoctor.evidence.gitops import Applications, OwnedObject, OwningApplication, PathOwners

__all__ = ["Applications", "OwnedObject", "OwningApplication", "PathOwners"]
