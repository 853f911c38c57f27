"""The label's file: what is kept, what is asked for again, and what a person is told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from packhouse.errors import LeaseLost, ProviderRefused, ProviderUnavailable
from packhouse.ledger import holds as hold_records
from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.model.states import ShipmentState
from packhouse.providers.port import NO_FILE
from packhouse.rules import idempotency
from packhouse.steps.context import OrderJob
from packhouse.steps.label_file import fetch_missing, keep_file
from tests.service.harness import Harness
from tests.service.steps.jobs import entries, held, in_step, label_of, labeled, moved, stored

_S = ShipmentState
ZPL = LabelDocument(b"^XA^XZ", LabelFormat.ZPL)
PAGE = LabelDocument(b"<html>", LabelFormat.RAW, "The file is a web page.")
EMPTY = LabelDocument(b"", LabelFormat.RAW, "The file is empty.")
NONE = ProviderRefused("there is no file", code=NO_FILE)
GONE = ProviderRefused("the file is gone", code="gone")
DOWN = ProviderUnavailable("the host is down")
KEPT_AS_IT_CAME = "The file that came with the label cannot be printed. Its bytes are kept as they came."


async def bought(harness: Harness, answer: Any, came: LabelDocument | None = None, **label: Any) -> OrderJob:
    """A label right after its purchase: `came` is the file that came with it, `answer` what is fetched."""
    job, shipment, known = await labeled(harness)
    job.documents = {shipment.id: came} if came else {}
    job.update(shipment, label=replace(known, document="", document_format=None, **label))
    harness.provider.script(document=answer)
    return job


async def kept(harness: Harness, job: OrderJob, body: str = "{}") -> LabelDocument | None:
    """The file that is kept for the label, and the same in the ledger and in the job."""
    after = await keep_file(harness.context, job, job.shipments[0], label_of(job), body)
    assert after == job.shipments[0]
    known = await stored(harness, job)
    assert known.label is not None
    label = label_of(job)
    assert (known.post_key, known.post_body) == (after.post_key, after.post_body)
    if not label.document:
        return None
    assert (known.label.document, known.label.document_format) == (label.document, label.document_format)
    assert label.document_format is not None
    content = harness.context.documents.get(label.document, label.document_format)
    assert content is not None
    return LabelDocument(content, label.document_format)


def told(job: OrderJob) -> list[str]:
    """What the holds on the label's file say."""
    assert all(one.code is HoldCode.LABEL_FILE_MISSING and one.shipment_id for one in job.active_holds())
    return [one.note for one in job.active_holds()]


