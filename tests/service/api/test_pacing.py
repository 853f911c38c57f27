"""Strangers are slowed while the event loop is late, and only then."""

from __future__ import annotations

from packhouse.api.pacing import Pacer


def test_nobody_waits_while_the_loop_is_in_time() -> None:
    pacer = Pacer()
    pacer.note_lateness(0.04)
    assert [pacer.wait_s(float(now)) for now in range(3)] == [0.0] * 3


def test_strangers_share_one_pace_while_the_loop_is_late() -> None:
    pacer = Pacer()
    for _ in range(5):
        pacer.note_lateness(0.2)
    waits = [pacer.wait_s(0.0) for _ in range(100)]
    assert waits == sorted(waits)
    assert waits[0] > 0
    assert abs(waits[99] - 100 * waits[0]) < 1e-9


def test_the_pace_has_a_floor_and_a_wait_an_end() -> None:
    pacer = Pacer()
    for _ in range(1000):
        pacer.note_lateness(60.0)
    assert pacer.wait_s(0.0) == 0.01
    assert max(pacer.wait_s(0.0) for _ in range(10_000)) == 1.0
    # No debt is left over: after the flood the next one waits for its own share only.
    assert abs(pacer.wait_s(2.0) - 0.01) < 1e-9


def test_the_pace_ends_when_the_loop_is_in_time_again() -> None:
    pacer = Pacer()
    for _ in range(1000):
        pacer.note_lateness(60.0)
    for _ in range(60):
        pacer.note_lateness(0.0)
    assert pacer.wait_s(0.0) == 0.0
