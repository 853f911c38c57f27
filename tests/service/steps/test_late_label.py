"""A label that waited long for its post is asked about first: a void label's number reaches no buyer."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import ProviderUnavailable, StoreUnreachable
from packhouse.ledger import queries
from packhouse.providers.port import Absent, Unknown, Voided, VoidPending, Withdrawn
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness

pytestmark = pytest.mark.usefixtures("engine")


async def waiting_for_its_post(
    harness: Harness, hours: float, *, is_voided: bool = False
) -> tuple[StoreOrder, str]:
    """An order whose label was bought this long ago and never sent to the store; and the label's number.

    `is_voided`: a person requested its void at the provider soon after the purchase.
    """
    harness.store.script(fulfill=StoreUnreachable("the store is down"))
    order = await harness.ship()
    await harness.advance(240, step=60)
    if is_voided:
        easypost = harness.sandbox.easypost
        easypost.request_void(easypost.find(f"{order.id}/1/1"))
    await harness.advance(hours * 3600 - 240, step=120)
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    return order, shipment.label.tracking_number


async def test_a_label_voided_at_its_provider_before_a_late_post_is_not_posted(harness: Harness) -> None:
    order, number = await waiting_for_its_post(harness, 0.9, is_voided=True)
    assert await harness.states(order) == ["labeled"]
    await harness.advance(3600, step=120)
    harness.store.script(fulfill=None)
    await harness.advance(1800, step=60)
    first, second = await harness.shipments(order)
    assert (first.state, second.state) == ("voided", "fulfilled")
    assert number not in {row.tracking_number for row in order.fulfillments}
    assert harness.labels_sold(order) == 1
    entries = await harness.ledger.read(queries.entries, order_id=order.id)
    (why,) = [entry.why for entry in entries if entry.action == "voided"]
    assert why == f"The label {number} was voided at the provider before it was posted. It is not posted."
    assert harness.problems() == []


async def test_a_void_that_is_still_pending_stops_a_late_post(harness: Harness) -> None:
    order, number = await waiting_for_its_post(harness, 1.1)
    harness.provider.script(lookup=Withdrawn(number, VoidPending()), void=VoidPending())
    harness.store.script(fulfill=None)
    await harness.advance(1800, step=60)
    assert await harness.states(order) == ["voiding"]
    assert order.fulfillments == []


async def test_a_label_is_posted_at_once_without_a_look_up(harness: Harness) -> None:
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    assert harness.provider.seen("lookup") == []


@pytest.mark.parametrize(
    "answer",
    [
        ProviderUnavailable("the provider is down"),
        Unknown("no answer"),
        Absent(),
        Withdrawn("9400100000000000000000", Voided()),
    ],
    ids=["down", "unknown", "absent", "another-label"],
)
async def test_a_late_label_is_posted_unless_the_account_says_that_this_label_is_void(
    harness: Harness, answer: Any
) -> None:
    order, number = await waiting_for_its_post(harness, 1.5)
    harness.provider.script(lookup=answer)
    harness.store.script(fulfill=None)
    await harness.advance(3600, step=60)
    assert await harness.states(order) == ["fulfilled"]
    assert number in {row.tracking_number for row in order.fulfillments}
