"""Runs one seed from its start to the result of the checks."""

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
from packhouse.config.customs import CustomsSettings
from packhouse.config.guard import GuardSettings
from packhouse.config.sections import ParcelSettings, PollSettings, RetrySettings, WorkerSettings
from packhouse.config.settings import Settings
from packhouse.model.label import LabelFormat
from packhouse.sandbox.sandbox import SandboxOptions
from packhouse.telemetry.metrics import Metrics
from tests.simulation.checker import Checker
from tests.simulation.event_loop import PROCESS, ProcessKilled, Stuck, VirtualLoop
from tests.simulation.hostile import OddAnswers
from tests.simulation.ledger import LEASE, Database, LedgerFaults
from tests.simulation.moods import MoodyAccounts
from tests.simulation.plan import Scenario, draw
from tests.simulation.providers import KINDS, SECOND
from tests.simulation.replica import Environment, Replica
from tests.simulation.report import write_report
from tests.simulation.restores import Restores
from tests.simulation.sandbox import SimSandbox, TrueClock
from tests.simulation.scheduler import Scheduler
from tests.simulation.spend_check import SpendCheck
from tests.simulation.trace import Trace

# After the faults: how often operators work through the holds, and the pause between.
_OPERATOR_ROUNDS = 2
_ROUND_S = 1500.0
# Rounds more in which the last voids are granted.
_VOID_ROUNDS = 2
# A worker that is still busy at the end has this many seconds to finish.
_FINISH_S = 120


@dataclass(slots=True)
class Outcome:
    """The result of one seed. `digest` is the same for the same run; `report` is for a failure."""

    seed: int
    digest: str = ""
    problems: list[str] = field(default_factory=list)
    report: str = ""
    seconds: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)


class Simulation:
    """Created once in a process and used for many seeds."""

    def __init__(self) -> None:
        self.database = Database()
        self.metrics = Metrics(CollectorRegistry())

    def simulate(self, seed: int, *, always: bool = False) -> Outcome:
        """Run one seed. The report is written for a failure, or `always`."""
        scenario = draw(seed)
        before = random.getstate()
        random.seed(seed)
        chance = random.Random(f"chance {seed}")
        self.database.clear()
        loop = VirtualLoop(random.Random(f"turns {seed}"))
        try:
            with _observe_steps():
                return loop.run_until_complete(_run(scenario, self, loop, chance, always))
        finally:
            loop.close()
            random.setstate(before)


async def _run(
    scenario: Scenario, simulation: Simulation, loop: VirtualLoop, chance: random.Random, always: bool
) -> Outcome:
    trace = Trace()
    spend_check = SpendCheck(simulation.database, loop.time)
    unexpected: list[str] = []
    loop.set_exception_handler(functools.partial(_record_unexpected, unexpected))
    replicas: list[Replica] = []
    post = functools.partial(_deliver, replicas, random.Random(chance.getrandbits(64)))
    sandbox = SimSandbox(
        TrueClock(loop),
        chance,
        post,
        options=SandboxOptions(
            poll_only_share=scenario.sandbox["poll_only_share"],
            retry_scale=scenario.sandbox["retry_scale"],
            reorder_s=scenario.sandbox["reorder_s"],
            void_s=scenario.sandbox["void_s"],
            transit_s=scenario.sandbox["transit_s"],
            line_counts=scenario.line_counts,
            listing=scenario.listing,
        ),
        network_s=scenario.network_s,
        odd=OddAnswers(scenario.hostile, random.Random(f"odd {scenario.seed}")),
        faults=scenario.faults,
        latency=scenario.latency,
    )
    spend_check.sandbox = sandbox
    faults = LedgerFaults(
        random.Random(chance.getrandbits(64)), scenario.ledger_failure_rate, scenario.ledger_slow_s
    )
    moody = MoodyAccounts(
        scenario.moods, loop.time, sandbox, spend_check.problems, is_calm=lambda: environment.calm
    )
    environment = Environment(
        moody=moody,
        sandbox=sandbox,
        database=simulation.database,
        faults=faults,
        trace=trace,
        spend_check=spend_check,
        settings=settings_of(scenario),
        metrics=simulation.metrics,
        safety=scenario.safety,
        shared=scenario.shared,
        chance=random.Random(chance.getrandbits(64)),
        tick_s=scenario.tick_s,
        unexpected=unexpected,
        restores=Restores(scenario.restore, simulation.database) if scenario.restore else None,
    )
    replicas += [Replica(environment, number + 1) for number in range(scenario.replicas)]
    scheduler = Scheduler(scenario, environment, replicas)
    simulation.database.on_due = functools.partial(_wake_dispatchers, replicas, spend_check.outside)
    _ACTIVE_CHECKS.append(spend_check)
    _ACTIVE_SCHEDULERS.append(scheduler)
    try:
        sandbox.register_webhook("http://packhouse.invalid/webhooks/aly")
        for replica in replicas:
            replica.start()
        scheduler.schedule_by_record()
        problems: list[str] = []
        try:
            await scheduler.run()
            await _finish(environment, scheduler)
        except Stuck as stuck:
            problems.append(f"stuck: {stuck}")
        digest = trace.digest()
        checker = Checker(scenario, environment, scheduler)
        problems += spend_check.problems + simulation.database.violations + checker.problems()
        problems += [f"unexpected: {one}" for one in dict.fromkeys(unexpected)]
        outcome = Outcome(scenario.seed, digest, problems, seconds=loop.time(), counts=checker.counts())
        if problems or always:
            outcome.report = write_report(scenario, environment, scheduler, problems)
        return outcome
    finally:
        _ACTIVE_CHECKS.remove(spend_check)
        _ACTIVE_SCHEDULERS.remove(scheduler)
        simulation.database.on_due = lambda: None
        await _close(replicas, sandbox)


