"""One act carried out: look again, write it down, send, and find out what happened if no answer says so."""

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
from packhouse_cli.bulk.action import Action, Taken
from packhouse_cli.bulk.plan import Act
from packhouse_cli.bulk.preconditions import Relied
from packhouse_cli.bulk.results import FINAL, GOOD, Results, State
from packhouse_cli.bulk.throttled_client import TRIES, Caller, Late, Stopped
from packhouse_cli.exit_codes import CommandError, Exit

# None of these says whether it happened.
_DOUBTS = (StoreUnanswered, StoreUnavailable, StoreUnreadable)
# No other order would fare better: the run ends.
_HOPELESS = (StoreUnauthorized, StoreForbidden, StoreUnreachable)
# How long a store is trusted to remember an idempotency key; Aly does not say how long it does.
KEY_REMEMBERED_S = 600.0
_CLOCK_SLACK_S = 5.0
_MOST_DELAYS = 20
_NOBODY_KNOWS = "Nobody knows whether the store did it."


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one act stands now, and why."""

    act: Act
    state: State
    why: str = ""


# Takes an order from the machine for one act, and gives it back. Raises CommandError where it is not free.
Taking = Callable[[Act], AbstractContextManager[Taken]]


class Hand:
    """One thread's part in a run. It begins no act whose predecessor on the same order is not done."""

    def __init__(
        self,
        caller: Caller,
        action: Action,
        results: Results,
        taking: Taking,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._caller = caller
        self._action = action
        self._results = results
        self._taking = taking
        self._now = now

    def carry_out(self, acts: Sequence[Act]) -> list[Outcome]:
        """The acts of one order, in sequence; those that have an end are passed over.

        Raises BadCredentials, Forbidden, StoreUnreachable; CommandError where the daemon cannot be asked;
        OSError where the results cannot be written.
        """
        outcomes = []
        for number, act in enumerate(acts):
            state = self._results.of(act).state
            if state not in FINAL:
                try:
                    outcome = self._act(act, sent=state is not State.NOT_BEGUN and state is not State.FAILED)
                except Stopped:
                    break
                outcomes.append(outcome)
                state = outcome.state
            if state in FINAL and state not in GOOD:
                why = f"act {act.number} on this order comes first and is {state.value}"
                rest = [one for one in acts[number + 1 :] if self._results.of(one).state not in FINAL]
                return outcomes + [self._tell(one, State.DRIFTED, why) for one in rest]
            if state not in GOOD:
                break
        return outcomes

    def _act(self, act: Act, *, sent: bool) -> Outcome:
        """`sent`: an earlier run may have sent it."""
        try:
            with self._taking(act) as taken:
                outcome = self._found_or_sent(act, taken, sent=sent)
                if outcome.state is State.UNKNOWN:
                    taken.stays(_NOBODY_KNOWS)
                elif outcome.state in GOOD and self._action.lands_later and act.relied.may_ship:
                    taken.stays("The store has accepted it and does it later.")
                return outcome
        except CommandError as error:
            if error.exit_code is not Exit.CONFLICT and error.code != "in_flight":
                raise
            return self._tell(act, State.UNKNOWN if sent else State.FAILED, str(error))

    def _found_or_sent(self, act: Act, taken: Taken, *, sent: bool) -> Outcome:
        _stays_in_doubt(taken, sent)
        found = self._look(act, sent=sent)
        if found is None:
            self._action.mind(act, taken)
        taken.stays("")
        if found is not None:
            return found
        request = self._action.request(act.order_id, act.body.encode("ascii"), act.key)
        self._tell(act, State.SENDING)
        taken.sending()
        doubts, delays = 1, 0
        while True:
            in_doubt = sent or doubts > 1
            try:
                self._caller.send(request)
                return self._tell(act, State.DONE)
            except Stopped:
                self._tell(act, State.UNKNOWN if in_doubt else State.NOT_BEGUN, "the run was stopped")
                _stays_in_doubt(taken, in_doubt)
                raise
            except _HOPELESS as error:
                self._tell(act, State.UNKNOWN if in_doubt else State.FAILED, str(error))
                _stays_in_doubt(taken, in_doubt)
                raise
            except Late:
                found = self._look(act, sent=in_doubt)
                delays += 1
                if found is None and delays > _MOST_DELAYS:
                    state = State.UNKNOWN if in_doubt else State.FAILED
                    found = self._tell(act, state, "the store asks for more and more patience")
                if found is not None:
                    return found
                continue
            except _DOUBTS as error:
                found = self._look(act, sent=True)
                if found is not None:
                    return found
                if doubts == TRIES:
                    return self._tell(act, State.UNKNOWN, str(error))
            except (StoreConflict, StoreRefused) as error:
                return self._judged(act, error, in_doubt=in_doubt)
            except StoreThrottled as error:
                return self._tell(act, State.UNKNOWN if in_doubt else State.FAILED, str(error))
            except StoreError as error:
                return self._tell(act, State.UNKNOWN if in_doubt else State.REFUSED, str(error))
            self._caller.back_off(doubts)
            doubts += 1

    def _look(self, act: Act, *, sent: bool) -> Outcome | None:
        """Read the order again: done already, no longer as planned, or None when the act may be sent."""
        try:
            order = self._caller.order(act.order_id)
        except _HOPELESS as error:
            self._tell(act, State.UNKNOWN if sent else State.FAILED, str(error))
            raise
        except StoreError as error:
            if sent:
                return self._tell(act, State.UNKNOWN, str(error))
            return self._tell(act, State.FAILED if error.transient else State.REFUSED, str(error))
        if self._action.is_recorded(act, order, sent=sent):
            return self._tell(act, State.RECORDED)
        shown = self._action.shows(order)
        changes = act.relied.changes(Relied.of(order), for_parcel=self._action.for_parcel)
        if sent and changes and (self._action.lands_later or not shown):
            return self._tell(act, State.UNKNOWN, f"{changes}; whether that is our call's doing is not said")
        if changes:
            return self._tell(act, State.DRIFTED, changes)
        if sent and (self._action.lands_later or not shown) and not self._key_protects(act):
            why = "it was sent some time ago, and the store's record need not show it; look there"
            return self._tell(act, State.UNKNOWN, why)
        return None

    def _key_protects(self, act: Act) -> bool:
        """Whether the store surely knows the key of a call that was sent; a clock set back proves nothing."""
        age_s = self._now() - self._results.of(act).sent_at
        return self._action.keyed and -_CLOCK_SLACK_S <= age_s <= KEY_REMEMBERED_S

    def _judged(self, act: Act, error: StoreError, *, in_doubt: bool) -> Outcome:
        """A 409 or 422 may only mean that it is done already: the store's record decides."""
        try:
            order = self._caller.order(act.order_id)
        except StoreError as unread:
            return self._tell(act, State.UNKNOWN, f"{error} The order could not be read: {unread}")
        if self._action.is_recorded(act, order, sent=True):
            return self._tell(act, State.RECORDED)
        # The no may be about the call before, which is still on its way.
        waits = in_doubt and (self._action.lands_later or isinstance(error, StoreConflict))
        return self._tell(act, State.UNKNOWN if waits else State.REFUSED, str(error))

    def _tell(self, act: Act, state: State, why: str = "") -> Outcome:
        self._results.tell(act, state, why)
        return Outcome(act, state, why)


def _stays_in_doubt(taken: Taken, in_doubt: bool) -> None:
    """That the last call was never sent says nothing of the ones before it."""
    if in_doubt:
        taken.stays(_NOBODY_KNOWS)
