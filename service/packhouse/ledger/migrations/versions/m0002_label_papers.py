"""The papers of a label, such as its commercial invoice."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("labels", sa.Column("papers", sa.JSON(none_as_null=True)))
