"""The shape of a kind of hold: what it stops, how it ends, what it rests on, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from packhouse.model.printable import shell_word

# Begins a note about all provider accounts, in the place of one account's name.
EVERY_ACCOUNT = "Every provider account"


class HoldCode(StrEnum):
    """The name of a kind of hold. Its row is `KINDS[code]` in hold_kinds."""

    ADDRESS_INCOMPLETE = "address_incomplete"
    DIGITAL_UNKNOWN = "digital_unknown"
    WEIGHT_MISSING = "weight_missing"
    TOO_HEAVY = "too_heavy"
    STATUS_UNKNOWN = "status_unknown"
    PARTLY_FULFILLED_UNCLEAR = "partly_fulfilled_unclear"
    REFUND_UNCLEAR = "refund_unclear"
    ORDER_UNREADABLE = "order_unreadable"
    STORE_FORBIDS = "store_forbids"
    STORE_REFUSED = "store_refused"
    NO_RATE = "no_rate"
    PROVIDER_REFUSED = "provider_refused"
    PURCHASE_UNKNOWN = "purchase_unknown"
    CAP_REACHED = "cap_reached"
    PRICE_DRIFT = "price_drift"
    ORDER_CHANGED = "order_changed"
    VOID_REFUSED = "void_refused"
    REPEATED_FAILURE = "repeated_failure"
    PROCESS_CRASHED = "process_crashed"
    MANUAL = "manual"
    VOID_REQUESTED = "void_requested"
    EXTERNAL_POSTING = "external_posting"
    TAKEN_OVER = "taken_over"
    VOID_PENDING = "void_pending"
    FULFILLMENT_MISSING = "fulfillment_missing"
    PICKUP = "pickup"
    SHIPPING_OPTION_HELD = "shipping_option_held"
    SHIPPING_OPTION_UNKNOWN = "shipping_option_unknown"
    PRICE_UNKNOWN = "price_unknown"
    LABEL_FILE_MISSING = "label_file_missing"
    PARCEL_RETURNED = "parcel_returned"
    PARCEL_FAILED = "parcel_failed"
    PAPER_MISSING = "paper_missing"
    CUSTOMS_INCOMPLETE = "customs_incomplete"
    ORDER_TOO_LARGE = "order_too_large"
    TOO_MANY_PARCELS = "too_many_parcels"
    LABELS_EXCEED_TOTAL = "labels_exceed_total"
    RESTORE_UNCLEAR = "restore_unclear"


class Stage(StrEnum):
    """What a hold can stop."""

    BUYING = "buying"
    POSTING = "posting"


class End(StrEnum):
    """How a hold ends. Each value completes the sentence "The hold ends ..."."""

    REASON_GONE = "when the reason no longer applies at the next check"
    FACTS_CHANGE = "when the order or the settings for labels change"
    CAP_HAS_ROOM = "when the cap has room again"
    AT_STORE = "when the fulfillment appears in the store"
    SUCCESS = "when the order is processed without an error"
    NOTHING_TO_POST = "when nothing is left to post"
    ORDER_STOPS = "when the order must not ship any more"
    VOID_BEGINS = "when the void begins, or is too late"
    VOID_COMPLETE = "when the void is complete"
    FILE_ARRIVES = "when the label's file arrives, or the parcel is delivered"
    DELIVERED = "when the carrier delivers the parcel after all"
    PARCEL_MOVES = "when the carrier carries the parcel on"
    PAPER_KEPT = "when the paper is fetched"
    OUTCOME_REPORTED = "when an operator reports whether the label was bought"
    ANSWER_ARRIVES = "when the provider's answer arrives after all"
    RELEASE = "when an operator releases it"


class Waiver(StrEnum):
    """The command that releases holds of a kind for one shipment, besides `packhouse holds release`."""

    RELEASE = "packhouse shipments release"
    SHIP = "packhouse shipments ship"


class Fact(StrEnum):
    """What a hold can rest on. A release is valid until one of these facts changes."""

    ADDRESS = "address"
    LINES = "lines"
    STATUS = "status"
    FULFILLMENTS = "fulfillments"
    REFUNDS = "refunds"
    SHIPPING_OPTION = "shipping option"
    TOTAL = "total"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Advice:
    """One way to make the order continue: what to do, and the command that does it, if there is one.

    `command` may name `{hold}`, `{order}` and `{shipment}`; words in capitals are for the reader to fill in,
    as SHIPMENT is where the hold is not about one.
    """

    action: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class HoldKind:
    """One kind of hold.

    `problem` says what is wrong, with `{provider}` where the note begins with a provider account's name;
    `remedy` says what to do. `blocks` is what the hold stops, `ends` every way in which it ends, `waivable`
    the commands for a shipment that release it, `rests_on` the facts that its fingerprint covers.
    `release_frees_units`: after a release, a new shipment may take the units of a label that is being voided.
    """

    code: HoldCode
    problem: str
    remedy: str
    blocks: frozenset[Stage]
    ends: tuple[End, ...]
    waivable: frozenset[Waiver]
    rests_on: frozenset[Fact]
    advice: tuple[Advice, ...]
    release_frees_units: bool = False

    @property
    def sentence(self) -> str:
        """What is wrong and what to do, without the particulars."""
        return self.explain("")

    @property
    def needs_outcome(self) -> bool:
        """Whether a release says too little: an operator must report whether the label was bought."""
        return End.OUTCOME_REPORTED in self.ends

    def split(self, note: str) -> tuple[str, str]:
        """What is wrong, and the detail. A note begins with the account's name if the kind names one."""
        if "{provider}" not in self.problem:
            return self.problem, note.strip()
        account, colon, rest = note.strip().partition(":")
        if colon and (" " not in account or account == EVERY_ACCOUNT):
            return self.problem.replace("{provider}", account), rest.strip()
        return self.problem.replace("{provider}", "The provider"), note.strip()

    def describe(self, note: str) -> str:
        """What is wrong: the detail."""
        problem, detail = self.split(note)
        return f"{problem}: {detail.rstrip('.')}." if detail else f"{problem}."

    def explain(self, note: str) -> str:
        """What is wrong: the detail. What to do."""
        return f"{self.describe(note)} {self.remedy}"

    def advice_for(self, *, hold: str, order: str, shipment: str) -> tuple[str, ...]:
        """Each way to make the order continue, with the ids filled in."""
        ids = {"hold": hold, "order": shell_word(order), "shipment": shell_word(shipment or "SHIPMENT")}
        return tuple(
            f"{one.action}: {one.command.format(**ids)}" if one.command else f"{one.action}."
            for one in self.advice
        )
