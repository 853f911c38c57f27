"""Files become rows, and bad rows are reported with their lines."""

from __future__ import annotations

import pytest

from packhouse.model.order import Units
from packhouse_cli.arguments.given_amount import GivenAmount
from packhouse_cli.bulk.rows import Row, decode_text, parse_rows, rows_for
from packhouse_cli.exit_codes import UsageError

DEFAULTS = {"carrier": "USPS", "tracking": "T-{order}"}


def problems(text: str, action: str = "fulfill", **defaults: str) -> list[str]:
    """The bad rows of a file without a good row."""
    rows, bad_rows = parse_rows(text, action, defaults)
    assert rows == []
    return [str(error) for error in bad_rows]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_csv_has_any_of_the_usual_delimiters_and_blanks_around_its_cells(delimiter: str) -> None:
    text = "\n".join(
        delimiter.join(cells) for cells in (("Order_ID ", " Carrier", "Tracking"), (" ord_1 ", "UPS ", " 1Z"))
    )
    assert parse_rows(text, "fulfill", {}) == ([Row(2, "ord_1", carrier="UPS", tracking="1Z")], [])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_read_as_spreadsheets_save_it(encoding: str) -> None:
    text = decode_text("order;amount;reason\r\nord_1;500;Größe\r\n".encode(encoding))
    assert parse_rows(text, "refund", {}) == (
        [Row(2, "ord_1", amount=GivenAmount("500"), reason="Größe")],
        [],
    )


def test_another_encoding_is_refused_with_its_line() -> None:
    with pytest.raises(UsageError, match=r"Line 2 .* UTF-8"):
        decode_text("order,reason\nord_1,Größe\n".encode("latin-1"))


def test_json_lines_and_bare_ids_are_rows_too() -> None:
    rows, bad_rows = parse_rows(
        '\n{"id": "ord_1", "items": [{"line_item_id": "li_1", "quantity": 2}]}\n', "fulfill", DEFAULTS
    )
    assert bad_rows == []
    assert rows == [Row(2, "ord_1", "USPS", "T-ord_1", (Units("li_1", 2),))]
    rows, bad_rows = parse_rows("ord_1\n\nord_2\n", "fulfill", DEFAULTS)
    assert [(row.line, row.order_id, row.tracking) for row in rows] == [
        (1, "ord_1", "T-ord_1"),
        (3, "ord_2", "T-ord_2"),
    ]


def test_a_quoted_cell_may_hold_line_breaks_and_the_row_is_numbered_by_its_first_line() -> None:
    rows, bad_rows = parse_rows('order,items\nord_1,"li_1:1\nli_2:3"\nord_2,\n', "fulfill", DEFAULTS)
    assert bad_rows == []
    assert [(row.line, row.items) for row in rows] == [(2, (Units("li_1", 1), Units("li_2", 3))), (4, ())]


def test_every_bad_row_is_reported_with_its_line() -> None:
    text = "order,amount\nord_1,fifteen\n,500\nord_3,500\nord 4,1\nord_5,0\nord_6,1,2\n"
    rows, bad_rows = parse_rows(text, "refund", {})
    assert [row.order_id for row in rows] == ["ord_3"]
    assert [error.line for error in bad_rows] == [2, 3, 5, 6, 7]
    assert "minor units" in bad_rows[0].reason


def test_a_column_that_an_act_does_not_have_stops_the_file_once() -> None:
    """A mistyped `amount` would otherwise refund the whole order."""
    (problem,) = problems("order,amuont\nord_1,500\nord_2,500\n", "refund")
    assert problem.startswith("line 1: has a column 'amuont'")
    (problem,) = problems('{"order": "ord_1", "amuont": 500}', "refund")
    assert "amuont" in problem


def test_a_tracking_number_that_a_spreadsheet_rounded_is_refused() -> None:
    (problem,) = problems("order,tracking\nord_1,9.40011E+21\n", carrier="USPS")
    assert "rounded by a spreadsheet" in problem


def test_a_tracking_number_of_digits_keeps_all_of_them() -> None:
    rows, _ = parse_rows("order,tracking\nord_1,0009400111202555582846137\n", "fulfill", {"carrier": "USPS"})
    assert rows[0].tracking == "0009400111202555582846137"
    rows, _ = parse_rows(
        '{"order": "ord_1", "tracking": 9400111202555582846137}', "fulfill", {"carrier": "USPS"}
    )
    assert rows[0].tracking == "9400111202555582846137"


