"""Which offer is bought: what each account answers, alone and beside another, and what is said about it."""

from __future__ import annotations

from typing import Any

import pytest

from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable
from packhouse.ledger.restores import Unasked
from packhouse.model.account import Whose
from packhouse.model.hold import HoldCode
from packhouse.model.label import Rate
from packhouse.model.money import Money
from packhouse.model.states import ShipmentState
from packhouse.model.waiting import WaitKind
from packhouse.providers.port import Prepared
from packhouse.steps.context import OrderJob
from packhouse.steps.offers import Found, find_offer
from packhouse.steps.purchase import request_for
from tests.service.harness import Harness
from tests.service.scripted import Scripted
from tests.service.steps.jobs import add_account, held, in_step, job_before, moved

BOTH = ("easypost", "second")
pytestmark = pytest.mark.harness(settings={"provider": BOTH})
SINGLE = pytest.mark.harness(settings={"provider": ("easypost",)})
DOWN = ProviderUnavailable("it is down")


@pytest.fixture
def second(harness: Harness) -> Scripted:
    """The account that is named second, with a dearer rate."""
    account = add_account(harness)
    account.script(prepare=offers(900, ref="s_1"))
    harness.provider.script(prepare=offers(500, ref="e_1"))
    return account


def rate(minor: int | None, chosen_by: str = "", service: str = "Ground") -> Rate:
    price = None if minor is None else Money(minor, "USD")
    return Rate("rate_1", "USPS", service, price, chosen_by=chosen_by)


def offers(*minor: int | None, ref: str = "shp_1", messages: tuple[str, ...] = ()) -> Prepared:
    """An answer with a rate at each of these prices."""
    rates = tuple(rate(one, service=f"Ground{number}") for number, one in enumerate(minor))
    return Prepared(ref, rates, messages)


async def found(
    harness: Harness, job: OrderJob | None = None, **before: Any
) -> tuple[OrderJob, Found | None]:
    """What is found for a new order, or for the order of a job."""
    job = job or await job_before(harness, "buy")
    if before:
        await moved(harness, job, ShipmentState.PLANNED, **before)
    (shipment,) = job.shipments
    request = request_for(job.order, shipment)
    return job, await find_offer(harness.context, job, shipment, request)


def account_of(offer: Found | None) -> str:
    assert offer is not None
    return offer.offer.account


def asked(harness: Harness, second: Scripted) -> tuple[int, int]:
    """How often each account was asked for rates."""
    return len(harness.provider.seen("prepare")), len(second.seen("prepare"))


async def cooled_down(harness: Harness) -> None:
    """Both accounts were refused, and their cooldown is over: the next order tries them."""
    for account in BOTH:
        harness.context.breaker.refused(account, Whose.ACCOUNT, "no funds", harness.clock)
    await harness.clock.advance(harness.context.breaker.cooldown_s)


def is_open(harness: Harness, account: str) -> bool:
    """Whether the next order asks this account."""
    return harness.context.breaker.wait_s(account, harness.clock.monotonic()) == 0


async def test_all_accounts_are_asked_and_the_best_offer_is_found(harness: Harness, second: Scripted) -> None:
    _, offer = await found(harness)
    assert offer is not None
    assert (offer.offer.account, offer.offer.provider_ref) == ("easypost", "e_1")
    assert offer.offer.rate.price == Money(500, "USD")
    assert offer.offer.rate.chosen_by == "cheapest of all"
    assert (offer.remark, offer.is_new, offer.is_other_choice) == ("", True, False)
    assert asked(harness, second) == (1, 1)


