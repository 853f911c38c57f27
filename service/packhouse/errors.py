"""The tree of errors. Each says whether trying again may help (`transient`); its docstring is its meaning.

PackhouseError
├── SettingsError              a setting is missing or wrong; nothing was started
│   └── FolderInUse               another process works in the data folder
├── StoreError                 the store's answer to one call
│   ├── StoreUnreachable       *  no connection; the call had no effect
│   ├── StoreUnanswered        *  sent, but no readable answer: the effect is unknown
│   ├── StoreUnavailable       *  5xx: the effect is unknown
│   ├── StoreThrottled         *  429: no effect, wait `retry_after_s`
│   ├── StoreUnreadable        *  an answer that does not fit the contract
│   ├── InvalidRequest            400
│   ├── BadCredentials            401
│   ├── Forbidden                 403
│   ├── NotFound                  404
│   ├── Conflict                  409
│   ├── Refused                   422
│   └── UnexpectedStatus          any other status
├── CarrierError               a carrier's call that is not a purchase (a purchase answers with a value)
│   ├── CarrierUnavailable     *  unreachable, 5xx, throttled, unreadable
│   ├── CarrierRefused            the carrier says no, with its reason
│   └── CarrierMisconfigured      credentials or settings the carrier does not accept
└── LedgerError                the durable record
    ├── LedgerUnavailable      *  the database cannot be reached or written (disk full, restart)
    ├── LeaseLost                 somebody else thinks about this order now; stop at once
    ├── LedgerUnusable            corrupt, or written by a newer version; needs a person
    ├── RecordNotFound            the ledger has no such order, shipment, hold, event or label
    └── OperationRefused          the present state does not allow an operation

(* = transient)
"""

from __future__ import annotations

from typing import Any, ClassVar


class PackhouseError(Exception):
    """Anything this program raises on purpose. The message says what happened, to what, and what to do."""

    transient: ClassVar[bool] = False


class SettingsError(PackhouseError):
    """A setting is missing or wrong. The message names the field, the shape of its value and the fix."""


class FolderInUse(SettingsError):
    """Another process works in the data folder; it may be about to end."""


class StoreError(PackhouseError):
    """The store did not do what was asked.

    `status` is the HTTP status or None, `code` the store's own code or "", `details` its list of fields
    (shown for 400), `retry_after_s` what it asked us to wait, in seconds.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        details: tuple[dict[str, Any], ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.retry_after_s = retry_after_s


class StoreUnreachable(StoreError):
    """No connection to the store: nothing was sent, nothing happened there."""

    transient = True


class StoreUnanswered(StoreError):
    """The request was sent and no readable answer came back: what happened there is unknown."""

    transient = True


class StoreUnavailable(StoreError):
    """The store answered 5xx: what happened there is unknown."""

    transient = True


class StoreThrottled(StoreError):
    """The store answered 429: nothing happened, wait and ask again."""

    transient = True


class StoreUnreadable(StoreError):
    """The store's answer does not fit its contract; nothing may be concluded from it."""

    transient = True


class StoreInvalidRequest(StoreError):
    """400: the store found the request malformed; `details` lists the fields."""


class StoreUnauthorized(StoreError):
    """401: the API key is missing, wrong or revoked."""


class StoreForbidden(StoreError):
    """403: the API key lacks a scope, or the resource belongs to another workspace."""


class StoreNotFound(StoreError):
    """404: the store does not know it."""


class StoreConflict(StoreError):
    """409: an idempotency key met a different body, or the state machine forbids the act."""


class StoreRefused(StoreError):
    """422: the store refuses the act, for example fulfilling a cancelled order."""


class StoreUnexpectedStatus(StoreError):
    """A status that the contract does not name."""


class ProviderError(PackhouseError):
    """A carrier's call failed. Purchases never raise it: they answer Bought, NotBought or Unknown."""

    def __init__(self, message: str, *, code: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class ProviderUnavailable(ProviderError):
    """The carrier could not be reached, is overloaded, or its answer could not be read."""

    transient = True


class ProviderRefused(ProviderError):
    """The carrier says no, and will say no again until something changes; the message is its reason."""


class ProviderMisconfigured(ProviderError):
    """The carrier does not accept our credentials or settings; every order would meet the same."""


class LedgerError(PackhouseError):
    """The durable record did not do what was asked."""


class LedgerUnavailable(LedgerError):
    """The database cannot be reached or written just now: disk full, server restarting, file locked."""

    transient = True


class LeaseLost(LedgerError):
    """The lease on this order has passed to somebody else, or the row moved on: this worker must stop."""


class LedgerUnusable(LedgerError):
    """The database is corrupt or was written by a newer version. The message says how to go on."""


class RecordNotFound(LedgerError):
    """The ledger has no order, shipment, hold, event or label with this id."""


class OperationRefused(LedgerError):
    """The present state does not allow an operation.

    `code` is for programs, `sentence` says what is wrong, `what_to_do` names the next step ("" if there is
    none). The message is both sentences.
    """

    def __init__(self, code: str, sentence: str, what_to_do: str = "") -> None:
        super().__init__(f"{sentence} {what_to_do}".strip())
        self.code = code
        self.sentence = sentence
        self.what_to_do = what_to_do