def test_what_a_row_leaves_out_is_missed_unless_it_was_given() -> None:
    assert problems("ord_1\n") == ["line 1: has no carrier and tracking for order ord_1"]
    rows, _ = parse_rows("order,carrier\nord_1,UPS\nord_2,\n", "fulfill", DEFAULTS)
    assert [row.carrier for row in rows] == ["UPS", "USPS"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no rows"),
        ("\n\n", "no rows"),
        ('[{"order": "ord_1"}]', "jq -c"),
        ("tracking,carrier\nT1,UPS\n", "no column `order`"),
        ('order,tracking\nord_1,"T1\n', "CSV"),
        ('{"order": "ord_1"', "is not a row"),
        ('{"order": "ord_1", "carrier": ["UPS"], "tracking": "1"}', "not plain text"),
        ('{"order": "ord_1", "items": {"li_1": 2}}', "LINE:QUANTITY"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(text: str, why: str) -> None:
    assert why in "\n".join(problems(text, **DEFAULTS))


def test_orders_that_a_filter_found_have_no_line() -> None:
    assert rows_for(["ord_1"], "refund", {"reason": "Recall"}) == [Row(0, "ord_1", reason="Recall")]


def test_fifty_thousand_rows_are_read_in_a_moment() -> None:
    text = "order,carrier,tracking\n" + "".join(f"ord_{n},USPS,T{n}\n" for n in range(50_000))
    rows, bad_rows = parse_rows(text, "fulfill", {})
    assert (len(rows), bad_rows) == (50_000, [])


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("1234567890.0", "is a decimal number"),
        ("nan", "stands for a missing number"),
        ("NULL", "stands for a missing number"),
        ("#N/A", "stands for a missing number"),
        ("9400111202555580000000", "was rounded"),
        ("9400111202555582846137 9400111202555582846138", "is more than one number"),
    ],
)
def test_what_a_program_writes_in_place_of_a_number_is_refused_with_its_row(cell: str, why: str) -> None:
    (problem,) = problems(f"order,carrier,tracking\nord_1,DHL,{cell}\n")
    assert problem.startswith("line 2: tracking ")
    assert why in problem


@pytest.mark.parametrize(
    "number", ["9400111202555583000000", "9.40011e21", "1234567890.0", "true", '["9400"]', '"nan"']
)
def test_a_number_of_json_that_may_be_rounded_or_is_none_is_refused_with_its_row(number: str) -> None:
    (problem,) = problems(f'{{"order": "ord_1", "carrier": "USPS", "tracking": {number}}}')
    assert problem.startswith("line 1: tracking ")


def test_a_number_in_groups_is_read_as_the_carrier_writes_it() -> None:
    text = "order,carrier,tracking\nord_1,USPS,9400 1112 0255 5582 8461 37\nord_2,UPS,'1z999aa10123456784\n"
    rows, bad_rows = parse_rows(text, "fulfill", {})
    assert bad_rows == []
    assert [row.tracking for row in rows] == ["9400111202555582846137", "1Z999AA10123456784"]


@pytest.mark.parametrize(
    "text",
    [
        "order;carrier;tracking;;\nord_1;UPS;1Z999AA10123456784;;\n",
        "sep=;\norder;carrier;tracking\nord_1;UPS;1Z999AA10123456784\n",
        '"sep=,"\r\norder,carrier,tracking\r\nord_1,UPS,1Z999AA10123456784\r\n',
        "SEP=|\norder|carrier|tracking|\nord_1|UPS|1Z999AA10123456784|\n;;\n".replace(";;", "||"),
        "\ufefforder,carrier,tracking,,,\n\nord_1,UPS,1Z999AA10123456784\n,,,,,\n",
        "order,carrier,tracking\nord_1,UPS,1Z999AA10123456784,,\n",
        "Table 1,,\norder,carrier,tracking\nord_1,UPS,1Z999AA10123456784\n",
        "Table 1\norder,carrier,tracking\nord_1,UPS,1Z999AA10123456784\n",
        "\ufeffTabelle 1;;\r\norder;carrier;tracking\r\nord_1;UPS;1Z999AA10123456784\r\n",
        "Order ID,Carrier,Tracking Number\r\nord_1,UPS,1Z999AA10123456784",
    ],
)
def test_what_a_spreadsheet_adds_to_a_file_is_no_error(text: str) -> None:
    rows, bad_rows = parse_rows(text, "fulfill", {})
    assert bad_rows == []
    assert [(row.order_id, row.carrier, row.tracking) for row in rows] == [
        ("ord_1", "UPS", "1Z999AA10123456784")
    ]


def test_a_filled_cell_without_a_heading_is_named() -> None:
    (problem,) = problems("order,amount,,\nord_1,500,,900\n", "refund")
    assert problem == "line 2: '900' stands in a column without a name"


def test_an_empty_heading_between_others_is_named() -> None:
    (problem,) = problems("order,,amount\nord_1,x,500\n", "refund")
    assert problem == "line 1: has a column without a name between others; name it or remove it"


def test_an_amount_in_a_file_may_name_its_currency() -> None:
    rows, _ = parse_rows("order,amount\nord_1,15.00 USD\nord_2,1500\nord_3,15.00\n", "refund", {})
    assert [row.amount.minor("USD") for row in rows if row.amount] == [1500, 1500, 1500]


def test_a_json_number_with_a_fraction_is_refused() -> None:
    (problem,) = problems('{"order": "ord_1", "amount": 15.0}', "refund")
    assert "whole number of minor units" in problem