@pytest.mark.parametrize("chosen_by", ["", "cheapest of all"])
async def test_what_was_prepared_before_is_bought_where_it_was_prepared(
    harness: Harness, second: Scripted, chosen_by: str
) -> None:
    earlier = rate(800, chosen_by)
    _, offer = await found(harness, provider="second", provider_ref="s_0", rate=earlier)
    assert offer is not None
    assert (offer.offer.account, offer.offer.provider_ref, offer.offer.rate) == ("second", "s_0", earlier)
    assert (offer.remark, offer.is_new, offer.is_other_choice) == ("", False, False)
    assert asked(harness, second) == (0, 0)


@pytest.mark.parametrize(
    "before",
    [
        {"provider": "second", "provider_ref": "", "rate": rate(800, "fastest of all")},
        {"provider": "second", "provider_ref": "s_0", "rate": None},
        {"provider": "closed", "provider_ref": "c_0", "rate": rate(800, "fastest of all")},
    ],
    ids=["no id", "no rate", "an account that sells no more"],
)
async def test_what_cannot_be_bought_as_it_was_prepared_is_prepared_at_every_account(
    harness: Harness, second: Scripted, before: dict[str, Any]
) -> None:
    _, offer = await found(harness, **before)
    assert offer is not None
    assert (account_of(offer), offer.is_new, offer.is_other_choice) == ("easypost", True, False)
    assert asked(harness, second) == (1, 1)


async def test_a_purchase_is_prepared_again_at_its_account_when_the_wish_has_changed(
    harness: Harness, second: Scripted
) -> None:
    _, offer = await found(harness, provider="second", provider_ref="s_0", rate=rate(800, "fastest of all"))
    assert offer is not None
    assert (account_of(offer), offer.offer.provider_ref) == ("second", "s_1")
    assert (offer.is_new, offer.is_other_choice) == (True, True)
    assert offer.offer.rate.chosen_by == "cheapest of all"
    assert asked(harness, second) == (0, 1)


async def test_a_prepared_purchase_waits_for_its_account(harness: Harness, second: Scripted) -> None:
    harness.context.breaker.refused("second", Whose.ACCOUNT, "no funds", harness.clock)
    job, offer = await found(harness, provider="second", provider_ref="s_0", rate=rate(800))
    assert offer is None
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.account) == (WaitKind.ACCOUNT_REFUSED, "second")
    assert asked(harness, second) == (0, 0)
    assert (await in_step(harness, job)).provider_ref == "s_0"


async def test_an_account_that_has_not_said_what_it_sold_is_not_asked(
    harness: Harness, second: Scripted
) -> None:
    job = await job_before(harness, "buy")
    job.unasked = (Unasked("easypost", "it is down", has_sold=False),)
    _, offer = await found(harness, job)
    assert offer is not None
    assert offer.remark == "easypost: easypost has not said yet what it sold before the start: it is down"
    assert asked(harness, second) == (0, 1)
    assert job.wake_times == []


@pytest.mark.parametrize("is_prepared", [True, False])
async def test_an_order_waits_where_only_an_account_that_has_not_said_what_it_sold_could_sell(
    harness: Harness, second: Scripted, is_prepared: bool
) -> None:
    job = await job_before(harness, "buy")
    job.unasked = (Unasked("second", "it is down", has_sold=False),)
    harness.provider.script(prepare=ProviderRefused("no such street"))
    before = {"provider": "second", "provider_ref": "s_0", "rate": rate(800)} if is_prepared else {}
    _, offer = await found(harness, job, **before)
    assert offer is None
    assert held(job) == []
    assert job.waits_for_account == "second"
    assert job.wake_times == [harness.clock.now() + harness.settings.poll.recheck_s]
    assert asked(harness, second) == (int(not is_prepared), 0)


async def test_a_failed_account_is_tried_again_although_another_has_not_said_what_it_sold(
    harness: Harness, second: Scripted
) -> None:
    job = await job_before(harness, "buy")
    job.unasked = (Unasked("second", "it is down", has_sold=False),)
    harness.provider.script(prepare=DOWN)
    _, offer = await found(harness, job)
    assert offer is None
    assert [one.kind for one in job.failures] == ["ProviderUnavailable"]
    assert job.wake_times == []


