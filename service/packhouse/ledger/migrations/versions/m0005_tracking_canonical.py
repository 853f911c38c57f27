"""Each label's tracking number as it is compared, with an index in place of that of the number as written."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from packhouse.model.tracking_number import canonical

revision = "5"
down_revision = "4"
branch_labels = None
depends_on = None

_LABELS = sa.table("labels", sa.column("id"), sa.column("tracking_number"), sa.column("tracking_canonical"))
_FILL = (
    sa.update(_LABELS)
    .where(_LABELS.c.id == sa.bindparam("label"))
    .values(tracking_canonical=sa.bindparam("canonical"))
)


def upgrade() -> None:
    empty = sa.Column("tracking_canonical", sa.Text(), server_default="", nullable=False)
    op.add_column("labels", empty)
    connection = op.get_bind()
    rows = connection.execute(sa.select(_LABELS.c.id, _LABELS.c.tracking_number)).all()
    if filled := [{"label": row.id, "canonical": canonical(row.tracking_number)} for row in rows]:
        connection.execute(_FILL, filled)
    op.drop_index("ix_labels_tracking_number", "labels")
    op.create_index("ix_labels_tracking_canonical", "labels", ["tracking_canonical"], unique=False)
