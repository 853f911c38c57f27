"""Answers that cost money or reach a buyer are always recorded: when the lease is lost, and at a stop.

An operator may revoke a lease, and another worker may take it over, while a call is under way. The facts of
its answer stay true, so they are written without the lease where nothing else has settled them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Generic, TypeVar

from packhouse.errors import LeaseLost
from packhouse.ledger.tx import WriteUnit
from packhouse.model.journal import Entry
from packhouse.steps.context import Context, OrderJob

T = TypeVar("T")

# How long a call that is cancelled, because the process stops, may take to give its answer, in seconds; and
# how long it then may take to end.
LAST_CHANCE_S = 2.0
_END_S = 0.5


class Stopped(Exception, Generic[T]):
    """The process is stopping, and the call has given its answer all the same."""

    def __init__(self, answer: T) -> None:
        super().__init__("the process is stopping")
        self.answer = answer


async def last_chance(call: Coroutine[Any, Any, T]) -> T:
    """The answer of a call. If its task is cancelled, the call gets a short time to answer.

    Raises Stopped with that answer, which is to be recorded before the task ends as cancelled.
    """
    task = asyncio.ensure_future(call)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=LAST_CHANCE_S)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_END_S)
        if not task.done() or task.cancelled() or task.exception() is not None:
            raise
        raise Stopped(task.result()) from None


async def record(
    context: Context,
    job: OrderJob,
    unit: WriteUnit[[], None],
    late: WriteUnit[[], Sequence[Entry]],
    recorded: Callable[[], None] = lambda: None,
) -> None:
    """Commit an answer with `unit` under the job's lease; with `late` where the lease is lost.

    `recorded` is called once either has written it. Raises LeaseLost also after `late` has: the job's view of
    the order is not the ledger's any more. Raises LedgerUnavailable.
    """
    try:
        await context.write(job, unit)
    except LeaseLost:
        entries = await context.ledger.write(late, context.clock.now())
        if entries:
            recorded()
            context.record(*entries)
            context.log.info(
                "late_answer_recorded", order_id=job.order_id, shipment_id=entries[0].shipment_id
            )
        raise
    recorded()
