"""late_label: before the first post of a label bought long ago, ask whether it was voided meanwhile.

A post is late after a hold, a pause or an outage of the store. A person may have voided the label at its
provider in that time, and the number of a void label must not reach the buyer.
"""

from __future__ import annotations

from packhouse.errors import ProviderError
from packhouse.model.journal import Entry
from packhouse.model.label import Label
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.tracking_number import same_number
from packhouse.providers.port import Purchase, Safety, Unknown, Voided, Withdrawn
from packhouse.steps import purchase
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.moves import Move

_S = ShipmentState
# A label that is posted sooner is not asked about: that is nearly every label.
_LATE_AFTER_S = 3600.0


async def was_voided(
    context: Context, job: OrderJob, shipment: Shipment, label: Label, *, late_after_s: float = _LATE_AFTER_S
) -> bool:
    """Look a late label up once; True if it is void, or being voided, at its provider: it is not posted.

    Its units are owed again, so they are planned again as soon as the label is void. Only a clear answer
    about this label counts: the label was bought, and an account that cannot be asked stops no paid parcel.
    """
    if context.clock.now() - label.bought_at < late_after_s or shipment.rate is None:
        return False
    begun = Purchase(purchase.request_for(job.order, shipment), shipment.provider_ref, shipment.rate)
    try:
        provider = context.provider(label.provider)
        if provider.safety is Safety.BLIND:
            return False
        answer = await provider.lookup(begun)
    except ProviderError as error:
        answer = Unknown(str(error))
    if isinstance(answer, Unknown):
        context.log.warning("late_label_not_looked_up", shipment_id=shipment.id, reason=answer.reason)
    if not isinstance(answer, Withdrawn) or not same_number(answer.tracking_number, label.tracking_number):
        return False
    is_void = isinstance(answer.void, Voided)
    state = "was voided at the provider" if is_void else "is being voided at the provider"
    entry = Entry(
        job.order_id,
        "voided" if is_void else "voiding",
        f"The label {label.tracking_number} {state} before it was posted. It is not posted.",
        shipment.id,
        data={"tracking_number": label.tracking_number},
    )
    to, label_state = (_S.VOIDED, LabelState.VOIDED) if is_void else (_S.VOIDING, LabelState.VOIDING)
    await context.apply(job, Move(shipment, to, label_state), entry)
    job.wake_at(context.clock.now())
    return True
