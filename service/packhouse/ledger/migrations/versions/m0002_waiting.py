"""What each open order waits for: kind, account, since when. An event's outcome "new" is "accepted"."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE events SET outcome = 'accepted' WHERE outcome = 'new'")
    op.add_column("orders", sa.Column("waiting", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("waiting_account", sa.Text(), server_default="", nullable=False))
    op.add_column("orders", sa.Column("waiting_since", sa.Double(), nullable=True))
