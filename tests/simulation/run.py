"""One seed from its first moment to the checker's last word."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from packhouse import flow
from packhouse.config.settings import (
    GuardSettings,
    ParcelSettings,
    PollSettings,
    RetrySettings,
    Settings,
    WorkerSettings,
)
from packhouse.model.label import LabelFormat
from packhouse.sandbox.sandbox import SandboxOptions
from packhouse.telemetry.metrics import Metrics
from tests.simulation.carriers import KINDS
from tests.simulation.checker import Checker
from tests.simulation.director import Director
from tests.simulation.ledger import UNDER, Database, LedgerFaults
from tests.simulation.loop import STEPS, Dead, Stuck, VirtualLoop
from tests.simulation.plan import Scenario, draw
from tests.simulation.replica import Ground, Replica
from tests.simulation.story import tell
from tests.simulation.trace import Trace
from tests.simulation.witness import Witness
from tests.simulation.world import SimWorld, TrueClock

# After the trouble: people go through the page so often, with this between.
_EVENINGS = 2
_EVENING_S = 1500.0
# Whoever is at work when all ends has this long to finish.
_LAST_WORK_S = 120


@dataclass(slots=True)
class Outcome:
    """What became of one seed. `digest` is the same for the same run; `story` is told only of a failure."""

    seed: int
    digest: str = ""
    problems: list[str] = field(default_factory=list)
    story: str = ""
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)


class App:
    """What is made once in a process and used for seed after seed."""

    def __init__(self) -> None:
        self.database = Database()
        self.metrics = Metrics(CollectorRegistry())

    def simulate(self, seed: int, *, always: bool = False) -> Outcome:
        """Run one seed. The story is told of a failure, or `always`."""
        scenario = draw(seed)
        before = random.getstate()
        random.seed(seed)
        chance = random.Random(f"chance {seed}")
        self.database.empty()
        loop = VirtualLoop(random.Random(f"turns {seed}"))
        try:
            with _observed():
                return loop.run_until_complete(_live(scenario, self, loop, chance, always))
        finally:
            loop.close()
            random.setstate(before)


async def _live(
    scenario: Scenario, house: App, loop: VirtualLoop, chance: random.Random, always: bool
) -> Outcome:
    trace = Trace()
    witness = Witness(house.database, loop.time)
    surprises: list[str] = []
    loop.set_exception_handler(functools.partial(_surprise, surprises))
    replicas: list[Replica] = []
    post = functools.partial(_deliver, replicas, random.Random(chance.getrandbits(64)))
    world = SimWorld(
        TrueClock(loop),
        chance,
        post,
        options=SandboxOptions(
            poll_only_share=scenario.world["poll_only_share"],
            retry_scale=scenario.world["retry_scale"],
            reorder_s=scenario.world["reorder_s"],
            void_s=scenario.world["void_s"],
            transit_s=scenario.world["transit_s"],
        ),
        way_s=scenario.way_s,
        faults=scenario.faults,
        latency=scenario.latency,
    )
    witness.world = world
    faults = LedgerFaults(random.Random(chance.getrandbits(64)), scenario.ledger_away, scenario.ledger_slow_s)
    ground = Ground(
        world=world,
        database=house.database,
        faults=faults,
        trace=trace,
        witness=witness,
        settings=settings_of(scenario),
        metrics=house.metrics,
        safety=scenario.safety,
        shared=scenario.shared,
        chance=random.Random(chance.getrandbits(64)),
        tick_s=scenario.tick_s,
        surprises=surprises,
    )
    replicas += [Replica(ground, number + 1) for number in range(scenario.replicas)]
    director = Director(scenario, ground, replicas)
    house.database.when_due = functools.partial(_something_is_due, replicas, witness.outside)
    _NOTED.append(witness)
    try:
        world.register_webhook("http://packhouse.invalid/webhooks/aly")
        for replica in replicas:
            replica.start()
        director.plan_notes()
        problems: list[str] = []
        try:
            await director.play()
            await _settle(ground, director)
        except Stuck as stuck:
            problems.append(f"stuck: {stuck}")
        digest = trace.digest()
        checker = Checker(scenario, ground, director)
        problems += witness.problems + house.database.wrong + checker.problems()
        problems += [f"surprise: {one}" for one in dict.fromkeys(surprises)]
        outcome = Outcome(scenario.seed, digest, problems, seconds=loop.time(), counts=checker.counts())
        if problems or always:
            outcome.story = tell(scenario, ground, director, problems)
        return outcome
    finally:
        _NOTED.remove(witness)
        house.database.when_due = lambda: None
        await _close(replicas, world)


async def _settle(ground: Ground, director: Director) -> None:
    """The trouble is over: everything works, everybody is there, and hours pass."""
    trace, world = ground.trace, ground.world
    trace.at_note.clear()
    trace.at_post.clear()
    trace.add("world", "quiet")
    world.faults.clear()
    ground.faults.quiet()
    for replica in director.replicas:
        replica.skew[0] = 0.0
        if replica.life is not None and replica.life.frozen:
            replica.life.thaw()
        replica.start()
    ground.database.skew_s = 0.0
    ground.quiet = True
    for _ in range(_EVENINGS):
        await asyncio.sleep(_EVENING_S)
        await director.evening()
    await asyncio.sleep(_EVENING_S)
    for _ in range(_LAST_WORK_S):
        if not ground.database.rows("SELECT 1 FROM orders WHERE lease IS NOT NULL"):
            break
        await asyncio.sleep(1.0)
    trace.add("world", "the end")


async def _close(replicas: Sequence[Replica], world: SimWorld) -> None:
    for replica in replicas:
        replica.crash()
    await world.aclose()
    me = asyncio.current_task()
    for _ in range(5):
        left = [task for task in asyncio.all_tasks() if task is not me]
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=1.0)
    for replica in replicas:
        for task in replica.all_tasks:
            if task.done() and not task.cancelled():
                task.exception()


def _something_is_due(replicas: list[Replica], outside: contextvars.Context) -> None:
    for replica in replicas:
        if replica.dispatcher is not None and replica.life is not None and not replica.life.dead:
            outside.copy().run(replica.dispatcher.something_is_due)


async def _deliver(
    replicas: list[Replica], chance: random.Random, url: str, headers: Sequence[tuple[str, str]], body: bytes
) -> int:
    """The balancer: any replica, whether or not it is there."""
    return await chance.choice(replicas).take_delivery(headers, body)


def _surprise(surprises: list[str], _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    error = context.get("exception")
    if not isinstance(error, Dead):
        surprises.append(f"{context.get('message')}: {error!r}")


def settings_of(scenario: Scenario) -> Settings:
    """What the house is told."""
    parts = scenario.settings
    return Settings(
        data_dir=Path("nowhere"),
        provider=(KINDS[scenario.safety].kind,),
        label_format=LabelFormat.ZPL,
        provider_timeout_s=parts["provider_timeout_s"],
        lease_s=parts["lease_s"],
        parcel=ParcelSettings(weight_g=500, max_weight_g=2500),
        poll=PollSettings(**parts["poll"]),
        retry=RetrySettings(**parts["retry"]),
        worker=WorkerSettings(**parts["worker"]),
        guard=GuardSettings(**parts["guard"]),
    )


# The witness of the run that is going on: steps tell it when they begin.
_NOTED: list[Witness] = []


def _watched(step: flow.Step) -> flow.Step:
    @functools.wraps(step.run)
    async def run(context: Any, job: Any) -> None:
        life = STEPS.get()
        _NOTED[-1].step_began(life, job.order_id, step.name)
        under = UNDER.set((job.order_id, job.lease.token))
        try:
            await step.run(context, job)
        finally:
            UNDER.reset(under)

    return flow.Step(run, step.meaning)


@contextlib.contextmanager
def _observed() -> Iterator[None]:
    """Each step's beginning is noted."""
    life = flow.STEPS
    flow.STEPS = tuple(_watched(step) for step in life)
    try:
        yield
    finally:
        flow.STEPS = life
