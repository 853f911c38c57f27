"""Holds: why an order or a shipment waits. `KINDS` has one row for each kind: what it stops and how it ends.

Steps, operations, the API, `packhouse why` and docs/concepts.md read the rows. A new kind is a new row; no
other module lists kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from packhouse.model.hold_kind import Advice, End, Fact, HoldKind, Stage, Waiver
from packhouse.model.hold_kind import HoldCode as HoldCode

_ALL = frozenset({Stage.BUYING, Stage.POSTING})
_NOTHING: frozenset[Stage] = frozenset()
_BY_SHIP = frozenset({Waiver.SHIP})
_BY_RELEASE = frozenset({Waiver.RELEASE})
_BY_BOTH = frozenset({Waiver.SHIP, Waiver.RELEASE})
_BY_NONE: frozenset[Waiver] = frozenset()
_CONTENT = frozenset({Fact.ADDRESS, Fact.LINES})
_LINES = frozenset({Fact.LINES})

_RELEASE = "packhouse holds release {hold} --reason WHY"
_CORRECT = Advice("Correct the order in the store")
_IF_ORDER = Advice("If the order is the cause, correct it in the store")
_IF_SETTING = Advice("If a setting is the cause, correct it in packhouse.toml, then restart Packhouse")
_CHECK = Advice("Correct the order in the store, or wait until the store has corrected it")
_CATALOG = Advice("Mark the product as physical or digital in the store's catalog")
_SETTINGS = Advice("Correct the settings in packhouse.toml, then restart Packhouse")
_WAIT = Advice("Wait; Packhouse continues by itself")

_ROWS = (
    HoldKind(
        HoldCode.ADDRESS_INCOMPLETE,
        "The delivery address is incomplete",
        "Correct it in the store, or release the hold to ship to this address.",
        blocks=_ALL,
        ends=(End.REASON_GONE, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=frozenset({Fact.ADDRESS}),
        advice=(_CORRECT, Advice("Ship to this address", _RELEASE)),
    ),
    HoldKind(
        HoldCode.DIGITAL_UNKNOWN,
        "The store does not say whether a product is digital",
        "Mark it in the store's catalog or in packhouse.toml, or release the hold to ship it.",
        blocks=_ALL,
        ends=(End.REASON_GONE, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=_LINES,
        advice=(_CATALOG, _SETTINGS, Advice("Ship the product as a physical one", _RELEASE)),
    ),
    HoldKind(
        HoldCode.WEIGHT_MISSING,
        "The weight of a product is not known",
        "Set it in packhouse.toml, then restart Packhouse.",
        blocks=_ALL,
        ends=(End.REASON_GONE,),
        waivable=_BY_NONE,
        rests_on=_LINES,
        advice=(_SETTINGS,),
    ),
    HoldKind(
        HoldCode.TOO_HEAVY,
        "One unit is heavier than the heaviest parcel allowed",
        "Correct its weight or parcel.max_weight_g in packhouse.toml, then restart Packhouse.",
        blocks=_ALL,
        ends=(End.REASON_GONE,),
        waivable=_BY_NONE,
        rests_on=_LINES,
        advice=(_SETTINGS,),
    ),
    HoldKind(
        HoldCode.STATUS_UNKNOWN,
        "The store reports an order status that Packhouse does not know",
        "Check the order in the store, then release the hold to ship it.",
        blocks=_ALL,
        ends=(End.REASON_GONE, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=frozenset({Fact.STATUS}),
        advice=(_CHECK, Advice("Ship the order in spite of its status", _RELEASE)),
    ),
    HoldKind(
        HoldCode.PARTLY_FULFILLED_UNCLEAR,
        "The store does not say which units have shipped",
        "Check the order in the store. Release the hold to ship all units not listed there as shipped.",
        blocks=_ALL,
        ends=(End.REASON_GONE, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=frozenset({Fact.LINES, Fact.STATUS, Fact.FULFILLMENTS}),
        advice=(_CHECK, Advice("Ship all units that the store does not list as shipped", _RELEASE)),
    ),
    HoldKind(
        HoldCode.REFUND_UNCLEAR,
        "The store refunded money and does not say for which units",
        "Check the refund in the store. Release the hold to ship all units not listed there as refunded.",
        blocks=_ALL,
        ends=(End.REASON_GONE, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=frozenset({Fact.LINES, Fact.REFUNDS}),
        advice=(_CHECK, Advice("Ship all units that the store does not list as refunded", _RELEASE)),
    ),
    HoldKind(
        HoldCode.ORDER_UNREADABLE,
        "The store's response for this order cannot be used",
        "Check the order in the store. If the store no longer has it, release the hold to void the label.",
        blocks=_ALL,
        ends=(End.REASON_GONE, End.RELEASE),
        waivable=_BY_NONE,
        rests_on=_LINES,
        advice=(_CHECK, Advice("If the store no longer has the order, void its label", _RELEASE)),
    ),
    HoldKind(
        HoldCode.STORE_FORBIDS,
        "The store does not let this API key read or fulfill this order",
        "Give the key the scopes read:orders and write:orders in the store.",
        blocks=_ALL,
        ends=(End.REASON_GONE,),
        waivable=_BY_NONE,
        rests_on=_CONTENT,
        advice=(Advice("Give the API key the scopes read:orders and write:orders in the store"),),
    ),
    HoldKind(
        HoldCode.STORE_REFUSED,
        "The label is bought, and the store refused the fulfillment",
        "Correct the order in the store, then release the hold to post it again.",
        blocks=_ALL,
        ends=(End.RELEASE,),
        waivable=_BY_SHIP,
        rests_on=_CONTENT,
        advice=(Advice("Correct the order in the store, then post the fulfillment again", _RELEASE),),
    ),
    HoldKind(
        HoldCode.NO_RATE,
        "{provider} offers no allowed rate for this parcel",
        "Correct the order in the store or the settings, or release the hold to ask again.",
        blocks=_ALL,
        ends=(End.FACTS_CHANGE, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=_CONTENT | {Fact.SETTINGS},
        advice=(_IF_ORDER, _IF_SETTING, Advice("Ask once more, with nothing changed", _RELEASE)),
    ),
    HoldKind(
        HoldCode.PROVIDER_REFUSED,
        "{provider} rejected the label",
        "Correct the order in the store, or release the hold to try again.",
        blocks=_ALL,
        ends=(End.FACTS_CHANGE, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=_CONTENT | {Fact.SETTINGS},
        advice=(_IF_ORDER, _IF_SETTING, Advice("Try once more, with nothing changed", _RELEASE)),
    ),
    HoldKind(
        HoldCode.PURCHASE_UNKNOWN,
        "It is not known whether the label was bought",
        "Look for the reference in the provider's account, then report what you found.",
        blocks=_ALL,
        ends=(End.OUTCOME_REPORTED,),
        waivable=_BY_NONE,
        rests_on=_CONTENT,
        advice=(
            Advice(
                "If the account has a label for the reference, use it",
                "packhouse labels adopt {shipment} --tracking NUMBER --carrier NAME --cost MINOR "
                "--reason WHY",
            ),
            Advice(
                "If the account has no label for the reference, buy one",
                "packhouse shipments retry {shipment} --not-bought --reason WHY",
            ),
        ),
    ),
    HoldKind(
        HoldCode.CAP_REACHED,
        "This label would exceed a spending cap",
        "Wait if it is a daily cap, raise the cap, or release the hold to buy the label over the cap.",
        blocks=_ALL,
        ends=(End.CAP_HAS_ROOM, End.RELEASE),
        waivable=_BY_NONE,
        rests_on=_CONTENT,
        advice=(
            Advice("If it is a daily cap, wait; Packhouse continues by itself"),
            _SETTINGS,
            Advice("Buy this label over the cap", _RELEASE),
        ),
    ),
    HoldKind(
        HoldCode.PRICE_DRIFT,
        "The price is not the first one offered",
        "Release the hold to accept the new price.",
        blocks=_ALL,
        ends=(End.RELEASE,),
        waivable=_BY_SHIP,
        rests_on=_CONTENT,
        advice=(Advice("Accept the new price", _RELEASE),),
    ),
    HoldKind(
        HoldCode.ORDER_CHANGED,
        "The order changed after its parcel was sent, or may have been sent",
        "Stop the parcel or inform the buyer, then release the hold; an unposted label is voided.",
        blocks=_ALL,
        ends=(End.RELEASE,),
        waivable=_BY_NONE,
        rests_on=_CONTENT | {Fact.STATUS},
        advice=(Advice("Stop the parcel or inform the buyer; a release voids an unposted label", _RELEASE),),
    ),
    HoldKind(
        HoldCode.VOID_REFUSED,
        "{provider} refused to void the label",
        "Ask the provider's support for the money, or release the hold to request the void again.",
        blocks=_ALL,
        ends=(End.RELEASE,),
        waivable=_BY_RELEASE,
        rests_on=_CONTENT,
        advice=(Advice("Request the void again; units that still ship get a new label", _RELEASE),),
        release_frees_units=True,
    ),
    HoldKind(
        HoldCode.REPEATED_FAILURE,
        "This order failed many times in a row",
        "Remove the cause of the last error. Packhouse keeps trying.",
        blocks=_NOTHING,
        ends=(End.SUCCESS, End.RELEASE),
        waivable=_BY_SHIP,
        rests_on=_CONTENT,
        advice=(
            _WAIT,
            Advice("Remove the cause, then try at once", _RELEASE),
        ),
    ),
    HoldKind(
        HoldCode.MANUAL,
        "An operator placed this hold",
        "Release the hold to continue.",
        blocks=_ALL,
        ends=(End.RELEASE,),
        waivable=_BY_BOTH,
        rests_on=_CONTENT,
        advice=(Advice("Continue", _RELEASE),),
    ),
    HoldKind(
        HoldCode.VOID_REQUESTED,
        "An operator requested a void of this label",
        "Packhouse voids the label as soon as that is safe. Release the hold to keep the label.",
        blocks=_ALL,
        ends=(End.VOID_BEGINS, End.RELEASE),
        waivable=_BY_BOTH,
        rests_on=_CONTENT,
        advice=(_WAIT, Advice("Keep the label and ship it", _RELEASE)),
    ),
    HoldKind(
        HoldCode.EXTERNAL_POSTING,
        "An external program will post this label",
        "Release the hold to let Packhouse post it.",
        blocks=frozenset({Stage.POSTING}),
        ends=(End.NOTHING_TO_POST, End.RELEASE),
        waivable=_BY_BOTH,
        rests_on=_CONTENT,
        advice=(Advice("Let Packhouse post the label", _RELEASE),),
    ),
    HoldKind(
        HoldCode.TAKEN_OVER,
        "An operator has taken over this order",
        "Packhouse continues when the operation ends. If it was interrupted, release the hold.",
        blocks=_ALL,
        ends=(End.NOTHING_TO_POST, End.RELEASE),
        waivable=_BY_BOTH,
        rests_on=_CONTENT,
        advice=(Advice("If the operation was interrupted, let Packhouse continue", _RELEASE),),
    ),
    HoldKind(
        HoldCode.VOID_PENDING,
        "The void of a label is not complete, and the order waits for it",
        "Wait, or release the hold to buy a new label now.",
        blocks=_ALL,
        ends=(End.VOID_COMPLETE, End.ORDER_STOPS, End.RELEASE),
        waivable=_BY_RELEASE,
        rests_on=_CONTENT,
        advice=(_WAIT, Advice("Buy a new label now", _RELEASE)),
        release_frees_units=True,
    ),
    HoldKind(
        HoldCode.FULFILLMENT_MISSING,
        "The store accepted the fulfillment and does not show it",
        "Check the order in the store. If the parcel is on its way, release the hold.",
        blocks=_ALL,
        ends=(End.AT_STORE, End.RELEASE),
        waivable=_BY_NONE,
        rests_on=frozenset(),
        advice=(
            Advice("Wait until the store shows the fulfillment; Packhouse continues by itself"),
            Advice("If the order is correct in the store, close the matter", _RELEASE),
        ),
    ),
    HoldKind(
        HoldCode.CUSTOMS_INCOMPLETE,
        "The parcel crosses a customs border, and its declaration cannot be made",
        "Correct the settings, then restart Packhouse, or ship the order yourself.",
        blocks=_ALL,
        ends=(End.REASON_GONE,),
        waivable=_BY_NONE,
        rests_on=_CONTENT,
        advice=(
            _IF_ORDER,
            _IF_SETTING,
            Advice("If the goods need a filing or a licence, ship them yourself and fulfill the order"),
        ),
    ),
)

KINDS: Final = {row.code: row for row in _ROWS}


@dataclass(frozen=True, slots=True)
class Hold:
    """One active or released hold. `shipment_id` is "" when the hold is on the whole order.

    `fingerprint` is that of the facts it rests on (rules/fingerprints.py), as they were when it was placed.
    Times are seconds since 1970 UTC.
    """

    id: int
    order_id: str
    shipment_id: str
    code: HoldCode
    note: str
    fingerprint: str
    placed_by: str
    placed_at: float
    released_by: str = ""
    released_at: float | None = None
    release_reason: str = ""

    @property
    def kind(self) -> HoldKind:
        """The row of its kind."""
        return KINDS[self.code]

    @property
    def is_active(self) -> bool:
        """Whether it still blocks."""
        return self.released_at is None

    @property
    def problem(self) -> str:
        """What is wrong: the detail."""
        return self.kind.describe(self.note)

    @property
    def sentence(self) -> str:
        """What is wrong: the detail. What to do."""
        return self.kind.explain(self.note)

    @property
    def advice(self) -> tuple[str, ...]:
        """Each way to make the order continue, as a sentence or as an action and its command line."""
        return self.kind.advice_for(hold=str(self.id), order=self.order_id, shipment=self.shipment_id)

    def blocks(self, stage: Stage) -> bool:
        """Whether this hold stops `stage` while it is active."""
        return self.is_active and stage in self.kind.blocks
