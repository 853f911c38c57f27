"""What the store's list last showed of each finished order, so that only news wakes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("listed", sa.Text(), server_default="", nullable=False))
