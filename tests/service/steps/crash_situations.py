"""The situation that places the hold for an order that ends the process."""

from __future__ import annotations

from packhouse.ledger import crashes
from packhouse.model.hold import HoldCode
from tests.service.harness import Harness
from tests.service.steps.hold_situations import Situation, places


@places(HoldCode.PROCESS_CRASHED)
async def process_crashed(harness: Harness, action: str) -> Situation:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    for _ in range(2):
        await harness.claim_due()
        await harness.ledger.write(crashes.end_all, harness.clock.now(), harness.settings.retry)
    return Situation(order)
