"""When a provider is asked next about the void of a label, and whether an operator wants it asked again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "8"
down_revision = "7"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("labels", sa.Column("void_due_at", sa.Double(), nullable=True))
    op.add_column("labels", sa.Column("void_again", sa.Boolean(), server_default=sa.false(), nullable=False))
