"""look: read the order from the store again. Nothing is ever decided from a webhook's body."""

from __future__ import annotations

from functools import partial

from packhouse.errors import StoreForbidden, StoreNotFound, StoreUnavailable
from packhouse.ledger import orders
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE
from packhouse.model.states import ShipmentState
from packhouse.rules.decision import Decision, NeedsHold, Reason, Skip, Withdraw
from packhouse.steps.context import Context, OrderJob

# A store may not find at once what it has just told us of; this many looks in a row decide.
_LOOKS_UNTIL_GONE = 5


_GONE = "The store does not know this order."
_PAID = (ShipmentState.BUYING, ShipmentState.UNKNOWN, ShipmentState.LABELED)


async def refresh(context: Context, job: OrderJob) -> None:
    """Leave the fresh order in `work`, or a verdict where there is none to read."""
    try:
        order = await context.store.order(job.order_id)
    except StoreNotFound as error:
        if job.lease.attempts < _LOOKS_UNTIL_GONE:
            raise StoreUnavailable(
                f"The store does not know order {job.order_id} yet.", status=404
            ) from error
        job.decision = _vanished(job)
        return
    except StoreForbidden as error:
        job.decision = NeedsHold((Reason(HoldCode.STORE_FORBIDS, str(error)),))
        return
    job.fetched = order
    job.fetched_at = context.clock.monotonic()
    now = context.clock.now()
    job.deferred.append(partial(orders.save_snapshot, order=order, fetched_at=now))


def _vanished(job: OrderJob) -> Decision:
    """An order that is gone is left alone; where money was spent on its label, a person is asked first."""
    if not job.in_state(*_PAID):
        return Skip(_GONE)
    code = HoldCode.ORDER_UNREADABLE
    if any(one.code is code and not one.is_active and one.released_by != MACHINE for one in job.holds):
        return Withdraw(_GONE)
    return NeedsHold((Reason(code, f"{_GONE} Money was spent on its label; released, it is asked back."),))
