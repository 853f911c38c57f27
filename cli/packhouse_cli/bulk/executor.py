"""Runs one plan item: read the order again, record, send, and verify if the response is lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from packhouse.errors import (
    StoreConflict,
    StoreError,
    StoreForbidden,
    StoreRefused,
    StoreThrottled,
    StoreUnanswered,
    StoreUnauthorized,
    StoreUnavailable,
    StoreUnreachable,
    StoreUnreadable,
)
from packhouse.store.requests import StoreRequest
from packhouse.store.responses import StoreResponse
from packhouse.store.write_answers import shows_fulfillment
from packhouse_cli.bulk.action import Action, OrderTakeover
from packhouse_cli.bulk.plan import PlanItem
from packhouse_cli.bulk.preconditions import Preconditions
from packhouse_cli.bulk.results import FINAL, SUCCESSFUL, Results, State
from packhouse_cli.bulk.throttled_client import MAX_TRIES, PreconditionsExpired, ThrottledClient
from packhouse_cli.clients.rate_limiter import Stopped
from packhouse_cli.exit_codes import CommandError, Exit

# After these errors it is unknown whether the store made the change.
_UNCERTAIN_ERRORS = (StoreUnanswered, StoreUnavailable, StoreUnreadable)
# Every other order would fail in the same way, so the run ends.
_FATAL_ERRORS = (StoreUnauthorized, StoreForbidden, StoreUnreachable)
# How long the store is trusted to remember an idempotency key; Aly does not document how long it does.
KEY_REMEMBERED_S = 600.0
_CLOCK_TOLERANCE_S = 5.0
_MAX_DELAYS = 20
_OUTCOME_UNKNOWN = "It is unknown whether the store made the change."


@dataclass(frozen=True, slots=True)
class Outcome:
    """The state of one plan item after an attempt, and the reason."""

    item: PlanItem
    state: State
    reason: str = ""


# Takes an order over from the daemon for one item, and releases it. Raises CommandError if the order is busy.
TakeOver = Callable[[PlanItem], AbstractContextManager[OrderTakeover]]


class ItemExecutor:
    """One thread's part of a run. An item starts only if the item before it on the same order succeeded."""

    def __init__(
        self,
        client: ThrottledClient,
        action: Action,
        results: Results,
        take_over: TakeOver,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._action = action
        self._results = results
        self._take_over = take_over
        self._now = now

    def run_order(self, items: Sequence[PlanItem]) -> list[Outcome]:
        """Run the items of one order in sequence, and skip those in a final state.

        Raises StoreUnauthorized, StoreForbidden, StoreUnreachable; CommandError if the daemon cannot be
        reached; OSError if the results cannot be written.
        """
        outcomes = []
        for number, item in enumerate(items):
            state = self._results.get(item).state
            if state not in FINAL:
                may_be_sent = state not in (State.NOT_STARTED, State.FAILED)
                try:
                    outcome = self._run_item(item, sent=may_be_sent)
                except Stopped:
                    break
                outcomes.append(outcome)
                state = outcome.state
            if state in FINAL and state not in SUCCESSFUL:
                reason = f"item {item.number} of this order comes first and is {state.value}"
                rest = [one for one in items[number + 1 :] if self._results.get(one).state not in FINAL]
                return outcomes + [self._record(one, State.STALE, reason) for one in rest]
            if state not in SUCCESSFUL:
                break
        return outcomes

    def _run_item(self, item: PlanItem, *, sent: bool) -> Outcome:
        """`sent`: an earlier run may have sent the request."""
        try:
            with self._take_over(item) as takeover:
                outcome = self._verify_or_send(item, takeover, sent=sent)
                is_pending = outcome.state in SUCCESSFUL and self._action.completes_later
                if outcome.state is State.UNKNOWN:
                    takeover.keep(_OUTCOME_UNKNOWN)
                elif is_pending and item.preconditions.may_ship:
                    takeover.keep("The store has accepted the change and completes it later.")
                return outcome
        except CommandError as error:
            if error.exit_code is not Exit.CONFLICT and error.code != "in_flight":
                raise
            return self._record(item, State.UNKNOWN if sent else State.FAILED, str(error))

    def _verify_or_send(self, item: PlanItem, takeover: OrderTakeover, *, sent: bool) -> Outcome:
        _keep_if_uncertain(takeover, sent)
        found = self._verify(item, sent=sent)
        if found is None:
            self._action.check_takeover(item, takeover)
        takeover.keep("")
        if found is not None:
            return found
        request = self._action.request(item.order_id, item.body.encode("ascii"), item.key)
        self._record(item, State.SENDING)
        takeover.mark_sent()
        tries, delays = 1, 0
        while True:
            uncertain = sent or tries > 1
            try:
                answer = self._client.send(request)
                self._require_shown(item, request, answer)
                return self._record(item, State.DONE)
            except Stopped:
                self._record(item, State.UNKNOWN if uncertain else State.NOT_STARTED, "the run was stopped")
                _keep_if_uncertain(takeover, uncertain)
                raise
            except _FATAL_ERRORS as error:
                self._record(item, State.UNKNOWN if uncertain else State.FAILED, str(error))
                _keep_if_uncertain(takeover, uncertain)
                raise
            except PreconditionsExpired:
                found = self._verify(item, sent=uncertain)
                delays += 1
                if found is None and delays > _MAX_DELAYS:
                    state = State.UNKNOWN if uncertain else State.FAILED
                    found = self._record(item, state, "rate limited by the store too many times")
                if found is not None:
                    return found
                continue
            except _UNCERTAIN_ERRORS as error:
                found = self._verify(item, sent=True)
                if found is not None:
                    return found
                if tries == MAX_TRIES:
                    return self._record(item, State.UNKNOWN, str(error))
            except (StoreConflict, StoreRefused) as error:
                return self._resolve_refusal(item, error, uncertain=uncertain)
            except StoreThrottled as error:
                return self._record(item, State.UNKNOWN if uncertain else State.FAILED, str(error))
            except StoreError as error:
                return self._record(item, State.UNKNOWN if uncertain else State.REFUSED, str(error))
            self._client.back_off(tries)
            tries += 1

    def _require_shown(self, item: PlanItem, request: StoreRequest, answer: StoreResponse) -> None:
        """Raise StoreUnreadable if neither the answer nor the order shows a fulfillment that it lists."""
        if request.call != "orders.fulfill" or shows_fulfillment(answer, request.body or b""):
            return
        order = self._client.order(item.order_id)
        if self._action.can_verify(order) and not self._action.is_recorded(item, order, sent=True):
            raise StoreUnreadable(
                f"The store answered {answer.status} and does not show the fulfillment.", status=answer.status
            )

    def _verify(self, item: PlanItem, *, sent: bool) -> Outcome | None:
        """Read the order again. Returns None if the request may be sent, else the outcome without sending."""
        try:
            order = self._client.order(item.order_id)
        except _FATAL_ERRORS as error:
            self._record(item, State.UNKNOWN if sent else State.FAILED, str(error))
            raise
        except StoreError as error:
            if sent:
                return self._record(item, State.UNKNOWN, str(error))
            return self._record(item, State.FAILED if error.transient else State.REFUSED, str(error))
        if self._action.is_recorded(item, order, sent=sent):
            return self._record(item, State.RECORDED)
        can_verify = not self._action.completes_later and self._action.can_verify(order)
        differences = item.preconditions.differences(
            Preconditions.of(order), ships_parcel=self._action.ships_parcel
        )
        if sent and differences and not can_verify:
            reason = f"{differences}; this may be the effect of the request that was sent"
            return self._record(item, State.UNKNOWN, reason)
        if differences:
            return self._record(item, State.STALE, differences)
        if sent and not can_verify and not self._key_protects(item):
            reason = (
                "the request was sent some time ago, and the order may not show it; check it at the store"
            )
            return self._record(item, State.UNKNOWN, reason)
        return None

    def _key_protects(self, item: PlanItem) -> bool:
        """Whether the store surely remembers the key that was sent.

        A clock that was set back proves nothing.
        """
        age_s = self._now() - self._results.get(item).sent_at
        return self._action.keyed and -_CLOCK_TOLERANCE_S <= age_s <= KEY_REMEMBERED_S

    def _resolve_refusal(self, item: PlanItem, error: StoreError, *, uncertain: bool) -> Outcome:
        """A 409 or 422 may mean that the change was already made: the order shows whether it was."""
        try:
            order = self._client.order(item.order_id)
        except StoreError as unread:
            return self._record(item, State.UNKNOWN, f"{error} The order could not be read: {unread}")
        if self._action.is_recorded(item, order, sent=True):
            return self._record(item, State.RECORDED)
        # The refusal may be caused by our earlier request, which the store still processes.
        waits = uncertain and (self._action.completes_later or isinstance(error, StoreConflict))
        return self._record(item, State.UNKNOWN if waits else State.REFUSED, str(error))

    def _record(self, item: PlanItem, state: State, reason: str = "") -> Outcome:
        self._results.record(item, state, reason)
        return Outcome(item, state, reason)


def _keep_if_uncertain(takeover: OrderTakeover, uncertain: bool) -> None:
    """Keep the order taken over if an earlier attempt may have succeeded."""
    if uncertain:
        takeover.keep(_OUTCOME_UNKNOWN)
