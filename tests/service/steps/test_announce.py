"""announce: every sink learns of each posted shipment once, and a sink that fails blocks nothing."""

from __future__ import annotations

import pytest

from packhouse.sinks.port import Announcement
from tests.service.harness import NewHarness

pytestmark = pytest.mark.usefixtures("engine")


class RecordingSink:
    """Keeps the announcements; `error` is raised for each of them."""

    name = "recording"

    def __init__(self, error: Exception | None = None) -> None:
        self.announced: list[Announcement] = []
        self.error = error

    async def announce(self, announcement: Announcement) -> None:
        self.announced.append(announcement)
        if self.error:
            raise self.error


async def test_a_posted_shipment_is_announced_once_with_its_label_file(new_harness: NewHarness) -> None:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink,))
    order = await harness.ship()
    await harness.deliver_event(order, "order.fulfilled")
    await harness.advance(harness.settings.poll.confirm_s + 10)
    (announcement,) = sink.announced
    (shipment,) = await harness.shipments(order)
    assert announcement.shipment.id == shipment.id
    assert announcement.label_file is not None
    assert announcement.label_file.exists()
    assert shipment.announced_at is not None


async def test_a_sink_that_fails_stops_neither_the_shipment_nor_the_other_sinks(
    new_harness: NewHarness,
) -> None:
    broken, working = RecordingSink(OSError("out of paper")), RecordingSink()
    harness = new_harness(sinks=(broken, working))
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    assert len(broken.announced) == len(working.announced) == 1


async def test_nothing_is_announced_before_it_is_posted(new_harness: NewHarness) -> None:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink,))
    order = harness.sandbox.place_order("plain")
    job = await harness.process_until(order, before="post")
    await harness.run_step("announce", job)
    assert await harness.states(order) == ["labeled"]
    assert sink.announced == []
