"""What the money guard needs: the price first quoted, refusals of a void, and what was bought lately."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shipments", sa.Column("quoted", sa.JSON(none_as_null=True)))
    op.add_column("labels", sa.Column("void_refusals", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_labels_bought_at", "labels", ["bought_at"])
