"""How long a post may take, and how long an order may wait by design."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.config.sections import PollSettings, RetrySettings, StoreSettings
from packhouse.config.settings import Settings
from packhouse.model.store_limit import LONGEST_CHANGE_WAIT_S
from packhouse.rules.timeouts import longest_post_s, longest_wait_s


def settings(**parts: object) -> Settings:
    store = StoreSettings(timeout_s=15)
    return Settings(_env_file=None, data_dir=Path("data"), store=store, **parts)  # type: ignore[call-arg, arg-type]


def test_a_post_takes_the_wait_for_its_turn_the_stores_timeout_and_a_margin() -> None:
    assert longest_post_s(settings()) == LONGEST_CHANGE_WAIT_S + 20.0


@pytest.mark.parametrize(
    ("parts", "longest_s"),
    [
        ({"poll": PollSettings(recheck_s=60), "retry": RetrySettings(max_s=60)}, 86_400),
        ({"poll": PollSettings(recheck_s=100_000)}, 100_000),
        ({"retry": RetrySettings(max_s=10_000)}, 240_000),  # of an order that is set aside
    ],
    ids=["a day", "recheck", "retry"],
)
def test_no_order_waits_twice_as_long_as_the_longest_interval(
    parts: dict[str, object], longest_s: float
) -> None:
    assert longest_wait_s(settings(**parts)) == 2 * longest_s
