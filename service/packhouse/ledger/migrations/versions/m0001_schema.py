"""The whole schema: events, orders, shipments, labels, holds, journal, kv."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

# Ledgers from before the first release have "0001" or "0002", and are refused.
revision = "1"
down_revision = None
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_JSON = sa.JSON(none_as_null=True)


def _one_of(column: str, words: str) -> str:
    """The check of an enum as it was when this was written."""
    return f"{column} IN ({', '.join(repr(word) for word in words.split())})"


def upgrade() -> None:
    op.create_table(
        "dead_letters",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letters")),
    )
    op.create_table(
        "events",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("site_slug", sa.Text(), nullable=False),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
        sa.UniqueConstraint("source", "external_id", name=op.f("uq_events_source_external_id")),
    )
    op.create_index("ix_events_order_id", "events", ["order_id"], unique=False)
    op.create_index("ix_events_received_at", "events", ["received_at"], unique=False)
    op.create_table(
        "journal",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Text(), server_default="", nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), server_default="", nullable=False),
        sa.Column("data", _JSON, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_journal_order_id_id", "journal", ["order_id", "id"], unique=False)
    op.create_table(
        "kv",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_kv")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("phase", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("status", sa.Text(), server_default="", nullable=False),
        sa.Column("site_slug", sa.Text(), server_default="", nullable=False),
        sa.Column("snapshot", _JSON, nullable=True),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("fetched_at", sa.Double(), nullable=True),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=True),
        sa.Column("lease", sa.Text(), nullable=True),
        sa.Column("wakes", sa.Integer(), server_default="1", nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(_one_of("phase", "open held shipped closed"), name=op.f("ck_orders_phase")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orders")),
    )
    op.create_index("ix_orders_due_at", "orders", ["due_at"], unique=False)
    op.create_index("ix_orders_phase_id", "orders", ["phase", "id"], unique=False)
    op.create_table(
        "holds",
        sa.Column("id", _ID, autoincrement=True, nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Text(), server_default="", nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("fingerprint", sa.Text(), server_default="", nullable=False),
        sa.Column("placed_by", sa.Text(), nullable=False),
        sa.Column("placed_at", sa.Double(), nullable=False),
        sa.Column("released_by", sa.Text(), server_default="", nullable=False),
        sa.Column("released_at", sa.Double(), nullable=True),
        sa.Column("release_reason", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_holds_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_order_id", "holds", ["order_id"], unique=False)
    op.create_index(
        "uq_holds_active",
        "holds",
        ["order_id", "shipment_id", "code"],
        unique=True,
        sqlite_where=sa.text("released_at IS NULL"),
        postgresql_where=sa.text("released_at IS NULL"),
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("units", _JSON, nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("parcel", _JSON, nullable=True),
        sa.Column("provider", sa.Text(), server_default="", nullable=False),
        sa.Column("provider_ref", sa.Text(), server_default="", nullable=False),
        sa.Column("rate", _JSON, nullable=True),
        sa.Column("quoted", _JSON, nullable=True),
        sa.Column("intent_at", sa.Double(), nullable=True),
        sa.Column("post_key", sa.Text(), server_default="", nullable=False),
        sa.Column("post_body", sa.Text(), server_default="", nullable=False),
        sa.Column("announced_at", sa.Double(), nullable=True),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.CheckConstraint(
            _one_of(
                "state", "planned held buying unknown labeled fulfilled voiding voided cancelled delivered"
            ),
            name=op.f("ck_shipments_state"),
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("fk_shipments_order_id_orders")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shipments")),
        sa.UniqueConstraint(
            "order_id", "seq", "generation", name=op.f("uq_shipments_order_id_seq_generation")
        ),
    )
    op.create_index("ix_shipments_state", "shipments", ["state"], unique=False)
    op.create_table(
        "labels",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("shipment_id", sa.Text(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("service", sa.Text(), nullable=False),
        sa.Column("tracking_number", sa.Text(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=False),
        sa.Column("cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("bought_at", sa.Double(), nullable=False),
        sa.Column("document", sa.Text(), server_default="", nullable=False),
        sa.Column("document_format", sa.Text(), nullable=True),
        sa.Column("document_source", sa.Text(), server_default="", nullable=False),
        sa.Column("void_requested_at", sa.Double(), nullable=True),
        sa.Column("void_refusals", sa.Integer(), server_default="0", nullable=False),
        sa.CheckConstraint(
            _one_of("state", "bought voiding voided void_refused"), name=op.f("ck_labels_state")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("fk_labels_shipment_id_shipments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_labels")),
        sa.UniqueConstraint("shipment_id", "generation", name=op.f("uq_labels_shipment_id_generation")),
    )
    op.create_index("ix_labels_bought_at", "labels", ["bought_at"], unique=False)
    op.create_index("ix_labels_document", "labels", ["document"], unique=False)
    op.create_index("ix_labels_tracking_number", "labels", ["tracking_number"], unique=False)
    op.create_index(
        "uq_labels_one_live",
        "labels",
        ["shipment_id"],
        unique=True,
        sqlite_where=sa.text("state = 'bought'"),
        postgresql_where=sa.text("state = 'bought'"),
    )
