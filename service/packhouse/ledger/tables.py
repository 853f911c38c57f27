"""The ledger's tables, the same for SQLite and PostgreSQL. Times are seconds since 1970 UTC."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from packhouse.model.states import LabelState, OrderPhase, ShipmentState

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_JSON = JSON(none_as_null=True)
_ID = BigInteger().with_variant(Integer(), "sqlite")


def _one_of(column: str, members: type[OrderPhase | ShipmentState | LabelState]) -> CheckConstraint:
    """The database's side of an enum: nothing else can be written."""
    listed = ", ".join(f"'{member.value}'" for member in members)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


# Received events, one row for each id of a source ("store": its webhooks). An insert that changes no row is
# a duplicate.
events = Table(
    "events",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("site_slug", Text, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("source", "external_id"),
    Index("ix_events_received_at", "received_at"),
    Index("ix_events_order_id", "order_id"),
    # Few among many, so they are listed without reading the others.
    Index(
        "ix_events_ignored",
        "received_at",
        sqlite_where=text("outcome = 'ignored'"),
        postgresql_where=text("outcome = 'ignored'"),
    ),
)

# Correctly signed bodies that cannot be read: kept for an operator.
dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("received_at", Double, nullable=False),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

# One row for each order, which is leased, woken and retried. `due_at` is when to process it, or when its
# lease ends; NULL only where nothing is left to do. `wakes` counts wake-ups, so that none is lost meanwhile.
# `waiting` is the kind of what it waits for until `due_at` (model/waiting.py), and `reason` the sentence.
orders = Table(
    "orders",
    metadata,
    Column("id", Text, primary_key=True),
    Column("phase", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("status", Text, nullable=False, server_default=""),
    Column("site_slug", Text, nullable=False, server_default=""),
    Column("snapshot", _JSON),
    Column("fingerprint", Text, nullable=False, server_default=""),
    Column("fetched_at", Double),
    Column("updated_at", Double, nullable=False),
    Column("due_at", Double),
    Column("lease", Text),
    Column("wakes", Integer, nullable=False, server_default="1"),
    Column("attempts", Integer, nullable=False, server_default="0"),
    # How many processes in a row ended while they had this order.
    Column("crashes", Integer, nullable=False, server_default="0"),
    Column("last_error", Text, nullable=False, server_default=""),
    Column("waiting", Text, nullable=False, server_default=""),
    Column("waiting_account", Text, nullable=False, server_default=""),
    Column("waiting_since", Double),
    # What the store's list showed of the order when it was last compared, as a digest.
    Column("listed", Text, nullable=False, server_default=""),
    # When it was last compared with the store and the provider accounts, after a restore of the ledger.
    Column("compared_at", Double),
    _one_of("phase", OrderPhase),
    # Without the finished orders, which only become more.
    Index(
        "ix_orders_due_at",
        "due_at",
        sqlite_where=text("due_at IS NOT NULL"),
        postgresql_where=text("due_at IS NOT NULL"),
    ),
    Index("ix_orders_phase_updated_at_id", "phase", "updated_at", "id"),
    Index(
        "ix_orders_leased",
        "due_at",
        sqlite_where=text("lease IS NOT NULL"),
        postgresql_where=text("lease IS NOT NULL"),
    ),
    Index(
        "ix_orders_crashed",
        "due_at",
        sqlite_where=text("crashes > 1"),
        postgresql_where=text("crashes > 1"),
    ),
)

shipments = Table(
    "shipments",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("units", _JSON, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("parcel", _JSON),
    Column("provider", Text, nullable=False, server_default=""),
    Column("provider_ref", Text, nullable=False, server_default=""),
    Column("rate", _JSON),
    Column("quoted", _JSON),
    Column("intent_at", Double),
    Column("post_key", Text, nullable=False, server_default=""),
    Column("post_body", Text, nullable=False, server_default=""),
    Column("announced_at", Double),
    Column("updated_at", Double, nullable=False),
    UniqueConstraint("order_id", "seq", "generation"),
    _one_of("state", ShipmentState),
    Index("ix_shipments_state_updated_at_id", "state", "updated_at", "id"),
)

labels = Table(
    "labels",
    metadata,
    Column("id", Text, primary_key=True),
    Column("shipment_id", Text, ForeignKey("shipments.id"), nullable=False),
    Column("generation", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("service", Text, nullable=False),
    Column("tracking_number", Text, nullable=False),
    Column("provider_id", Text, nullable=False),
    Column("cost_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("bought_at", Double, nullable=False),
    Column("document", Text, nullable=False, server_default=""),
    Column("document_format", Text),
    Column("document_source", Text, nullable=False, server_default=""),
    Column("void_requested_at", Double),
    Column("void_refusals", Integer, nullable=False, server_default="0"),
    Column("papers", _JSON),
    # The number as it is compared (model/tracking_number.py), "" for one without a letter or digit.
    Column("tracking_canonical", Text, nullable=False, server_default=""),
    # When the provider is asked next to void it, NULL at once; and whether an operator wants it asked again.
    Column("void_due_at", Double),
    Column("void_again", Boolean, nullable=False, server_default=false()),
    # What the parcel's tracker said last and when that was news; when it is asked next, NULL if it is not.
    Column("tracking_state", Text, nullable=False, server_default="unknown"),
    Column("tracking_note", Text, nullable=False, server_default=""),
    Column("tracking_changed_at", Double),
    Column("expected_at", Double),
    Column("track_due_at", Double),
    UniqueConstraint("shipment_id", "generation"),
    _one_of("state", LabelState),
    Index("ix_labels_tracking_canonical", "tracking_canonical"),
    Index("ix_labels_bought_at", "bought_at"),
    Index(
        "ix_labels_track_due",
        "provider",
        "track_due_at",
        sqlite_where=text("track_due_at IS NOT NULL"),
        postgresql_where=text("track_due_at IS NOT NULL"),
    ),
    # A shipment has one live label, whatever the code above believes.
    Index(
        "uq_labels_one_live",
        "shipment_id",
        unique=True,
        sqlite_where=text("state = 'bought'"),
        postgresql_where=text("state = 'bought'"),
    ),
)

holds = Table(
    "holds",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("order_id", Text, ForeignKey("orders.id"), nullable=False),
    Column("shipment_id", Text, nullable=False, server_default=""),
    Column("code", Text, nullable=False),
    Column("note", Text, nullable=False, server_default=""),
    Column("fingerprint", Text, nullable=False, server_default=""),
    Column("placed_by", Text, nullable=False),
    Column("placed_at", Double, nullable=False),
    Column("released_by", Text, nullable=False, server_default=""),
    Column("released_at", Double),
    Column("release_reason", Text, nullable=False, server_default=""),
    Index("ix_holds_order_id", "order_id"),
    Index(
        "ix_holds_released_at",
        "released_at",
        sqlite_where=text("released_at IS NOT NULL"),
        postgresql_where=text("released_at IS NOT NULL"),
    ),
    # One active hold of each kind on an order or shipment.
    Index(
        "uq_holds_active",
        "order_id",
        "shipment_id",
        "code",
        unique=True,
        sqlite_where=text("released_at IS NULL"),
        postgresql_where=text("released_at IS NULL"),
    ),
)

journal = Table(
    "journal",
    metadata,
    Column("id", _ID, primary_key=True, autoincrement=True),
    Column("at", Double, nullable=False),
    Column("order_id", Text, nullable=False),
    Column("shipment_id", Text, nullable=False, server_default=""),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("data", _JSON),
    Index("ix_journal_order_id_id", "order_id", "id"),
    sqlite_autoincrement=True,
)

# Small durable values by name: the poll's watermark, the pause, when a periodic task last ran.
kv = Table(
    "kv",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    Column("updated_at", Double, nullable=False),
)

# Purchases that a provider account lists and this ledger, which was restored, does not know: one row each, by
# their reference. `outcome` is "" until the order is compared.
recalled = Table(
    "recalled",
    metadata,
    Column("reference", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("found", _JSON, nullable=False),
    Column("outcome", Text, nullable=False, server_default=""),
    Index("ix_recalled_order_id", "order_id"),
)

# What only becomes more, counted by triggers (migration 9) in the transaction of each change: orders and
# shipments in a finished state ("orders", "shipments", by state), labels ever bought ("labels"), and what
# those that are not voided cost ("spent"), both by currency. A count is the sum of its shards: on a server
# that replicas share, each connection counts in a shard of its own, so that none waits for another.
counts = Table(
    "counts",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("word", Text, primary_key=True),
    Column("shard", Integer, primary_key=True, autoincrement=False),
    Column("number", BigInteger, nullable=False),
)
