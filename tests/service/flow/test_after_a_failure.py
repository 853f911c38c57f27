"""After a pass that failed: how long an order waits, when a person is asked, and what is shown until then."""

from __future__ import annotations

import pytest

from packhouse.ledger import holds
from packhouse.ledger.tx import Tx
from packhouse.model.account import Whose
from packhouse.model.hold import HoldCode
from packhouse.model.states import OrderPhase, ShipmentState
from packhouse.next_check import finish_failed, finish_unwritable
from packhouse.steps.context import OrderJob
from tests.clock import START
from tests.service.flow.one_pass import (
    HIGHEST,
    LOWEST,
    claimed,
    drawing,
    entries,
    place,
    row,
    shipment,
)
from tests.service.harness import Harness

S, PHASE = ShipmentState, OrderPhase
BASE_S, MOST_S, HOLD_AFTER = 8.0, 100.0, 40
PATIENT = pytest.mark.harness(
    settings={"retry": {"base_s": BASE_S, "max_s": MOST_S, "hold_after": HOLD_AFTER}}
)
pytestmark = PATIENT


async def failed(harness: Harness, job: OrderJob, *failures: str) -> float:
    """Release the order after these failures; the seconds until it is tried again."""
    for why in failures or ("" if job.failures else "the depot is closed",):
        if why:
            job.failed(why, kind="ProviderUnavailable")
    await finish_failed(harness.context, job)
    after = await row(harness, job)
    assert after.lease is None
    return float(after.due_at - harness.clock.now())


WAITS = {0: 8, 1: 16, 2: 32, 3: 64, 4: 100, 38: 100, 2000: 100}


@pytest.mark.parametrize(("seed", "share"), [(LOWEST, 0.75), (HIGHEST, 1.25)])
async def test_each_failure_doubles_the_wait_up_to_the_most_and_spreads_it(
    harness: Harness, seed: int, share: float
) -> None:
    for attempts, wait_s in WAITS.items():
        job = await claimed(harness, attempts=attempts)
        with drawing(seed):
            due_in = await failed(harness, job)
        assert due_in == pytest.approx(share * wait_s, rel=0.001), attempts
        assert (await row(harness, job)).attempts == attempts + 1


@pytest.mark.parametrize(
    ("asked", "due_in"),
    [([500.0], 500.0), ([None, 300.0, 500.0, None], 500.0), ([0.5], 10.0), ([None], 10.0), ([0.0], 10.0)],
)
async def test_no_order_is_tried_sooner_than_each_server_asked_for(
    harness: Harness, asked: list[float | None], due_in: float
) -> None:
    job = await claimed(harness)
    for seconds in asked:
        job.failed("too many requests", seconds)
    with drawing(HIGHEST):
        assert await failed(harness, job) == pytest.approx(due_in, rel=0.001)


@pytest.mark.parametrize(("wakes", "due_in"), [([2.0, 3.0], 2.0), ([-5.0, 0.0], 10.0), ([0.0, 4.0], 4.0)])
async def test_other_work_of_a_failed_order_is_done_at_its_own_time_and_not_at_once(
    harness: Harness, wakes: list[float], due_in: float
) -> None:
    job = await claimed(harness)
    for seconds in wakes:
        job.wake_at(START + seconds)
    with drawing(HIGHEST):
        assert await failed(harness, job) == pytest.approx(due_in, rel=0.001)


PHASES: list[tuple[ShipmentState, OrderPhase, bool, str]] = [
    (S.PLANNED, PHASE.SHIPPED, False, "open"),
    (S.BUYING, PHASE.OPEN, False, "open"),
    (S.FULFILLED, PHASE.SHIPPED, False, "shipped"),
    (S.FULFILLED, PHASE.CLOSED, False, "open"),
    (S.VOIDED, PHASE.CLOSED, False, "open"),
    (S.VOIDED, PHASE.OPEN, False, "open"),
    (S.VOIDED, PHASE.HELD, False, "held"),
    (S.PLANNED, PHASE.OPEN, True, "held"),
    (S.FULFILLED, PHASE.SHIPPED, True, "held"),
]


async def test_a_failure_leaves_the_phase_or_shows_that_there_is_work(harness: Harness) -> None:
    for state, lease, held, phase in PHASES:
        job = await claimed(harness, state, phase=lease)
        if held:
            await place(harness, job, HoldCode.MANUAL)
        await failed(harness, job)
        after = await row(harness, job)
        assert after.phase == phase, (state, lease, held)
        assert bool(after.waiting) is (phase == "open")


