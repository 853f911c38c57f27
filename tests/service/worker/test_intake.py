"""What becomes of a verified webhook: recorded once, and its order woken if it is one of this daemon's."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.config.sections import PollSettings, StoreSettings
from packhouse.config.settings import Settings
from packhouse.ledger import inbox
from packhouse.model.event import Event
from packhouse.worker.intake import Intake
from tests.clock import START
from tests.service.harness import Harness


class Woken:
    """Counts how often the workers were woken."""

    def __init__(self, harness: Harness, site: str = "") -> None:
        self.count = 0
        changes = {"store": StoreSettings(site_slug=site), "poll": PollSettings(confirm_s=45)}
        settings: Settings = harness.settings.model_copy(update=changes)
        self.intake = Intake(harness.ledger, harness.clock, settings, self._wake)

    def _wake(self) -> None:
        self.count += 1


def event(number: int = 1, kind: str = "order.created", site: str = "", order_id: str = "ord_1") -> Event:
    return Event(f"evt_{number}", kind, order_id, site, "{}")


async def events(harness: Harness, order_id: str = "", outcome: str = "") -> list[Any]:
    return await harness.ledger.read(inbox.records, order_id, outcome, 10, None)


@pytest.mark.parametrize(
    ("ours", "theirs", "receipt"),
    [
        ("", "", "accepted"),
        ("", "lantern", "accepted"),
        ("lantern", "", "accepted"),
        ("lantern", "lantern", "accepted"),
        ("lantern", "other", "ignored"),
    ],
)
async def test_only_an_event_of_another_site_is_ignored(
    harness: Harness, ours: str, theirs: str, receipt: str
) -> None:
    woken = Woken(harness, ours)
    assert await woken.intake.receive(event(site=theirs)) == receipt
    assert [one.outcome for one in await events(harness)] == [receipt]
    assert woken.count == (receipt == "accepted")
    row = await harness.order_row("ord_1")
    assert (row is None) is (receipt == "ignored")


async def test_an_event_that_comes_again_wakes_nobody(harness: Harness) -> None:
    woken = Woken(harness)
    assert [await woken.intake.receive(event()) for _ in range(2)] == ["accepted", "duplicate"]
    assert await woken.intake.receive(event(2, "site.published")) == "ignored"
    assert woken.count == 1
    assert [one.id for one in await events(harness)] == ["evt_2", "evt_1"]


async def test_an_event_is_recorded_when_it_came_and_its_order_is_due_at_once(harness: Harness) -> None:
    await harness.clock.advance(5)
    await Woken(harness).intake.receive(event())
    assert (await harness.order_row("ord_1")).due_at == START + 5
    assert [one.received_at for one in await events(harness)] == [START + 5]


async def test_the_echo_of_our_own_fulfillment_waits_until_the_store_has_settled(harness: Harness) -> None:
    order = await harness.ship()
    await harness.clock.advance(200)
    await harness.process_due()
    assert (await harness.order_row(order)).due_at is None, "only its trackers are asked"
    await Woken(harness).intake.receive(event(100, "order.fulfilled", order_id=order.id))
    assert (await harness.order_row(order)).due_at == START + 200 + 45


async def test_a_body_that_is_no_event_is_kept_with_the_reason(harness: Harness) -> None:
    woken = Woken(harness)
    await harness.clock.advance(5)
    await woken.intake.keep_dead_letter(b"[]", "it is a list")
    (kept,) = await events(harness, outcome=inbox.UNREADABLE)
    assert (kept.received_at, kept.note) == (START + 5, "it is a list")
    assert woken.count == 0
