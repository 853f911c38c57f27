"""A bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io

from packhouse_cli.bulk.progress import Progress


class Watch:
    """A clock that the test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_on_a_terminal_a_bar_is_drawn_over_itself_and_goes_at_the_end() -> None:
    out, watch = io.StringIO(), Watch()
    progress = Progress(out, can_draw=True, width=60, monotonic=watch)
    progress.begin("Applying", 200)
    watch.now += 10
    progress.show(50, "2 not fulfilled")
    drawn = out.getvalue()
    assert drawn.startswith("\r[######..................] Applying 50 of 200, 2 not fulfil")
    assert len(drawn) <= 60 + len("\r\x1b[K")
    progress.show(51)
    assert out.getvalue() == drawn, "drawn at most ten times a second"
    progress.end()
    assert out.getvalue().endswith("\r\x1b[K")


def test_the_speed_and_the_time_left_are_shown() -> None:
    out, watch = io.StringIO(), Watch()
    progress = Progress(out, can_draw=True, width=100, monotonic=watch)
    progress.begin("Applying", 200)
    watch.now += 10
    progress.show(50)
    assert "5.0/s, 30 s left" in out.getvalue()


def test_off_a_terminal_a_short_work_is_silent_and_a_long_one_says_something_now_and_then() -> None:
    out, watch = io.StringIO(), Watch()
    progress = Progress(out, can_draw=False, monotonic=watch)
    progress.begin("Reading", 1000)
    for done in range(1000):
        watch.now += 0.012
        progress.show(done)
    progress.end()
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert all(line.startswith("Reading ") and "\x1b" not in line for line in lines)


def test_a_printed_line_stays_above_the_bar() -> None:
    out, watch = io.StringIO(), Watch()
    progress = Progress(out, can_draw=True, monotonic=watch)
    progress.begin("Applying", 2)
    progress.show(1)
    progress.print("ord_1: stale")
    assert out.getvalue().endswith("\r\x1b[Kord_1: stale\n")
