from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.printable import escaped
from packhouse_cli.terminal.output import Terminal, json_text
from packhouse_cli.terminal.table import fit, lay_out
from packhouse_cli.terminal.text import cut, styled, width_of, wrap
from tests.cli.runner import Pretended

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31mred\x7f\u202eevil"


def terminal(*, tty: bool = False, **environ: str) -> tuple[Terminal, io.StringIO]:
    out = Pretended() if tty else io.StringIO()
    return Terminal(out, io.StringIO(), environ), out


@given(st.text())
def test_no_text_can_drive_a_terminal(text: str) -> None:
    shown = escaped(text)
    assert all(char.isprintable() or char in "\u200c\u200d" for char in shown)
    assert escaped(shown) == shown


@given(st.text())
def test_whatever_is_printed_cannot_drive_a_terminal(text: str) -> None:
    out, err = io.StringIO(), io.StringIO()
    screen = Terminal(out, err, {})
    screen.line(text, styled(text, "bold"), text)
    screen.note(text)
    screen.question(text)
    screen.block(text)
    screen.fields([("name", text)])
    screen.tabbed([text])
    for char in out.getvalue() + err.getvalue():
        assert char.isprintable() or char in "\n\t\u200c\u200d"


def test_a_styled_piece_is_escaped_before_it_is_coloured() -> None:
    screen, out = terminal(tty=True, TERM="xterm")
    screen.line("state: ", styled("\x1b[2Jheld", "yellow"))
    assert out.getvalue() == "state: \x1b[33m\\x1b[2Jheld\x1b[0m\n"


def test_a_line_is_one_line_whatever_is_in_it() -> None:
    screen, out = terminal()
    screen.line("one\ntwo", styled("three\n", "bold"))
    assert out.getvalue() == "one\\ntwothree\\n\n"


def test_control_and_direction_characters_are_shown_as_escapes() -> None:
    assert escaped(HOSTILE) == r"\x1b]0;owned\x07\x1b[2J\x9b31mred\x7f\u202eevil"
    assert escaped("two\nlines\there") == r"two\nlines\there"


def test_names_of_the_world_stay_as_they_are() -> None:
    for name in ("José Núñez", "张伟", "می\u200cخواهم", "Zoë", "Ōsaka"):
        assert escaped(name) == name


@given(st.text())
def test_json_comes_back_the_same_and_drives_no_terminal(text: str) -> None:
    shown = json_text({"name": text})
    assert json.loads(shown) == {"name": text}
    assert all(char.isprintable() or char in "\u200c\u200d" for char in shown)


def test_a_table_fits_the_terminal_and_wide_columns_give_way_first() -> None:
    screen, out = terminal(tty=True, COLUMNS="40", NO_COLOR="1", TERM="xterm")
    screen.table(("ORDER", "NAME"), [("ord_1", "a name that is far too long for so narrow a terminal")])
    lines = out.getvalue().splitlines()
    assert lines[0] == "ORDER  NAME"
    assert lines[1].startswith("ord_1  a name that is far")
    assert lines[1].endswith("…")
    assert max(map(width_of, lines)) <= 40


def test_a_table_in_a_file_is_never_cut_and_never_coloured() -> None:
    screen, out = terminal(TERM="xterm", COLUMNS="20")
    long = "x" * 200
    screen.table(("A", "B"), [(long, HOSTILE)])
    assert long in out.getvalue()
    assert "\x1b" not in out.getvalue()


def test_wide_characters_count_twice_so_that_columns_stay_straight() -> None:
    screen, out = terminal(tty=True, COLUMNS="40", NO_COLOR="1", TERM="xterm")
    screen.table(("NAME", "N"), [("张伟", 1), ("Ann", 2), ("Jose\u0301 \u2764\ufe0f", 3)])
    ends = {width_of(line[:-1]) for line in out.getvalue().splitlines()[1:]}
    assert len(ends) == 1
    assert width_of("e\u0301") == 1


def test_a_table_for_a_program_has_one_tab_between_columns_whatever_is_in_them() -> None:
    screen, out = terminal()
    screen.table(("ORDER", "SITE", "TO"), [("ord_1", "", "Berlin\tMitte"), ("ord_2", "tea", "张 伟")])
    assert [line.split("\t") for line in out.getvalue().splitlines()] == [
        ["ORDER", "SITE", "TO"],
        ["ord_1", "", r"Berlin\tMitte"],
        ["ord_2", "tea", "张 伟"],
    ]


def test_what_a_person_copies_is_never_cut_and_a_very_narrow_terminal_gets_lines() -> None:
    row = ("ord_72f0c4b1a9d3e8", "2026-11-01 08:00", "pending", "Springfield, IL, US")
    heads = ("ORDER", "CREATED", "STATUS", "TO")
    for columns in range(20, 80):
        screen, out = terminal(tty=True, COLUMNS=str(columns), NO_COLOR="1", TERM="xterm")
        screen.table(heads, [row, row])
        lines = out.getvalue().splitlines()
        assert row[0] in out.getvalue()
        if len(lines) == 3:
            assert max(map(width_of, lines)) <= columns
        else:
            assert columns < 48
            assert lines[:5] == [
                "ORDER    ord_72f0c4b1a9d3e8",
                "CREATED  2026-11-01 08:00",
                "STATUS   pending",
                "TO       Springfield, IL, US",
                "",
            ]


