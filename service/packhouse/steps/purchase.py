"""Recording the outcome of a purchase, for the step that buys and the step that looks a purchase up."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from packhouse.errors import LedgerUnavailable
from packhouse.ledger import late_answers, shipments
from packhouse.model.customs import Customs
from packhouse.model.hold import HoldCode
from packhouse.model.journal import Entry
from packhouse.model.label import Label, LabelFormat, LabelPaper
from packhouse.model.money import Money
from packhouse.model.order import Address, Order
from packhouse.model.shipment import Shipment
from packhouse.model.states import LabelState, ShipmentState
from packhouse.model.waiting import Waiting, WaitKind
from packhouse.providers.port import (
    Bought,
    NotBought,
    PurchaseRequest,
    Safety,
    Unknown,
    Voided,
    Whose,
    Withdrawn,
)
from packhouse.rules.address import is_other_place, normalized
from packhouse.rules.rates import drift
from packhouse.steps import accounts, answers
from packhouse.steps.context import Context, OrderJob
from packhouse.steps.moves import Move, columns_of

_S = ShipmentState
_MOST_PAPERS, _LONGEST_KIND = 20, 100


def request_for(order: Order, shipment: Shipment, declared: Customs | None = None) -> PurchaseRequest:
    """What the provider is sent about a shipment, with the address in the writing that carriers want.

    Raises ValueError for a shipment that was never packed.
    """
    if shipment.parcel is None:
        raise ValueError(f"shipment {shipment.id} has no parcel")
    to = normalized(order.address or Address())
    if declared and not to.email:
        to = replace(to, email=order.buyer_email)  # customs and carriers ask the recipient for duties
    return PurchaseRequest(shipment.reference, order, shipment.units, to, shipment.parcel, declared)


def goes_elsewhere(request: PurchaseRequest, bought: Bought) -> bool:
    """Whether a label shows another place than its order has now. False where one of them is not known."""
    return bought.to_address is not None and is_other_place(bought.to_address, request.to_address)


def intent_of(shipment: Shipment) -> tuple[str, float | None]:
    """The name of one attempt to buy: the same reference may be tried again, even by another process."""
    return shipment.reference, shipment.intent_at


def expect_settled(context: Context, begun: Shipment) -> None:
    """The purchase ended long ago, so its look-up need not wait."""
    settled_s = context.settings.provider_settle_s + context.settings.provider_timeout_s
    context.settling[intent_of(begun)] = context.clock.monotonic() - settled_s


async def record_outcome(
    context: Context,
    job: OrderJob,
    shipment: Shipment,
    answer: Bought | NotBought | Unknown,
    *,
    is_new: bool = False,
) -> None:
    """Record the outcome of a purchase, whether the response came at once or it was looked up later.

    `is_new`: this was the first try of a purchase prepared just now, so another account may sell it after a
    refusal. An unknown outcome counts neither for nor against the account.
    """
    context.metrics.purchase(shipment.provider, type(answer).__name__.lower())
    match answer:
        case Bought():
            accounts.count_sale(context, shipment.provider)
            await _record_bought(context, job, shipment, answer)
        case NotBought(whose=Whose.ACCOUNT | Whose.MOMENT):
            await _record_refused_for_now(context, job, shipment, answer, is_new=is_new)
        case NotBought():
            context.breaker.not_tried(shipment.provider, context.clock.monotonic())
            shipment = await record_not_bought(context, job, shipment, "Not bought.", answer.reason)
            note = f"{shipment.provider}: {answer.reason}"
            await hold_for_requote(context, job, shipment, HoldCode.PROVIDER_REFUSED, note)
        case Unknown():
            await _record_unknown(context, job, shipment, answer)


async def _record_unknown(context: Context, job: OrderJob, shipment: Shipment, answer: Unknown) -> None:
    """Look the purchase up later, or let an operator find out where a look-up would not help."""
    is_blind = context.provider(shipment.provider).safety is Safety.BLIND
    needs_person = answer.needs_person or is_blind
    if shipment.state is not _S.UNKNOWN:
        why = "The outcome is not known."
        if not needs_person:
            why = "The outcome is not known; the purchase will be looked up."
        entry = Entry(job.order_id, "unknown", why, shipment.id, quoted=answer.reason)
        shipment = await context.move(job, shipment, _S.UNKNOWN, entry)
    if needs_person:
        await hold_unknown(context, job, shipment, answer.reason)
    else:
        wait_to_settle(job, shipment, context.clock.now() + context.settings.provider_settle_s)


def wait_to_settle(job: OrderJob, shipment: Shipment, until: float) -> None:
    """Wait until the provider must have ended the purchase; only then a look-up can be believed."""
    sentence = (
        f"It is not known whether {shipment.provider} sold a label for {shipment.id}. It is looked up as "
        "soon as the purchase must have ended there."
    )
    job.wake_at(until, Waiting(WaitKind.PURCHASE_UNSETTLED, sentence, shipment.provider, until=until))


async def hold_unknown(context: Context, job: OrderJob, shipment: Shipment, reason: str = "") -> None:
    """Hold a purchase that only an operator can find out about, with what the provider said."""
    note = f"reference {shipment.reference}, provider account {shipment.provider}"
    note += f": {reason}" if reason else ""
    move = Move(shipment, _S.HELD)
    await context.hold(job, HoldCode.PURCHASE_UNKNOWN, note[:1000], shipment=shipment, move=move)


async def _record_refused_for_now(
    context: Context, job: OrderJob, shipment: Shipment, answer: NotBought, *, is_new: bool
) -> None:
    """The order is not at fault: no hold. It waits for the account, if that buys nothing now."""
    account, now = shipment.provider, context.clock.now()
    may_move = is_new and answer.whose is Whose.ACCOUNT and len(context.sellers) > 1
    changes: dict[str, Any] = {"provider_ref": "", "rate": None} if may_move or answer.prepare_again else {}
    if may_move and shipment.rate and shipment.quoted == shipment.rate.price:
        changes["quoted"] = None  # the price of an account that does not sell binds no other
    why = "Not bought; it is tried again."
    await record_not_bought(context, job, shipment, why, answer.reason, **changes)
    if not answer.prepare_again:  # an offer that is over says nothing about the account
        accounts.count_refusal(context, account, answer.whose, answer.reason, answer.retry_after_s)
    state = context.breaker.state(account, context.clock)
    if may_move and any(not context.breaker.state(one.account, context.clock) for one in context.sellers):
        job.defer(now, f"{account} buys no labels: {answer.reason}")
    elif state:
        accounts.wait_for(context, job, (state,), state.sentence, tried=True)
    else:
        job.failed(f"Not bought: {answer.reason}", answer.retry_after_s, "NotBought", account)


async def record_withdrawn(
    context: Context, job: OrderJob, shipment: Shipment, answer: Withdrawn, provider_id: str
) -> None:
    """Record a purchase whose label was voided since, or is being voided: it is never posted.

    Its units are owed again as soon as it is void, so they are planned again in a new generation.
    """
    context.metrics.purchase(shipment.provider, "withdrawn")
    is_void = isinstance(answer.void, Voided)
    label = Label(
        id=f"{shipment.id}-label",
        shipment_id=shipment.id,
        generation=shipment.generation,
        provider=shipment.provider,
        carrier=shipment.rate.carrier if shipment.rate else shipment.provider,
        service=shipment.rate.service if shipment.rate else "",
        tracking_number=answer.tracking_number,
        provider_id=answer.provider_id or provider_id,
        cost=_cost(context, shipment, answer.cost),
        state=LabelState.VOIDED if is_void else LabelState.VOIDING,
        bought_at=shipment.intent_at or context.clock.now(),
        void_requested_at=context.clock.now(),
    )
    state = "was voided at the provider" if is_void else "is being voided at the provider"
    entry = Entry(
        job.order_id,
        "voided" if is_void else "voiding",
        f"The label {answer.tracking_number} was bought, and {state}. It is not posted.",
        shipment.id,
        data={"tracking_number": answer.tracking_number, "cost": str(label.cost)},
    )
    to = _S.VOIDED if is_void else _S.VOIDING
    await context.write(job, shipments.found_withdrawn, shipment, to, label, (entry,))
    context.record(entry)
    context.settling.pop(intent_of(shipment), None)
    job.update(shipment, state=to, label=label)
    job.wake_at(context.clock.now())


def _cost(context: Context, shipment: Shipment, reported: Money | None) -> Money:
    """What a label is counted as: what the provider reported, or else what was expected."""
    expected = shipment.rate.price if shipment.rate else None
    return reported or expected or Money(0, context.settings.guard.currency)


async def _keep_file(context: Context, shipment: Shipment, bought: Bought) -> tuple[str, LabelFormat | None]:
    """Put a file that came with the purchase on disk before the purchase is recorded: its only copy.

    If the disk refuses it, the purchase is recorded all the same, and the file is kept with the post.
    """
    document = bought.document
    if document is None or not document.content:
        return "", None
    try:
        return await context.documents.keep(document), document.format
    except LedgerUnavailable as error:
        context.log.error("label_file_not_kept", shipment_id=shipment.id, error=str(error))
        return "", None


async def _record_bought(context: Context, job: OrderJob, shipment: Shipment, bought: Bought) -> None:
    digest, kind = await _keep_file(context, shipment, bought)
    label = Label(
        id=f"{shipment.id}-label",
        shipment_id=shipment.id,
        generation=shipment.generation,
        provider=shipment.provider,
        carrier=bought.carrier,
        service=bought.service,
        tracking_number=bought.tracking_number,
        provider_id=bought.provider_id,
        cost=_cost(context, shipment, bought.cost),
        state=LabelState.BOUGHT,
        # A purchase that is found later was paid when it was begun: the caps of a day count it there.
        bought_at=min(shipment.intent_at or context.clock.now(), context.clock.now()),
        document=digest,
        document_format=kind,
        document_source=bought.document_source,
        papers=_papers(bought),
    )
    price = f"for {label.cost}"
    if bought.cost is None:
        price = f"at a cost that {shipment.provider} does not report; {label.cost} is counted"
    entry = Entry(
        job.order_id,
        "bought",
        f"{bought.carrier} {bought.service} {bought.tracking_number} {price}{_of_it_fees(bought)}"
        + (":" if bought.remark else "."),
        shipment.id,
        data={"tracking_number": bought.tracking_number, "cost": str(label.cost)},
        quoted=bought.remark,
    )
    if bought.cost is None:
        context.log.warning("cost_not_known", provider=shipment.provider, shipment_id=shipment.id)
    sells_once = context.provider(shipment.provider).safety is Safety.KEYED
    late = partial(late_answers.bought, attempt=shipment, label=label, entry=entry, sells_once=sells_once)
    unit = partial(shipments.bought, shipment=shipment, label=label, entries=(entry,))
    try:
        await answers.record(context, job, unit, late, partial(context.metrics.spent, label.cost))
    finally:
        context.settling.pop(intent_of(shipment), None)
    context.record(entry)
    labeled = job.update(shipment, state=_S.LABELED, label=label)
    if bought.document is not None:
        job.documents[shipment.id] = bought.document
    rate = shipment.rate
    if rate is None or rate.price is None or rate.is_estimate:
        return  # nothing was offered, so no offer is broken
    expected = _with_fees(rate.price, bought.fees)
    if why := drift(expected, label.cost, context.settings.guard.price_tolerance_percent):
        await context.hold(job, HoldCode.PRICE_DRIFT, why, shipment=labeled)


def _papers(bought: Bought) -> tuple[LabelPaper, ...]:
    """What the label's answer lists, as far as one parcel can need it: each paper becomes a download."""
    return tuple(
        LabelPaper(paper.kind[:_LONGEST_KIND], paper.source, paper.submitted)
        for paper in bought.papers[:_MOST_PAPERS]
    )


