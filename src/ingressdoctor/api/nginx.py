"""The evidence about ingress-nginx that checks may ask for; listed apart, nothing else.

Ask for these types through ``ingressdoctor.api``.
"""

from __future__ import annotations

from ingressdoctor.evidence.nginx import (
    NginxController,
    NginxControllers,
    NginxDecision,
    NginxLine,
    NginxLogs,
    NginxWay,
)

__all__ = ["NginxController", "NginxControllers", "NginxDecision", "NginxLine", "NginxLogs", "NginxWay"]