def test_on_eighty_columns_ids_stay_whole_and_a_reason_gets_its_own_lines() -> None:
    why = "The delivery address is incomplete; correct it in the store. Street is missing."
    heads = ("HOLD", "SINCE", "ORDER", "SHIPMENT", "CODE", "BY", "NOBODY", "WHY")
    row = (
        22,
        "2026-11-23 13:00",
        "ord_ny3p8n9wxehx",
        "ord_ny3p8n9wxehx-1",
        "address_incomplete",
        "ada",
        "",
        why,
    )
    screen, out = terminal(tty=True, COLUMNS="80", NO_COLOR="1", TERM="xterm")
    screen.table(heads, [row])
    assert out.getvalue().splitlines() == [
        "HOLD  SINCE        ORDER             SHIPMENT            CODE                BY",
        "22    11-23 13:00  ord_ny3p8n9wxehx  ord_ny3p8n9wxehx-1  address_incomplete  ada",
        "    The delivery address is incomplete; correct it in the store. Street is",
        "    missing.",
    ]


@pytest.mark.parametrize("header", ["WHY", "CHANGE"])
def test_a_reason_or_a_change_is_never_cut(header: str) -> None:
    text = "fulfill 2 of li_1, 1 of li_2 with USPS 9400111202555582846137"
    screen, out = terminal(tty=True, COLUMNS="80", NO_COLOR="1", TERM="xterm")
    screen.table(("ITEM", "ORDER", "STATE", header), [(1, "ord_ny3p8n9wxehx", "not_started", text)])
    assert out.getvalue().splitlines()[-1] == f"    {text}"


@pytest.mark.parametrize("environ", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}, {}])
def test_colour_is_left_out_where_it_is_not_wanted(environ: dict[str, str]) -> None:
    screen, _ = terminal(tty=True, **environ)
    assert screen.paint("held", "yellow") == "held"


def test_colour_is_used_on_a_terminal() -> None:
    screen, _ = terminal(tty=True, TERM="xterm-256color")
    assert screen.paint("held", "yellow") == "\x1b[33mheld\x1b[0m"


@given(st.lists(st.integers(1, 300), min_size=1, max_size=8), st.integers(20, 200))
def test_fitting_never_widens_and_respects_the_total_where_it_can(widths: list[int], total: int) -> None:
    fitted = fit(widths, total, set())
    assert all(0 < new <= old for new, old in zip(fitted, widths, strict=True))
    assert sum(fitted) + 2 * (len(fitted) - 1) <= total or max(fitted) <= 6


@given(st.text(), st.integers(0, 40))
def test_cutting_never_exceeds_the_width(text: str, width: int) -> None:
    assert width_of(cut(escaped(text), width)) <= width


def test_wrapping_keeps_every_word() -> None:
    text = "The delivery address is incomplete; ask the buyer and correct it in the store."
    lines = wrap(text, 30)
    assert " ".join(lines) == text
    assert max(map(len, lines)) <= 30
    assert wrap("", 30) == [""]


EVENTS = ("EVENT", "RECEIVED", "TYPE", "ORDER", "SITE", "OUTCOME", "NOTE")
EVENT = (
    "evt_2g5yecw7z63g4b58157jsh4w",
    "2026-11-23 13:00",
    "order.partially_fulfilled",
    "ord_2g5yecw7z63g",
    "acme-of-springfield",
    "duplicate",
    "",
)
ORDERS = ("ORDER", "CREATED", "STATUS", "SITE", "UNITS", "TOTAL", "TO")
ORDERED = (
    "ord_2g5yecw7z63g",
    "2026-11-23 13:00",
    "partially_fulfilled",
    "acme-of-springfield",
    12,
    "$12,345.67",
    "Llanfairpwllgwyngyll, Anglesey, GB",
)
SHIPMENTS = ("SHIPMENT", "STATE", "UNITS", "CARRIER", "TRACKING", "COST")
SHIPPED = ("ord_2g5yecw7z63g-1", "fulfilled", 12, "USPS Ground Advantage", "9400111202555582846137", "$45.67")


@pytest.mark.parametrize("columns", [80, 120, 200])
@pytest.mark.parametrize(
    ("heads", "row", "decoration"),
    [(EVENTS, EVENT, {"SITE"}), (ORDERS, ORDERED, {"SITE", "TO"}), (SHIPMENTS, SHIPPED, {"CARRIER"})],
)
def test_identity_state_and_money_are_whole_at_every_width(
    heads: tuple[str, ...], row: tuple[object, ...], decoration: set[str], columns: int
) -> None:
    screen, out = terminal(tty=True, COLUMNS=str(columns), NO_COLOR="1", TERM="xterm")
    screen.table(heads, [row])
    shown = out.getvalue()
    assert max(map(width_of, shown.splitlines())) <= columns
    for head, cell in zip(heads, map(str, row), strict=True):
        if head not in decoration:
            assert cell in shown or cell.removeprefix("2026-") in shown


def test_a_site_or_a_person_that_is_the_same_in_each_row_leaves_before_anything_is_cut() -> None:
    heads = ["ORDER", "CREATED", "SITE", "TO", "BY"]
    row = ["ord_gfs41gazrb17", "2026-12-01 02:41", "paper-lantern", "San Francisco, CA, US", "packhouse"]
    narrow = lay_out(heads, [row, row], 60)
    assert "San Francisco, CA, US" in narrow[1]
    assert "SITE" not in narrow[0]
    assert "BY" not in narrow[0]
    assert "packhouse" in lay_out(heads, [row, row], 80)[1]
    others = lay_out(heads, [row, [*row[:-1], "ada"]], 80)
    assert "ada" in others[2]
    assert "packhouse" in lay_out(heads, [row, row], 100)[1]
