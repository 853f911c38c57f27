"""How long a post may take, and how long an order may wait by design."""

from __future__ import annotations

from pathlib import Path

import pytest

from packhouse.config.sections import PollSettings, RetrySettings, StoreSettings, WorkerSettings
from packhouse.config.settings import Settings
from packhouse.rules.timeouts import longest_post_s, longest_wait_s


def settings(concurrency: int = 4, rate_limit_per_s: float = 0.0, **parts: object) -> Settings:
    store = StoreSettings(timeout_s=15, rate_limit_per_s=rate_limit_per_s)
    worker = WorkerSettings(concurrency=concurrency)
    return Settings(_env_file=None, data_dir=Path("data"), store=store, worker=worker, **parts)  # type: ignore[call-arg, arg-type]


def test_a_post_takes_at_least_the_stores_timeout_and_a_margin() -> None:
    assert longest_post_s(settings()) == 20.0


@pytest.mark.parametrize(
    ("concurrency", "rate_limit_per_s", "queue_s"), [(4, 2.0, 2.0), (16, 2.0, 8.0), (16, 0.5, 32.0)]
)
def test_a_post_also_waits_for_the_other_workers_under_the_rate_limit(
    concurrency: int, rate_limit_per_s: float, queue_s: float
) -> None:
    waiting = longest_post_s(settings(concurrency, rate_limit_per_s)) - longest_post_s(settings(concurrency))
    assert waiting == pytest.approx(queue_s)


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
    assert longest_wait_s(settings(**parts)) == 2 * longest_s  # type: ignore[arg-type]
