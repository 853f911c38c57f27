"""refresh: read the order from the store again. Nothing is ever decided from a webhook's body."""

from __future__ import annotations

from functools import partial

from packhouse.errors import StoreError, StoreForbidden, StoreNotFound, StoreUnavailable, StoreUnreadable
from packhouse.ledger import orders
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE
from packhouse.model.states import ShipmentState
from packhouse.rules.decision import Decision, NeedsHold, Reason, Skip, Withdraw
from packhouse.steps.context import Context, OrderJob
from packhouse.store.protocol import TOO_LARGE

# A store may answer 404 for an order that it has just announced; this many in a row are believed.
_ATTEMPTS_UNTIL_MISSING = 5

_MISSING = "The store does not have this order."
_PAID = (ShipmentState.BUYING, ShipmentState.UNKNOWN, ShipmentState.LABELED)


async def refresh(context: Context, job: OrderJob) -> None:
    """Leave the order in `job.fetched`, or a decision in `job.decision` if the store does not return it."""
    try:
        order = await context.store.order(job.order_id)
    except StoreNotFound as error:
        if not _is_believed(context, job, error):
            raise StoreUnavailable(
                f"The store does not have order {job.order_id} yet.", status=404
            ) from error
        job.decision = _decide_missing(job)
        return
    except StoreForbidden as error:
        job.decision = NeedsHold((Reason(HoldCode.STORE_FORBIDS, str(error)),))
        return
    except StoreError as error:
        context.missing.pop(job.order_id, None)
        if not isinstance(error, StoreUnreadable) or error.code != TOO_LARGE:
            raise
        job.decision = NeedsHold((Reason(HoldCode.ORDER_TOO_LARGE, str(error)),))
        return
    context.missing.pop(job.order_id, None)
    job.fetched = order
    job.fetched_at = context.clock.monotonic()
    now = context.clock.now()
    job.deferred.append(partial(orders.save_snapshot, order=order, fetched_at=now))


def _is_believed(context: Context, job: OrderJob, error: StoreNotFound) -> bool:
    """Whether the store does not have the order: it said so several times in a row, in its own words.

    A 404 of a proxy says nothing about the order, and failures of another kind before it do not count.
    """
    if not error.code:
        return False
    seen = context.missing[job.order_id] = context.missing.get(job.order_id, 0) + 1
    return seen > _ATTEMPTS_UNTIL_MISSING


def _decide_missing(job: OrderJob) -> Decision:
    """Skip an order that the store no longer has; if its label was paid for, an operator decides first."""
    if not job.in_state(*_PAID):
        return Skip(_MISSING)
    code = HoldCode.ORDER_UNREADABLE
    if any(one.code is code and not one.is_active and one.released_by != MACHINE for one in job.holds):
        return Withdraw(_MISSING)
    return NeedsHold((Reason(code, "the store does not have this order, and a label was paid for"),))
