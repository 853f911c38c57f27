"""DBOS: one workflow an order, one step an exchange, each step's result on disk before the next begins.

The workflows are started at once, and a semaphore holds those that run to the concurrency: a queue of its own
(worker_concurrency, polled every 0.05 s) was no faster.
"""

from __future__ import annotations

import asyncio

import uvloop
from dbos import DBOS, DBOSConfig

from tests.bench.engines.prompt import accepted, asked, order_ids
from tests.bench.exchanges import Exchanges

_to_do = asked()
_exchanges = Exchanges(_to_do.sandbox_url)
_turns = asyncio.Semaphore(_to_do.concurrency)


@DBOS.workflow()
async def _ship(order_id: str) -> None:
    async with _turns:
        order = await DBOS.run_step_async({"name": "read"}, _exchanges.read_order, order_id)
        shipment = await DBOS.run_step_async({"name": "prepare"}, _exchanges.create_shipment, order)
        await DBOS.run_step_async({"name": "check"}, _exchanges.read_order, order_id)
        bought = await DBOS.run_step_async({"name": "buy"}, _exchanges.buy, shipment)
        await DBOS.run_step_async({"name": "label"}, _exchanges.fetch_label, bought)
        await DBOS.run_step_async({"name": "post"}, _exchanges.post_fulfillment, order, bought)


async def main() -> None:
    """Work until terminated."""
    config: DBOSConfig = {"name": "bench", "system_database_url": _to_do.address, "log_level": "WARNING"}
    DBOS(config=config)
    DBOS.launch()
    for order_id in await order_ids():
        await DBOS.start_workflow_async(_ship, order_id)
    accepted()
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main())
