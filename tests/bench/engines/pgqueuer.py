"""PgQueuer on its asyncpg pool, with its own defaults.

Its limit on running jobs makes it wait up to 0.1 s whenever the limit is reached, which is slower than
all else that it does. So it picks up jobs without a limit, and a semaphore holds those that run to the
concurrency.
"""

from __future__ import annotations

import asyncio
import json

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.models import Job

from tests.bench.engines.prompt import accepted, asked, order_ids
from tests.bench.exchanges import Exchanges


async def main() -> None:
    """Work until terminated."""
    to_do = asked()
    exchanges, turns = Exchanges(to_do.sandbox_url), asyncio.Semaphore(to_do.concurrency)
    queuer = PgQueuer.from_asyncpg_pool(await asyncpg.create_pool(to_do.address))
    queue = queuer.qm.queries
    await queue.install()

    @queuer.entrypoint("ship")
    async def ship(job: Job) -> None:
        async with turns:
            await exchanges.ship(job.payload.decode())

    @queuer.entrypoint("exchange")
    async def exchange(job: Job) -> None:
        async with turns:
            after = await exchanges.advance(json.loads(job.payload))
            if after:
                await queue.enqueue("exchange", json.dumps(after).encode())

    work = asyncio.create_task(queuer.run())
    ids = await order_ids()
    if to_do.one_job:
        name, payloads = "ship", [one.encode() for one in ids]
    else:
        name, payloads = "exchange", [json.dumps({"id": one}).encode() for one in ids]
    await queue.enqueue([name] * len(ids), payloads, [0] * len(ids))
    accepted()
    await work


if __name__ == "__main__":
    uvloop.run(main())
