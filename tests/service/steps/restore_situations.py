"""Situations that place the hold of an order of which a restored ledger may lack something."""

from __future__ import annotations

from packhouse.ledger import recalled, restores
from packhouse.ledger.recalled import Recalled
from packhouse.ledger.restores import Cause
from packhouse.ledger.tx import Tx
from packhouse.model.hold import HoldCode
from packhouse.providers.port import Purchase, Safety
from packhouse.sandbox.store.state import StoreOrder
from packhouse.steps import purchase
from tests.service.harness import Harness
from tests.service.steps.hold_situations import Situation, places


@places(HoldCode.RESTORE_UNCLEAR)
async def restore_unclear(harness: Harness, action: str) -> Situation:
    """The account cannot be asked, and the guard log has a gap: its label was bought since, or was not."""
    harness.provider.safety = Safety.BLIND
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    if "was bought" in action:
        await sell_since(harness, order)
    await restored(harness)
    return Situation(order)


async def unmatched(harness: Harness) -> Situation:
    """The account lists a label under a reference that no shipment of the order has."""
    order = harness.sandbox.place_order("plain")
    await harness.process_until(order, before="buy")
    number = await sell_since(harness, order)
    found = Recalled(f"{order.id}/7/1", order.id, harness.provider.account, {"tracking_number": number})
    await restored(harness, found)
    return Situation(order)


async def sell_since(harness: Harness, order: StoreOrder) -> str:
    """Sell the label of the order's shipment, which the ledger then does not know."""
    (shipment,) = await harness.shipments(order)
    fetched = await harness.store.order(order.id)
    request = purchase.request_for(fetched, shipment)
    account = harness.provider.real
    prepared = await account.prepare(request)
    bought = await account.buy(Purchase(request, prepared.provider_ref, prepared.rates[0]))
    return str(bought.tracking_number)  # type: ignore[union-attr]


async def restored(harness: Harness, *found: Recalled, is_accepted: bool = True) -> None:
    """The ledger is a restored one without a whole guard log, and an operator has accepted what was found."""
    await harness.clock.advance(130.0)

    def notice(tx: Tx) -> None:
        restores.notice(tx, Cause.PROVIDER)
        restores.prepare(tx)
        restores.save_log(tx, "folder", "The guard log has a gap after the backup.")
        recalled.add(tx, found)
        restores.allow_claims(tx)

    await harness.ledger.write(notice, harness.clock.now())
    await harness.process_due()
    if not is_accepted:
        return
    await harness.operations.reconciliation.accept(reason="compared", actor="ada")
    await harness.process_due()