async def test_the_first_failure_is_the_one_that_is_shown(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED)
    job.failed("the store is down", kind="StoreUnreachable")
    with drawing(LOWEST):
        await failed(harness, job, "the depot is closed")
    after = await row(harness, job)
    assert (after.reason, after.last_error) == ("the store is down", "the store is down")
    assert after.waiting == "store_unavailable"
    (entry,) = await entries(harness, job)
    assert (entry.action, entry.why) == ("failed", "Trying again in 6 s. the store is down")
    assert entry.data == {"attempts": 1, "error": "StoreUnreachable"}


async def test_a_long_error_is_shown_by_its_beginning(harness: Harness) -> None:
    job = await claimed(harness, attempts=HOLD_AFTER - 1)
    await failed(harness, job, "x" * 2000)
    after = await row(harness, job)
    assert (len(after.last_error), len(after.reason)) == (1000, 500)
    (hold,) = job.active_holds()
    assert hold.note == "x" * 500


@pytest.mark.parametrize(("attempts", "is_held"), [(HOLD_AFTER - 2, False), (HOLD_AFTER - 1, True)])
async def test_after_so_many_failures_a_person_is_asked(
    harness: Harness, attempts: int, is_held: bool
) -> None:
    job = await claimed(harness, S.PLANNED, attempts=attempts)
    await failed(harness, job)
    assert [hold.code for hold in job.active_holds()] == ([HoldCode.REPEATED_FAILURE] if is_held else [])
    assert (await row(harness, job)).phase == ("held" if is_held else "open")


# Failures in a row before this one, and whether the journal has it.
JOURNALED = {0: 1, 1: 0, 4: 0, 8: 0, 9: 1, 10: 0, 19: 1, 20: 0}


async def test_the_journal_has_the_first_failure_and_then_each_tenth(harness: Harness) -> None:
    found = {}
    for attempts in JOURNALED:
        job = await claimed(harness, attempts=attempts)
        await failed(harness, job)
        found[attempts] = len(await entries(harness, job, "failed"))
    assert found == JOURNALED


ACCOUNTS: list[tuple[list[str], str, str, str]] = [
    (["easypost"], "ProviderUnavailable", "easypost", "provider_unavailable"),
    (["easypost", "easypost", ""], "ProviderMisconfigured", "easypost", "account_refused"),
    (["easypost", "acme"], "ProviderUnavailable", "", "provider_unavailable"),
    ([""], "ProviderUnavailable", "", "provider_unavailable"),
    ([], "ValueError", "", "retry"),
    (["easypost"], "StoreThrottled", "", "store_limit"),
]


async def test_what_an_order_waits_for_names_the_one_account_that_it_is_bought_at(harness: Harness) -> None:
    for accounts, kind, account, waiting in ACCOUNTS:
        job = await claimed(harness)
        job.shipments = [shipment(S.BUYING, n, provider) for n, provider in enumerate(accounts, 1)]
        job.shipments.append(shipment(S.FULFILLED, 9, "long ago"))
        job.failed("no answer", kind=kind)
        await finish_failed(harness.context, job)
        after = await row(harness, job)
        assert (after.waiting, after.waiting_account) == (waiting, account), (accounts, kind)


COOLDOWN_S = 300.0


def rest(harness: Harness, account: str, why: str = "no funds") -> None:
    harness.context.breaker.refused(account, Whose.ACCOUNT, why, harness.clock)


async def test_an_order_that_only_its_resting_account_made_fail_counts_no_failure(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED, attempts=HOLD_AFTER - 1)
    rest(harness, "easypost")
    await harness.clock.advance(100)
    job.failed("the key is refused.", kind="ProviderMisconfigured", account="easypost")
    assert await failed(harness, job) == COOLDOWN_S - 100
    after = await row(harness, job)
    assert (after.phase, after.attempts, after.waiting) == ("open", HOLD_AFTER - 1, "")
    assert after.reason == "the key is refused. easypost buys no labels: no funds."
    assert job.active_holds() == []
    assert await entries(harness, job) == []


