"""Why an order waits: status, the order's view and the metrics say the same in every state."""

from __future__ import annotations

import pytest

from packhouse.errors import ProviderMisconfigured, StoreThrottled, StoreUnauthorized, StoreUnreachable
from packhouse.ledger import leases, poll_record, queries
from packhouse.ledger.tx import under
from packhouse.model.account import Whose
from packhouse.model.states import OrderPhase
from packhouse.model.waiting import WAIT_MEANING, Waiting, WaitKind
from packhouse.operations.waiting import WaitingOrders
from packhouse.providers.port import NotBought, Unknown
from packhouse.sandbox.store.state import StoreOrder
from tests.service.harness import Harness


async def told(harness: Harness) -> list[WaitingOrders]:
    """What the status says that orders wait for; the metrics count the same."""
    status = await harness.operations.queries.status()
    counted = (await harness.operations.queries.counts()).waiting
    assert {one.waiting.kind.value: one.orders for one in status.waiting if one.orders} == counted
    return list(status.waiting)


async def of_order(harness: Harness, order: StoreOrder) -> list[Waiting]:
    return list((await harness.operations.queries.order(order.id)).waiting)


async def test_nothing_waits_where_everything_has_shipped(harness: Harness) -> None:
    order = await harness.ship()
    assert await told(harness) == []
    assert await of_order(harness, order) == []


async def test_a_pause_says_who_and_why_and_since_when(harness: Harness) -> None:
    paused_at = harness.clock.now()
    await harness.operations.daemon.pause(reason="stock: taking", actor="ada")
    (before,) = await told(harness)
    assert before.orders == 0
    order = await harness.ship()
    (told_all,) = await told(harness)
    assert told_all.orders == 1
    assert told_all.waiting.sentence == "Paused by ada: stock: taking"
    assert told_all.waiting.since == paused_at
    assert "packhouse resume" in told_all.waiting.remedy
    assert await of_order(harness, order) == [told_all.waiting]
    assert (await harness.operations.queries.counts()).paused
    await harness.operations.daemon.resume(reason="done", actor="bob")
    await harness.process_due()
    assert await told(harness) == []


async def test_an_order_that_waits_for_something_else_shows_a_later_pause_too(harness: Harness) -> None:
    harness.store.script(order=StoreUnreachable("no route"))
    order = await harness.ship()
    await harness.operations.daemon.pause(reason="fire", actor="ada")
    first, second = await of_order(harness, order)
    assert (first.kind, second.kind) == (WaitKind.PAUSED, WaitKind.STORE_UNAVAILABLE)


@pytest.mark.harness(settings={"guard": {"paused": True}})
async def test_a_pause_by_the_setting_names_the_setting(harness: Harness) -> None:
    (pause,) = await told(harness)
    assert "PACKHOUSE_GUARD__PAUSED" in pause.waiting.sentence
    assert "restart" in pause.waiting.remedy
    assert pause.waiting.since is None


async def test_an_account_without_funds_says_its_words_and_until_when(harness: Harness) -> None:
    harness.provider.script(buy=NotBought("Insufficient funds. Add funds.", whose=Whose.ACCOUNT))
    order = await harness.ship()
    (waits,) = await told(harness)
    assert (waits.orders, waits.waiting.kind, waits.waiting.account) == (
        1,
        WaitKind.ACCOUNT_REFUSED,
        "easypost",
    )
    assert "Insufficient funds" in waits.waiting.sentence
    assert waits.waiting.until is not None
    assert waits.waiting.until > harness.clock.now()
    (own,) = await of_order(harness, order)
    assert (own.kind, own.sentence) == (waits.waiting.kind, waits.waiting.sentence)
    assert (await harness.operations.queries.counts()).accounts == {"easypost": False}


async def test_a_key_that_the_provider_refuses_is_told_for_its_account(harness: Harness) -> None:
    harness.provider.script(prepare=ProviderMisconfigured("EasyPost rejected the API key."))
    await harness.ship()
    (waits,) = await told(harness)
    assert (waits.waiting.kind, waits.waiting.account) == (WaitKind.ACCOUNT_REFUSED, "easypost")
    assert "rejected the API key" in waits.waiting.sentence


