"""settle: find out what became of a purchase whose answer never came, and never buy before that is known."""

from __future__ import annotations

from packhouse.carriers.port import Absent, Bought, Carrier, Purchase, Safety, Unknown
from packhouse.errors import CarrierError
from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Act
from packhouse.model.order import Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import ShipmentState
from packhouse.steps import purchase
from packhouse.steps.desk import Desk, Work

_S = ShipmentState


async def settle(desk: Desk, work: Work) -> None:
    """Look up each purchase that was begun and whose end nobody wrote down."""
    for shipment in work.in_state(_S.BUYING, _S.UNKNOWN):
        if shipment.state is _S.BUYING:
            shipment = await _admit(desk, work, shipment)
        carrier = desk.adapter(shipment.adapter)
        if carrier.safety is Safety.BLIND:
            await _ask_a_person(desk, work, shipment)
        elif _has_settled(desk, work, shipment):
            await _look_up(desk, work, shipment, carrier)


async def _admit(desk: Desk, work: Work, shipment: Shipment) -> Shipment:
    """Whoever wrote the intent is gone: say that nobody knows."""
    act = Act(
        work.order_id, "unknown", "The purchase was begun and its end was never written down.", shipment.id
    )
    await desk.write(work, shipments.move, shipment, _S.UNKNOWN, (act,))
    desk.tell(act)
    return work.update(shipment, state=_S.UNKNOWN)


def _has_settled(desk: Desk, work: Work, shipment: Shipment) -> bool:
    """Whether the carrier must have committed by now, on a clock that cannot jump.

    The wait counts from when this process's own call ended, or must end, or, for a purchase begun elsewhere,
    from when it met it; where the other process may still live, the longest it may wait for an answer is
    added.
    """
    settings = desk.settings
    wait = settings.carrier_settle_s
    met = desk.settling.get(purchase.intent_of(shipment))
    now = desk.clock.monotonic()
    if met is None:
        met = now + (settings.carrier_timeout_s if desk.ledger.shared else 0.0)
        desk.settling[purchase.intent_of(shipment)] = met
    if now >= met + wait:
        return True
    work.wake_at(desk.clock.now() + met + wait - now)
    return False


async def _look_up(desk: Desk, work: Work, shipment: Shipment, carrier: Carrier) -> None:
    if shipment.rate is None:
        raise ValueError(f"shipment {shipment.id} was bought without a rate")
    order = work.order or Order(id=work.order_id)
    begun = Purchase(purchase.request_for(order, shipment), shipment.provider_ref, shipment.rate)
    try:
        answer = await carrier.lookup(begun)
    except CarrierError as error:
        answer = Unknown(str(error))
    match answer:
        case Bought():
            await purchase.keep(desk, work, shipment, answer)
        case Absent():
            why = "The carrier has no such purchase; it is begun again."
            await purchase.not_bought(desk, work, shipment, why)
        case Unknown():
            work.failed(f"The purchase {shipment.reference} could not be looked up: {answer.reason}")


async def _ask_a_person(desk: Desk, work: Work, shipment: Shipment) -> None:
    note = (
        f"Look for {shipment.reference} in the account of {shipment.adapter}. If a label is there: "
        f"packhouse labels adopt {shipment.id} --tracking NUMBER --carrier NAME --cost MINOR --reason WHY. "
        f"If none is: packhouse shipments retry {shipment.id} --not-bought --reason WHY."
    )
    await desk.hold(
        work,
        HoldCode.PURCHASE_UNKNOWN,
        note,
        shipment=shipment,
        also=lambda connection, now, lease: shipments.move(connection, now, lease, shipment, _S.HELD, ()),
    )
    work.update(shipment, state=_S.HELD)
