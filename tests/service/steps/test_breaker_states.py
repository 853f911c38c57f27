"""The circuit breaker and what is done with it: when it opens, for how long, what is logged, who waits."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from packhouse.model.account import AccountState, Whose
from packhouse.model.waiting import WaitKind
from packhouse.steps import accounts
from packhouse.steps.circuit_breaker import CircuitBreaker
from packhouse.steps.context import OrderJob
from tests.service.harness import Harness, SkewedClock
from tests.service.providers.in_memory import in_memory
from tests.service.steps.restored_orders import planned

ACCOUNT, MOMENT = Whose.ACCOUNT, Whose.MOMENT


async def test_its_times_are_wall_time_though_it_counts_on_a_clock_that_cannot_jump() -> None:
    clock = SkewedClock()
    clock.skew = 1000.0
    breaker = CircuitBreaker(threshold=2, cooldown_s=10.0)
    breaker.refused("c", MOMENT, "down", clock)
    first = clock.now()
    await clock.advance(3.0)
    assert breaker.refused("c", MOMENT, "still down", clock)
    await clock.advance(4.0)
    assert breaker.state("c", clock) == AccountState("c", MOMENT, "still down", first, first + 13.0, 2)
    assert breaker.wait_s("c", clock.monotonic()) == 6.0


def test_an_account_that_failed_less_often_has_no_state_and_no_wait() -> None:
    clock = SkewedClock()
    breaker = CircuitBreaker(threshold=3, cooldown_s=10.0)
    for _ in range(2):
        assert not breaker.refused("c", MOMENT, "down", clock)
    breaker.refused("b", ACCOUNT, "closed", clock)
    breaker.not_tried("c", clock.monotonic())
    assert breaker.state("c", clock) is None
    assert breaker.state("unknown", clock) is None
    assert [state.account for state in breaker.states(clock)] == ["b"]
    assert (breaker.wait_s("c", clock.monotonic()), breaker.wait_s("unknown", 0.0)) == (0.0, 0.0)
    assert breaker.refused("c", MOMENT, "down", clock)
    assert [state.account for state in breaker.states(clock)] == ["b", "c"]


def test_a_sale_begins_the_count_again() -> None:
    clock = SkewedClock()
    breaker = CircuitBreaker(threshold=2, cooldown_s=10.0)
    breaker.refused("c", MOMENT, "down", clock)
    assert not breaker.sold("c")
    assert not breaker.refused("c", MOMENT, "down", clock)


async def test_any_failure_of_the_one_that_tries_keeps_an_open_breaker_open() -> None:
    clock = SkewedClock()
    breaker = CircuitBreaker(threshold=20, cooldown_s=10.0)
    assert breaker.refused("c", ACCOUNT, "no funds", clock)
    await clock.advance(10.0)
    assert not breaker.refused("c", MOMENT, "down", clock)
    assert breaker.wait_s("c", clock.monotonic()) == 10.0


@pytest.mark.parametrize(("asked_s", "waited_s"), [(None, 0.5), (0.25, 0.5), (2.0, 2.0)])
def test_it_waits_as_long_as_its_cooldown_or_as_the_provider_asks(
    asked_s: float | None, waited_s: float
) -> None:
    clock = SkewedClock()
    breaker = CircuitBreaker(threshold=1, cooldown_s=0.5)
    breaker.refused("c", MOMENT, "down", clock, asked_s)
    assert breaker.wait_s("c", clock.monotonic()) == waited_s


async def test_a_try_that_says_nothing_is_handed_on_only_while_others_wait_for_it() -> None:
    clock = SkewedClock()
    breaker = CircuitBreaker(threshold=1, cooldown_s=10.0)
    breaker.refused("c", MOMENT, "down", clock)
    before = breaker.state("c", clock)
    await clock.advance(25.0)
    breaker.not_tried("c", clock.monotonic())
    assert breaker.state("c", clock) == before


# ---- what is logged ------------------------------------------------------------------------------------


@pytest.mark.harness(provider=in_memory())
@pytest.mark.parametrize(
    ("whose", "event", "level"),
    [(ACCOUNT, "account_refused", "error"), (MOMENT, "breaker_open", "warning")],
)
async def test_a_breaker_that_opens_and_closes_is_logged_once(
    harness: Harness, whose: Whose, event: str, level: str
) -> None:
    harness.context.breaker.threshold = 2
    with capture_logs() as logs:
        for reason in ("no funds", "still no funds", "closed"):
            accounts.count_refusal(harness.context, "c", whose, reason)
        for _ in range(2):
            accounts.count_sale(harness.context, "c")
    reason = "no funds" if whose is ACCOUNT else "still no funds"
    assert [(one["event"], one["log_level"], one["provider"]) for one in logs] == [
        (event, level, "c"),
        ("account_restored", "info", "c"),
    ]
    assert (logs[0]["reason"], logs[0]["seconds"]) == (reason, harness.context.breaker.cooldown_s)


@pytest.mark.harness(provider=in_memory())
async def test_the_wait_that_a_provider_asks_for_is_kept(harness: Harness) -> None:
    accounts.count_refusal(harness.context, "c", ACCOUNT, "slow down", 900.0)
    assert harness.context.breaker.wait_s("c", harness.clock.monotonic()) == 900.0


# ---- who waits -----------------------------------------------------------------------------------------

quick = pytest.mark.harness(provider=in_memory(), settings={"retry": {"base_s": 0.5}})


def state(account: str, until: float, whose: Whose = MOMENT) -> AccountState:
    return AccountState(account, whose, "down", 0.0, until, 3)


async def waits(harness: Harness, *states: AccountState, tried: bool = False) -> tuple[OrderJob, float]:
    """The order's job, and how long it waits."""
    job = await planned(harness)
    accounts.wait_for(harness.context, job, states, "No account sells it.", tried=tried)
    (wake,) = job.wake_times
    assert job.waiting_reason == "No account sells it."
    return job, wake - harness.clock.now()


@quick
@pytest.mark.parametrize("tried", [False, True])
async def test_an_order_waits_for_the_account_that_is_tried_first(harness: Harness, tried: bool) -> None:
    now = harness.clock.now()
    both = (state("late", now + 90.0), state("soon", now + 60.0, ACCOUNT))
    job, wait_s = await waits(harness, *both, tried=tried)
    assert job.waiting is not None
    assert (job.waiting.account, job.waiting.kind) == ("soon", WaitKind.ACCOUNT_REFUSED)
    earliest_s = 60.5 if tried else 60.0
    assert earliest_s <= wait_s <= earliest_s + 0.5


@quick
@pytest.mark.parametrize("over_s", [0.0, 30.0])
async def test_an_order_waits_a_cooldown_for_an_account_whose_own_is_over(
    harness: Harness, over_s: float
) -> None:
    job, wait_s = await waits(harness, state("c", harness.clock.now() - over_s))
    assert job.waiting is not None
    assert job.waiting.kind is WaitKind.ACCOUNT_RESTING
    assert harness.context.breaker.cooldown_s <= wait_s <= harness.context.breaker.cooldown_s + 0.5
