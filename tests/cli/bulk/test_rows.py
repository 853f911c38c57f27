"""Files as people have them become rows, and what is wrong in them is told with its line."""

from __future__ import annotations

import pytest

from packhouse.model.order import Units
from packhouse_cli.bulk.rows import Row, decoded, read_rows, rows_for
from packhouse_cli.exit_codes import UsageError

GIVEN = {"carrier": "USPS", "tracking": "T-{order}"}


def told(text: str, action: str = "fulfill", **given: str) -> list[str]:
    """What is wrong in a file of which nothing is right."""
    rows, faults = read_rows(text, action, given)
    assert rows == []
    return [str(fault) for fault in faults]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_has_any_of_the_usual_delimiters_and_blanks_around_its_cells(delimiter: str) -> None:
    text = "\n".join(
        delimiter.join(cells) for cells in (("Order_ID ", " Carrier", "Tracking"), (" ord_1 ", "UPS ", " 1Z"))
    )
    assert read_rows(text, "fulfill", {}) == ([Row(2, "ord_1", carrier="UPS", tracking="1Z")], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_as_spreadsheets_save_it(encoding: str) -> None:
    text = decoded("order;amount;reason\r\nord_1;500;Größe\r\n".encode(encoding))
    assert read_rows(text, "refund", {}) == ([Row(2, "ord_1", amount_minor=500, reason="Größe")], [])


def test_another_encoding_is_refused_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"Line 2 .* UTF-8"):
        decoded("order,reason\nord_1,Größe\n".encode("latin-1"))


def test_json_lines_and_bare_ids_are_rows_too() -> None:
    rows, faults = read_rows(
        '\n{"id": "ord_1", "items": [{"line_item_id": "li_1", "quantity": 2}]}\n', "fulfill", GIVEN
    )
    assert faults == []
    assert rows == [Row(2, "ord_1", "USPS", "T-ord_1", (Units("li_1", 2),))]
    rows, faults = read_rows("ord_1\n\nord_2\n", "fulfill", GIVEN)
    assert [(row.line, row.order_id, row.tracking) for row in rows] == [
        (1, "ord_1", "T-ord_1"),
        (3, "ord_2", "T-ord_2"),
    ]


def test_a_quoted_cell_may_hold_line_breaks_and_the_row_is_numbered_by_its_first_line() -> None:
    rows, faults = read_rows('order,items\nord_1,"li_1:1\nli_2:3"\nord_2,\n', "fulfill", GIVEN)
    assert faults == []
    assert [(row.line, row.items) for row in rows] == [(2, (Units("li_1", 1), Units("li_2", 3))), (4, ())]


def test_every_bad_row_is_told_with_its_line() -> None:
    text = "order,amount\nord_1,15.00\n,500\nord_3,500\nord 4,1\nord_5,0\nord_6,1,2\n"
    rows, faults = read_rows(text, "refund", {})
    assert [row.order_id for row in rows] == ["ord_3"]
    assert [fault.line for fault in faults] == [2, 3, 5, 6, 7]
    assert "minor units" in faults[0].why


def test_a_column_that_an_act_does_not_have_stops_the_file_once() -> None:
    """A mistyped `amount` would otherwise give all of the money back."""
    (fault,) = told("order,amuont\nord_1,500\nord_2,500\n", "refund")
    assert fault.startswith("line 1: has a column 'amuont'")
    (fault,) = told('{"order": "ord_1", "amuont": 500}', "refund")
    assert "amuont" in fault


def test_a_tracking_number_that_a_spreadsheet_rounded_is_refused() -> None:
    (fault,) = told("order,tracking\nord_1,9.40011E+21\n", carrier="USPS")
    assert "rounded by a spreadsheet" in fault


def test_a_tracking_number_of_digits_keeps_all_of_them() -> None:
    rows, _ = read_rows("order,tracking\nord_1,0009400111202555582846137\n", "fulfill", {"carrier": "USPS"})
    assert rows[0].tracking == "0009400111202555582846137"
    rows, _ = read_rows(
        '{"order": "ord_1", "tracking": 9400111202555582846137}', "fulfill", {"carrier": "USPS"}
    )
    assert rows[0].tracking == "9400111202555582846137"


def test_what_a_row_leaves_out_is_missed_unless_it_was_given() -> None:
    assert told("ord_1\n") == ["line 1: has no carrier and tracking for order ord_1"]
    rows, _ = read_rows("order,carrier\nord_1,UPS\nord_2,\n", "fulfill", GIVEN)
    assert [row.carrier for row in rows] == ["UPS", "USPS"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no rows"),
        ("\n\n", "no rows"),
        ('[{"order": "ord_1"}]', "jq -c"),
        ("tracking,carrier\nT1,UPS\n", "no column `order`"),
        ('order,tracking\nord_1,"T1\n', "CSV"),
        ('{"order": "ord_1"', "is no row"),
        ('{"order": "ord_1", "carrier": ["UPS"], "tracking": "1"}', "not a plain text"),
        ('{"order": "ord_1", "items": {"li_1": 2}}', "LINE:QUANTITY"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, why: str) -> None:
    assert why in "\n".join(told(text, **GIVEN))


def test_orders_that_a_filter_found_have_no_line() -> None:
    assert rows_for(["ord_1"], "refund", {"reason": "Recall"}) == [Row(0, "ord_1", reason="Recall")]


def test_fifty_thousand_rows_are_read_in_a_moment() -> None:
    text = "order,carrier,tracking\n" + "".join(f"ord_{n},USPS,T{n}\n" for n in range(50_000))
    rows, faults = read_rows(text, "fulfill", {})
    assert (len(rows), faults) == (50_000, [])
