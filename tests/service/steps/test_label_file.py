"""The label's file: whatever comes in its place, the paid parcel is posted and a person is told."""

from __future__ import annotations

import pytest

from packhouse.errors import ProviderRefused, ProviderUnavailable
from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelDocument, LabelFormat
from packhouse.providers.port import NO_FILE
from tests.service.harness import Harness, NewHarness
from tests.service.steps.test_announce import RecordingSink

pytestmark = pytest.mark.usefixtures("engine")

PAGE = LabelDocument(b"<html>please log in</html>", LabelFormat.RAW, "The file is a web page.")


async def test_a_file_that_cannot_be_printed_is_kept_and_the_number_is_posted_at_once(
    new_harness: NewHarness,
) -> None:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink,))
    harness.provider.script(document=PAGE)
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    (shipment,) = await harness.shipments(order)
    (hold,) = await harness.active_holds(order)
    assert hold.code is HoldCode.LABEL_FILE_MISSING
    assert "a web page" in hold.sentence
    assert "packhouse labels get" in hold.sentence
    label = shipment.label
    assert label is not None
    assert label.document_format is LabelFormat.RAW
    assert harness.context.documents.get(label.document, LabelFormat.RAW) == PAGE.content
    (announcement,) = sink.announced
    assert announcement.label_file is None, "a printer never gets what is no label"


async def test_a_file_that_arrives_later_is_kept_announced_and_ends_the_hold(new_harness: NewHarness) -> None:
    sink = RecordingSink()
    harness = new_harness(sinks=(sink,))
    harness.provider.script(document=PAGE)
    order = await harness.ship()
    harness.provider.script(document=None)
    await harness.advance(harness.settings.poll.recheck_s * 2)
    assert await harness.active_holds(order) == []
    (shipment,) = await harness.shipments(order)
    assert shipment.label is not None
    assert shipment.label.document_format is LabelFormat.ZPL
    assert [one.label_file is not None for one in sink.announced] == [False, True]
    assert len(harness.store.seen("fulfill")) == 1


async def test_a_file_host_that_stays_down_delays_the_post_for_minutes_and_not_for_hours(
    harness: Harness,
) -> None:
    error = ProviderUnavailable("the host is down")
    harness.provider.script(document=error)
    order = await harness.ship()
    assert await harness.states(order) == ["labeled"]
    await harness.advance(1800, step=20)
    assert await harness.states(order) == ["fulfilled"]
    (hold,) = [one for one in await harness.active_holds(order) if one.code is HoldCode.LABEL_FILE_MISSING]
    assert str(error) in hold.note
    harness.provider.script(document=None)
    await harness.advance(harness.settings.poll.recheck_s * 2)
    assert await harness.active_holds(order) == []
    assert harness.labels_sold(order) == 1


async def test_a_file_host_that_recovers_within_minutes_leaves_no_hold(harness: Harness) -> None:
    harness.provider.script(document=ProviderUnavailable("the file host is down"))
    order = await harness.ship()
    harness.provider.script(document=None)
    await harness.advance(600, step=20)
    assert await harness.states(order) == ["fulfilled"]
    assert await harness.active_holds(order) == []


async def test_a_file_that_was_refused_is_told_and_one_that_was_never_promised_is_not(
    harness: Harness,
) -> None:
    harness.provider.script(document=ProviderRefused("EasyPost has no label file"))
    refused = await harness.ship()
    harness.provider.script(document=ProviderRefused("the program returned no file", code=NO_FILE))
    never = await harness.ship()
    assert [await harness.states(one) for one in (refused, never)] == [["fulfilled"], ["fulfilled"]]
    (hold,) = await harness.active_holds(refused)
    assert "EasyPost has no label file" in hold.note
    assert await harness.active_holds(never) == []
