"""Why an order waits: one value, which status, `why`, readiness and metrics show alike."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum


class WaitKind(StrEnum):
    """What an order waits for. Each member's sentence is in `WAIT_MEANING`."""

    PAUSED = "paused"
    ACCOUNT_RESTING = "account_resting"
    ACCOUNT_REFUSED = "account_refused"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    PURCHASE_UNSETTLED = "purchase_unsettled"
    VOID_UNSETTLED = "void_unsettled"
    STORE_LIMIT = "store_limit"
    STORE_REFUSED = "store_refused"
    STORE_UNAVAILABLE = "store_unavailable"
    RETRY = "retry"
    PROCESSING = "processing"
    QUEUED = "queued"


_K = WaitKind

WAIT_MEANING: dict[WaitKind, str] = {
    _K.PAUSED: "An operator, the setting guard.paused or a restored ledger stopped buying and posting.",
    _K.ACCOUNT_RESTING: "A provider account failed too often in a row, and is tried again after a rest.",
    _K.ACCOUNT_REFUSED: "A provider account sells nothing: key refused, no funds, or account closed.",
    _K.PROVIDER_UNAVAILABLE: "A provider cannot be reached, limits its calls, or answers with an error.",
    _K.PURCHASE_UNSETTLED: "The answer to a purchase was lost. The label is looked up before anything else.",
    _K.VOID_UNSETTLED: "A label will not ship. Its void is not decided yet, or cannot be requested yet.",
    _K.STORE_LIMIT: "The store limits the number of calls (429).",
    _K.STORE_REFUSED: "The store refuses the API key, or the key lacks a permission.",
    _K.STORE_UNAVAILABLE: "The store cannot be reached, or answers with an error.",
    _K.RETRY: "The last try failed for another reason. Packhouse tries again.",
    _K.PROCESSING: "A worker has the order at this moment.",
    _K.QUEUED: "The order is due, and waits for a free worker.",
}

_BY_ERROR = {
    "StoreThrottled": _K.STORE_LIMIT,
    "StoreUnauthorized": _K.STORE_REFUSED,
    "StoreForbidden": _K.STORE_REFUSED,
    "StoreUnreachable": _K.STORE_UNAVAILABLE,
    "StoreUnanswered": _K.STORE_UNAVAILABLE,
    "StoreUnavailable": _K.STORE_UNAVAILABLE,
    "StoreUnreadable": _K.STORE_UNAVAILABLE,
    "ProviderUnavailable": _K.PROVIDER_UNAVAILABLE,
    "ProviderMisconfigured": _K.ACCOUNT_REFUSED,
    "NotBought": _K.PROVIDER_UNAVAILABLE,
}


@dataclass(frozen=True, slots=True)
class Waiting:
    """One reason to wait.

    `sentence` says what is waited for and why, `account` names the provider account if it is one's. `since`
    and `until` are seconds since 1970 UTC; None where it is not known, or where a person ends it. `remedy`
    says what a person can do, "" if it ends by itself.
    """

    kind: WaitKind
    sentence: str
    account: str = ""
    since: float | None = None
    until: float | None = None
    remedy: str = ""

    @property
    def with_times(self) -> str:
        """The sentence with its times in UTC, for readers without a clock of their own."""
        parts = [f"{self.sentence.rstrip('.')}."]
        if self.since is not None:
            parts.append(f"Since {_utc(self.since)}.")
        if self.until is not None:
            parts.append(f"Next try at {_utc(self.until)}.")
        return " ".join(parts)


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def kind_of_error(name: str) -> WaitKind:
    """What an order waits for after a failure, by the name of the error's class."""
    return _BY_ERROR.get(name, WaitKind.RETRY)