async def _finish(environment: Environment, scheduler: Scheduler) -> None:
    """End all faults, start all replicas, and let hours pass."""
    trace, sandbox = environment.trace, environment.sandbox
    trace.at_record.clear()
    trace.at_call.clear()
    trace.add("sandbox", "faults end")
    sandbox.faults.clear()
    sandbox.odd.clear()
    environment.faults.calm()
    for replica in scheduler.replicas:
        replica.skew[0] = 0.0
        if replica.process is not None and replica.process.frozen:
            replica.process.thaw()
        replica.start()
    environment.database.skew_s = 0.0
    environment.calm = True
    for _ in range(_OPERATOR_ROUNDS):
        await asyncio.sleep(_ROUND_S)
        await scheduler.finish_operator_work()
    await asyncio.sleep(_ROUND_S)
    for _ in range(_VOID_ROUNDS):
        if not _open_voids(environment):
            break
        await asyncio.sleep(_ROUND_S)
    for _ in range(_FINISH_S):
        if not environment.database.rows("SELECT 1 FROM orders WHERE lease IS NOT NULL"):
            break
        await asyncio.sleep(1.0)
    trace.add("sandbox", "end")


def _open_voids(environment: Environment) -> list[str]:
    """The labels that wait for a void which the provider has not rejected, as Packhouse knows it."""
    shipments = environment.sandbox.easypost.by_tracking_number
    rows = environment.database.rows("SELECT tracking_number FROM labels WHERE state = 'voiding'")
    return [number for (number,) in rows if number in shipments and not shipments[number].void_rejected]


async def _close(replicas: Sequence[Replica], sandbox: SimSandbox) -> None:
    for replica in replicas:
        replica.crash()
    await sandbox.aclose()
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


def _wake_dispatchers(replicas: list[Replica], outside: contextvars.Context) -> None:
    for replica in replicas:
        if replica.dispatcher is not None and replica.process is not None and not replica.process.dead:
            outside.copy().run(replica.dispatcher.wake_at_next_tick)


async def _deliver(
    replicas: list[Replica], chance: random.Random, url: str, headers: Sequence[tuple[str, str]], body: bytes
) -> int:
    """The load balancer: any replica, even one that is not running."""
    return await chance.choice(replicas).deliver_webhook(headers, body)


def _record_unexpected(
    unexpected: list[str], _loop: asyncio.AbstractEventLoop, context: dict[str, Any]
) -> None:
    error = context.get("exception")
    if not isinstance(error, ProcessKilled):
        unexpected.append(f"{context.get('message')}: {error!r}")


def settings_of(scenario: Scenario) -> Settings:
    """The daemon's settings."""
    parts = scenario.settings
    return Settings(
        data_dir=Path("nowhere"),
        provider=(KINDS[scenario.safety].kind, SECOND)[: scenario.accounts],
        label_format=LabelFormat.ZPL,
        provider_timeout_s=parts["provider_timeout_s"],
        lease_s=parts["lease_s"],
        parcel=ParcelSettings(weight_g=500, max_weight_g=2500),
        customs=CustomsSettings(origin_country="US", signer="Ann Lee"),
        poll=PollSettings(**parts["poll"]),
        retry=RetrySettings(**parts["retry"]),
        worker=WorkerSettings(**parts["worker"]),
        guard=GuardSettings(**parts["guard"]),
    )


# The spend check and the scheduler of the current run, which are told when each step begins.
_ACTIVE_CHECKS: list[SpendCheck] = []
_ACTIVE_SCHEDULERS: list[Scheduler] = []


def _observed_step(step: flow.Step) -> flow.Step:
    @functools.wraps(step.run)
    async def run(context: Any, job: Any) -> None:
        process = PROCESS.get()
        _ACTIVE_CHECKS[-1].step_began(process, job.order_id, step.name)
        _ACTIVE_SCHEDULERS[-1].step_begins(process, job.order_id, step.name)
        under = LEASE.set((job.order_id, job.lease.token))
        try:
            await step.run(context, job)
        finally:
            LEASE.reset(under)

    return flow.Step(run, step.meaning)


@contextlib.contextmanager
def _observe_steps() -> Iterator[None]:
    """Report the start of each step to the spend check."""
    process = flow.STEPS
    flow.STEPS = tuple(_observed_step(step) for step in process)
    try:
        yield
    finally:
        flow.STEPS = process
