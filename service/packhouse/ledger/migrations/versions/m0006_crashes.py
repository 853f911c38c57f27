"""Each order's crashes: how many processes in a row ended while they worked on it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "6"
down_revision = "5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("crashes", sa.Integer(), server_default="0", nullable=False))
    for name, which in (("ix_orders_leased", "lease IS NOT NULL"), ("ix_orders_crashed", "crashes > 1")):
        op.create_index(
            name,
            "orders",
            ["due_at"],
            unique=False,
            sqlite_where=sa.text(which),
            postgresql_where=sa.text(which),
        )
