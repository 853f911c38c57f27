"""The course of a demonstration: set the stage, let orders arrive, watch until all is settled, and reckon."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.clients.http import Peer
from packhouse_cli.demo.processes import ProcessDied, Stage
from packhouse_cli.demo.screen import watch_for
from packhouse_cli.demo.snapshot import Look, Looker
from packhouse_cli.demo.totals import Reckoning, reckon, told
from packhouse_cli.demo.view import Caption, act_line
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import Terminal, safe

# Looking costs both processes some work; no more than this share of the time is spent on it.
_SHARE_OF_LOOKING = 0.3
_SHORTEST_WAIT_S = 0.3


@dataclass(frozen=True, slots=True)
class Plan:
    """What is played: so many orders, at this rate a second (0: all at once), for at most so long."""

    orders: int
    rate: float
    time_limit_s: float
    leave: bool
    plain: bool


class Course:
    """One demonstration from beginning to end. `command` is how the user's shell calls packhouse."""

    def __init__(self, plan: Plan, stage: Stage, terminal: Terminal, command: str) -> None:
        self._plan = plan
        self._stage = stage
        self._terminal = terminal
        self._command = command

    def play(self) -> Exit:
        """Play it all. Both processes are ended whatever happens; Ctrl-C ends it cleanly at any moment."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        previous = {number: signal.signal(number, _interrupt) for number in numbers}
        try:
            return self._play()
        except ProcessDied as died:
            self._show_last_words(died)
            raise
        finally:
            # Another Ctrl-C while the processes finish must not leave them behind.
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)
            self._close()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _play(self) -> Exit:
        self._stage.open()
        daemon = Daemon(self._stage.daemon_url, self._stage.token)
        sandbox = Peer("sandbox", self._stage.sandbox_url)
        started = time.monotonic()
        self._say(f"{self._plan.orders} orders are on their way.")
        sandbox.post("/sandbox/orders", {"count": self._plan.orders, "rate_per_s": self._plan.rate})
        looker = Looker(daemon, sandbox, self._plan.orders)
        try:
            look = self._watch(looker, started)
        except KeyboardInterrupt:
            self._say("Interrupted before everything was settled.")
            return Exit.INTERRUPTED
        reckoning = self._reckon(look, daemon, sandbox)
        self._tell(reckoning, look, time.monotonic() - started)
        if not self._plan.leave:
            self._stay(looker)
        if reckoning.unsettled:
            return Exit.DEMO_TIME_LIMIT
        return Exit.OK if reckoning.adds_up else Exit.DEMO_SUMS_DIFFER

    def _watch(self, looker: Looker, started: float) -> Look:
        """Show what happens until it is settled, twice in a row, or the time is up."""
        watch = watch_for(self._terminal, plain=self._plan.plain)
        settled_before = False
        try:
            while True:
                before = time.monotonic()
                look = self._ask(looker.look)
                took = time.monotonic() - before
                elapsed = time.monotonic() - started
                watch.show(look, Caption(self._stage.daemon_url, _near(self._stage.labels_folder), elapsed))
                if (look.settled and settled_before) or elapsed > self._plan.time_limit_s:
                    return look
                settled_before = look.settled
                time.sleep(max(_SHORTEST_WAIT_S, took / _SHARE_OF_LOOKING - took))
        finally:
            watch.close()

    def _ask(self, call: Callable[[], Look]) -> Look:
        """A call to one of our processes; if it fails because one has ended, that is what is told."""
        try:
            return call()
        except CommandError:
            time.sleep(0.2)
            self._stage.check()
            raise

    def _reckon(self, look: Look, daemon: Daemon, sandbox: Peer) -> Reckoning:
        ours = list(daemon.orders())
        books = sandbox.get("/sandbox/audit")
        problems = sandbox.get("/sandbox/check", final=int(look.settled)).get("problems")
        return reckon(
            look, ours, books, problems if isinstance(problems, list) else ["its checker did not answer"]
        )

    def _tell(self, reckoning: Reckoning, look: Look, seconds: float) -> None:
        terminal = self._terminal
        width = terminal.width or 100
        terminal.line()
        for line in told(reckoning, seconds=seconds, width=width, paint=terminal.paint):
            terminal.line(line)
        if not look.settled:
            terminal.line(
                f"Not everything was settled within {self._plan.time_limit_s:g} s; --time-limit gives it "
                f"longer. {_near(self._stage.folder)}/daemon.log says what the daemon did."
            )
        terminal.line()
        terminal.fields(
            [
                ("labels", _near(self._stage.labels_folder)),
                ("logs", f"{_near(self._stage.folder)}/daemon.log, sandbox.log"),
                *(
                    []
                    if self._plan.leave
                    else [
                        ("daemon", self._stage.daemon_url),
                        ("sandbox", f"{self._stage.sandbox_url}/sandbox"),
                    ]
                ),
            ]
        )
        if not self._plan.leave:
            self._invite(reckoning)
        terminal.stdout.flush()

    def _invite(self, reckoning: Reckoning) -> None:
        """What to try next, in another terminal, with orders that really exist."""
        terminal = self._terminal
        held = next((name for _, members in reckoning.held for name, _ in members), "")
        env_file = _near(self._stage.folder / "env")
        tries = [
            (f". {env_file if '/' in env_file else './' + env_file}", "the addresses and keys of this run"),
            (f"{self._command} status", "what the daemon is doing"),
            (f"{self._command} orders list --status pending", "what the store still waits for"),
        ]
        if held:
            tries.insert(2, (f"{self._command} why {safe(held)}", "why an order is held, and what to do"))
        tries.append(
            (f"curl -s {self._stage.sandbox_url}/sandbox/orders -d '{{\"count\": 5}}'", "five more orders")
        )
        terminal.line()
        terminal.line(terminal.paint("Try, in another terminal:", "bold"))
        for command, sense in tries:
            fits = len(command) + len(sense) + 8 <= (terminal.width or 100)
            beside = terminal.paint(f"   # {sense}", "dim") if fits else ""
            terminal.line(f"  {terminal.paint(command, 'cyan')}{beside}")
        terminal.line()
        terminal.line("Daemon and sandbox go on; what they do appears here. Ctrl-C ends them.")

    def _stay(self, looker: Looker) -> None:
        """Print every act as it happens, until Ctrl-C."""
        try:
            while True:
                time.sleep(1.0)
                self._stage.check()
                for act in self._ask(looker.look).new_acts:
                    self._terminal.line(act_line(act, self._terminal.width, self._terminal.paint))
                self._terminal.stdout.flush()
        except KeyboardInterrupt:
            self._terminal.line()

    def _close(self) -> None:
        """End both processes, even where nobody reads any more what is said about it."""
        if self._stage.players:
            with contextlib.suppress(OSError):
                self._say("Stopping the daemon and the sandbox.")
        for trouble in self._stage.close():
            with contextlib.suppress(OSError):
                self._terminal.note(f"packhouse: {trouble}")

    def _show_last_words(self, died: ProcessDied) -> None:
        self._terminal.note(f"Last lines of {_near(died.log)}:")
        for line in died.last_words:
            self._terminal.note(f"  {safe(line)}")

    def _say(self, text: str) -> None:
        self._terminal.line(text)
        self._terminal.stdout.flush()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _near(path: Path) -> str:
    """The path as a person here would type it."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
