"""look: read the order from the store again. Nothing is ever decided from a webhook's body."""

from __future__ import annotations

from functools import partial

from packhouse.errors import Forbidden, NotFound, StoreUnavailable
from packhouse.ledger import orders
from packhouse.model.hold import HoldCode
from packhouse.model.journal import MACHINE
from packhouse.model.states import ShipmentState
from packhouse.rules.verdict import HoldIt, LeaveAlone, Reason, StopShipping, Verdict
from packhouse.steps.desk import Desk, Work

# A store may not find at once what it has just told us of; this many looks in a row decide.
_LOOKS_UNTIL_GONE = 5


_GONE = "The store does not know this order."
_PAID = (ShipmentState.BUYING, ShipmentState.UNKNOWN, ShipmentState.LABELED)


async def look(desk: Desk, work: Work) -> None:
    """Leave the fresh order in `work`, or a verdict where there is none to read."""
    try:
        order = await desk.store.order(work.order_id)
    except NotFound as error:
        if work.lease.attempts < _LOOKS_UNTIL_GONE:
            raise StoreUnavailable(
                f"The store does not know order {work.order_id} yet.", status=404
            ) from error
        work.verdict = _vanished(work)
        return
    except Forbidden as error:
        work.verdict = HoldIt((Reason(HoldCode.STORE_FORBIDS, str(error)),))
        return
    work.order = order
    work.looked_at = desk.clock.monotonic()
    now = desk.clock.now()
    work.deferred.append(partial(orders.looked, now=now, lease=work.lease, order=order, acts=[]))


def _vanished(work: Work) -> Verdict:
    """An order that is gone is left alone; where money was spent on its label, a person is asked first."""
    if not work.in_state(*_PAID):
        return LeaveAlone(_GONE)
    code = HoldCode.ORDER_UNREADABLE
    if any(one.code is code and not one.stands and one.released_by != MACHINE for one in work.holds):
        return StopShipping(_GONE)
    return HoldIt((Reason(code, f"{_GONE} Money was spent on its label; released, it is asked back."),))