@pytest.mark.parametrize(
    ("answer", "came", "file", "notes"),
    [
        (ZPL, None, ZPL, []),
        (GONE, ZPL, ZPL, []),
        (ZPL, PAGE, ZPL, []),
        (PAGE, None, PAGE, ["The file is a web page. The 6 bytes are kept as they came."]),
        (EMPTY, None, None, ["The file is empty."]),
        (GONE, PAGE, PAGE, ["The file is a web page. The 6 bytes are kept as they came."]),
        (NONE, PAGE, PAGE, ["The file is a web page. The 6 bytes are kept as they came."]),
        (GONE, None, None, ["the file is gone"]),
        (NONE, None, None, []),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_the_best_file_is_kept_and_a_person_learns_what_is_wrong_with_it(
    harness: Harness, answer: Any, came: Any, file: LabelDocument | None, notes: list[str]
) -> None:
    job = await bought(harness, answer, came)
    found = await kept(harness, job)
    assert (found and (found.content, found.format)) == (file and (file.content, file.format))
    assert told(job) == notes
    is_asked = came is None or came.format is LabelFormat.RAW
    assert len(harness.provider.seen("document")) == int(is_asked)
    none = [one.why for one in await entries(harness, job, "no_label_file")]
    assert none == (["The provider has no file for this label."] if answer is NONE and not came else [])


@pytest.mark.parametrize(
    ("age_s", "is_waited_for"), [(0.0, True), (599.0, True), (600.0, False), (9e6, False)]
)
async def test_a_file_that_is_late_is_waited_for_ten_minutes(
    harness: Harness, age_s: float, is_waited_for: bool
) -> None:
    job = await bought(harness, DOWN, bought_at=harness.clock.now() - age_s)
    if is_waited_for:
        with pytest.raises(ProviderUnavailable):
            await kept(harness, job)
        assert (told(job), (await stored(harness, job)).post_key) == ([], "")
    else:
        assert await kept(harness, job) is None
        assert told(job) == ["easypost has not delivered it: the host is down"]


async def test_a_file_that_is_kept_already_is_not_asked_for(harness: Harness) -> None:
    job = await bought(harness, ZPL)
    await kept(harness, job)
    harness.provider.calls.clear()
    await kept(harness, job)
    assert harness.provider.seen("document") == []


@pytest.mark.parametrize("is_reported", [False, True])
async def test_a_file_that_cannot_be_printed_is_asked_for_again_until_a_person_knows(
    harness: Harness, is_reported: bool
) -> None:
    job = await bought(harness, PAGE)
    await kept(harness, job)
    harness.provider.calls.clear()
    if is_reported:
        job.holds = [replace(one, released_by="ada", released_at=2.0) for one in job.holds]
        await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=job.shipments[0])
    else:
        job.holds = [replace(one, shipment_id="another") for one in job.holds]
    harness.provider.script(document=ZPL)
    await kept(harness, job)
    assert len(harness.provider.seen("document")) == int(not is_reported)
    assert label_of(job).document_format is (LabelFormat.RAW if is_reported else LabelFormat.ZPL)


@pytest.mark.parametrize("answer", [GONE, NONE])
async def test_bytes_that_were_kept_as_they_came_stay_when_there_is_no_other_file(
    harness: Harness, answer: Any
) -> None:
    job = await bought(harness, PAGE)
    await kept(harness, job)
    job.holds = []
    harness.provider.script(document=answer)
    found = await kept(harness, job)
    assert found is not None
    assert (found.content, found.format) == (PAGE.content, LabelFormat.RAW)
    assert KEPT_AS_IT_CAME in [
        one.note for one in await harness.ledger.read(hold_records.of_order, job.order_id)
    ]


async def test_what_is_wrong_with_the_file_that_came_is_told_in_its_own_words(harness: Harness) -> None:
    job = await bought(harness, GONE, PAGE)
    await kept(harness, job)
    job.holds = []
    await kept(harness, job)
    assert told(job) == ["The file is a web page. The 6 bytes are kept as they came."]


@pytest.mark.parametrize("key", ["", "key-1"])
async def test_the_post_keeps_its_key_and_has_its_first_one_otherwise(harness: Harness, key: str) -> None:
    job = await bought(harness, ZPL)
    if key:
        document = label_of(job)
        await moved(harness, job, _S.LABELED, post_key=key)
        job.update(job.shipments[0], label=document)
    await kept(harness, job, '{"a": 1}')
    (shipment,) = job.shipments
    assert shipment.post_key == (key or idempotency.first(shipment))
    assert shipment.post_body == '{"a": 1}'


async def test_a_file_that_was_fetched_is_known_although_the_lease_is_lost(harness: Harness) -> None:
    job = await bought(harness, ZPL)
    await harness.clock.advance(130)
    assert len(await harness.claim_due()) == 1
    with pytest.raises(LeaseLost):
        await keep_file(harness.context, job, job.shipments[0], label_of(job))
    after = await stored(harness, job)
    assert after.label is not None
    assert after.label.document_format is LabelFormat.ZPL


async def posted_without(harness: Harness, answer: Any, state: ShipmentState = _S.FULFILLED) -> OrderJob:
    """A posted parcel that left without a printable file, with the hold that says so and with others."""
    job = await bought(harness, PAGE)
    await kept(harness, job)
    label = label_of(job)
    await moved(harness, job, _S.FULFILLED, announced_at=5.0)
    if state is not _S.FULFILLED:
        await moved(harness, job, state)
    job.update(job.shipments[0], label=label)
    await harness.context.hold(job, HoldCode.PRICE_DRIFT, "it rose", shipment=job.shipments[0])
    harness.provider.script(document=answer)
    harness.provider.calls.clear()
    return job


async def test_a_file_that_arrives_later_is_kept_and_the_parcel_is_announced_again(harness: Harness) -> None:
    job = await posted_without(harness, ZPL)
    await fetch_missing(harness.context, job)
    after = await in_step(harness, job)
    assert after.announced_at is None
    label = label_of(job)
    assert label.document_format is LabelFormat.ZPL
    assert harness.context.documents.get(label.document, LabelFormat.ZPL) == ZPL.content
    assert held(job) == [("price_drift", after.id)]
    (entry,) = await entries(harness, job, "released")
    assert entry.why == "label_file_missing: The label's file has arrived."


async def test_a_file_is_asked_for_also_while_the_store_does_not_show_the_order(harness: Harness) -> None:
    job = await posted_without(harness, ZPL)
    job.fetched = None
    await harness.run_step("post", job)
    assert label_of(job).document_format is LabelFormat.ZPL


@pytest.mark.parametrize("answer", [PAGE, GONE, DOWN])
async def test_a_file_that_is_still_of_no_use_changes_nothing(harness: Harness, answer: Any) -> None:
    job = await posted_without(harness, answer)
    before, holds = job.shipments[0], held(job)
    await fetch_missing(harness.context, job)
    assert (await in_step(harness, job), held(job)) == (before, holds)
    assert len(harness.provider.seen("document")) == 1


async def test_the_file_of_a_delivered_parcel_is_not_needed_any_more(harness: Harness) -> None:
    job = await posted_without(harness, ZPL, _S.DELIVERED)
    await fetch_missing(harness.context, job)
    assert held(job) == [("price_drift", job.shipments[0].id)]
    assert harness.provider.seen("document") == []
    (entry,) = await entries(harness, job, "released")
    assert entry.why == "label_file_missing: The parcel is delivered."


@pytest.mark.parametrize(
    "change", [{"placed_by": "ada"}, {"shipment_id": "another"}, {"code": HoldCode.PRICE_DRIFT}], ids=str
)
async def test_only_packhouses_own_hold_on_the_parcels_file_asks_for_it(
    harness: Harness, change: dict[str, Any]
) -> None:
    job = await posted_without(harness, ZPL)
    job.holds = [
        replace(one, **change) if one.code is HoldCode.LABEL_FILE_MISSING else one for one in job.holds
    ]
    before = held(job)
    await fetch_missing(harness.context, job)
    assert held(job) == before
    assert harness.provider.seen("document") == []


async def test_another_parcels_delivery_does_not_end_the_hold(harness: Harness) -> None:
    job = await posted_without(harness, PAGE)
    job.shipments.append(replace(job.shipments[0], id="another", state=_S.DELIVERED))
    await fetch_missing(harness.context, job)
    assert "label_file_missing" in [code for code, _ in held(job)]


async def test_a_parcel_that_lost_its_label_has_no_file_to_ask_for(harness: Harness) -> None:
    job = await posted_without(harness, ZPL)
    job.update(job.shipments[0], label=None)
    await fetch_missing(harness.context, job)
    assert harness.provider.seen("document") == []
