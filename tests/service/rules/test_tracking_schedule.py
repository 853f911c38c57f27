"""When a tracker is asked next, and which of its answers are news."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.tracking import TrackerState, Tracking
from packhouse.rules.tracking_schedule import is_news, longest_wait_s, needs_step, next_look
from tests.service.ledger.rows import label_of

_T = TrackerState
HOUR, DAY = 3600.0, 86_400.0
EVERY = 6 * HOUR
BOUGHT = 1_000_000_000.0


def wait_hours(state: TrackerState, age: float, quiet: float = 0.0, days: int | None = None) -> float:
    """The next look in hours, without the label's own share; `age` and `quiet` are in hours."""
    label = label_of("ord-1", bought_at=BOUGHT, tracking=Tracking(state))
    now = BOUGHT + age * HOUR
    if state is not _T.UNKNOWN:
        label = replace(label, tracking_changed_at=now - quiet * HOUR)
    looked = next_look(label, now, EVERY, days)
    # The label's share is the same at each look; that of a label without news, which waits 24 h, tells it.
    unknown = next_look(label_of("ord-1", bought_at=now), now, EVERY)
    assert looked is not None
    assert unknown is not None
    return (looked - now) / ((unknown - now) / (24 * HOUR)) / HOUR


@pytest.mark.parametrize(
    ("state", "age", "quiet", "days", "hours"),
    [
        (_T.UNKNOWN, 0, 0, None, 24),
        (_T.PRE_TRANSIT, 10, 1, 2, 24),
        (_T.IN_TRANSIT, 24, 1, None, 6),
        (_T.IN_TRANSIT, 24, 1, 5, 12),  # four days early
        (_T.IN_TRANSIT, 97, 1, 5, 3),  # the day before
        (_T.IN_TRANSIT, 150, 1, 5, 3),  # a day late
        (_T.IN_TRANSIT, 170, 1, 5, 6),  # more than two days late
        (_T.OUT_FOR_DELIVERY, 48, 2, 2, 1),
        (_T.OUT_FOR_DELIVERY, 80, 30, 2, 6),
        (_T.READY_FOR_PICKUP, 80, 2, 2, 12),
        (_T.RETURNED, 80, 2, 2, 12),
        (_T.FAILURE, 80, 2, 2, 12),
        (_T.IN_TRANSIT, 200, 97, 2, 24),  # quiet for four days
        (_T.OUT_FOR_DELIVERY, 500, 337, 2, 72),  # quiet for two weeks
        (_T.UNKNOWN, 337, 0, 2, 72),
    ],
)
def test_a_parcel_is_asked_about_as_often_as_it_may_have_news(
    state: TrackerState, age: float, quiet: float, days: int | None, hours: float
) -> None:
    assert wait_hours(state, age, quiet, days) == pytest.approx(hours, rel=1e-6)


def test_the_trackers_own_day_counts_more_than_the_services() -> None:
    label = label_of("ord-1", bought_at=BOUGHT, tracking_changed_at=BOUGHT)
    late = replace(label, tracking=Tracking(_T.IN_TRANSIT, "", BOUGHT + 9 * DAY))
    soon = replace(label, tracking=Tracking(_T.IN_TRANSIT, "", BOUGHT + DAY))
    looks = [next_look(one, BOUGHT + HOUR, EVERY, days=5) for one in (soon, late)]
    assert None not in looks
    waits = [look - BOUGHT - HOUR for look in looks if look]
    assert waits[1] == pytest.approx(4 * waits[0])


def test_nothing_is_asked_without_an_interval_after_a_delivery_or_after_45_days() -> None:
    label = label_of("ord-1", bought_at=BOUGHT)
    assert next_look(label, BOUGHT, 0.0) is None
    assert next_look(replace(label, tracking=Tracking(_T.DELIVERED)), BOUGHT, EVERY) is None
    assert next_look(label, BOUGHT + 45 * DAY, EVERY) is None
    assert next_look(label, BOUGHT + 45 * DAY - 1, EVERY) == BOUGHT + 45 * DAY


@given(
    state=st.sampled_from([state for state in _T if state is not _T.DELIVERED]),
    age_s=st.floats(-30 * DAY, 45 * DAY - 1),
    quiet_s=st.floats(-DAY, 60 * DAY),
    every_s=st.floats(1.0, 10 * DAY),
    days=st.none() | st.integers(-5, 400),
    number=st.integers(0, 10**6),
)
def test_the_next_look_is_later_and_not_too_late(
    state: TrackerState, age_s: float, quiet_s: float, every_s: float, days: int | None, number: int
) -> None:
    now = BOUGHT + age_s
    label = label_of(f"ord-{number}", bought_at=BOUGHT, tracking=Tracking(state))
    label = replace(label, tracking_changed_at=now - quiet_s)
    looked = next_look(label, now, every_s, days)
    assert looked is not None
    assert now < looked <= min(now + longest_wait_s(every_s), BOUGHT + 45 * DAY)


def test_the_labels_of_one_morning_are_not_asked_about_at_one_instant() -> None:
    looks = [next_look(label_of(f"ord-{n}", bought_at=BOUGHT), BOUGHT, EVERY) for n in range(200)]
    times = sorted(look for look in looks if look)
    assert len(set(times)) == 200
    assert times[-1] - times[0] > 0.15 * 4 * EVERY


@pytest.mark.parametrize(("known", "told"), list(itertools.product(_T, _T)))
def test_news_is_another_state_that_says_more(known: TrackerState, told: TrackerState) -> None:
    expected = told not in (known, _T.UNKNOWN) and (told is not _T.PRE_TRANSIT or known is _T.UNKNOWN)
    assert is_news(Tracking(known), Tracking(told, "other words")) is expected


@pytest.mark.parametrize(
    ("known", "told", "expected"),
    [
        (_T.UNKNOWN, _T.DELIVERED, True),
        (_T.IN_TRANSIT, _T.RETURNED, True),
        (_T.RETURNED, _T.FAILURE, True),
        (_T.FAILURE, _T.IN_TRANSIT, True),
        (_T.RETURNED, _T.READY_FOR_PICKUP, True),
        (_T.UNKNOWN, _T.PRE_TRANSIT, False),
        (_T.PRE_TRANSIT, _T.IN_TRANSIT, False),
        (_T.IN_TRANSIT, _T.OUT_FOR_DELIVERY, False),
    ],
)
def test_only_an_end_trouble_and_its_end_need_the_orders_steps(
    known: TrackerState, told: TrackerState, expected: bool
) -> None:
    assert needs_step(Tracking(known), Tracking(told)) is expected
