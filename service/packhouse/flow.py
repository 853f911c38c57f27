"""THE LIFE OF AN ORDER: the steps in their order, and the function that takes one order through them.

Events and polls only wake an order (ledger/inbox.py, worker/periodic.py). A worker claims a due order and
takes it once through STEPS. Each step acts on the shipments in its states and leaves the others; no step
calls another. next_check.py then decides when the order is processed again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from packhouse.errors import LeaseLost, LedgerUnavailable, LedgerUnusable, PackhouseError
from packhouse.next_check import finish, finish_failed, finish_unwritable
from packhouse.steps.announce import announce
from packhouse.steps.buy import buy
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.decide import decide
from packhouse.steps.pack import pack
from packhouse.steps.papers import papers
from packhouse.steps.post import post
from packhouse.steps.recall import compare, recall
from packhouse.steps.reconcile import reconcile
from packhouse.steps.refresh import refresh
from packhouse.steps.sync_holds import sync_holds
from packhouse.steps.track import track
from packhouse.steps.void import void


class Step(NamedTuple):
    """One step, and a sentence on what it does."""

    run: Callable[[Context, OrderJob], Awaitable[None]]
    meaning: str

    @property
    def name(self) -> str:
        """The step's name, for example "buy"."""
        return self.run.__name__


STEPS = (
    Step(refresh, "Reads the order from the store again."),
    Step(recall, "After a restore: gives a label that was bought since the backup its shipment back."),
    Step(reconcile, "Finds out what became of a purchase whose response was lost."),
    Step(decide, "Withdraws what no longer fits the order; names the units to ship, or why they wait."),
    Step(pack, "Packs units into parcels, and plans a shipment for each."),
    Step(sync_holds, "Places holds, and releases those whose reason no longer applies."),
    Step(compare, "After a restore: looks up what is planned, before it may be bought."),
    Step(buy, "Chooses a rate, writes the intent, checks the order once more, buys the label."),
    Step(post, "Keeps the label's file; posts the units and the tracking number to the store."),
    Step(papers, "Fetches the papers that travel with a parcel, and keeps them with the label."),
    Step(announce, "Notifies the sinks: printers, folders and other programs."),
    Step(track, "Has the parcels tracked until they are delivered, and acts on news of them."),
    Step(void, "Requests the void of each label that will not ship, and follows it to its end."),
)


async def process_order(context: Context, job: OrderJob) -> None:
    """Take one leased order once through STEPS, and release it. Raises LeaseLost, LedgerUnavailable."""
    failure: Exception | None = None
    try:
        for step in STEPS:
            began = context.clock.monotonic()
            try:
                await step.run(context, job)
            except BaseException:
                context.metrics.step(step.name, context.clock.monotonic() - began, "failed")
                raise
            context.metrics.step(step.name, context.clock.monotonic() - began, "done")
    except LeaseLost:
        raise
    except PackhouseError as error:
        failure = error
    except Exception as error:
        context.log.exception("step_failed", order_id=job.order_id)
        failure = error
    if failure is not None:
        retry_after_s = getattr(failure, "retry_after_s", None)
        account = getattr(failure, "account", "")
        job.failed(str(failure) or repr(failure), retry_after_s, type(failure).__name__, account)
    try:
        if job.failures:
            await finish_failed(context, job)
        else:
            await finish(context, job)
    except (LeaseLost, LedgerUnavailable, LedgerUnusable):
        raise
    except Exception as error:
        # The order would keep its lease until it ends, and fail here again, without end and unseen.
        # With its traceback the first time.
        context.log.error(
            "release_failed",
            order_id=job.order_id,
            error=type(error).__name__,
            exc_info=not job.lease.attempts,
        )
        await finish_unwritable(context, job, str(error) or repr(error), type(error).__name__)
