"""The tree of errors. Each says whether a retry may help (`transient`); its docstring is its meaning.

PackhouseError
├── SettingsError              a setting is missing or wrong; nothing was started
│   └── FolderInUse               another Packhouse process is using the data folder
├── StoreError                 the store's response to one call
│   ├── StoreUnreachable       *  no connection; the call had no effect
│   ├── StoreUnanswered        *  sent, but no complete response: the effect is unknown
│   ├── StoreUnavailable       *  5xx: the effect is unknown
│   ├── StoreThrottled         *  429: no effect, wait `retry_after_s`
│   ├── StoreUnreadable        *  a response that does not match the contract
│   ├── StoreInvalidRequest       400
│   ├── StoreUnauthorized         401
│   ├── StoreForbidden            403
│   ├── StoreNotFound             404
│   ├── StoreConflict             409
│   ├── StoreRefused              422
│   └── StoreUnexpectedStatus     any other status
├── ProviderError              a provider's call other than a purchase (a purchase returns its outcome)
│   ├── ProviderUnavailable    *  unreachable, 5xx, throttled, or unreadable
│   ├── ProviderRefused           the provider refuses, and gives its reason
│   └── ProviderMisconfigured     the provider does not accept our credentials or settings
└── LedgerError                the ledger did not do what was asked
    ├── LedgerUnavailable      *  the database cannot be reached or written (disk full, restart)
    ├── ValueRejected             the ledger cannot store a value: text with NUL, a number too large
    ├── LeaseLost                 another worker holds this order now; stop at once
    ├── LedgerUnusable            damaged, or of an unknown version; an operator must act
    ├── RecordNotFound            the ledger has no such order, shipment, hold or label
    └── OperationRefused          the present state does not allow the operation

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
    """Another Packhouse process is using the data folder; it may be about to end."""


class StoreError(PackhouseError):
    """A call to the store failed.

    `status` is the HTTP status or None, `code` the store's own code or "", `details` its list of fields
    (sent with 400), `retry_after_s` the wait that it asked for, in seconds.
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
    """No connection to the store: nothing was sent, so nothing changed there."""

    transient = True


class StoreUnanswered(StoreError):
    """The request was sent and no complete response came back: its effect is unknown."""

    transient = True


class StoreUnavailable(StoreError):
    """The store responded with 5xx: the effect of the request is unknown."""

    transient = True


class StoreThrottled(StoreError):
    """The store responded with 429: the request had no effect; wait, then retry."""

    transient = True


class StoreUnreadable(StoreError):
    """The store's response does not match its contract; no conclusion can be drawn from it."""

    transient = True


class StoreInvalidRequest(StoreError):
    """400: the request is malformed; `details` lists the fields."""


class StoreUnauthorized(StoreError):
    """401: the API key is missing, wrong or revoked."""


class StoreForbidden(StoreError):
    """403: the API key lacks a scope, or the resource belongs to another workspace."""


class StoreNotFound(StoreError):
    """404: the store has no such object."""


class StoreConflict(StoreError):
    """409: an idempotency key was used with another body, or the order's state forbids the change."""


class StoreRefused(StoreError):
    """422: the store refuses the change, for example to fulfill a cancelled order."""


class StoreUnexpectedStatus(StoreError):
    """A status that the store's contract does not define."""


class ProviderError(PackhouseError):
    """A provider's call failed. Purchases never raise it: they return Bought, NotBought or Unknown.

    `account` is the account that was called, "" until it is known.
    """

    account: str = ""

    def __init__(self, message: str, *, code: str = "", retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.retry_after_s = retry_after_s


class ProviderUnavailable(ProviderError):
    """The provider cannot be reached, is overloaded, or its response cannot be read."""

    transient = True


class ProviderRefused(ProviderError):
    """The provider refuses, and will refuse again until something changes; the message is its reason."""


class ProviderMisconfigured(ProviderError):
    """The provider does not accept our credentials or settings; this affects every order."""


class LedgerError(PackhouseError):
    """The ledger did not do what was asked."""


class LedgerUnavailable(LedgerError):
    """The database cannot be reached or written now: disk full, server restarting, file locked."""

    transient = True


class ValueRejected(LedgerError):
    """The ledger cannot store a value that it was given; it stores everything else. A retry is no use."""


class LeaseLost(LedgerError):
    """Another worker holds the lease on this order, or its row changed: this worker must stop."""


class LedgerUnusable(LedgerError):
    """The database is damaged or of an unknown version. The message says what to do."""


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
