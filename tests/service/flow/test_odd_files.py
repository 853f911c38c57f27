"""A provider that answers with a web page in place of a label's file: the parcel is posted all the same."""

from __future__ import annotations

from packhouse.model.hold import HoldCode
from tests.service.harness import Harness


async def test_the_number_is_posted_and_the_file_arrives_later(harness: Harness) -> None:
    harness.sandbox.faults.set("easypost.odd_file", 1.0)
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    assert [hold.code for hold in await harness.active_holds(order)] == [HoldCode.LABEL_FILE_MISSING]
    harness.sandbox.faults.set("easypost.odd_file", 0.0)
    await harness.advance(7200, step=300)
    assert await harness.active_holds(order) == []
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.document_format == "zpl"
