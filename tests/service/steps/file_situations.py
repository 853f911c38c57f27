"""The situation that places the hold of a missing label file."""

from __future__ import annotations

from packhouse.model.hold import HoldCode
from packhouse.model.label import LabelDocument, LabelFormat
from tests.service.harness import Harness
from tests.service.steps.hold_situations import Situation, places


@places(HoldCode.LABEL_FILE_MISSING)
async def label_file_missing(harness: Harness, action: str) -> Situation:
    page = LabelDocument(b"<html>please log in</html>", LabelFormat.RAW, "It is a web page.")
    harness.provider.script(document=page)
    order = await harness.ship()
    assert await harness.states(order) == ["fulfilled"]
    harness.provider.script(document=None)
    return Situation(order)