async def test_only_the_account_that_is_to_sell_keeps_the_try_of_this_order(
    harness: Harness, second: Scripted
) -> None:
    await cooled_down(harness)
    _, offer = await found(harness)
    assert account_of(offer) == "easypost"
    assert (is_open(harness, "easypost"), is_open(harness, "second")) == (False, True)


async def test_a_failed_account_loses_its_try_and_one_that_refused_the_order_does_not(
    harness: Harness, second: Scripted
) -> None:
    await cooled_down(harness)
    harness.provider.script(prepare=DOWN)
    second.script(prepare=ProviderRefused("no such street"))
    _, offer = await found(harness)
    assert offer is None
    assert (is_open(harness, "easypost"), is_open(harness, "second")) == (False, True)


@pytest.mark.parametrize(
    ("error", "whose"), [(ProviderMisconfigured("key refused"), Whose.ACCOUNT), (DOWN, Whose.MOMENT)], ids=str
)
async def test_a_failure_counts_against_its_account_and_another_sells(
    harness: Harness, second: Scripted, error: Exception, whose: Whose
) -> None:
    harness.context.breaker.threshold = 1
    harness.provider.script(prepare=error)
    job, offer = await found(harness)
    assert offer is not None
    assert (account_of(offer), offer.remark) == ("second", f"easypost: {error}")
    (state,) = harness.context.breaker.states(harness.clock)
    assert (state.account, state.whose, state.reason) == ("easypost", whose, str(error))
    assert job.failures == []
    _, offer = await found(harness, await job_before(harness, "buy"))
    assert offer is not None
    assert offer.remark == f"easypost: {state.why}"
    assert asked(harness, second) == (1, 2)


async def test_the_wait_that_an_account_asks_for_is_kept(harness: Harness, second: Scripted) -> None:
    harness.context.breaker.threshold = 1
    harness.provider.script(prepare=ProviderUnavailable("429", retry_after_s=5_000.0))
    await found(harness)
    assert harness.context.breaker.wait_s("easypost", harness.clock.monotonic()) == 5_000


async def test_an_adapter_that_fails_is_a_remark_while_another_account_sells(
    harness: Harness, second: Scripted
) -> None:
    harness.provider.script(prepare=ZeroDivisionError("by zero"))
    job, offer = await found(harness)
    assert offer is not None
    assert offer.remark == "easypost: the adapter failed: ZeroDivisionError('by zero')"
    assert job.failures == []


async def test_adapters_that_all_fail_are_a_failure_of_the_order(harness: Harness, second: Scripted) -> None:
    harness.provider.script(prepare=ZeroDivisionError("by zero"))
    second.script(prepare=ProviderRefused("no such street"))
    with pytest.raises(ZeroDivisionError, match="by zero"):
        await found(harness)


@SINGLE
@pytest.mark.parametrize("is_resting", [False, True])
async def test_a_single_adapter_that_fails_is_a_failure_of_the_order(
    harness: Harness, is_resting: bool
) -> None:
    """Also if this order tries the account after its rest: then no order waits for what cannot pass."""
    if is_resting:
        await cooled_down(harness)
    harness.provider.script(prepare=ZeroDivisionError("by zero"))
    with pytest.raises(ZeroDivisionError):
        await found(harness)


@pytest.mark.parametrize("first_wait_s", [60.0, None])
async def test_failures_that_may_pass_are_tried_again_after_the_shortest_wait(
    harness: Harness, second: Scripted, first_wait_s: float | None
) -> None:
    harness.provider.script(prepare=ProviderUnavailable("busy.", retry_after_s=first_wait_s))
    second.script(prepare=ProviderUnavailable("slow", retry_after_s=30.0))
    job, offer = await found(harness)
    assert offer is None
    (failure,) = job.failures
    assert failure == ("easypost: busy; second: slow", 30.0, "ProviderUnavailable", "")


