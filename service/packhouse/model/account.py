"""A provider account that buys no labels for now: whose problem that is, and what the provider said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Whose(StrEnum):
    """What stands in the way of a purchase, and so what is done about it.

    ORDER: the provider does not sell this order's label; the order is held with the reason. ACCOUNT: the
    account buys nothing (no funds, key refused, account closed); buying stops there and no order is held.
    MOMENT: a later try may succeed without a person.
    """

    ORDER = "order"
    ACCOUNT = "account"
    MOMENT = "moment"


@dataclass(frozen=True, slots=True)
class AccountState:
    """An account whose circuit breaker is open. An account that buys labels has no such state.

    `whose` is ACCOUNT where a person must act at the provider, MOMENT where the account failed `refusals`
    times in a row. `reason` is the provider's last answer. `since` is when the first of these refusals came,
    `until` when the account is tried again: seconds since 1970 UTC.
    """

    account: str
    whose: Whose
    reason: str
    since: float
    until: float
    refusals: int

    @property
    def why(self) -> str:
        """What the account does, without its name and a full stop: "buys no labels: Insufficient funds"."""
        words = self.reason.strip().rstrip(".")
        if self.whose is Whose.ACCOUNT:
            return f"buys no labels: {words}"
        return f"failed {self.refusals} times in a row and is tried again later: {words}"

    @property
    def sentence(self) -> str:
        """Which account buys nothing, and why."""
        return f"{self.account} {self.why}."
