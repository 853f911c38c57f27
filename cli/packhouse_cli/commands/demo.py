"""`packhouse demo`: a sandbox and the daemon on this machine, and orders that ship by themselves."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from packhouse_cli.arguments.parsing import CommandParser, count, seconds, share
from packhouse_cli.exit_codes import UsageError
from packhouse_cli.terminal.output import Terminal, safe

_FOLDER = "demo-data"
_WATCHED_LATENCY_MS = 400.0


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Play the demonstration that `argv` describes."""
    asked = _parser().parse_args(argv)
    from packhouse_cli.demo.processes import Stage, Staging
    from packhouse_cli.demo.run import Course, Plan

    staging = Staging(_fresh_folder(asked.dir), asked.port, _sandbox_options(asked), _daemon_settings(asked))
    plan = Plan(
        orders=asked.orders,
        rate=asked.rate if asked.rate is not None else max(4.0, asked.orders / 10),
        time_limit_s=asked.time_limit or 120.0 + asked.orders * 0.5,
        leave=asked.exit,
        plain=asked.plain,
    )

    def say(text: str) -> None:
        terminal.line(text)
        terminal.stdout.flush()

    return int(Course(plan, Stage(staging, environ, say), terminal, _command(environ)).play())


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="packhouse demo",
        description="Watch orders of a sandbox store become labels and posted fulfillments.\n"
        "Nothing leaves this machine or costs money, and none of your own settings is used.",
        examples=[
            "packhouse demo",
            "packhouse demo --orders 500 --exit",
            "packhouse demo --lose-webhooks",
            "packhouse demo --duplicate 0.3 --reorder 0.3 --fault easypost.reset_after_effect=0.1",
        ],
    )
    add = parser.add_argument
    add("--orders", metavar="N", type=count, default=40, help="so many orders (default 40)")
    add(
        "--exit",
        action="store_true",
        help="end when everything is settled; exit code 0 only if the books agree",
    )
    add(
        "--rate",
        metavar="PER_S",
        type=_rate,
        help="orders arriving a second; 0: all at once (default: all within 10 s)",
    )
    add("--seed", metavar="N", type=int, default=1, help="the same seed makes the same orders (default 1)")
    add("--lose-webhooks", action="store_true", help="no webhook ever arrives; polling finds everything")
    add("--duplicate", metavar="SHARE", type=share, default=0.0, help="share of webhooks delivered twice")
    add(
        "--reorder",
        metavar="SHARE",
        type=share,
        default=0.0,
        help="share of webhooks overtaken by later ones",
    )
    add(
        "--poll-only-share",
        metavar="SHARE",
        type=share,
        default=0.1,
        help="share of orders without any webhook (default 0.1)",
    )
    add(
        "--fault",
        metavar="NAME=P",
        action="append",
        default=[],
        help="a fault of the sandbox; repeatable, see packhouse sandbox --help",
    )
    add(
        "--latency-ms",
        metavar="MS",
        type=seconds,
        help="how long the carrier takes; the store a quarter of it (default 400; with --exit none)",
    )
    add(
        "--dir",
        metavar="DIR",
        type=Path,
        help=f"folder for ledger, labels and logs (default: a new one in ./{_FOLDER})",
    )
    add("--port", metavar="PORT", type=int, default=0, help="the daemon's port (default: a free one)")
    add("--time-limit", metavar="S", type=seconds, help="longest wait for everything to settle, in seconds")
    add("--plain", action="store_true", help="lines instead of a live picture")
    return parser


def _rate(text: str) -> float:
    return 0.0 if text.strip() in ("0", "0.0") else seconds(text)


def _sandbox_options(asked: argparse.Namespace) -> tuple[str, ...]:
    faults = [*asked.fault]
    faults += ["webhook.lose=1"] if asked.lose_webhooks else []
    faults += [f"webhook.duplicate={asked.duplicate}"] if asked.duplicate else []
    faults += [f"webhook.reorder={asked.reorder}"] if asked.reorder else []
    options = ["--seed", str(asked.seed), "--poll-only-share", str(asked.poll_only_share)]
    # With answers in no time an order is through before anybody has seen it; a real carrier is no faster.
    latency_ms = asked.latency_ms or (0 if asked.exit else _WATCHED_LATENCY_MS)
    if latency_ms:
        options += ["--easypost-latency-ms", f"{latency_ms:g}", "--store-latency-ms", f"{latency_ms / 4:g}"]
    for fault in faults:
        options += ["--fault", fault]
    return tuple(options)


def _daemon_settings(asked: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    # A purchase that happens late must be waited for, as with a real carrier that is known to do so.
    late = any(fault.startswith("easypost.late_effect") for fault in asked.fault)
    return (("PACKHOUSE_PROVIDER_SETTLE_S", "5"),) if late else ()


def _fresh_folder(wanted: Path | None) -> Path:
    """An empty folder: the one asked for, or a new one under ./demo-data, or else a temporary one."""
    try:
        if wanted is not None:
            wanted.mkdir(parents=True, exist_ok=True)
            if any(wanted.iterdir()):
                raise UsageError(
                    f"--dir {safe(wanted)} is not empty; name a new folder, nothing is overwritten."
                )
            return wanted.resolve()
        stem = time.strftime("%Y%m%d-%H%M%S")
        for suffix in ("", *(f"-{n}" for n in range(2, 100))):
            folder = Path.cwd() / _FOLDER / f"{stem}{suffix}"
            try:
                folder.mkdir(parents=True)
            except FileExistsError:
                continue
            return folder
    except OSError as error:
        if wanted is not None:
            raise UsageError(f"--dir {safe(wanted)} cannot be used: {error.strerror}.") from error
    return Path(tempfile.mkdtemp(prefix="packhouse-demo-"))


def _command(environ: Mapping[str, str]) -> str:
    """How the user's shell finds this command: by name, or by the path of this installation."""
    ours = Path(sys.executable).with_name("packhouse")
    found = shutil.which("packhouse", path=environ.get("PATH"))
    if (found and Path(found).resolve() == ours.resolve()) or not ours.exists():
        return "packhouse"
    try:
        return str(ours.relative_to(Path.cwd()))
    except ValueError:
        return str(ours)
