"""Celery on Redis: a task is acknowledged when it is done, and nothing keeps its result.

Of its pools, threads did best: two, four or sixteen processes (prefork) took 1.5 to 4 times the processor
time and shipped less. The threads share one event loop, which makes the calls, so that the transport is the
daemon's.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import uvloop
from celery import Celery
from celery.signals import worker_ready

from tests.bench.engines.prompt import accepted, asked, order_ids
from tests.bench.exchanges import Exchanges

_to_do = asked()
_exchanges = Exchanges(_to_do.sandbox_url)
_loop = uvloop.new_event_loop()
app = Celery("bench", broker=_to_do.address)
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_redirect_stdouts=False)


@app.task(name="ship")
def ship(order_id: str) -> None:
    """All six exchanges of an order."""
    asyncio.run_coroutine_threadsafe(_exchanges.ship(order_id), _loop).result()


@app.task(name="exchange")
def exchange(state: dict[str, Any]) -> None:
    """One exchange of an order; the next one is a task again."""
    after = asyncio.run_coroutine_threadsafe(_exchanges.advance(state), _loop).result()
    if after:
        exchange.delay(after)


@worker_ready.connect
def _on_ready(**_: object) -> None:
    threading.Thread(target=_enqueue, daemon=True).start()


def _enqueue() -> None:
    ids = asyncio.run(order_ids())
    with app.producer_pool.acquire(block=True) as producer:
        for one in ids:
            task, argument = (ship, one) if _to_do.one_job else (exchange, {"id": one})
            task.apply_async((argument,), producer=producer)
    accepted()


def main() -> None:
    """Work until terminated."""
    threading.Thread(target=_loop.run_forever, daemon=True).start()
    alone = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    pool = ("--pool", "threads", "--concurrency", str(_to_do.concurrency))
    app.worker_main(["worker", *pool, *alone, "--loglevel", "WARNING"])


if __name__ == "__main__":
    main()