def _of_it_fees(bought: Bought) -> str:
    return f", {bought.fees} of it fees" if bought.fees and bought.fees.minor else ""


def _with_fees(price: Money, fees: Money | None) -> Money:
    """The price of a rate with the fees of its label, which no rate shows: the price has not changed."""
    if fees is None or fees.currency != price.currency:
        return price
    return Money(price.minor + fees.minor, price.currency)


async def record_absent(context: Context, job: OrderJob, shipment: Shipment, why: str) -> None:
    """Record that a look-up found nothing. Where the lease is lost meanwhile, it is looked up again."""
    await context.move(job, shipment, _S.PLANNED, Entry(job.order_id, "not_bought", why, shipment.id))
    context.settling.pop(intent_of(shipment), None)


async def record_not_bought(
    context: Context, job: OrderJob, shipment: Shipment, why: str, words: str = "", /, **changes: Any
) -> Shipment:
    """Record that no money moved: the shipment is planned again, in the same generation, with `changes`.

    `words` are the provider's.
    """
    entry = Entry(job.order_id, "not_bought", why, shipment.id, quoted=words)
    move = Move(shipment, _S.PLANNED, changes=changes)
    await answers.record(
        context,
        job,
        partial(move.write, entries=(entry,)),
        partial(late_answers.not_bought, attempt=shipment, entry=entry, **columns_of(changes)),
    )
    context.record(entry)
    context.settling.pop(intent_of(shipment), None)
    return job.update(shipment, **move.fields(context.clock.now()))


async def hold_for_requote(
    context: Context,
    job: OrderJob,
    shipment: Shipment,
    code: HoldCode,
    note: str,
    quoted: Money | None = None,
) -> None:
    """Hold a planned shipment and drop its prepared purchase: when it continues, new rates are requested.

    `quoted` is the price that the hold names: a release accepts that price, and none above it.
    """
    changes = {"provider_ref": "", "rate": None, "quoted": quoted or shipment.quoted}
    move = Move(shipment, _S.HELD, changes=changes)
    await context.hold(job, code, note, shipment=shipment, move=move)
