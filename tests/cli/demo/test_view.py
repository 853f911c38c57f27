from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest

from packhouse_cli.demo.screen import Log, Screen, watch_for
from packhouse_cli.demo.snapshot import OrderProgress, Place, Snapshot
from packhouse_cli.demo.view import ASCII, UNICODE, Caption, entry_lines, frame, progress
from packhouse_cli.terminal.output import Terminal
from packhouse_cli.terminal.text import width_of
from tests.cli.runner import Pretended

CAPTION = Caption("http://127.0.0.1:8080", "demo-data/1/data/labels", 65.0)
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def snapshot(count: int, expected: int = 0, evil: str = "") -> Snapshot:
    places = (Place.SHIPPED, Place.HELD, Place.IN_PROGRESS, Place.CLOSED, Place.QUEUED)
    orders = tuple(
        OrderProgress(
            f"ord_{n:012d}",
            places[n % 5],
            n % 5,
            evil or "address incomplete",
            changed_at=float(n),
            processed=n % 5 in (0, 1, 3),
        )
        for n in range(count)
    )
    entry = {
        "id": 1,
        "at": 1.0,
        "order_id": f"ord_1{evil}",
        "action": evil or "bought",
        "why": evil or "USPS " * 40,
    }
    return Snapshot(expected or count, orders, (entry,) * 30, (), {"labels": 3, "spent": {"USD": 1234}})


@pytest.mark.parametrize("columns", [40, 80, 100, 200])
@pytest.mark.parametrize("lines", [10, 24, 60])
@pytest.mark.parametrize("count", [0, 7, 40, 600])
def test_a_frame_fits_the_terminal_whatever_its_size(columns: int, lines: int, count: int) -> None:
    terminal = Terminal(Pretended(), io.StringIO(), {"TERM": "xterm"})
    drawn = frame(
        snapshot(count, 600), CAPTION, columns=columns, lines=lines, paint=terminal.paint, symbols=UNICODE
    )
    assert len(drawn) <= lines
    assert max(width_of(ANSI.sub("", line)) for line in drawn) <= columns


def test_a_frame_shows_counts_money_and_the_progress_of_each_order() -> None:
    drawn = frame(snapshot(10), CAPTION, columns=120, lines=40, paint=lambda text, *_: text, symbols=UNICODE)
    text = "\n".join(drawn)
    assert "1:05   3 labels, 12.34 USD   daemon http://127.0.0.1:8080" in drawn[0]
    assert "10 orders: 2 shipped · 2 held · 2 closed · 2 in progress · 2 queued" in text
    assert "●─●─○─○" in text
    for n in range(10):
        assert f"{n:012d}"[:6] in text


@pytest.mark.parametrize("count", [40, 500, 9_990])
def test_the_counting_line_fits_80_columns_with_every_count_in_its_colour(count: int) -> None:
    terminal = Terminal(Pretended(), io.StringIO(), {"TERM": "xterm"})
    money = {"labels": count, "spent": {"USD": count * 1234}}
    shown = replace(snapshot(count, count + 9), status=money)
    lines = frame(shown, CAPTION, columns=80, lines=24, paint=terminal.paint, symbols=UNICODE)
    plain = ANSI.sub("", lines[2])
    assert width_of(plain) <= 80
    assert [re.sub(r".*: |\d+ ", "", part) for part in plain.split(" · ")] == [
        "shipped",
        "held",
        "closed",
        "in progress",
        "queued",
    ]
    assert len(ANSI.findall(lines[2])) == 2 * 5, "each count is painted"
    assert f"{count} labels, " in lines[0]


@pytest.mark.parametrize("columns", [80, 140])
def test_what_stops_work_is_on_the_screen_and_in_the_log(columns: int) -> None:
    pause = {"kind": "paused", "sentence": "Paused by ada: lunch", "orders": 4}
    shown = replace(snapshot(10), status={"waiting": [pause, {"kind": "queued", "sentence": "Due."}]})
    lines = frame(shown, CAPTION, columns=columns, lines=24, paint=lambda text, *_: text, symbols=UNICODE)
    assert lines[3] == "Paused by ada: lunch."
    assert progress(shown, 1.0).endswith("Paused by ada: lunch.")


