"""Objects of mariadb-operator, of one namespace, with what it says of each.

A status is what the operator last wrote: it looks at some of what matters, and keeps old values when it cannot look.

Source: mariadb-operator api/v1alpha1 (k8s.mariadb.com), v26.
"""

from __future__ import annotations

import msgspec

from ingressdoctor.evidence.kube import Condition, ManagedFields
from ingressdoctor.model.evidence import Unavailable

__all__ = [
    "ConnectionObject",
    "DatabaseObject",
    "DatabaseObjects",
    "GrantObject",
    "MariaDbObject",
    "MaxScaleObject",
    "Operated",
    "UserObject",
]


class Operated(msgspec.Struct, frozen=True, kw_only=True):
    """What every one of them has. ``created`` is when it was made, ``managed`` who set what of it since.

    ``mariadb`` names the MariaDB that it belongs to.
    """

    kind: str
    namespace: str
    name: str
    conditions: tuple[Condition, ...] = ()
    created: str = ""
    mariadb: str = ""
    mariadb_namespace: str = ""
    managed: tuple[ManagedFields, ...] = ()

    @property
    def ref(self) -> str:
        """The object as findings name it."""
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def ready(self) -> Condition | None:
        """Its condition Ready, None when the operator has not written any yet."""
        return next((item for item in self.conditions if item.type == "Ready"), None)

    @property
    def is_ready(self) -> bool:
        """Whether the operator says that it is ready."""
        return self.ready is not None and self.ready.status == "True"


class MariaDbObject(Operated, frozen=True, kw_only=True):
    """A MariaDB. ``primary`` is the pod that takes writes."""

    replicas: int = 1
    port: int = 3306
    maxscale: str = ""
    primary: str = ""
    tls_required: bool = False
    my_cnf: str = ""


class MaxScaleObject(Operated, frozen=True, kw_only=True):
    """A MaxScale. ``servers``, ``services`` and ``listeners`` are pairs of name and state, from one pod's API."""

    replicas: int = 1
    admin_port: int = 8989
    admin_user: str = "mariadb-operator"
    admin_secret: str = ""
    tls: bool | None = None
    service_type: str = ""
    suspended: bool = False
    servers: tuple[tuple[str, str], ...] = ()
    services: tuple[tuple[str, str], ...] = ()
    listeners: tuple[tuple[str, str], ...] = ()
    monitor: tuple[str, str] = ("", "")


class UserObject(Operated, frozen=True, kw_only=True):
    """An account. Without a password of any kind the operator makes it locked and expired.

    ``max_connections`` is the operator's default of 10 where ``limit_set`` is False.
    """

    user: str
    host: str = "%"
    has_password: bool = True
    max_connections: int = 10
    limit_set: bool = False
    needs_tls: bool = False


class GrantObject(Operated, frozen=True, kw_only=True):
    """What an account may do; it counts only for the account of exactly this user and host."""

    user: str
    host: str = "%"
    database: str = "*"
    table: str = "*"
    privileges: tuple[str, ...] = ()


class DatabaseObject(Operated, frozen=True, kw_only=True):
    """A schema."""

    database: str


class ConnectionObject(Operated, frozen=True, kw_only=True):
    """Connection details in a Secret; only one with a health check was ever tried."""

    user: str = ""
    database: str = ""
    maxscale: str = ""
    checked: bool = False


class DatabaseObjects(msgspec.Struct, frozen=True, kw_only=True):
    """All of one namespace. ``installed`` is False when the cluster does not serve these kinds at all.

    ``target`` is the MaxScale that the target's Service belongs to. What was not asked for is an empty tuple, what
    could not be read Unavailable.
    """

    namespace: str
    installed: bool = True
    target: MaxScaleObject | None = None
    mariadbs: tuple[MariaDbObject, ...] | Unavailable = ()
    maxscales: tuple[MaxScaleObject, ...] | Unavailable = ()
    users: tuple[UserObject, ...] | Unavailable = ()
    grants: tuple[GrantObject, ...] | Unavailable = ()
    databases: tuple[DatabaseObject, ...] | Unavailable = ()
    connections: tuple[ConnectionObject, ...] | Unavailable = ()

    @property
    def mariadb(self) -> MariaDbObject | None:
        """The MariaDB behind the target's MaxScale."""
        if self.target is None or isinstance(self.mariadbs, Unavailable):
            return None
        return next((item for item in self.mariadbs if item.name == self.target.mariadb), None)
