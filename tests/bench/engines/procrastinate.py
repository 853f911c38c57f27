"""Procrastinate on its psycopg pool, with its own defaults but the concurrency."""

from __future__ import annotations

import asyncio
from typing import Any

import uvloop
from procrastinate import App, PsycopgConnector

from tests.bench.engines.prompt import accepted, asked, order_ids
from tests.bench.exchanges import Exchanges


async def main() -> None:
    """Work until terminated."""
    to_do = asked()
    exchanges = Exchanges(to_do.sandbox_url)
    app = App(connector=PsycopgConnector(conninfo=to_do.address, min_size=4, max_size=to_do.concurrency))

    @app.task(name="ship")
    async def ship(order_id: str) -> None:
        await exchanges.ship(order_id)

    @app.task(name="exchange")
    async def exchange(state: dict[str, Any]) -> None:
        after = await exchanges.advance(state)
        if after:
            await exchange.defer_async(state=after)

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        work = asyncio.create_task(
            app.run_worker_async(concurrency=to_do.concurrency, install_signal_handlers=False)
        )
        ids = await order_ids()
        if to_do.one_job:
            await ship.batch_defer_async(*({"order_id": one} for one in ids))
        else:
            await exchange.batch_defer_async(*({"state": {"id": one}} for one in ids))
        accepted()
        await work


if __name__ == "__main__":
    uvloop.run(main())
