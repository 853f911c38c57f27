"""Runs the demo: start the processes, create orders, watch until all are processed, and check the totals."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.clients.http import JsonClient
from packhouse_cli.demo.processes import DemoProcesses, ProcessDied
from packhouse_cli.demo.screen import watch_for
from packhouse_cli.demo.snapshot import Snapshot, SnapshotReader
from packhouse_cli.demo.summary import summary_lines
from packhouse_cli.demo.totals import Totals, compute_totals
from packhouse_cli.demo.view import Caption, entry_lines, stopped
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.terminal.output import Terminal

# Reading a snapshot costs both processes some work, so it takes no more than this share of the time.
_READ_TIME_SHARE = 0.3
_MIN_WAIT_S = 0.3


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The number of orders, how many arrive a second (0: all at once), and the time limit.

    `leave` ends the demo after the totals, and `plain` prints log lines instead of a screen.
    """

    orders: int
    rate: float
    time_limit_s: float
    leave: bool
    plain: bool


class DemoRun:
    """One run of the demo. `command` is how the user's shell calls packhouse."""

    def __init__(
        self, options: DemoOptions, processes: DemoProcesses, terminal: Terminal, command: str
    ) -> None:
        self._options = options
        self._processes = processes
        self._terminal = terminal
        self._command = command

    def run(self) -> Exit:
        """Run the demo. Both processes are stopped in every case, also after Ctrl-C."""
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        previous = {number: signal.signal(number, _interrupt) for number in numbers}
        try:
            return self._run()
        except ProcessDied as died:
            self._show_last_lines(died)
            raise
        finally:
            # A second Ctrl-C must not leave the processes running.
            for number in numbers:
                signal.signal(number, signal.SIG_IGN)
            self._close()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _run(self) -> Exit:
        self._processes.open()
        daemon = Daemon(self._processes.daemon_url, self._processes.token)
        sandbox = JsonClient("sandbox", self._processes.sandbox_url)
        started = time.monotonic()
        self._report(f"{self._options.orders} orders are arriving.")
        sandbox.post("/sandbox/orders", {"count": self._options.orders, "rate_per_s": self._options.rate})
        reader = SnapshotReader(daemon, sandbox, self._options.orders)
        try:
            snapshot = self._watch(reader, started)
        except KeyboardInterrupt:
            self._report("Interrupted before all orders were processed.")
            return Exit.INTERRUPTED
        totals = self._compute_totals(snapshot, daemon, sandbox)
        self._print_totals(totals, snapshot, time.monotonic() - started)
        if not self._options.leave:
            self._follow_journal(reader)
        if totals.unprocessed:
            return Exit.DEMO_TIME_LIMIT
        return Exit.OK if totals.is_consistent else Exit.DEMO_SUMS_DIFFER

    def _watch(self, reader: SnapshotReader, started: float) -> Snapshot:
        """Show snapshots until two in a row are processed or the time limit is reached."""
        watch = watch_for(self._terminal, plain=self._options.plain)
        processed_before = False
        try:
            while True:
                start = time.monotonic()
                snapshot = self._read(reader.read)
                took = time.monotonic() - start
                elapsed = time.monotonic() - started
                watch.show(
                    snapshot,
                    Caption(
                        self._processes.daemon_url, _display_path(self._processes.labels_folder), elapsed
                    ),
                )
                if (snapshot.processed and processed_before) or elapsed > self._options.time_limit_s:
                    return snapshot
                processed_before = snapshot.processed
                time.sleep(max(_MIN_WAIT_S, took / _READ_TIME_SHARE - took))
        finally:
            watch.close()

    def _read(self, call: Callable[[], Snapshot]) -> Snapshot:
        """Call our processes. If the call fails because a process has ended, raise ProcessDied."""
        try:
            return call()
        except CommandError:
            time.sleep(0.2)
            self._processes.check()
            raise

    def _compute_totals(self, snapshot: Snapshot, daemon: Daemon, sandbox: JsonClient) -> Totals:
        ours = list(daemon.orders())
        audit = sandbox.get("/sandbox/audit")
        problems = sandbox.get("/sandbox/check", final=int(snapshot.processed)).get("problems")
        return compute_totals(
            snapshot, ours, audit, problems if isinstance(problems, list) else ["its check did not respond"]
        )

    def _print_totals(self, totals: Totals, snapshot: Snapshot, seconds: float) -> None:
        terminal = self._terminal
        width = terminal.width or 100
        terminal.line()
        for line in summary_lines(totals, seconds=seconds, width=width, paint=terminal.paint):
            terminal.drawn(line)
        if not snapshot.processed:
            terminal.line(
                f"Not all orders were processed within {self._options.time_limit_s:g} s. Set a longer limit "
                f"with --time-limit, or see {_display_path(self._processes.folder)}/daemon.log."
            )
        terminal.line()
        terminal.fields(
            [
                ("labels", _display_path(self._processes.labels_folder)),
                ("logs", f"{_display_path(self._processes.folder)}/daemon.log, sandbox.log"),
                *(
                    []
                    if self._options.leave
                    else [
                        ("daemon", self._processes.daemon_url),
                        ("sandbox", f"{self._processes.sandbox_url}/sandbox"),
                    ]
                ),
            ]
        )
        if not self._options.leave:
            self._print_suggestions(totals)
        terminal.stdout.flush()

    def _print_suggestions(self, totals: Totals) -> None:
        """Print commands to try in another terminal, with ids of existing orders."""
        terminal = self._terminal
        held = next((name for group in totals.held for name, _ in group.members), "")
        env_file = _display_path(self._processes.folder / "env")
        tries = [
            (
                f". {env_file if '/' in env_file else './' + env_file}",
                "set the addresses and keys of this run",
            ),
            (f"{self._command} status", "show what the daemon is doing"),
            (f"{self._command} orders list --status pending", "list the orders that have not shipped"),
        ]
        if held:
            tries.insert(2, (f"{self._command} why {held}", "show why an order is held and what to do"))
        tries.append(
            (
                f"curl -s {self._processes.sandbox_url}/sandbox/orders -d '{{\"count\": 5}}'",
                "create five more orders",
            )
        )
        terminal.line()
        terminal.drawn(terminal.paint("Try in another terminal:", "bold"))
        for command, meaning in tries:
            fits = len(command) + len(meaning) + 8 <= (terminal.width or 100)
            comment = terminal.paint(f"   # {meaning}", "dim") if fits else ""
            terminal.drawn(f"  {terminal.paint(command, 'cyan')}{comment}")
        terminal.line()
        terminal.line(
            "The daemon and the sandbox keep running; new journal entries appear here. Press Ctrl-C to stop."
        )

    def _follow_journal(self, reader: SnapshotReader) -> None:
        """Print each new journal entry, and what stops work, until Ctrl-C."""
        terminal, reason_before = self._terminal, ""
        try:
            while True:
                time.sleep(1.0)
                self._processes.check()
                snapshot = self._read(reader.read)
                for entry in snapshot.new_entries:
                    for line in entry_lines(entry, terminal.width, terminal.paint):
                        terminal.drawn(line)
                reason = stopped(snapshot.status)
                if reason and reason != reason_before:
                    terminal.drawn(terminal.paint(reason, "yellow"))
                reason_before = reason
                self._terminal.stdout.flush()
        except KeyboardInterrupt:
            self._terminal.line()

    def _close(self) -> None:
        """Stop both processes, even if the terminal is gone."""
        if self._processes.children:
            with contextlib.suppress(OSError):
                self._report("Stopping the daemon and the sandbox.")
        for problem in self._processes.close():
            with contextlib.suppress(OSError):
                self._terminal.note(f"packhouse: {problem}")

    def _show_last_lines(self, died: ProcessDied) -> None:
        self._terminal.note(f"Last lines of {_display_path(died.log)}:")
        for line in died.last_lines:
            self._terminal.note(f"  {line}")

    def _report(self, text: str) -> None:
        self._terminal.line(text)
        self._terminal.stdout.flush()


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _display_path(path: Path) -> str:
    """The path relative to the current folder, if it is inside."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
