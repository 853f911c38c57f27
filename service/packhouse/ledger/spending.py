"""What labels cost, and how many there are: what is paid, and what unfinished purchases may still cost."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, bindparam, exists, func, literal, select, union

from packhouse.ledger.statements import Prepared
from packhouse.ledger.tables import holds, labels, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.states import LabelState, ShipmentState

# A label whose void is only asked for is still paid.
_NO_LONGER_SPENT = (LabelState.VOIDED.value,)
_ABOUT_TO_BE_SPENT = (ShipmentState.BUYING.value, ShipmentState.UNKNOWN.value)
# The purchases that are not finished, of all orders, without reading the finished ones.
_ALL_UNENDED = union(
    select(shipments.c.id).where(shipments.c.state.in_(_ABOUT_TO_BE_SPENT)),
    select(holds.c.shipment_id).where(
        holds.c.code == HoldCode.PURCHASE_UNKNOWN.value, holds.c.released_at.is_(None)
    ),
)


_IN_DOUBT = exists().where(
    holds.c.order_id == shipments.c.order_id,
    holds.c.shipment_id == shipments.c.id,
    holds.c.code == HoldCode.PURCHASE_UNKNOWN.value,
    holds.c.released_at.is_(None),
)
# A purchase that is not finished. One that a person must check is held, but may have been paid.
_UNENDED = shipments.c.state.in_(_ABOUT_TO_BE_SPENT) | _IN_DOUBT
_IS_PAID = labels.c.state.not_in(_NO_LONGER_SPENT)
_LABELS_OF = Prepared(
    select(func.count()).where(
        shipments.c.order_id == bindparam("order_id"),
        shipments.c.id != bindparam("but"),
        exists().where(labels.c.shipment_id == shipments.c.id, _IS_PAID) | _UNENDED,
    )
)


def sum_of(bought: Any, begun: Any) -> Prepared:
    """The statement for `spent`: `bought` and `begun` choose the labels and the unfinished purchases.

    One statement reads both: with two, a purchase that ends between them would be missed.
    """
    paid = (
        select(func.coalesce(func.sum(labels.c.cost_minor), 0))
        .join(shipments, shipments.c.id == labels.c.shipment_id)
        .where(_IS_PAID, labels.c.currency == bindparam("currency"), bought)
        .scalar_subquery()
    )
    open_ended = shipments.c.id.in_(_ALL_UNENDED) & (shipments.c.id != bindparam("but")) & begun
    one_row = select(literal(1).label("one")).subquery()
    return Prepared(select(paid, shipments.c.rate).select_from(one_row.outerjoin(shipments, open_ended)))


def spent(connection: Connection, which: Prepared, currency: str, but: str, **chosen: Any) -> int:
    """What labels cost, plus what unfinished purchases may cost, except the one of shipment `but`.

    `which` is a `sum_of`, `chosen` are the values of its conditions. Only sums in `currency` count.
    """
    rows = which.rows(connection, {"currency": currency, "but": but, **chosen})
    return int(rows[0][0]) + sum(
        int(rate["minor"]) for _, rate in rows if rate and rate["currency"] == currency
    )


def labels_of(connection: Connection, order_id: str, but: str) -> int:
    """How many labels of an order are paid, or may be, except that of shipment `but`."""
    return int(_LABELS_OF.scalar(connection, {"order_id": order_id, "but": but}))


_OF_ORDER = shipments.c.order_id == bindparam("order_id")
OF_ORDER = sum_of(_OF_ORDER, _OF_ORDER)
