"""What one plain order asks of the ledger, counted."""

from __future__ import annotations

import pytest

from packhouse.flow import process_order
from tests.service.harness import Harness
from tests.service.ledger_counts import counted


@pytest.mark.usefixtures("engine")
async def test_a_plain_order_asks_no_more_of_the_ledger_than_it_needs(harness: Harness) -> None:
    await harness.ship()  # statements are compiled at their first use
    order = harness.sandbox.place_order("plain")
    with counted(harness.ledger.real) as counts:
        await harness.deliver_event(order)
        (job,) = await harness.claim_due()
        await process_order(harness.context, job)
    assert await harness.states(order) == ["fulfilled"]
    # The event and the claim; plan, intent, label, post, fulfillment; the end. PostgreSQL also notifies.
    assert counts.units == 8 + harness.ledger.shared
    # The harness reads the pause once; the order is checked before its purchase and before its post.
    assert counts.reads == 3
    statements = "\n".join(counts.statements)
    assert len(counts.statements) <= 36, statements
    assert sum("INSERT INTO journal" in one for one in counts.statements) == 6, statements
    assert sum("INSERT INTO labels" in one for one in counts.statements) == 1, statements
    assert counts.units <= counts.commits <= counts.units + counts.reads


@pytest.mark.usefixtures("engine")
async def test_nothing_is_counted_after_the_block(harness: Harness) -> None:
    with counted(harness.ledger.real) as counts:
        pass
    await harness.ship()
    assert (counts.units, counts.reads, counts.commits, counts.statements) == (0, 0, 0, [])