async def test_an_order_waits_for_the_last_of_its_resting_accounts(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED)
    rest(harness, "acme")
    await harness.clock.advance(60)
    rest(harness, "easypost", "x" * 600)
    for account in ("easypost", "acme"):
        job.failed("refused", account=account)
    job.wake_at(harness.clock.now())
    assert await failed(harness, job) == COOLDOWN_S
    assert len((await row(harness, job)).reason) == 500


@pytest.mark.parametrize("after_s", [COOLDOWN_S, COOLDOWN_S + 5])
async def test_an_account_that_is_tried_by_another_order_now_is_waited_for_once_more(
    harness: Harness, after_s: float
) -> None:
    job = await claimed(harness, S.PLANNED)
    rest(harness, "easypost")
    await harness.clock.advance(after_s)
    job.failed("refused", account="easypost")
    assert await failed(harness, job) == COOLDOWN_S


async def test_an_order_with_other_work_does_not_wait_for_the_account(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED)
    rest(harness, "easypost")
    job.failed("refused", account="easypost")
    for seconds in (-1.0, 0.0, 40.0, 50.0):
        job.wake_at(START + seconds)
    assert await failed(harness, job) == 40


async def test_a_failure_of_anything_but_a_resting_account_counts(harness: Harness) -> None:
    job = await claimed(harness, S.PLANNED)
    rest(harness, "easypost")
    job.failed("refused", account="easypost")
    job.failed("the store is down", kind="StoreUnreachable")
    assert await failed(harness, job) < COOLDOWN_S
    assert (await row(harness, job)).attempts == 1


def refused(tx: Tx) -> None:
    tx.connection.exec_driver_sql("no such statement")


async def unwritable(harness: Harness, job: OrderJob, why: str = "a number is too large") -> float:
    await finish_unwritable(harness.context, job, why, "ValueRejected")
    after = await row(harness, job)
    assert after.lease is None
    return float(after.due_at - START)


async def test_an_order_that_cannot_be_written_is_tried_again_with_what_is_known_in_ascii(
    harness: Harness,
) -> None:
    job = await claimed(harness, S.PLANNED, attempts=1)
    job.deferred.append(refused)
    for why in ("the depot says é.", "and more"):
        job.failed(why)
    with drawing(HIGHEST):
        assert await unwritable(harness, job, "half \ud83d") == pytest.approx(20, rel=0.001)
    after = await row(harness, job)
    assert after.reason == after.last_error == "the depot says \\xe9; then half \\ud83d"
    assert (after.phase, after.attempts, after.waiting) == ("open", 2, "")
    assert await entries(harness, job) == []


async def test_of_a_long_error_that_cannot_be_written_the_beginning_is_kept(harness: Harness) -> None:
    job = await claimed(harness)
    job.failed("x" * 300)
    await unwritable(harness, job, "y" * 900)
    assert (await row(harness, job)).reason == f"{'x' * 200}; then {'y' * 293}"


@pytest.mark.parametrize(
    ("attempts", "lease", "phase"),
    [
        (HOLD_AFTER - 2, PHASE.SHIPPED, "shipped"),
        (HOLD_AFTER - 1, PHASE.SHIPPED, "held"),
        (0, PHASE.CLOSED, "open"),
    ],
)
async def test_an_order_that_can_never_be_written_is_held_for_a_person(
    harness: Harness, attempts: int, lease: OrderPhase, phase: str
) -> None:
    job = await claimed(harness, attempts=attempts, phase=lease)
    await unwritable(harness, job)
    after = await row(harness, job)
    assert (after.phase, after.attempts) == (phase, attempts + 1)
    found = [(one.code, one.note) for one in await harness.ledger.read(holds.of_order, job.order_id)]
    assert found == ([(HoldCode.REPEATED_FAILURE, "a number is too large")] if phase == "held" else [])
    written = [(one.action, one.why) for one in await entries(harness, job, "held")]
    said = "This order failed many times in a row: a number is too large"
    assert written == ([("held", said)] if phase == "held" else [])


async def test_the_journal_has_each_tenth_pass_that_could_not_be_written(harness: Harness) -> None:
    found = {}
    for attempts in JOURNALED:
        job = await claimed(harness, attempts=attempts)
        await unwritable(harness, job)
        written = await entries(harness, job, "failed")
        assert {(one.why, one.data["error"]) for one in written} <= {
            ("The pass could not be recorded.", "ValueRejected")
        }
        found[attempts] = len(written)
    assert found == JOURNALED
