"""Sweeps, targets, spans, incidents, and the texts that they share."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the first tables."""
    counted = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "content",
        sa.Column("id", counted, primary_key=True),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "sweep",
        sa.Column("id", counted, primary_key=True),
        sa.Column("vantage", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("started_at", sa.BigInteger, nullable=False),
        sa.Column("ended_at", sa.BigInteger),
        *(
            sa.Column(name, sa.Integer, nullable=False, server_default="0")
            for name in ("healthy", "degraded", "broken", "unknown", "suppressed")
        ),
        sa.Column("offline", sa.Text, nullable=False, server_default=""),
        sa.Column("version", sa.String(64), nullable=False, server_default=""),
        sqlite_autoincrement=True,
    )
    op.create_index("sweep_by_vantage", "sweep", ["vantage", "state"])
    op.create_table(
        "target",
        sa.Column("id", counted, primary_key=True),
        sa.Column("name", sa.String(1000), nullable=False),
        sa.Column("vantage", sa.String(200), nullable=False),
        sa.Column("span_id", sa.BigInteger),
        sa.Column("well_id", sa.BigInteger, sa.ForeignKey("content.id")),
        sa.Column("learned", sa.LargeBinary),
        sa.UniqueConstraint("name", "vantage", name="target_name_vantage"),
    )
    op.create_index("ix_target_well_id", "target", ["well_id"])
    _spans(counted)
    _incidents()


def _spans(counted: sa.types.TypeEngine[int]) -> None:
    op.create_table(
        "span",
        sa.Column("id", counted, primary_key=True),
        sa.Column("target_id", sa.BigInteger, sa.ForeignKey("target.id"), nullable=False),
        sa.Column("verdict", sa.SmallInteger, nullable=False),
        sa.Column("suppressed", sa.Boolean, nullable=False),
        sa.Column("sameness", sa.LargeBinary, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("looks", sa.Integer, nullable=False),
        sa.Column("first_sweep", sa.BigInteger, nullable=False),
        sa.Column("last_sweep", sa.BigInteger, nullable=False),
        sa.Column("content_id", sa.BigInteger, sa.ForeignKey("content.id"), nullable=False),
        sa.Column("facts_id", sa.BigInteger, sa.ForeignKey("content.id")),
        sa.Column("before_id", sa.BigInteger, sa.ForeignKey("content.id")),
        sqlite_autoincrement=True,
        # Every sweep writes its rows again: with room beside them PostgreSQL does so in place.
        postgresql_with={"fillfactor": 50},
    )
    op.create_index("span_by_target", "span", ["target_id", "id"])
    for column in ("content_id", "facts_id", "before_id"):
        op.create_index(f"ix_span_{column}", "span", [column])


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.String(200), primary_key=True),
        sa.Column("vantage", sa.String(200), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("last_seen", sa.BigInteger, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
    )
    op.create_index("incident_by_vantage", "incident", ["vantage", "state"])
    op.create_table(
        "incident_member",
        sa.Column("incident_id", sa.String(200), sa.ForeignKey("incident.id"), primary_key=True),
        sa.Column("name", sa.String(1000), primary_key=True),
        sa.Column("joined_sweep", sa.BigInteger, nullable=False),
        sa.Column("left_sweep", sa.BigInteger),
    )
    op.create_index("incident_member_by_name", "incident_member", ["name"])
    op.create_table(
        "receipt",
        sa.Column("key", sa.String(300), primary_key=True),
        sa.Column("incident_id", sa.String(200), nullable=False),
        sa.Column("sent_at", sa.BigInteger, nullable=False),
    )
