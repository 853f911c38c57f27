"""Finds due orders and gives each to a worker: a monotonic tick over the ledger, and nudges in between, from
this process and, where replicas share the ledger, from the others.

Holds the leases of what is being worked on, renews them, and on a stop finishes what has begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque

from packhouse.errors import LeaseLost, LedgerError
from packhouse.flow import process_order
from packhouse.ledger import guard, leases, orders
from packhouse.ledger.orders import OrderRecords
from packhouse.ledger.tx import Lease, Tx, under
from packhouse.steps.context import Context, OrderJob

_TICK_S = 0.5
_AFTER_TROUBLE_S = 2.0


def _claim(tx: Tx, token: str, until: float, most: int) -> tuple[list[tuple[Lease, OrderRecords]], str]:
    """Due orders, and why nothing is bought or posted just now."""
    return orders.claim(tx, token, until, most), guard.paused(tx.connection)


class Dispatcher:
    """Runs up to `concurrency` orders at once. `name` begins every lease token of this process."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.name = secrets.token_hex(4)
        self._claims = 0
        # What waits here while another replica has nothing to do, waits too long.
        self._ahead = max(1, context.settings.worker.concurrency // (4 if context.ledger.shared else 1))
        self._waiting: deque[OrderJob] = deque()
        # By task, not by order: an order that a person took away is soon taken again, while its first worker
        # still waits for an answer.
        self._running: dict[asyncio.Task[None], OrderJob] = {}
        # Their work ended because the ledger was away, which did not hear of it.
        self._stranded: list[Lease] = []
        self._due = asyncio.Event()
        self._stopping = False
        self.last_tick = context.clock.monotonic()

    def wake(self) -> None:
        """Something may be due: look now instead of at the next tick."""
        self._due.set()

    @property
    def in_flight(self) -> int:
        """Orders being worked on."""
        return len(self._running)

    async def run(self) -> None:
        """Work until `stop` is called and what has begun is finished."""
        beside = [
            asyncio.create_task(self._renew(), name="renew leases"),
            asyncio.create_task(self._context.ledger.listen(self.wake), name="hear the bell"),
        ]
        try:
            while not self._stopping:
                self.last_tick = self._context.clock.monotonic()
                self._due.clear()
                try:
                    await self._give_back_stranded()
                    await self._claim()
                except LedgerError as error:
                    self._context.log.error("claim_failed", error=str(error))
                    await self._context.clock.sleep(_AFTER_TROUBLE_S)
                    continue
                self._start()
                await self._rest()
            await self._give_back_unbegun()
            while self._running:
                await asyncio.wait(list(self._running))
        finally:
            for task in (*beside, *self._running):
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    def stop(self) -> None:
        """Take no more work; `run` ends when what has begun is finished."""
        self._stopping = True
        self._due.set()

    async def _claim(self) -> None:
        """Keep a short queue, so that a worker that finishes need not wait for the ledger."""
        most = (
            self._context.settings.worker.concurrency + self._ahead - len(self._running) - len(self._waiting)
        )
        if most < self._ahead / 2:
            return
        self._claims += 1
        clock, lease_s = self._context.clock, self._context.settings.lease_s
        now, until = clock.now(), clock.monotonic() + lease_s
        token = f"{self.name}:{self._claims}"
        taken, paused = await self._context.ledger.write(_claim, now, token, now + lease_s, most)
        if self._context.settings.guard.paused:
            paused = "PACKHOUSE_GUARD__PAUSED is set."
        for lease, known in taken:
            job = OrderJob(lease, until, list(known.shipments), list(known.holds), paused=paused)
            self._waiting.append(job)
        if len(taken) == most:
            self._due.set()

    def _start(self) -> None:
        while self._waiting and len(self._running) < self._context.settings.worker.concurrency:
            job = self._waiting.popleft()
            task = asyncio.create_task(self._live(job), name=f"order {job.order_id}")
            self._running[task] = job
            task.add_done_callback(self._ended)

    async def _live(self, job: OrderJob) -> None:
        log = self._context.log.bind(order_id=job.order_id)
        try:
            await process_order(self._context, job)
        except LeaseLost as error:
            log.warning("lease_lost", why=str(error))
        except LedgerError as error:
            log.error("ledger_failed", error=str(error))
            self._stranded.append(job.lease)
        except Exception:
            log.exception("worker_failed")

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._start()
        if len(self._waiting) < self._ahead / 2:
            self._due.set()

    async def _rest(self) -> None:
        """Until the next tick, or a nudge, or a worker that runs dry."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._due.wait(), _TICK_S)

    async def _renew(self) -> None:
        context = self._context
        while True:
            await context.clock.sleep(context.settings.lease_s / 3)
            held = [*self._running.values(), *self._waiting]
            until = context.clock.monotonic() + context.settings.lease_s
            try:
                renewed = await context.ledger.write(
                    leases.renew,
                    context.clock.now(),
                    [job.order_id for job in held],
                    self.name,
                    context.clock.now() + context.settings.lease_s,
                )
            except LedgerError as error:
                context.log.error("renew_failed", error=str(error))
                continue
            for job in held:
                if job.order_id in renewed:
                    job.lease_until = until

    async def _give_back_stranded(self) -> None:
        """The ledger answers again: nobody need wait for the end of leases under which nothing is done."""
        context = self._context
        while self._stranded:
            lease, now = self._stranded[-1], context.clock.now()
            with contextlib.suppress(LeaseLost):
                await context.ledger.write(under(lease, leases.abandon), now, now + _AFTER_TROUBLE_S)
            self._stranded.remove(lease)

    async def _give_back_unbegun(self) -> None:
        now = self._context.clock.now()
        # Taken away first: a worker that finishes meanwhile must find nothing more to begin.
        unbegun, self._waiting = self._waiting, deque()
        for job in unbegun:
            with contextlib.suppress(LedgerError):
                await self._context.ledger.write(
                    under(job.lease, leases.release),
                    now,
                    phase=job.lease.phase,
                    due_at=now,
                    attempts=job.lease.attempts,
                )
