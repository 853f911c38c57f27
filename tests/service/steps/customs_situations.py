"""The situation that places the hold of a customs declaration that cannot be made."""

from __future__ import annotations

from packhouse.config.customs import CustomsSettings
from packhouse.model.hold import HoldCode
from packhouse.sandbox.store.state import EXTERNAL
from tests.service.harness import Harness
from tests.service.steps.hold_situations import SETTINGS, Situation, correcting_address, places, restarting

ABROAD = {"line1": "1 Main Street", "city": "Toronto", "state": "ON", "postcode": "M5V 2T6", "country": "CA"}
SETTINGS[HoldCode.CUSTOMS_INCOMPLETE] = {"customs": CustomsSettings()}


@places(HoldCode.CUSTOMS_INCOMPLETE)
async def customs_incomplete(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    harness.sandbox.store.change_address(order, ABROAD)
    await harness.deliver_event(order)
    await harness.process_due()

    async def moved_home() -> None:
        await correcting_address(harness, order)()

    async def shipped_by_hand() -> None:
        harness.sandbox.store.fulfill(
            order, list(order.unshipped().items()), "DHL", "HAND1", recorded_by=EXTERNAL
        )
        await harness.deliver_event(order, "order.updated")

    by_hand = "If the goods need a filing or a licence, ship them yourself and fulfill the order"
    told = CustomsSettings(origin_country="US", signer="Ann Lee")
    actions = {
        "If the order is the cause, correct it in the store": moved_home,
        "If a setting is the cause, correct it in packhouse.toml, then restart Packhouse": restarting(
            harness, customs=told
        ),
        by_hand: shipped_by_hand,
    }
    return Situation(order, actions, {by_hand: []})
