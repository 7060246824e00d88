"""What Alembic runs for every upgrade: the steps, on the connection and in the transaction of whoever opens a history.

Alembic executes this file; nothing imports it.
"""

from __future__ import annotations

from alembic import context

context.configure(
    connection=context.config.attributes["connection"], version_table=context.config.attributes["version_table"]
)
with context.begin_transaction():
    context.run_migrations()
