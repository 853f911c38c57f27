"""Finds due orders and starts a worker for each: at every tick, and when woken by this process or by another
replica on the same ledger.

It renews the leases of running orders, and on a stop finishes them.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import deque
from collections.abc import Sequence

from structlog.typing import FilteringBoundLogger

from packhouse.config.sections import RetrySettings
from packhouse.errors import LeaseLost, LedgerError
from packhouse.flow import process_order
from packhouse.ledger import crashes, guard, leases, orders
from packhouse.ledger.crashes import Ended
from packhouse.ledger.orders import OrderRecords
from packhouse.ledger.tx import Lease, Tx, under
from packhouse.next_check import finish_unwritable
from packhouse.steps.context import Context, OrderJob

_TICK_S = 0.5
# A suspect waits for other orders, no longer than this.
_PATIENCE_S = 60.0
_RETRY_S = 2.0


# A call whose answer is about to arrive is waited for a little longer.
_CANCEL_S, _RELEASE_S = 2.5, 1.0


def _claim(
    tx: Tx, token: str, until: float, most: int, retry: RetrySettings, suspects: int, suspects_next: bool
) -> tuple[list[tuple[Lease, OrderRecords]], list[Ended], str]:
    """Due orders, the leases that ran out, and why nothing is bought or posted now ("" if nothing does).

    An idle worker claims up to `suspects` orders that may end the process, if no other order is due. If one
    has waited for too long and `suspects_next` is true, it claims no other order, and becomes idle.
    """
    ended = crashes.end_expired(tx, token.partition(":")[0], retry)
    claimed: list[tuple[Lease, OrderRecords]] = []
    if not suspects_next or not crashes.is_suspect_due(tx, tx.now - _PATIENCE_S):
        claimed = orders.claim(tx, token, until, most)
    if not claimed and suspects:
        claimed = orders.claim(tx, token, until, suspects, suspects=True)
    return claimed, ended, guard.paused(tx.connection)


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
        self._abandoned: list[tuple[Lease, int]] = []  # and the failures to count
        self._wake_up = asyncio.Event()
        # Whether the last tick came by `wake`, and not by the clock alone.
        self._is_woken = True
        self._stopping = False
        # After suspects the other orders have their turn.
        self._suspects_next = True
        # The more suspects ended well, the more are processed at once.
        self._suspects_at_once = 1
        self.last_tick = context.clock.monotonic()

    def wake(self) -> None:
        """Look for due orders now instead of at the next tick."""
        self._wake_up.set()

    @property
    def in_flight(self) -> int:
        """How many orders are being processed."""
        return len(self._running)

    @property
    def running(self) -> list[str]:
        """The ids of the orders that are being processed."""
        return [job.order_id for job in list(self._running.values())]

    async def run(self) -> None:
        """Process due orders until `stop` is called and every running order is finished."""
        background = [
            asyncio.create_task(self._renew_leases(), name="renew leases"),
            asyncio.create_task(self._context.ledger.listen(self.wake), name="listen"),
        ]
        try:
            while not self._stopping:
                self._is_woken = self._wake_up.is_set()
                self._wake_up.clear()
                if await self._try_to_claim():
                    self._start_workers()
                    await self._wait_for_tick()
                else:
                    await self._context.clock.sleep(_RETRY_S)
            await self._release_unstarted()
            while self._running:
                await asyncio.wait(list(self._running))
        finally:
            has_leases = bool(self._running or self._claimed or self._abandoned)
            cut_off = [*background, *self._running]
            for task in cut_off:
                task.cancel()
            await asyncio.wait(cut_off, timeout=_CANCEL_S)
            if has_leases:
                await self._release_cut_off()

    def stop(self) -> None:
        """Start no more orders; `run` ends when every running order is finished."""
        self._stopping = True
        self._wake_up.set()

    async def _try_to_claim(self) -> bool:
        tick = self._context.clock.monotonic()
        try:
            await self._release_abandoned()
            await self._claim()
        except LedgerError as error:
            self._context.log.error("claim_failed", error=str(error))
            self.last_tick = tick
            return False
        except Exception:
            # A bug, which must not end the process: `last_tick` stays, so that /readyz shows it.
            self._context.log.exception("claim_failed")
            return False
        self.last_tick = tick
        return True

    async def _claim(self) -> None:
        """Claim a few orders ahead, so that a worker that finishes need not wait for the ledger."""
        most = (
            self._context.settings.worker.concurrency
            + self._prefetch
            - len(self._running)
            - len(self._claimed)
        )
        if most < self._prefetch / 2 or any(job.lease.is_suspect for job in self._running.values()):
            return
        clock, settings = self._context.clock, self._context.settings
        if not self._is_woken and not await self._context.ledger.read(leases.is_any_due, clock.now()):
            return  # a claim writes, and most ticks of a quiet day find nothing to claim
        self._claims += 1
        now, until = clock.now(), clock.monotonic() + settings.lease_s
        token, is_idle = f"{self.worker_id}:{self._claims}", not self._running and not self._claimed
        suspects = self._suspects_at_once if is_idle else 0
        claimed, ended, paused = await self._context.ledger.write(
            _claim, now, token, now + settings.lease_s, most, settings.retry, suspects, self._suspects_next
        )
        report_crashes(self._context.log, ended)
        self._suspects_next = not any(lease.is_suspect for lease, _ in claimed)
        if not self._suspects_next:
            self._suspects_at_once = min(2 * self._suspects_at_once, settings.worker.concurrency)
        if settings.guard.paused:
            paused = "PACKHOUSE_GUARD__PAUSED is set."
        unreadable = []
        for lease, known in claimed:
            job = OrderJob(
                lease,
                until,
                list(known.shipments),
                list(known.holds),
                restored_at=known.restored_at,
                paused=paused,
            )
            if known.unreadable:
                unreadable.append((job, known.unreadable))
            else:
                self._claimed.append(job)
        if len(claimed) == most:
            self._wake_up.set()
        for job, why in unreadable:
            await finish_unwritable(self._context, job, why, "UnreadableRecord")

    def _start_workers(self) -> None:
        most = 0 if self._stopping else self._context.settings.worker.concurrency
        while self._claimed and len(self._running) < most:
            job = self._claimed.popleft()
            task = asyncio.create_task(self._process(job), name=f"order {job.order_id}")
            self._running[task] = job
            task.add_done_callback(self._ended)

    async def _process(self, job: OrderJob) -> None:
        log = self._context.log.bind(order_id=job.order_id)
        if job.lease.is_suspect:
            log.warning("processed_apart", crashes=job.lease.crashes)
        try:
            await process_order(self._context, job)
        except LeaseLost as error:
            log.warning("lease_lost", why=str(error))
        except LedgerError as error:
            log.error("ledger_failed", error=str(error))
            self._abandoned.append((job.lease, 0))
        except Exception:
            log.exception("worker_failed")
            self._abandoned.append((job.lease, 1))

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._running[task]
        self._start_workers()
        if len(self._claimed) < self._prefetch / 2:
            self._wake_up.set()

    async def _wait_for_tick(self) -> None:
        """Wait until the next tick or until `wake` is called."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TICK_S):  # wait_for may swallow a cancellation
                await self._wake_up.wait()

    async def _renew_leases(self) -> None:
        context = self._context
        while True:
            await context.clock.sleep(context.settings.lease_s / 3)
            held = [*self._running.values(), *self._claimed]
            if not held:
                continue
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
            lease, failures = ended = self._abandoned[-1]
            now, wait_s = context.clock.now(), context.settings.retry.max_s if failures else _RETRY_S
            with contextlib.suppress(LeaseLost):
                await context.ledger.write(under(lease, leases.abandon), now, now + wait_s, failures)
            self._abandoned.remove(ended)

    async def _release_unstarted(self) -> None:
        now = self._context.clock.now()
        # Emptied first: a worker that finishes meanwhile must find nothing more to start.
        unstarted, self._claimed = self._claimed, deque()
        for job in unstarted:
            with contextlib.suppress(LedgerError):
                await self._context.ledger.write(under(job.lease, leases.abandon), now, now)

    async def _release_cut_off(self) -> None:
        """Release what the end of the grace period cut off, so that it does not look like a crash."""
        context, now = self._context, self._context.clock.now()
        with contextlib.suppress(LedgerError, TimeoutError):
            async with asyncio.timeout(_RELEASE_S):
                await context.ledger.write(leases.release_worker, now, self.worker_id, now + _RETRY_S)


def report_crashes(log: FilteringBoundLogger, ended: Sequence[Ended]) -> None:
    """Log the orders that a process which is gone had in work."""
    for one in ended:
        if one.set_aside_s:
            log.error(
                "order_set_aside", order_id=one.order_id, crashes=one.crashes, wait_s=round(one.set_aside_s)
            )
        elif one.crashes:
            log.warning("order_was_in_work", order_id=one.order_id, crashes=one.crashes)
