"""What a restored ledger needs: when an order was compared, and the purchases that it does not know."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7"
down_revision = "6"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("compared_at", sa.Double()))
    op.create_table(
        "recalled",
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("found", sa.JSON(none_as_null=True), nullable=False),
        sa.Column("outcome", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("reference", name="pk_recalled"),
    )
    op.create_index("ix_recalled_order_id", "recalled", ["order_id"], unique=False)
