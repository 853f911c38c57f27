"""Kinds of holds for the purchase of a label."""

from __future__ import annotations

from packhouse.model.hold_kind import Advice, End, Fact, HoldCode, HoldKind
from packhouse.model.hold_kinds.terms import (
    ALL,
    BY_BOTH,
    BY_NONE,
    BY_SHIP,
    CONTENT,
    IF_ORDER,
    IF_SETTING,
    NOTHING,
    RELEASE,
    SETTINGS,
)

KINDS = (
    HoldKind(
        HoldCode.NO_RATE,
        "{provider} offers no allowed rate for this parcel",
        "Correct the order in the store or the settings, or release the hold to ask again.",
        blocks=ALL,
        ends=(End.FACTS_CHANGE, End.RELEASE),
        waivable=BY_SHIP,
        rests_on=CONTENT | {Fact.SETTINGS},
        advice=(IF_ORDER, IF_SETTING, Advice("Ask once more, with nothing changed", RELEASE)),
    ),
    HoldKind(
        HoldCode.PROVIDER_REFUSED,
        "{provider} rejected the label",
        "Correct the order in the store, or release the hold to try again.",
        blocks=ALL,
        ends=(End.FACTS_CHANGE, End.RELEASE),
        waivable=BY_SHIP,
        rests_on=CONTENT | {Fact.SETTINGS},
        advice=(IF_ORDER, IF_SETTING, Advice("Try once more, with nothing changed", RELEASE)),
    ),
    HoldKind(
        HoldCode.PURCHASE_UNKNOWN,
        "It is not known whether the label was bought",
        "Look for the reference in the provider's account, then report what you found.",
        blocks=ALL,
        ends=(End.OUTCOME_REPORTED, End.ANSWER_ARRIVES),
        waivable=BY_NONE,
        rests_on=CONTENT,
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
        blocks=ALL,
        ends=(End.CAP_HAS_ROOM, End.RELEASE),
        waivable=BY_NONE,
        rests_on=CONTENT,
        advice=(
            Advice("If it is a daily cap, wait; Packhouse continues by itself"),
            SETTINGS,
            Advice("Buy this label over the cap", RELEASE),
        ),
    ),
    HoldKind(
        HoldCode.LABELS_EXCEED_TOTAL,
        "The labels of this order cost too much for its total",
        "Check the order, raise the limit in [guard], or release the hold to buy the label.",
        blocks=ALL,
        ends=(End.CAP_HAS_ROOM, End.RELEASE),
        waivable=BY_NONE,
        rests_on=CONTENT | {Fact.TOTAL},
        advice=(IF_ORDER, SETTINGS, Advice("Buy this label all the same", RELEASE)),
    ),
    HoldKind(
        HoldCode.PRICE_DRIFT,
        "The price is not the first one offered",
        "Release the hold to accept the new price.",
        blocks=ALL,
        ends=(End.RELEASE,),
        waivable=BY_SHIP,
        rests_on=CONTENT,
        advice=(Advice("Accept the new price", RELEASE),),
    ),
    HoldKind(
        HoldCode.PRICE_UNKNOWN,
        "{provider} shows no price before the purchase, and a spending cap is set",
        "Set an estimate for the account, or release the hold to buy this label at any price.",
        blocks=ALL,
        ends=(End.FACTS_CHANGE, End.CAP_HAS_ROOM, End.RELEASE),
        waivable=BY_NONE,
        rests_on=CONTENT | {Fact.SETTINGS},
        advice=(SETTINGS, Advice("Buy this label at any price", RELEASE)),
    ),
    HoldKind(
        HoldCode.LABEL_FILE_MISSING,
        "The label's file is missing or cannot be printed",
        "Its tracking number is posted all the same. Print the label from the provider's account, or save "
        "what came with packhouse labels get, then release the hold.",
        blocks=NOTHING,
        ends=(End.FILE_ARRIVES, End.RELEASE),
        waivable=BY_BOTH,
        rests_on=CONTENT,
        advice=(
            Advice("If the provider may still deliver the file, wait; Packhouse continues by itself"),
            Advice("Print the label from the provider's account, then close the matter", RELEASE),
        ),
    ),
    HoldKind(
        HoldCode.RESTORE_UNCLEAR,
        "The ledger was restored, and it is not clear what happened to this order since the backup",
        "Look for the order in the provider's account and in the store. Release the hold to continue from "
        "what the ledger knows.",
        blocks=ALL,
        ends=(End.RELEASE,),
        waivable=BY_SHIP,
        rests_on=CONTENT,
        advice=(
            Advice(
                "If a label was bought or a parcel has left, record its number",
                "packhouse shipments mark-shipped {shipment} --carrier NAME --tracking NUMBER --reason WHY",
            ),
            Advice("If nothing happened since the backup, continue", RELEASE),
        ),
    ),
)
