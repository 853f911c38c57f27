"""What labels cost, and how many there are: what is paid, and what unfinished purchases may still cost."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, exists, func, literal, select, union

from packhouse.ledger.tables import holds, labels, shipments
from packhouse.model.hold import HoldCode
from packhouse.model.states import LabelState, ShipmentState

# A label whose void is only asked for is still paid.
_NO_LONGER_SPENT = (LabelState.VOIDED.value,)
_ABOUT_TO_BE_SPENT = (ShipmentState.BUYING.value, ShipmentState.UNKNOWN.value)
# The purchases that are not finished, of all orders, without reading the finished ones.
_UNENDED = union(
    select(shipments.c.id).where(shipments.c.state.in_(_ABOUT_TO_BE_SPENT)),
    select(holds.c.shipment_id).where(
        holds.c.code == HoldCode.PURCHASE_UNKNOWN.value, holds.c.released_at.is_(None)
    ),
)


def spent(connection: Connection, bought: Any, begun: Any, currency: str, but: str) -> int:
    """What labels cost, plus what unfinished purchases may cost, except the one of shipment `but`.

    `bought` and `begun` choose the labels and the unfinished purchases. Only sums in `currency` count. One
    statement reads both: with two, a purchase that ends between them would be missed.
    """
    paid = (
        select(func.coalesce(func.sum(labels.c.cost_minor), 0))
        .join(shipments, shipments.c.id == labels.c.shipment_id)
        .where(labels.c.state.not_in(_NO_LONGER_SPENT), labels.c.currency == currency, bought)
        .scalar_subquery()
    )
    open_ended = shipments.c.id.in_(_UNENDED) & (shipments.c.id != but) & begun
    one_row = select(literal(1).label("one")).subquery()
    rows = connection.execute(
        select(paid, shipments.c.rate).select_from(one_row.outerjoin(shipments, open_ended))
    ).all()
    return int(rows[0][0]) + sum(
        int(rate["minor"]) for _, rate in rows if rate and rate["currency"] == currency
    )


def labels_of(connection: Connection, order_id: str, but: str) -> int:
    """How many labels of an order are paid, or may be, except that of shipment `but`."""
    paid = exists().where(labels.c.shipment_id == shipments.c.id, labels.c.state.not_in(_NO_LONGER_SPENT))
    counted = select(func.count()).where(
        shipments.c.order_id == order_id, shipments.c.id != but, paid | _unended()
    )
    return int(connection.execute(counted).scalar_one())


def _unended() -> Any:
    """A purchase that is not finished. One that a person must check is held, but may have been paid."""
    in_doubt = exists().where(
        holds.c.order_id == shipments.c.order_id,
        holds.c.shipment_id == shipments.c.id,
        holds.c.code == HoldCode.PURCHASE_UNKNOWN.value,
        holds.c.released_at.is_(None),
    )
    return shipments.c.state.in_(_ABOUT_TO_BE_SPENT) | in_doubt
