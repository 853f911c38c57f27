"""What is known of a purchase, in one place for the step that makes it and the step that looks it up."""

from __future__ import annotations

from dataclasses import asdict

from packhouse.carriers.port import Bought, NotBought, PurchaseRequest, Unknown
from packhouse.ledger import shipments
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Act
from packhouse.model.label import Label
from packhouse.model.money import Money
from packhouse.model.order import Address, Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.rules.rates import drift
from packhouse.steps.desk import Desk, Work

_S = ShipmentState


def request_for(order: Order, shipment: Shipment) -> PurchaseRequest:
    """What the carrier is told of a shipment. Raises ValueError for one that was never packed."""
    if shipment.parcel is None:
        raise ValueError(f"shipment {shipment.id} has no parcel")
    return PurchaseRequest(
        shipment.reference, order, shipment.units, order.address or Address(), shipment.parcel
    )


def intent_of(shipment: Shipment) -> tuple[str, float | None]:
    """The name of one try to buy: the same reference may be tried again, even by another process."""
    return shipment.reference, shipment.intent_at


async def keep(desk: Desk, work: Work, shipment: Shipment, answer: Bought | NotBought | Unknown) -> None:
    """Write down what became of a purchase, whether its answer came at once or was found out later."""
    desk.metrics.purchase(shipment.adapter, type(answer).__name__.lower())
    if isinstance(answer, Bought):
        desk.resting.sold(shipment.adapter)
    else:
        count_refusal(desk, shipment.adapter)
    match answer:
        case Bought():
            await _keep_bought(desk, work, shipment, answer)
        case NotBought(transient=True):
            await not_bought(desk, work, shipment, "Not bought, for now.", answer.reason)
            work.failed(f"Not bought: {answer.reason}", answer.retry_after_s, "NotBought")
        case NotBought():
            shipment = await not_bought(desk, work, shipment, "Not bought.", answer.reason)
            await hold_unbought(desk, work, shipment, HoldCode.CARRIER_REFUSED, answer.reason)
        case Unknown():
            act = Act(work.order_id, "unknown", "It will be looked up.", shipment.id, quoted=answer.reason)
            if shipment.state is not _S.UNKNOWN:
                await desk.write(work, shipments.move, shipment, _S.UNKNOWN, (act,))
                desk.tell(act)
                work.update(shipment, state=_S.UNKNOWN)
            work.wake_at(desk.clock.now() + desk.settings.carrier_settle_s)


async def _keep_bought(desk: Desk, work: Work, shipment: Shipment, bought: Bought) -> None:
    label = Label(
        id=f"{shipment.id}-label",
        shipment_id=shipment.id,
        generation=shipment.generation,
        adapter=shipment.adapter,
        carrier=bought.carrier,
        service=bought.service,
        tracking_number=bought.tracking_number,
        provider_id=bought.provider_id,
        cost=bought.cost,
        state=LabelState.BOUGHT,
        bought_at=desk.clock.now(),
        document_source=bought.document_source,
    )
    act = Act(
        work.order_id,
        "bought",
        f"{bought.carrier} {bought.service} {bought.tracking_number} for {bought.cost}.",
        shipment.id,
        data={"tracking_number": bought.tracking_number, "cost": str(bought.cost)},
    )
    await desk.write(work, shipments.bought, shipment, label, (act,))
    desk.tell(act)
    desk.metrics.spent(bought.cost)
    desk.settling.pop(intent_of(shipment), None)
    labeled = work.update(shipment, state=_S.LABELED, label=label)
    if bought.document is not None:
        work.documents[shipment.id] = bought.document
    expected = shipment.rate.price if shipment.rate else bought.cost
    if why := drift(expected, bought.cost, desk.settings.guard.price_tolerance_percent):
        await desk.hold(work, HoldCode.PRICE_DRIFT, why, shipment=labeled)


async def not_bought(desk: Desk, work: Work, shipment: Shipment, why: str, quoted: str = "") -> Shipment:
    """It is known that no money moved: the shipment is planned again, under the same generation."""
    act = Act(work.order_id, "not_bought", why, shipment.id, quoted=quoted)
    await desk.write(work, shipments.move, shipment, _S.PLANNED, (act,))
    desk.tell(act)
    desk.settling.pop(intent_of(shipment), None)
    return work.update(shipment, state=_S.PLANNED)


async def hold_unbought(
    desk: Desk, work: Work, shipment: Shipment, code: HoldCode, note: str, quoted: Money | None = None
) -> None:
    """Hold a planned shipment. Its prepared purchase is let go: when it goes on, it is offered afresh.

    `quoted` is the price that the hold tells of: whoever releases it accepts that one, and none above it.
    """
    quoted = quoted or shipment.quoted
    kept = asdict(quoted) if quoted else None
    await desk.hold(
        work,
        code,
        note,
        shipment=shipment,
        also=lambda connection, now, lease: shipments.move(
            connection, now, lease, shipment, _S.HELD, (), provider_ref="", rate=None, quoted=kept
        ),
    )
    work.update(shipment, state=_S.HELD, provider_ref="", rate=None, quoted=quoted)


def count_refusal(desk: Desk, carrier: str) -> None:
    """A carrier did not sell; too many of those in a row, and it is left alone for a while."""
    if desk.resting.refused(carrier, desk.clock.monotonic()):
        desk.log.warning("carrier_rests", adapter=carrier, seconds=desk.resting.rest_s)