def test_a_journal_entry_is_printed_in_full() -> None:
    entry = {"at": 1.0, "order_id": "ord_gfs41gazrb17", "action": "bought", "why": f"{'USPS 9400 ' * 9}end"}
    wide = entry_lines(entry, 200, lambda text, *_: text)
    narrow = entry_lines(entry, 80, lambda text, *_: text)
    assert len(wide) == 1
    assert max(map(len, narrow)) <= 80
    assert " ".join(" ".join(narrow).split()) == " ".join(wide[0].split())
    of_no_order = entry_lines({"at": 1.0, "order_id": "", "action": "paused"}, 80, lambda text, *_: text)
    assert of_no_order[0].index("paused") == wide[0].index("bought")


def test_with_more_orders_than_space_those_that_changed_last_are_shown_in_the_order_of_the_store() -> None:
    drawn = frame(
        Snapshot(
            500,
            tuple(
                OrderProgress(f"ord_{n:06d}", Place.SHIPPED, 4, "shipped", changed_at=n) for n in range(500)
            ),
        ),
        CAPTION,
        columns=80,
        lines=24,
        paint=lambda text, *_: text,
        symbols=ASCII,
    )
    shown = re.findall(r"\b(\d{6}) #-#-#-#", "\n".join(drawn))
    assert 10 < len(shown) < 100
    assert set(shown) == {f"{n:06d}" for n in range(500 - len(shown), 500)}


def test_without_unicode_the_symbols_are_ascii() -> None:
    drawn = frame(snapshot(10), CAPTION, columns=80, lines=24, paint=lambda text, *_: text, symbols=ASCII)
    assert "#-#-.-." in "\n".join(drawn)
    assert not any("●" in line or "█" in line for line in drawn)


def test_text_from_the_journal_cannot_control_the_terminal() -> None:
    drawn = frame(
        snapshot(5, evil="\x1b[2J\n"),
        CAPTION,
        columns=80,
        lines=24,
        paint=lambda text, *_: text,
        symbols=ASCII,
    )
    assert not any("\x1b" in line or "\n" in line for line in drawn)


def test_the_bar_is_as_long_as_the_terminal_and_full_only_at_the_end() -> None:
    done = Snapshot(3, tuple(OrderProgress(f"ord_{n}", Place.SHIPPED, 4, "shipped") for n in range(3)))
    half = Snapshot(6, done.orders)
    for seen, share in ((done, 80), (half, 40)):
        bar = frame(seen, CAPTION, columns=80, lines=24, paint=lambda text, *_: text, symbols=UNICODE)[1]
        assert (bar.count("█"), len(bar)) == (share, 80)


def test_progress_is_one_line() -> None:
    line = "1:05 6 of 10 processed: 2 shipped, 2 held, 2 closed, 4 in progress; 3 labels, 12.34 USD"
    assert " ".join(progress(snapshot(10), 65.0).split()) == line


def test_the_screen_restores_the_terminal() -> None:
    out = Pretended()
    terminal = Terminal(out, io.StringIO(), {"TERM": "xterm", "COLUMNS": "80"})
    screen = watch_for(terminal, plain=False)
    assert isinstance(screen, Screen)
    screen.show(snapshot(3), CAPTION)
    screen.show(snapshot(4), CAPTION)
    screen.close()
    screen.close()
    text = out.getvalue()
    assert text.startswith("\x1b[?1049h\x1b[?25l")
    assert text.endswith("\x1b[?25h\x1b[?1049l")
    assert text.count("\x1b[?1049h") == text.count("\x1b[?1049l") == 1


@pytest.mark.parametrize(
    ("out", "environ", "plain"),
    [
        (io.StringIO(), {"TERM": "xterm"}, False),
        (Pretended(), {"TERM": "dumb"}, False),
        (Pretended(), {"TERM": "xterm"}, True),
    ],
)
def test_without_a_terminal_to_draw_on_log_lines_are_printed(
    out: io.StringIO, environ: dict[str, str], plain: bool
) -> None:
    assert isinstance(watch_for(Terminal(out, io.StringIO(), environ), plain=plain), Log)


def test_the_log_prints_only_changes_and_not_too_often() -> None:
    out = io.StringIO()
    log = Log(Terminal(out, io.StringIO(), {}))
    for count, at in ((3, 0.0), (3, 5.0), (4, 5.5), (5, 6.0), (6, 7.9)):
        log.show(snapshot(count, 10), Caption("", "", at))
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["0:00", "0:05", "0:07"]
    assert "\x1b" not in out.getvalue()
