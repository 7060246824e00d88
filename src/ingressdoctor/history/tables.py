"""The tables of the history, as SQLAlchemy Core sees them. The migrations make them; a test holds the two together.

Times are whole milliseconds since 1970 in UTC. Rows are ordered by their ids, never by time alone: clocks jump.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

__all__ = ["CONTENT", "INCIDENT", "MEMBER", "METADATA", "RECEIPT", "SPAN", "SWEEP", "TARGET", "VERSION_TABLE"]

VERSION_TABLE: Final = "ingressdoctor_schema"
METADATA: Final = sa.MetaData()

# An ordinary INTEGER PRIMARY KEY is what SQLite counts up by itself.
_ID: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

CONTENT: Final = sa.Table(
    "content",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("body", sa.LargeBinary, nullable=False),
)
"""Texts, each stored once: what was found, and facts. ``body`` is compressed JSON (texts.py)."""

SWEEP: Final = sa.Table(
    "sweep",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("vantage", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("started_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
    sa.Column("healthy", sa.Integer, nullable=False, server_default="0"),
    sa.Column("degraded", sa.Integer, nullable=False, server_default="0"),
    sa.Column("broken", sa.Integer, nullable=False, server_default="0"),
    sa.Column("unknown", sa.Integer, nullable=False, server_default="0"),
    sa.Column("suppressed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("offline", sa.Text, nullable=False, server_default=""),
    sa.Column("version", sa.String(64), nullable=False, server_default=""),
    sa.Index("sweep_by_vantage", "vantage", "state"),
    sqlite_autoincrement=True,
)

TARGET: Final = sa.Table(
    "target",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("name", sa.String(1000), nullable=False),
    sa.Column("vantage", sa.String(200), nullable=False),
    # The current span. No foreign key: spans point at targets already.
    sa.Column("span_id", sa.BigInteger),
    sa.Column("well_id", sa.BigInteger, sa.ForeignKey("content.id"), index=True),
    sa.Column("learned", sa.LargeBinary),
    sa.UniqueConstraint("name", "vantage", name="target_name_vantage"),
)
"""One target seen from one place. ``well_id`` are the facts of the last look that was well (facts.py)."""

SPAN: Final = sa.Table(
    "span",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("target_id", sa.BigInteger, sa.ForeignKey("target.id"), nullable=False),
    sa.Column("verdict", sa.SmallInteger, nullable=False),
    sa.Column("suppressed", sa.Boolean, nullable=False),
    sa.Column("sameness", sa.LargeBinary, nullable=False),
    sa.Column("first_at", sa.BigInteger, nullable=False),
    sa.Column("last_at", sa.BigInteger, nullable=False),
    sa.Column("looks", sa.Integer, nullable=False),
    sa.Column("first_sweep", sa.BigInteger, nullable=False),
    sa.Column("last_sweep", sa.BigInteger, nullable=False),
    sa.Column("content_id", sa.BigInteger, sa.ForeignKey("content.id"), nullable=False, index=True),
    sa.Column("facts_id", sa.BigInteger, sa.ForeignKey("content.id"), index=True),
    sa.Column("before_id", sa.BigInteger, sa.ForeignKey("content.id"), index=True),
    sa.Index("span_by_target", "target_id", "id"),
    sqlite_autoincrement=True,
    postgresql_with={"fillfactor": 50},
)
"""Consecutive looks with the same result. A failing span keeps its own facts and those of when it was last well."""

INCIDENT: Final = sa.Table(
    "incident",
    METADATA,
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("vantage", sa.String(200), nullable=False),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("last_seen", sa.BigInteger, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Index("incident_by_vantage", "vantage", "state"),
)

MEMBER: Final = sa.Table(
    "incident_member",
    METADATA,
    sa.Column("incident_id", sa.String(200), sa.ForeignKey("incident.id"), primary_key=True),
    sa.Column("name", sa.String(1000), primary_key=True),
    sa.Column("joined_sweep", sa.BigInteger, nullable=False),
    sa.Column("left_sweep", sa.BigInteger),
    sa.Index("incident_member_by_name", "name"),
)
"""Who is, or was, in an incident; who left keeps the row, so that a host's history can tell."""

RECEIPT: Final = sa.Table(
    "receipt",
    METADATA,
    sa.Column("key", sa.String(300), primary_key=True),
    sa.Column("incident_id", sa.String(200), nullable=False),
    sa.Column("sent_at", sa.BigInteger, nullable=False),
)
"""Notifications that were delivered (receipts.py). No foreign key: an incident may be told before it is written."""