async def test_a_lost_answer_says_that_the_purchase_is_looked_up_and_when(harness: Harness) -> None:
    harness.provider.script(buy=Unknown("connection reset"))
    order = await harness.ship()
    (own,) = await of_order(harness, order)
    assert (own.kind, own.account) == (WaitKind.PURCHASE_UNSETTLED, "easypost")
    assert own.until == harness.clock.now() + harness.settings.provider_settle_s
    (waits,) = await told(harness)
    assert (waits.orders, waits.waiting.kind) == (1, WaitKind.PURCHASE_UNSETTLED)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (StoreThrottled("429", retry_after_s=90), WaitKind.STORE_LIMIT),
        (StoreUnreachable("no route"), WaitKind.STORE_UNAVAILABLE),
        (StoreUnauthorized("401"), WaitKind.STORE_REFUSED),
    ],
)
async def test_a_store_that_does_not_answer_is_told_with_its_words(
    harness: Harness, error: Exception, kind: WaitKind
) -> None:
    harness.store.script(order=error)
    order = await harness.ship()
    (own,) = await of_order(harness, order)
    assert (own.kind, own.sentence, own.account) == (kind, str(error), "")
    if kind is WaitKind.STORE_LIMIT:
        assert own.until == harness.clock.now() + 90


async def test_many_orders_of_one_reason_are_one_line_with_their_number(harness: Harness) -> None:
    harness.store.script(order=StoreUnreachable("no route"))
    for _ in range(3):
        await harness.ship()
    (waits,) = await told(harness)
    assert waits.orders == 3
    assert waits.waiting.sentence == f"{WAIT_MEANING[WaitKind.STORE_UNAVAILABLE]} For example: no route"


async def test_a_poll_that_fails_is_told_since_its_first_failure_until_it_succeeds(harness: Harness) -> None:
    began = harness.clock.now()
    for at in (began, began + 300):
        await harness.ledger.write(poll_record.save_failure, at, "401 from the store", "StoreUnauthorized")
    (waits,) = await told(harness)
    assert (waits.orders, waits.waiting.kind, waits.waiting.since) == (0, WaitKind.STORE_REFUSED, began)
    assert "PACKHOUSE_STORE__API_KEY" in waits.waiting.remedy
    await harness.ledger.write(poll_record.save_success, began + 600)
    assert await told(harness) == []
    assert (await harness.operations.queries.status()).conditions.poll.succeeded_at == began + 600


async def test_a_wait_keeps_its_beginning_through_tries_and_ends_with_another_reason(
    harness: Harness,
) -> None:
    harness.store.script(order=StoreUnreachable("no route"))
    order = await harness.ship()
    began = harness.clock.now()
    await harness.advance(60)
    (own,) = await of_order(harness, order)
    assert own.since == began
    harness.store.script(order=StoreUnauthorized("401"))
    await harness.advance(120)
    (own,) = await of_order(harness, order)
    assert own.since is not None
    assert own.since > began


async def test_a_due_order_waits_for_a_worker_and_a_leased_one_names_it(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    (own,) = await of_order(harness, order)
    assert (own.kind, own.since) == (WaitKind.QUEUED, harness.clock.now())
    await harness.claim_due()
    (own,) = await of_order(harness, order)
    assert own.kind is WaitKind.PROCESSING
    assert "Worker test is processing" in own.sentence
    assert own.until == harness.clock.now() + 120
    await told(harness)


async def test_a_held_or_finished_order_waits_for_no_more_than_its_holds(harness: Harness) -> None:
    order = await harness.ship("incomplete_address")
    assert await harness.phase(order) == "held"
    assert await of_order(harness, order) == []
    assert await told(harness) == []


async def test_the_reason_is_gone_from_the_ledger_when_the_order_goes_on(harness: Harness) -> None:
    harness.store.script(order=StoreUnreachable("no route"))
    order = await harness.ship()
    harness.store.script(order=None)
    await harness.advance(30)
    row = await harness.order_row(order)
    assert (row.phase, row.waiting, row.waiting_since) == ("shipped", "", None)


def test_every_kind_has_its_sentence() -> None:
    assert set(WAIT_MEANING) == set(WaitKind)


def test_the_sentence_with_times_is_complete_without_a_clock() -> None:
    waiting = Waiting(WaitKind.ACCOUNT_RESTING, "easypost rests", "easypost", since=0.0, until=60.0)
    assert waiting.with_times == (
        "easypost rests. Since 1970-01-01 00:00:00 UTC. Next try at 1970-01-01 00:01:00 UTC."
    )


async def test_another_account_begins_another_wait(harness: Harness) -> None:
    order = harness.sandbox.place_order("plain")
    await harness.deliver_event(order)
    since = []
    for account in ("a", "a", "b"):
        (job,) = await harness.claim_due()
        now = harness.clock.now()
        await harness.ledger.write(
            under(job.lease, leases.release),
            now,
            phase=OrderPhase.OPEN,
            due_at=now + 10,
            waiting=Waiting(WaitKind.ACCOUNT_RESTING, "rests", account),
        )
        since.append((await harness.ledger.read(queries.order_row, order.id)).waiting_since)
        await harness.clock.advance(10)
    assert since[0] == since[1] < since[2]
