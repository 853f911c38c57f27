"""The money guard: caps and the pause, checked inside the transaction that writes an intent to buy.

So two purchases cannot both pass the same cap. Where the amount is in doubt, the guard objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, exists, select, text, true

from packhouse.config.guard import GuardSettings
from packhouse.errors import LeaseLost
from packhouse.ledger import facts, kv, leases, order_limits, restores, spending
from packhouse.ledger import shipments as shipments_of
from packhouse.ledger.facts import Kind
from packhouse.ledger.order_limits import OrderLimits
from packhouse.ledger.statements import Prepared
from packhouse.ledger.tables import kv as kv_table
from packhouse.ledger.tables import labels, orders, shipments
from packhouse.ledger.tx import Lease, Tx
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.money import Money
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState

_DAY_S = 86_400.0
PAUSE = "paused"  # its name in the table kv
# Any number, the same in every replica.
_GUARD_LOCK = 7_402_163_056
_LATELY = labels.c.bought_at > bindparam("since")
_SITE = select(orders.c.site_slug).where(orders.c.id == bindparam("order_id")).scalar_subquery()
_OTHER = orders.alias("other")
_OF_SITE = exists().where(_OTHER.c.id == shipments.c.order_id, _OTHER.c.site_slug == _SITE)
_OF_DAY = spending.sum_of(_LATELY, true())
_OF_SITE_DAY = spending.sum_of(_LATELY & _OF_SITE, _OF_SITE)
_LOCK = Prepared(text("SELECT pg_advisory_xact_lock(:key)"))
_LOCK_SHARED = Prepared(text("SELECT pg_advisory_xact_lock_shared(:key)"))
_FLAGS = (PAUSE, *restores.FLAGS)
# The flags that are set, or one row without any; no row if the lease is not held. Read together, so that they
# are of one moment.
_MAY_PROCEED = Prepared(
    select(kv_table.c.name, kv_table.c.value)
    .select_from(orders.outerjoin(kv_table, kv_table.c.name.in_(_FLAGS)))
    .where(orders.c.id == bindparam("id"), orders.c.lease == bindparam("token"))
)


def paused(connection: Connection) -> str:
    """Why nothing is bought or posted; "" if nothing is paused, and no restored ledger is compared."""
    return _paused(connection, kv.read_many(connection, _FLAGS))


def _paused(connection: Connection, found: Mapping[str, str]) -> str:
    return restores.why_paused(connection, found) or found.get(PAUSE, "")


def pause_record(connection: Connection) -> tuple[str, float] | None:
    """Why nothing is bought or posted, and since when; None if nothing is paused."""
    found = kv.read_with_time(connection, PAUSE)
    return found if found and found[0] else None


def check_may_proceed(connection: Connection, lease: Lease) -> str:
    """The check right before a purchase or a post: why neither may be done, or "". Raises LeaseLost."""
    rows = _MAY_PROCEED.rows(connection, {"id": lease.order_id, "token": lease.token})
    if not rows:
        raise LeaseLost(f"order {lease.order_id} was taken over just before the request; nothing was sent")
    return _paused(connection, {name: value for name, value in rows if name is not None})


def pause(tx: Tx, why: str) -> None:
    """Stop buying and posting; with "" as reason, resume: waiting orders are due at once."""
    if why:
        _take_turns(tx)
    kv.write(tx, PAUSE, why)
    facts.note(tx, Kind.PAUSE, {"why": why, "at": tx.now})
    if not why:
        leases.wake_unfinished(tx)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a label is not bought now. `paused`: nothing is; else it is this one, with the kind of its hold."""

    why: str
    paused: bool = False
    code: HoldCode = HoldCode.CAP_REACHED


def begin_purchase(
    tx: Tx,
    /,
    caps: GuardSettings | None,
    limits: OrderLimits,
    shipment: Shipment,
    price: Money | None,
    entries: Sequence[Entry],
    **columns: Any,
) -> Objection | None:
    """Write the intent to buy; or, where the guard objects, write nothing and return the objection.

    `price` is None if the provider reports it only with the label. `caps` is None where an operator waived
    them for this label. The lease makes the order's own `limits` exact, so replicas need not take turns for
    them. Raises LeaseLost.
    """
    # A pause waits for intents that are being written; every later intent sees the pause.
    _take_turns(tx, shared=not (caps and caps.has_caps))
    if why := paused(tx.connection):
        return Objection(why, paused=True)
    if caps and (why := check_caps(tx.connection, tx.now, caps, shipment, price)):
        return Objection(why)
    if objection := order_limits.objection(tx.connection, limits, shipment, price):
        return Objection(objection.why, code=objection.code)
    shipments_of.move(tx, shipment, ShipmentState.BUYING, entries, **columns)
    return None


def check_caps(
    connection: Connection, now: float, caps: GuardSettings, shipment: Shipment, price: Money | None
) -> str:
    """Why a cap forbids this label at this price; "" if none does."""
    if not caps.has_caps:
        return ""
    if price is None:
        return "Its price is not known before the purchase."
    if price.currency != caps.currency:
        return f"It costs {price}, and the caps are in {caps.currency}."
    if _over(caps.max_label_minor, 0, price):
        return f"It costs {price}; a label may cost {_money(caps.max_label_minor, caps)}."
    order, since = {"order_id": shipment.order_id}, {"since": now - _DAY_S}
    for cap, which, chosen, what in (
        (caps.max_order_minor, spending.OF_ORDER, order, "the labels of this order"),
        (caps.max_day_minor, _OF_DAY, since, "all labels of 24 hours"),
        (caps.max_site_day_minor, _OF_SITE_DAY, order | since, "this site's labels of 24 hours"),
    ):
        if cap is None:
            continue
        spent = spending.spent(connection, which, caps.currency, shipment.id, **chosen)
        if _over(cap, spent, price):
            return f"With it {what} would cost {Money(spent + price.minor, caps.currency)}; " + (
                f"the cap is {_money(cap, caps)}."
            )
    return ""


def _over(cap: int | None, spent: int, price: Money) -> bool:
    return cap is not None and spent + price.minor > cap


def _money(minor: int | None, caps: GuardSettings) -> Money:
    return Money(minor or 0, caps.currency)


def _take_turns(tx: Tx, shared: bool = False) -> None:
    """Let one transaction at a time check and write, until it ends; shared ones run side by side.

    SQLite has one writer at a time anyway.
    """
    if tx.connection.dialect.name == "postgresql":
        (_LOCK_SHARED if shared else _LOCK).rows(tx.connection, {"key": _GUARD_LOCK})
