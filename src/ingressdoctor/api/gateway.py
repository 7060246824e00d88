"""The evidence about the Gateway API that checks may ask for; listed apart, nothing else.

Ask for these types through ``ingressdoctor.api``.
"""

from __future__ import annotations

from ingressdoctor.evidence.gateway import (
    GatewayCondition,
    GatewayObjects,
    GatewayParent,
    GatewayRoute,
    GatewayView,
)

__all__ = ["GatewayCondition", "GatewayObjects", "GatewayParent", "GatewayRoute", "GatewayView"]
