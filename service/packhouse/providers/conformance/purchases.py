"""Checks without failures: an adapter sells one label, finds it again and voids it."""

from __future__ import annotations

import asyncio
from dataclasses import replace

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
from packhouse.providers.label_file import detect
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Safety,
    TrackerState,
    Tracking,
    TracksMany,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
)


async def it_has_a_kind_an_account_and_a_safety_class(subject: Subject) -> None:
    """The registry uses the kind, the ledger the account, the flow the safety class."""
    provider = subject.provider
    for name, value in (("kind", provider.kind), ("account", provider.account)):
        expect(bool(value) and value == value.strip().lower(), f"the {name} is lower-case text")
    expect(isinstance(provider.safety, Safety), "safety is a Safety")
    await provider.check()


async def preparing_is_free_and_may_be_repeated(subject: Subject) -> None:
    """Rates have an id, a carrier and a price; asking for them sells no label."""
    request = subject.request("conform/1/1")
    for _ in range(2):
        prepared = await subject.provider.prepare(request)
        expect(bool(prepared.rates), f"an ordinary parcel has a rate; the remarks are {prepared.messages}")
        for rate in prepared.rates:
            expect(bool(rate.id and rate.carrier), f"{rate} has an id and a carrier")
            expect_money(rate.price)
    subject.expect_sold(0, "after preparing")


async def buying_gives_a_label(subject: Subject) -> None:
    """The label has all that the ledger keeps."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    expect(bool(bought.tracking_number.strip()), "the label has a tracking number")
    expect(bool(bought.provider_id), "the label can be found again by its provider_id")
    expect(bool(bought.carrier), "the label names its carrier")
    expect_money(bought.cost)
    subject.expect_sold(1, "after one purchase")


async def many_may_buy_at_once(subject: Subject) -> None:
    """One adapter serves many orders at once; each gets its own label."""
    purchases = await asyncio.gather(*(prepared_purchase(subject, f"conform-{n}/1/1") for n in range(8)))
    bought = await asyncio.gather(*(bought_label(subject, purchase) for purchase in purchases))
    expect(len({label.tracking_number for label in bought}) == 8, "eight orders get eight tracking numbers")
    subject.expect_sold(8, "after eight purchases")


async def a_new_generation_gets_a_new_label(subject: Subject) -> None:
    """After a void the same units are bought again under a new reference."""
    first, second = [
        await bought_label(subject, await prepared_purchase(subject, f"conform/1/{generation}"))
        for generation in (1, 2)
    ]
    expect(first.tracking_number != second.tracking_number, "generations do not share a tracking number")


async def the_label_has_a_file(subject: Subject) -> None:
    """The file, from the purchase or from `document`, has its stated format; or ProviderRefused is raised."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    try:
        document = bought.document or await subject.provider.document(kept_label(subject, bought))
    except ProviderRefused:
        expect(not bought.document_source, "a label with a document_source has a file")
        return
    known = detect(document.content)
    expect(known is not None, f"{document.content[:20]!r} is a PDF, PNG or ZPL file")
    expect(known == document, f"the file has the stated format {document.format}")


async def buying_again_never_pays_again(subject: Subject) -> None:
    """KEYED only: a second purchase answers with the same label or Unknown; never NotBought, after which the
    flow would prepare and buy again."""
    if subject.provider.safety is not Safety.KEYED:
        return
    purchase = await prepared_purchase(subject, "conform/1/1")
    first = await bought_label(subject, purchase)
    again = await subject.provider.buy(purchase)
    same = isinstance(again, Unknown) or (
        isinstance(again, Bought) and again.tracking_number == first.tracking_number
    )
    expect(same, f"a second purchase answers with the same label or Unknown, not {again}")
    subject.expect_sold(1, "after the same purchase twice")


