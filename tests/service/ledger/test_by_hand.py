"""Acts of people that meet in the ledger: on both engines, whoever is first has the order."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from packhouse.errors import LeaseLost, OperationRefused, RecordNotFound
from packhouse.ledger import by_hand, holds, leases, queries
from packhouse.ledger.engine import open_ledger
from packhouse.ledger.tx import under
from packhouse.model.hold import Hold
from tests.service.ledger.address import address_in

NOW = 1_800_000_000.0


def test_of_many_who_take_an_order_at_once_one_has_it(tmp_path: Path, engine: str) -> None:
    async def race() -> None:
        desks = [open_ledger(address_in(tmp_path))]
        if desks[0].shared:
            desks += [open_ledger(address_in(tmp_path)) for _ in range(3)]
        tries = [
            desks[number % len(desks)].write(by_hand.take, NOW, "ord_1", f"deed {number}", "r", "ada")
            for number in range(12)
        ]
        ends = await asyncio.gather(*tries, return_exceptions=True)
        won = [end[0] for end in ends if isinstance(end, tuple)]
        assert len(won) == 1
        assert all(isinstance(hold, Hold) for hold in won)
        assert sum(isinstance(end, OperationRefused) for end in ends) == len(tries) - 1, ends
        standing = await desks[0].read(holds.of_order, "ord_1")
        assert [hold.note for hold in standing] == [won[0].note]
        story = await desks[0].read(queries.entries, order_id="ord_1")
        assert [entry.action for entry in story] == ["taken_over"]
        for context in desks:
            await context.close()

    asyncio.run(race())


def test_every_act_makes_the_machines_next_write_fail(tmp_path: Path, engine: str) -> None:
    async def story() -> None:
        ledger = open_ledger(address_in(tmp_path))
        for number, act in enumerate((by_hand.take, by_hand.post_by_hand)):
            order_id = f"ord_{number}"
            await ledger.write(leases.wake, NOW, order_id)
            (lease,) = await ledger.write(leases.claim, NOW, "worker:1", NOW + 60, 1)
            more = ("a deed",) if act is by_hand.take else ()
            await ledger.write(act, NOW, order_id, *more, "r", "ada")  # type: ignore[arg-type]
            with pytest.raises(LeaseLost):
                await ledger.write(under(lease, leases.require), NOW)
            again = await ledger.write(leases.claim, NOW, "worker:2", NOW + 60, 1)
            await ledger.write(act, NOW, order_id, *more, "r", "ada")  # type: ignore[arg-type]
            # A repeated act finds its hold and disturbs nobody who already works under it.
            await ledger.write(under(again[0], leases.require), NOW)
        await ledger.close()

    asyncio.run(story())


def test_an_act_on_what_is_not_here_says_so(tmp_path: Path, engine: str) -> None:
    async def story() -> None:
        ledger = open_ledger(address_in(tmp_path))
        with pytest.raises(RecordNotFound, match="ord_9-1"):
            await ledger.write(by_hand.hold_shipment, NOW, "ord_9-1", "r", "ada")
        with pytest.raises(RecordNotFound, match="ord_9-1"):
            await ledger.write(by_hand.ask_void, NOW, "ord_9-1", "r", "ada", again=False)
        await ledger.close()

    asyncio.run(story())
