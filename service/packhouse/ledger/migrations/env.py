"""Alembic's entry point: migrates over the connection that `ledger/migrate.py` passes."""

from __future__ import annotations

from alembic import context

from packhouse.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