async def racing_purchases_pay_once(subject: Subject) -> None:
    """KEYED only: several replicas buy the same shipment at once."""
    if subject.provider.safety is not Safety.KEYED:
        return
    purchase = await prepared_purchase(subject, "conform/1/1")
    outcomes = await asyncio.gather(*(subject.provider.buy(purchase) for _ in range(5)))
    numbers = {outcome.tracking_number for outcome in outcomes if isinstance(outcome, Bought)}
    expect(len(numbers) <= 1, f"five purchases at once give one label, not {numbers}")
    expect(
        not any(isinstance(outcome, NotBought) for outcome in outcomes),
        "no simultaneous purchase answers NotBought",
    )
    subject.expect_sold(1, "after five racing purchases")


async def a_look_up_finds_what_was_bought(subject: Subject) -> None:
    """The same label at the same cost. A BLIND adapter answers Unknown."""
    purchase = await prepared_purchase(subject, "conform/1/1")
    bought = await bought_label(subject, purchase)
    found = await subject.provider.lookup(purchase)
    if subject.provider.safety is Safety.BLIND:
        expect(isinstance(found, Unknown), f"a BLIND adapter's look-up answers Unknown, not {found}")
        return
    if not isinstance(found, Bought):
        raise NotConforming(f"a look-up finds the label that was bought, not {found}")
    expect(found.tracking_number == bought.tracking_number, "the look-up finds the same tracking number")
    expect(found.provider_id == bought.provider_id, "the look-up finds the same provider_id")
    expect(found.cost == bought.cost, f"the look-up finds the same cost {bought.cost}, not {found.cost}")


async def a_look_up_invents_no_purchase(subject: Subject) -> None:
    """Before the purchase it answers Absent; or the label itself, if a label is a function of its reference
    and buying changes nothing. A BLIND adapter answers Unknown."""
    purchase = await prepared_purchase(subject, "conform/1/1")
    found = await subject.provider.lookup(purchase)
    if subject.provider.safety is Safety.BLIND:
        expect(isinstance(found, Unknown), f"a BLIND adapter's look-up answers Unknown, not {found}")
    elif isinstance(found, Bought):
        bought = await bought_label(subject, purchase)
        expect(subject.sold is None, "a provider that counts its sales does not return an unsold label")
        expect(
            found.tracking_number == bought.tracking_number,
            "the label returned before the purchase is the label bought",
        )
    else:
        expect(isinstance(found, Absent), f"a look-up before the purchase answers Absent, not {found}")
    subject.expect_sold(0, "by looking up")


async def voiding_may_be_repeated(subject: Subject) -> None:
    """Each answer is Voided, VoidPending or VoidRefused, and a void label stays void."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    label = kept_label(subject, bought)
    first = await subject.provider.void(label)
    again = await subject.provider.void(kept_label(subject, bought, requested_at=1.0))
    for outcome in (first, again):
        expect(isinstance(outcome, Voided | VoidPending | VoidRefused), f"{outcome} is an answer to a void")
    if not isinstance(first, VoidRefused):
        expect(not isinstance(again, VoidRefused), f"a second request does not undo the void: {again}")


async def tracking_speaks_our_vocabulary(subject: Subject) -> None:
    """Tracking returns a state and a note, also for a label without any scan."""
    bought = await bought_label(subject, await prepared_purchase(subject, "conform/1/1"))
    tracking = await subject.provider.track(kept_label(subject, bought))
    expect(isinstance(tracking, Tracking), f"{tracking!r} is a Tracking")
    expect(isinstance(tracking.state, TrackerState), f"{tracking.state!r} is a TrackerState")
    if isinstance(subject.provider, TracksMany):
        label = kept_label(subject, bought)
        stranger = replace(label, id="another", provider_id="none", tracking_number="NONE0000")
        reported = await subject.provider.track_many([stranger, label])
        expect(
            dict(reported) == {label.id: tracking}, f"{reported!r} has what is known of each label, by its id"
        )


async def closing_may_be_repeated(subject: Subject) -> None:
    """Closing twice is no error."""
    await subject.provider.aclose()
    await subject.provider.aclose()
