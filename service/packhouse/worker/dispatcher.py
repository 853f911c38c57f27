"""Finds due orders and starts a worker for each: at every tick, and when woken by this process or by another
replica on the same ledger.

It renews the leases of running orders, and on a stop finishes them.
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
_RETRY_S = 2.0


def _claim(tx: Tx, token: str, until: float, most: int) -> tuple[list[tuple[Lease, OrderRecords]], str]:
    """Due orders, and why nothing is bought or posted now ("" if nothing prevents it)."""
    return orders.claim(tx, token, until, most), guard.paused(tx.connection)


class Dispatcher:
    """Processes up to `concurrency` orders at once. Its lease tokens begin with `worker_id`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.worker_id = secrets.token_hex(4)
        self._claims = 0
        # How many orders to claim ahead. Few on a shared ledger: another replica may be idle.
        self._prefetch = max(1, context.settings.worker.concurrency // (4 if context.ledger.shared else 1))
        self._claimed: deque[OrderJob] = deque()
        # By task, not by order: after an operation revoked a lease, the order may be claimed again while its
        # first worker still waits for a response.
        self._running: dict[asyncio.Task[None], OrderJob] = {}
        # Leases whose work ended with a ledger error, so that the ledger does not know of the end.
        self._abandoned: list[Lease] = []
        self._wake_up = asyncio.Event()
        self._stopping = False
        self.last_tick = context.clock.monotonic()

    def wake(self) -> None:
        """Look for due orders now instead of at the next tick."""
        self._wake_up.set()

    @property
    def in_flight(self) -> int:
        """How many orders are being processed."""
        return len(self._running)

    async def run(self) -> None:
        """Process due orders until `stop` is called and every running order is finished."""
        background = [
            asyncio.create_task(self._renew_leases(), name="renew leases"),
            asyncio.create_task(self._context.ledger.listen(self.wake), name="listen"),
        ]
        try:
            while not self._stopping:
                self.last_tick = self._context.clock.monotonic()
                self._wake_up.clear()
                try:
                    await self._release_abandoned()
                    await self._claim()
                except LedgerError as error:
                    self._context.log.error("claim_failed", error=str(error))
                    await self._context.clock.sleep(_RETRY_S)
                    continue
                self._start_workers()
                await self._wait_for_tick()
            await self._release_unstarted()
            while self._running:
                await asyncio.wait(list(self._running))
        finally:
            for task in (*background, *self._running):
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)

    def stop(self) -> None:
        """Start no more orders; `run` ends when every running order is finished."""
        self._stopping = True
        self._wake_up.set()

    async def _claim(self) -> None:
        """Claim a few orders ahead, so that a worker that finishes need not wait for the ledger."""
        most = (
            self._context.settings.worker.concurrency
            + self._prefetch
            - len(self._running)
            - len(self._claimed)
        )
        if most < self._prefetch / 2:
            return
        self._claims += 1
        clock, lease_s = self._context.clock, self._context.settings.lease_s
        now, until = clock.now(), clock.monotonic() + lease_s
        token = f"{self.worker_id}:{self._claims}"
        claimed, paused = await self._context.ledger.write(_claim, now, token, now + lease_s, most)
        if self._context.settings.guard.paused:
            paused = "PACKHOUSE_GUARD__PAUSED is set."
        for lease, known in claimed:
            job = OrderJob(
                lease,
                until,
                list(known.shipments),
                list(known.holds),
                restored_at=known.restored_at,
                paused=paused,
            )
            self._claimed.append(job)
        if len(claimed) == most:
            self._wake_up.set()

    def _start_workers(self) -> None:
        while self._claimed and len(self._running) < self._context.settings.worker.concurrency:
            job = self._claimed.popleft()
            task = asyncio.create_task(self._process(job), name=f"order {job.order_id}")
            self._running[task] = job
            task.add_done_callback(self._ended)

    async def _process(self, job: OrderJob) -> None:
        log = self._context.log.bind(order_id=job.order_id)
        try:
            await process_order(self._context, job)
        except LeaseLost as error:
            log.warning("lease_lost", why=str(error))
        except LedgerError as error:
            log.error("ledger_failed", error=str(error))
            self._abandoned.append(job.lease)
        except Exception:
            log.exception("worker_failed")

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._start_workers()
        if len(self._claimed) < self._prefetch / 2:
            self._wake_up.set()

    async def _wait_for_tick(self) -> None:
        """Wait until the next tick or until `wake` is called."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake_up.wait(), _TICK_S)

    async def _renew_leases(self) -> None:
        context = self._context
        while True:
            await context.clock.sleep(context.settings.lease_s / 3)
            held = [*self._running.values(), *self._claimed]
            until = context.clock.monotonic() + context.settings.lease_s
            try:
                renewed = await context.ledger.write(
                    leases.renew,
                    context.clock.now(),
                    [job.order_id for job in held],
                    self.worker_id,
                    context.clock.now() + context.settings.lease_s,
                )
            except LedgerError as error:
                context.log.error("renew_failed", error=str(error))
                continue
            for job in held:
                if job.order_id in renewed:
                    job.lease_until = until

    async def _release_abandoned(self) -> None:
        """Release leases under which nothing runs, instead of waiting for their end."""
        context = self._context
        while self._abandoned:
            lease, now = self._abandoned[-1], context.clock.now()
            with contextlib.suppress(LeaseLost):
                await context.ledger.write(under(lease, leases.abandon), now, now + _RETRY_S)
            self._abandoned.remove(lease)

    async def _release_unstarted(self) -> None:
        now = self._context.clock.now()
        # Emptied first: a worker that finishes meanwhile must find nothing more to start.
        unstarted, self._claimed = self._claimed, deque()
        for job in unstarted:
            with contextlib.suppress(LedgerError):
                await self._context.ledger.write(
                    under(job.lease, leases.release),
                    now,
                    phase=job.lease.phase,
                    due_at=now,
                    attempts=job.lease.attempts,
                )
