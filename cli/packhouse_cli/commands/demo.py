"""`packhouse demo`: run a sandbox and the daemon on this machine, and watch orders ship."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import Option, count, seconds, share
from packhouse_cli.exit_codes import UsageError

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

_FOLDER = "demo-data"
_WATCHED_LATENCY_MS = 400.0


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Run the demo."""
    terminal, environ = invocation.terminal, invocation.environ
    from packhouse_cli.demo.processes import DemoProcesses, ProcessOptions
    from packhouse_cli.demo.run import DemoOptions, DemoRun

    options = ProcessOptions(
        _fresh_folder(arguments.dir), arguments.port, _sandbox_options(arguments), _daemon_settings(arguments)
    )
    demo = DemoOptions(
        orders=arguments.orders,
        rate=arguments.rate if arguments.rate is not None else max(4.0, arguments.orders / 10),
        time_limit_s=arguments.time_limit or 120.0 + arguments.orders * 0.5,
        leave=arguments.exit,
        plain=arguments.plain,
    )

    def report(text: str) -> None:
        terminal.line(text)
        terminal.stdout.flush()

    return int(DemoRun(demo, DemoProcesses(options, environ, report), terminal, _command(environ)).run())


def _rate(text: str) -> float:
    return 0.0 if text.strip() in ("0", "0.0") else seconds(text)


def _sandbox_options(arguments: argparse.Namespace) -> tuple[str, ...]:
    faults = [*arguments.fault]
    faults += ["webhook.lose=1"] if arguments.lose_webhooks else []
    faults += [f"webhook.duplicate={arguments.duplicate}"] if arguments.duplicate else []
    faults += [f"webhook.reorder={arguments.reorder}"] if arguments.reorder else []
    options = ["--seed", str(arguments.seed), "--poll-only-share", str(arguments.poll_only_share)]
    # With instant responses an order ships before it is seen; a real provider is no faster than this.
    latency_ms = arguments.latency_ms or (0 if arguments.exit else _WATCHED_LATENCY_MS)
    if latency_ms:
        options += ["--easypost-latency-ms", f"{latency_ms:g}", "--store-latency-ms", f"{latency_ms / 4:g}"]
    for fault in faults:
        options += ["--fault", fault]
    return tuple(options)


def _daemon_settings(arguments: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    # The daemon must wait for a purchase that takes effect late, as with a provider that is known for it.
    late = any(fault.startswith("easypost.late_effect") for fault in arguments.fault)
    return (("PACKHOUSE_PROVIDER_SETTLE_S", "5"),) if late else ()


def _fresh_folder(wanted: Path | None) -> Path:
    """An empty folder: the wanted one, or a new one in ./demo-data, or a temporary one."""
    try:
        if wanted is not None:
            wanted.mkdir(parents=True, exist_ok=True)
            if any(wanted.iterdir()):
                raise UsageError(
                    f"--dir {wanted} is not empty. Choose a new folder; the demo overwrites nothing."
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
            raise UsageError(f"Cannot use --dir {wanted}: {error.strerror}.") from error
    return Path(tempfile.mkdtemp(prefix="packhouse-demo-"))


def _command(environ: Mapping[str, str]) -> str:
    """This command as a shell finds it: its name, or the path of this installation."""
    ours = Path(sys.executable).with_name("packhouse")
    found = shutil.which("packhouse", path=environ.get("PATH"))
    if (found and Path(found).resolve() == ours.resolve()) or not ours.exists():
        return "packhouse"
    try:
        return str(ours.relative_to(Path.cwd()))
    except ValueError:
        return str(ours)


_SHARE = {"metavar": "SHARE", "type": share}

COMMAND = Command(
    "watch the orders of a sandbox store ship by themselves",
    _run,
    (
        Option("--orders", metavar="N", type=count, default=40, help="make N orders (default 40)"),
        Option(
            "--exit",
            action="store_true",
            help="end when all orders are finished; exit code 0 only if the totals match",
        ),
        Option(
            "--rate",
            metavar="PER_S",
            type=_rate,
            help="orders per second; 0: all at once (default: all within 10 s)",
        ),
        Option(
            "--seed", metavar="N", type=int, default=1, help="the same seed makes the same orders (default 1)"
        ),
        Option("--lose-webhooks", action="store_true", help="lose all webhooks; polling finds every order"),
        Option("--duplicate", default=0.0, help="deliver this share of webhooks twice", **_SHARE),
        Option("--reorder", default=0.0, help="deliver this share of webhooks after later ones", **_SHARE),
        Option(
            "--poll-only-share",
            default=0.1,
            help="send no webhook for this share of orders (default 0.1)",
            **_SHARE,
        ),
        Option(
            "--fault",
            metavar="NAME=P",
            action="append",
            default=[],
            help="inject a fault of the sandbox; repeatable, see packhouse sandbox --help",
        ),
        Option(
            "--latency-ms",
            metavar="MS",
            type=seconds,
            help="the provider's latency; the store has a quarter of it (default 400; none with --exit)",
        ),
        Option(
            "--dir",
            metavar="DIR",
            type=Path,
            help=f"the folder for ledger, labels and logs (default: a new one in ./{_FOLDER})",
        ),
        Option("--port", metavar="PORT", type=int, default=0, help="the daemon's port (default: a free one)"),
        Option("--time-limit", metavar="S", type=seconds, help="wait at most S seconds for all orders"),
        Option("--plain", action="store_true", help="print lines instead of a live picture"),
    ),
    description="Watch orders of a sandbox store become labels and posted fulfillments. "
    "Nothing leaves this machine, nothing costs money, and none of your own settings is used.",
    examples=(
        "packhouse demo",
        "packhouse demo --orders 500 --exit",
        "packhouse demo --lose-webhooks",
        "packhouse demo --duplicate 0.3 --reorder 0.3 --fault easypost.reset_after_effect=0.1",
    ),
)
