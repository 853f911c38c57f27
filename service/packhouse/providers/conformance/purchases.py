"""What every adapter must do when nothing goes wrong: sell one label, find it again, take it back."""

from __future__ import annotations

import asyncio

from packhouse.errors import ProviderRefused
from packhouse.providers.conformance.subject import (
    NotConforming,
    Subject,
    bought_label,
    expect,
    expect_money,
    kept_label,
    prepared_purchase,
)
from packhouse.providers.label_file import recognised
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Safety,
    TrackerState,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)


async def it_says_its_name_and_its_safety(subject: Subject) -> None:
    """The registry and the operator go by these."""
    carrier = subject.carrier
    expect(bool(carrier.name) and carrier.name == carrier.name.strip().lower(), "the name is lower-case text")
    expect(isinstance(carrier.safety, Safety), "safety is a Safety")
    await carrier.check()


async def preparing_is_free_and_may_be_repeated(subject: Subject) -> None:
    """Rates have an id, a carrier and a price; no label is sold by asking."""
    request = subject.request("conform/1/1")
    for _ in range(2):
        prepared = await subject.carrier.prepare(request)
        expect(bool(prepared.rates), f"an ordinary parcel has a rate; the remarks are {prepared.messages}")
        for rate in prepared.rates:
            expect(bool(rate.id and rate.carrier), f"{rate} has an id and a carrier")
            expect_money(rate.price)
    subject.expect_sold(0, "after preparing")


async def buying_gives_a_label(subject: Subject) -> None:
    """With everything that the ledger keeps of it."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    expect(bool(bought.tracking_number.strip()), "the label has a tracking number")
    expect(bool(bought.provider_id), "the label can be found again by its provider_id")
    expect(bool(bought.carrier), "the label names its carrier")
    expect_money(bought.cost)
    subject.expect_sold(1, "after one purchase")


async def many_may_buy_at_once(subject: Subject) -> None:
    """One adapter serves many orders; each gets its own label."""
    purchases = await asyncio.gather(*(prepared_purchase(subject, f"conform-{n}/1/1") for n in range(8)))
    bought = await asyncio.gather(*(bought_label(subject, purchase) for purchase in purchases))
    expect(len({label.tracking_number for label in bought}) == 8, "eight orders get eight tracking numbers")
    subject.expect_sold(8, "after eight purchases")


async def a_new_generation_gets_a_new_label(subject: Subject) -> None:
    """After a void the same units are bought afresh, under a new reference."""
    first, second = [
        await bought_label(subject, await prepared_purchase(subject, f"conform/1/{generation}"))
        for generation in (1, 2)
    ]
    expect(first.tracking_number != second.tracking_number, "generations do not share a tracking number")


async def the_label_has_a_file(subject: Subject) -> None:
    """Bytes that are what they say they are, at hand or fetched; or a clear word that there are none."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    try:
        document = bought.document or await subject.carrier.document(kept_label(subject, bought))
    except ProviderRefused:
        expect(not bought.document_source, "a label with a document_source has a file")
        return
    known = recognised(document.content)
    expect(known is not None, f"{document.content[:20]!r} is a PDF, PNG or ZPL file")
    expect(known == document, f"the file is {document.format}, as it says")


async def buying_again_never_pays_again(subject: Subject) -> None:
    """KEYED only: a second purchase answers with the same label, or that it cannot tell; never that nothing
    was bought, which would have the flow start afresh."""
    if subject.carrier.safety is not Safety.KEYED:
        return
    purchase = await prepared_purchase(subject, "conform/1/1")
    first = await bought_label(subject, purchase)
    again = await subject.carrier.buy(purchase)
    same = isinstance(again, Unknown) or (
        isinstance(again, Bought) and again.tracking_number == first.tracking_number
    )
    expect(same, f"a second purchase answers with the same label or Unknown, not {again}")
    subject.expect_sold(1, "after the same purchase twice")


async def racing_purchases_pay_once(subject: Subject) -> None:
    """KEYED only: two replicas that buy the same at once."""
    if subject.carrier.safety is not Safety.KEYED:
        return
    purchase = await prepared_purchase(subject, "conform/1/1")
    outcomes = await asyncio.gather(*(subject.carrier.buy(purchase) for _ in range(5)))
    numbers = {outcome.tracking_number for outcome in outcomes if isinstance(outcome, Bought)}
    expect(len(numbers) <= 1, f"five purchases at once give one label, not {numbers}")
    expect(
        not any(isinstance(outcome, NotBought) for outcome in outcomes),
        "no racer is told that nothing was bought",
    )
    subject.expect_sold(1, "after five racing purchases")


async def a_look_up_finds_what_was_bought(subject: Subject) -> None:
    """The same label at the same cost; a BLIND adapter says that it cannot tell."""
    purchase = await prepared_purchase(subject, "conform/1/1")
    bought = await bought_label(subject, purchase)
    found = await subject.carrier.lookup(purchase)
    if subject.carrier.safety is Safety.BLIND:
        expect(isinstance(found, Unknown), f"a BLIND adapter's look-up answers Unknown, not {found}")
        return
    if not isinstance(found, Bought):
        raise NotConforming(f"a look-up finds the label that was bought, not {found}")
    expect(found.tracking_number == bought.tracking_number, "the look-up finds the same tracking number")
    expect(found.provider_id == bought.provider_id, "the look-up finds the same provider_id")
    expect(found.cost == bought.cost, f"the look-up finds the same cost {bought.cost}, not {found.cost}")


async def a_look_up_invents_no_purchase(subject: Subject) -> None:
    """Before the purchase it answers Absent; or, where a label is a function of its reference and buying
    changes nothing, that very label. A BLIND adapter says that it cannot tell."""
    purchase = await prepared_purchase(subject, "conform/1/1")
    found = await subject.carrier.lookup(purchase)
    if subject.carrier.safety is Safety.BLIND:
        expect(isinstance(found, Unknown), f"a BLIND adapter's look-up answers Unknown, not {found}")
    elif isinstance(found, Bought):
        bought = await bought_label(subject, purchase)
        expect(subject.sold is None, "a carrier that counts its sales does not show an unsold label")
        expect(found.tracking_number == bought.tracking_number, "the label shown early is the label bought")
    else:
        expect(isinstance(found, Absent), f"a look-up before the purchase answers Absent, not {found}")
    subject.expect_sold(0, "by looking up")


async def voiding_may_be_repeated(subject: Subject) -> None:
    """Each answer is a VoidX value, and what is void stays void."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    label = kept_label(subject, bought)
    first = await subject.carrier.void(label)
    again = await subject.carrier.void(kept_label(subject, bought, asked_at=1.0))
    for outcome in (first, again):
        expect(isinstance(outcome, Voided | VoidPending | VoidRefused), f"{outcome} is an answer to a void")
    if not isinstance(first, VoidRefused):
        expect(not isinstance(again, VoidRefused), f"asking again does not undo the void: {again}")


async def tracking_speaks_our_vocabulary(subject: Subject) -> None:
    """A TrackerState, also for a label that nobody has moved yet."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    state = await subject.carrier.track(kept_label(subject, bought))
    expect(isinstance(state, TrackerState), f"{state!r} is a TrackerState")


async def closing_may_be_repeated(subject: Subject) -> None:
    """Shutting down twice is no error."""
    await subject.carrier.aclose()
    await subject.carrier.aclose()
