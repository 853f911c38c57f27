"""What a parcel's tracker said last, and when it is asked next.

Posted parcels of before have no time yet: each gets one when its order is next processed, which is when its
tracker would have been asked.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "10"
down_revision = "9"
branch_labels = None
depends_on = None


def upgrade() -> None:
    unknown = sa.Column("tracking_state", sa.Text(), server_default="unknown", nullable=False)
    op.add_column("labels", unknown)
    op.add_column("labels", sa.Column("tracking_note", sa.Text(), server_default="", nullable=False))
    for name in ("tracking_changed_at", "expected_at", "track_due_at"):
        op.add_column("labels", sa.Column(name, sa.Double(), nullable=True))
    is_tracked = sa.text("track_due_at IS NOT NULL")
    op.create_index(
        "ix_labels_track_due",
        "labels",
        ["provider", "track_due_at"],
        sqlite_where=is_tracked,
        postgresql_where=is_tracked,
    )
