"""A label's file that was fetched after the lease was lost is noted, and replaces none."""

from __future__ import annotations

import pytest

from packhouse.ledger import late_answers
from packhouse.ledger.tables import labels
from packhouse.model.label import LabelFormat
from tests.service.ledger.rows import Rows, label_of


@pytest.mark.parametrize("kind", [LabelFormat.ZPL, None])
def test_a_file_is_noted_for_its_own_label_if_none_is_known(rows: Rows, kind: LabelFormat | None) -> None:
    rows.labeled("ord-2")
    rows.labeled("ord-3")
    assert late_answers.file_fetched(rows.tx(), label_of("ord-2"), "sha", kind) == ()
    assert rows.column(labels.c.document) == {"ord-2-label": "sha", "ord-3-label": ""}
    assert rows.column(labels.c.document_format) == {"ord-2-label": kind, "ord-3-label": None}


@pytest.mark.parametrize("document", ["sha", ""])
def test_a_known_file_is_not_replaced(rows: Rows, document: str) -> None:
    rows.labeled("ord-2", document="known", document_format=LabelFormat.PDF)
    late_answers.file_fetched(rows.tx(), label_of("ord-2"), document, LabelFormat.ZPL)
    label = rows.read("ord-2").label
    assert label is not None
    assert (label.document, label.document_format) == ("known", LabelFormat.PDF)


def test_a_file_that_was_not_fetched_leaves_the_label_as_it_is(rows: Rows) -> None:
    rows.labeled("ord-2")
    late_answers.file_fetched(rows.tx(), label_of("ord-2"), "", LabelFormat.ZPL)
    assert rows.read("ord-2").label == label_of("ord-2")
