"""The evidence about MaxScale and mariadb-operator that checks may ask for; listed apart because it is long.

Ask for these types through ``ingressdoctor.api``.
"""

from __future__ import annotations

from ingressdoctor.evidence.database_objects import (
    ConnectionObject,
    DatabaseObject,
    DatabaseObjects,
    GrantObject,
    MariaDbObject,
    MaxScaleObject,
    Operated,
    UserObject,
)
from ingressdoctor.evidence.maxscale import (
    ApiPlace,
    ApiRefusal,
    ApiTrouble,
    ApiWay,
    MaxScaleAccount,
    MaxScaleInstance,
    MaxScaleListener,
    MaxScaleLogs,
    MaxScaleMonitor,
    MaxScaleServer,
    MaxScaleService,
    MaxScaleState,
    RestReply,
)

__all__ = [
    "ApiPlace",
    "ApiRefusal",
    "ApiTrouble",
    "ApiWay",
    "ConnectionObject",
    "DatabaseObject",
    "DatabaseObjects",
    "GrantObject",
    "MariaDbObject",
    "MaxScaleAccount",
    "MaxScaleInstance",
    "MaxScaleListener",
    "MaxScaleLogs",
    "MaxScaleMonitor",
    "MaxScaleObject",
    "MaxScaleServer",
    "MaxScaleService",
    "MaxScaleState",
    "Operated",
    "RestReply",
    "UserObject",
]
