"""The terms that the rows share: what is blocked, who may waive it, what it rests on, what to do."""

from __future__ import annotations

from packhouse.model.hold_kind import Advice, Fact, Stage, Waiver

ALL = frozenset({Stage.BUYING, Stage.POSTING})
NOTHING: frozenset[Stage] = frozenset()
BY_SHIP = frozenset({Waiver.SHIP})
BY_RELEASE = frozenset({Waiver.RELEASE})
BY_BOTH = frozenset({Waiver.SHIP, Waiver.RELEASE})
BY_NONE: frozenset[Waiver] = frozenset()
CONTENT = frozenset({Fact.ADDRESS, Fact.LINES})
LINES = frozenset({Fact.LINES})

RELEASE = "packhouse holds release {hold} --reason WHY"
CORRECT = Advice("Correct the order in the store")
IF_ORDER = Advice("If the order is the cause, correct it in the store")
IF_SETTING = Advice("If a setting is the cause, correct it in packhouse.toml, then restart Packhouse")
CHECK = Advice("Correct the order in the store, or wait until the store has corrected it")
CATALOG = Advice("Mark the product as physical or digital in the store's catalog")
SETTINGS = Advice("Correct the settings in packhouse.toml, then restart Packhouse")
WAIT = Advice("Wait; Packhouse continues by itself")