async def test_a_failure_that_names_no_wait_is_tried_again_as_usual(
    harness: Harness, second: Scripted
) -> None:
    harness.provider.script(prepare=DOWN)
    second.script(prepare=ProviderRefused("no such street"))
    job, _ = await found(harness)
    (failure,) = job.failures
    assert failure[:2] == ("easypost: it is down; second: no such street", None)
    assert held(job) == []


@SINGLE
async def test_the_failure_of_a_single_account_is_told_in_its_own_words(harness: Harness) -> None:
    harness.provider.script(prepare=DOWN)
    job, _ = await found(harness)
    assert [one.why for one in job.failures] == ["it is down"]


@pytest.mark.parametrize(("is_down", "is_late"), [(True, True), (False, False)])
async def test_an_order_waits_for_the_accounts_that_rest_and_is_told_about_the_others(
    harness: Harness, second: Scripted, is_down: bool, is_late: bool
) -> None:
    breaker = harness.context.breaker
    breaker.threshold = 1
    if is_down:
        harness.provider.script(prepare=DOWN)
    else:
        breaker.refused("easypost", Whose.MOMENT, "it is down", harness.clock)
    second.script(prepare=ProviderRefused("no such street"))
    job, offer = await found(harness)
    assert offer is None
    (state,) = breaker.states(harness.clock)
    assert job.waiting_reason == f"{state.sentence} second: no such street."
    assert job.waiting is not None
    assert (job.waiting.kind, job.waiting.account) == (WaitKind.ACCOUNT_RESTING, "easypost")
    (wake_at,) = job.wake_times
    base_s = harness.settings.retry.base_s
    assert (wake_at >= state.until + base_s) is is_late
    assert (job.failures, held(job)) == ([], [])


async def test_one_account_that_failed_just_now_is_enough_to_come_last(
    harness: Harness, second: Scripted
) -> None:
    breaker = harness.context.breaker
    breaker.threshold = 1
    breaker.refused("second", Whose.MOMENT, "it is slow", harness.clock)
    harness.provider.script(prepare=DOWN)
    job, _ = await found(harness)
    first, other = breaker.states(harness.clock)
    assert job.waiting_reason == f"{first.sentence} {other.sentence}"
    (wake_at,) = job.wake_times
    assert wake_at >= first.until + harness.settings.retry.base_s


async def test_an_order_does_not_wait_for_an_account_that_may_not_sell_it(
    harness: Harness, second: Scripted
) -> None:
    harness.context.breaker.refused("second", Whose.ACCOUNT, "no funds", harness.clock)
    harness.provider.script(prepare=ProviderRefused("no such street"))
    job, _ = await found(harness, provider="easypost", provider_ref="e_0", rate=rate(8, "fastest of all"))
    assert held(job) == [("provider_refused", job.shipments[0].id)]
    assert job.wake_times == []


async def test_an_account_without_a_rate_makes_it_a_matter_of_rates(
    harness: Harness, second: Scripted
) -> None:
    harness.provider.script(prepare=ProviderRefused("no such street."))
    second.script(prepare=offers(messages=("too long.", " ", "too heavy")))
    job, offer = await found(harness)
    assert offer is None
    (hold,) = job.active_holds()
    assert hold.code is HoldCode.NO_RATE
    assert hold.note == "Every provider account: easypost: no such street; second: too long. too heavy"
    assert (await in_step(harness, job)).state is ShipmentState.HELD


@SINGLE
async def test_the_hold_of_a_single_account_begins_with_its_name_and_has_an_end(harness: Harness) -> None:
    harness.provider.script(prepare=ProviderRefused("x" * 600))
    job, _ = await found(harness)
    (hold,) = job.active_holds()
    assert hold.code is HoldCode.PROVIDER_REFUSED
    assert hold.note == f"easypost: {'x' * 600}"[:500]
