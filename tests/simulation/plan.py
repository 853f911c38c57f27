"""Draws the scenario of a seed: the deployment, the sandbox, the orders, the faults and the interventions."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace
from typing import Any

from packhouse.providers.port import Safety
from packhouse.sandbox.fault_injection import Latency
from packhouse.sandbox.faults import FAULTS
from packhouse.sandbox.store.api import Listing
from packhouse.sandbox.store.buyers import KINDS
from tests.simulation.hostile import POISON, Hostile, draw_hostile
from tests.simulation.moods import Mood, draw_moods
from tests.simulation.restores import RestorePlan, draw_restore

# Interventions in an order, a process or everything, with their relative frequency.
INTERVENTIONS = {
    "cancel": 3,
    "refund": 1,
    "refund_part": 1,
    "new_address": 3,
    "ship_manually": 1,
    "ship_part_manually": 1,
    "hold": 3,
    "release": 3,
    "retry": 1,
    "settle": 1,
    "pause": 0.4,
    "resume": 0.4,
    "crash": 5,
    "restart": 1,
    "freeze": 4,
    "jump": 2,
}
# Interventions after which an order is bought for under another reference, or not at all.
_CHANGES = frozenset(
    {"cancel", "refund", "refund_part", "new_address", "ship_manually", "ship_part_manually"}
)
# Faults that hide whether money was spent. They are drawn more often than others.
_ABOUT_MONEY = (
    "easypost.late_effect",
    "easypost.no_response_after_effect",
    "easypost.reset_after_effect",
    "easypost.error_after_effect",
    "store.no_response_after_effect",
    "store.reset_after_effect",
)
# What happens to a label and its parcel after the purchase, and a firewall before EasyPost.
_ABOUT_LABELS = frozenset(
    {
        "easypost.firewall_before_effect",
        "easypost.firewall_after_effect",
        "easypost.insure",
        "easypost.return_parcel",
        "easypost.reject_void",
        "easypost.bill_on_scan",
        "easypost.no_form",
        "easypost.odd_file",
    }
)
_SKEWS_S = (-600.0, 600.0)


@dataclass(frozen=True, slots=True)
class Intervention:
    """One intervention: after `at_s` virtual seconds, when the trace has `at_record` records, or just before
    call number `at_call` that changes something at the store or the provider.

    `order` is the number of the order, `chance` decides the details.
    """

    what: str
    order: int
    chance: float
    at_s: float | None = None
    at_record: int | None = None
    at_call: int | None = None

    @property
    def when(self) -> str:
        """For the report."""
        if self.at_s is not None:
            return f"at {self.at_s:.1f} s"
        return f"at record {self.at_record}" if self.at_record is not None else f"at call {self.at_call}"


@dataclass(slots=True)
class Scenario:
    """Everything that is decided before the start. Times are virtual seconds."""

    seed: int
    safety: Safety
    replicas: int
    shared: bool
    arrivals: list[tuple[float, str]]
    chaos_s: float
    faults: dict[str, float]
    ledger_failure_rate: float
    ledger_slow_s: float
    network_s: float
    tick_s: float
    latency: dict[str, Latency]
    sandbox: dict[str, float]
    settings: dict[str, Any]
    accounts: int = 1
    moods: list[Mood] = field(default_factory=list)
    hostile: Hostile = Hostile()  # noqa: RUF009 - frozen
    # The store counts the shipped units of each line, and shows no fulfillments.
    line_counts: bool = False
    listing: Listing = Listing()  # noqa: RUF009 - frozen
    # By the number of the arrival: orders that send no webhooks and that a person ships in part at once, and
    # how long a payment took.
    unheard: frozenset[int] = frozenset()
    paid_late_s: dict[int, float] = field(default_factory=dict)
    interventions: list[Intervention] = field(default_factory=list)
    restore: RestorePlan | None = None

    def __str__(self) -> str:
        faults = ", ".join(f"{name}={chance:.2f}" for name, chance in self.faults.items()) or "none"
        interventions = ", ".join(
            f"{intervention.what}({intervention.order}) {intervention.when}"
            for intervention in self.interventions
        )
        return (
            f"seed {self.seed}: a {self.safety} provider, {self.accounts} accounts, {self.replicas} replicas"
            f"{'' if self.shared else ' (embedded ledger)'}, {len(self.arrivals)} orders, "
            f"{self.chaos_s:.0f} s of faults"
            f"{', line counts' if self.line_counts else ''}\n  faults: {faults}; "
            f"ledger failures {self.ledger_failure_rate:.2f}\n"
            f"  settings: {self.settings}; sandbox: {self.sandbox}\n"
            f"  lists: {self.listing}; partly shipped and unheard: {sorted(self.unheard)}; "
            f"paid late: {self.paid_late_s}; moods: {self.moods or 'none'}\n"
            f"  hostile: {self.hostile}\n"
            f"  interventions: {interventions or 'none'}; {self.restore or 'no restore'}"
        )


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    chance = random.Random(f"packhouse {seed}")
    replicas = chance.choices((1, 2, 3), (35, 40, 25))[0]
    arrivals = _arrivals(chance)
    chaos_s = arrivals[-1][0] + chance.choice((60.0, 180.0, 600.0))
    calm = chance.random() < 0.15
    scenario = Scenario(
        seed=seed,
        safety=chance.choices((Safety.KEYED, Safety.LOOKUP, Safety.BLIND), (45, 35, 20))[0],
        replicas=replicas,
        shared=replicas > 1 or chance.random() < 0.4,
        arrivals=arrivals,
        chaos_s=chaos_s,
        faults={} if calm else _faults(chance),
        ledger_failure_rate=0.0 if calm or chance.random() < 0.6 else chance.choice((0.01, 0.05)),
        ledger_slow_s=chance.choice((0.0, 0.05, 0.5, 2.0)),
        network_s=chance.choice((0.0, 0.05, 0.3, 1.0)),
        tick_s=chance.choice((0.5, 2.0)),
        # A purchase takes effect within provider_settle_s after it was sent.
        latency={
            api: Latency(slow_s=chance.uniform(0.5, 3.0), late_s=chance.uniform(0.5, 5.0))
            for api in ("store", "easypost")
        },
        sandbox={
            "poll_only_share": chance.choice((0.0, 0.0, 0.2, 1.0)),
            "void_s": chance.choice((0.0, 5.0, 400.0)),
            "transit_s": chance.choice((150.0, 20_000.0, 200_000.0)),
            "retry_scale": chance.choice((0.01, 0.2)),
            "reorder_s": chance.choice((1.0, 20.0)),
        },
        settings=_settings(chance),
        accounts=random.Random(f"packhouse accounts {seed}").choice((1, 1, 1, 2)),
        line_counts=random.Random(f"packhouse counts {seed}").random() < 0.15,
    )
    scenario.moods = draw_moods(seed, scenario.accounts, chaos_s)
    scenario.interventions = _interventions(chance, scenario)
    if not calm:
        scenario.faults |= _label_faults(random.Random(f"packhouse labels {seed}"))
    _draw_lists(random.Random(f"packhouse lists {seed}"), scenario)
    scenario.restore = draw_restore(random.Random(f"packhouse restores {seed}"), arrivals[-1][0], chaos_s)
    if scenario.restore and not scenario.restore.keeps_log:
        # Then only an account shows that the ledger is one of the past, and only on a right clock.
        scenario.safety = Safety.LOOKUP if scenario.safety is Safety.BLIND else scenario.safety
        scenario.interventions = [one for one in scenario.interventions if one.what != "jump"]
        # What a label cost is known by the provider only, and what was posted by the store only.
        scenario.moods, scenario.line_counts = [], False
    if not calm:
        _draw_hostile(scenario)
    return scenario


def _draw_hostile(scenario: Scenario) -> None:
    settled_s = scenario.settings["provider_timeout_s"] + 10.0
    scenario.hostile = hostile = draw_hostile(
        scenario.seed,
        scenario.safety,
        [at for at, _ in scenario.arrivals],
        settled_s,
        scenario.faults,
    )
    if scenario.restore:
        # A restored ledger waits until every order is compared, or a person accepts that one cannot be.
        kept = tuple(one for one in hostile.content if one[1] != POISON)
        # Without its log it does not know what was cancelled of what it does not know.
        bursts = hostile.bursts if scenario.restore.keeps_log else ()
        scenario.hostile = hostile = replace(hostile, content=kept, bursts=bursts)
    for _, number in hostile.bursts[:1]:
        # Cancelled just before its post: the label is bought, and its void is refused while webhooks come.
        scenario.interventions.append(Intervention("cancel", number, 0.5, at_call=3 * number + 3))
    changes = any(one.what in _CHANGES for one in scenario.interventions)
    changes = changes or any(kind == "cancelled_soon" for _, kind in scenario.arrivals)
    if hostile.late_s and (scenario.restore or changes):
        # An order that changes is bought for under another reference, which no provider can refuse, or is not
        # bought for again, so that nothing asks; and a restored ledger has forgotten the reference.
        scenario.hostile = hostile = replace(hostile, late_s=0.0)
    if hostile.late_s:
        scenario.latency["easypost"].late_s = hostile.late_s


def _label_faults(chance: random.Random) -> dict[str, float]:
    names = chance.sample(sorted(_ABOUT_LABELS), chance.choice((0, 0, 1, 3)))
    return {name: chance.choice((0.05, 0.15, 0.3)) for name in names}


def _draw_lists(chance: random.Random, scenario: Scenario) -> None:
    """How the store lists orders, and what only a list can tell. Its own random numbers: older draws stay."""
    scenario.listing = Listing(
        style=chance.choice(("cursor", "offset", "bare")),
        largest_page=chance.choice((100, 100, 2, 1)),
        parts_are_pending=chance.random() < 0.3,
    )
    if scenario.listing.style == "bare":
        # Without a cursor a page must hold more than the orders of one second.
        scenario.listing = replace(scenario.listing, largest_page=100)
    numbers = range(len(scenario.arrivals))
    scenario.unheard = frozenset(number for number in numbers if chance.random() < 0.25)
    scenario.paid_late_s = {
        number: chance.choice((600.0, 10_800.0)) for number in numbers if chance.random() < 0.2
    }


def _arrivals(chance: random.Random) -> list[tuple[float, str]]:
    """When each order arrives, and its kind: mostly plain orders, for which the promises are strongest."""
    at, arrivals = 0.0, []
    for _ in range(chance.randint(1, 4)):
        at += chance.expovariate(1 / 20.0)
        kinds = [kind for kind, share in KINDS.items() if share]  # hostile.py draws the others
        kind = "plain" if chance.random() < 0.75 else chance.choice(kinds)
        arrivals.append((at, kind))
    return arrivals


def _faults(chance: random.Random) -> dict[str, float]:
    # Faults of a label's money and parcel have a stream of their own: more of them change no other draw.
    names = chance.sample(sorted(FAULTS.keys() - _ABOUT_LABELS), chance.choice((1, 2, 4, 8)))
    if chance.random() < 0.5:
        names.append(chance.choice(_ABOUT_MONEY))
    return {name: chance.choice((0.05, 0.15, 0.3, 0.6)) for name in names}


def _settings(chance: random.Random) -> dict[str, Any]:
    guard: dict[str, Any] = {
        "breaker_threshold": chance.choice((3, 10)),
        "breaker_cooldown_s": chance.choice((60.0, 300.0)),
    }
    if chance.random() < 0.1:
        guard["max_day_minor"] = chance.choice((1500, 3000))
    if chance.random() < 0.05:
        guard["max_order_minor"] = 1200
    return {
        "provider_timeout_s": chance.choice((8.0, 30.0)),
        "lease_s": chance.choice((75.0, 120.0)),
        "poll": {
            "interval_s": chance.choice((60.0, 300.0)),
            "recheck_s": 900.0,
            "confirm_s": chance.choice((5.0, 60.0)),
            "track_interval_s": chance.choice((0.0, 30.0)),  # the first look is during the faults
            "full_poll_s": 1800.0,
        },
        "retry": {"base_s": chance.choice((2.0, 5.0)), "max_s": 300.0, "hold_after": chance.choice((4, 40))},
        "worker": {"concurrency": chance.choice((1, 3, 16))},
        "guard": guard,
    }


def _interventions(chance: random.Random, scenario: Scenario) -> list[Intervention]:
    """Mostly close to an order's arrival, or at a record of the trace: an order takes only seconds."""
    interventions = []
    for _ in range(chance.choice((0, 1, 2, 3, 5, 8, 12))):
        what = chance.choices(list(INTERVENTIONS), list(INTERVENTIONS.values()))[0]
        order = chance.randrange(len(scenario.arrivals))
        at_s: float | None = None
        at_record: int | None = None
        at_call: int | None = None
        if (draw := chance.random()) < 0.35:
            at_call = chance.randint(1, 4 * len(scenario.arrivals))
        elif draw < 0.6:
            at_record = chance.randint(1, 40 * len(scenario.arrivals))
        else:
            at_s = scenario.arrivals[order][0] + chance.choice(
                (chance.uniform(0, 5), chance.uniform(0, 60), chance.uniform(0, scenario.chaos_s))
            )
        interventions.append(Intervention(what, order, chance.random(), at_s, at_record, at_call))
    return interventions


def skew_of(intervention: Intervention) -> float:
    """By how many seconds a wall clock is wrong after a jump."""
    return _SKEWS_S[int(intervention.chance * 2)] if intervention.chance < 0.8 else 0.0
