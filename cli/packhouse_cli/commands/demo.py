"""`packhouse demo`: run a sandbox and the daemon on this machine, and watch orders ship."""

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
from packhouse_cli.terminal.output import Terminal

_FOLDER = "demo-data"
_WATCHED_LATENCY_MS = 400.0


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Run the demo with the options in `argv`."""
    arguments = _parser().parse_args(argv)
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


def _parser() -> CommandParser:
    parser = CommandParser(
        prog="packhouse demo",
        description="Watch orders of a sandbox store become labels and posted fulfillments.\n"
        "Everything runs on this machine, costs nothing, and ignores your own settings.",
        examples=[
            "packhouse demo",
            "packhouse demo --orders 500 --exit",
            "packhouse demo --lose-webhooks",
            "packhouse demo --duplicate 0.3 --reorder 0.3 --fault carrier.reset_after_effect=0.1",
        ],
    )
    add = parser.add_argument
    add("--orders", metavar="N", type=count, default=40, help="create N orders (default 40)")
    add(
        "--exit",
        action="store_true",
        help="exit when all orders are processed, with code 0 only if all totals agree",
    )
    add(
        "--rate",
        metavar="PER_S",
        type=_rate,
        help="create this many orders a second; 0: all at once (default: all within 10 s)",
    )
    add(
        "--seed",
        metavar="N",
        type=int,
        default=1,
        help="set the random seed; equal seeds make equal orders (default 1)",
    )
    add("--lose-webhooks", action="store_true", help="lose every webhook, so that only polling finds orders")
    add("--duplicate", metavar="SHARE", type=share, default=0.0, help="deliver this share of webhooks twice")
    add(
        "--reorder",
        metavar="SHARE",
        type=share,
        default=0.0,
        help="deliver this share of webhooks after later ones",
    )
    add(
        "--poll-only-share",
        metavar="SHARE",
        type=share,
        default=0.1,
        help="create this share of orders without a webhook (default 0.1)",
    )
    add(
        "--fault",
        metavar="NAME=P",
        action="append",
        default=[],
        help="inject a fault in the sandbox; repeatable, see packhouse sandbox --help",
    )
    add(
        "--latency-ms",
        metavar="MS",
        type=seconds,
        help="delay each provider response; the store takes a quarter (default 400; 0 with --exit)",
    )
    add(
        "--dir",
        metavar="DIR",
        type=Path,
        help=f"set the folder for ledger, labels and logs (default: a new folder in ./{_FOLDER})",
    )
    add("--port", metavar="PORT", type=int, default=0, help="set the daemon's port (default: any free port)")
    add(
        "--time-limit",
        metavar="S",
        type=seconds,
        help="wait at most S seconds until all orders are processed",
    )
    add("--plain", action="store_true", help="print log lines instead of a live screen")
    return parser


def _rate(text: str) -> float:
    return 0.0 if text.strip() in ("0", "0.0") else seconds(text)


def _sandbox_options(arguments: argparse.Namespace) -> tuple[str, ...]:
    faults = [*arguments.fault]
    faults += ["webhook.lose=1"] if arguments.lose_webhooks else []
    faults += [f"webhook.duplicate={arguments.duplicate}"] if arguments.duplicate else []
    faults += [f"webhook.reorder={arguments.reorder}"] if arguments.reorder else []
    options = ["--seed", str(arguments.seed), "--poll-only-share", str(arguments.poll_only_share)]
    # With instant responses, an order ships before it can be seen. Real providers are not faster.
    latency_ms = arguments.latency_ms or (0 if arguments.exit else _WATCHED_LATENCY_MS)
    if latency_ms:
        options += ["--carrier-latency-ms", f"{latency_ms:g}", "--store-latency-ms", f"{latency_ms / 4:g}"]
    for fault in faults:
        options += ["--fault", fault]
    return tuple(options)


def _daemon_settings(arguments: argparse.Namespace) -> tuple[tuple[str, str], ...]:
    # A late purchase needs a longer wait before the lookup, as with a real provider that works this way.
    late = any(fault.startswith("carrier.late_effect") for fault in arguments.fault)
    return (("PACKHOUSE_CARRIER_SETTLE_S", "5"),) if late else ()


def _fresh_folder(wanted: Path | None) -> Path:
    """An empty folder: the given one, a new one in ./demo-data, or a temporary one."""
    try:
        if wanted is not None:
            wanted.mkdir(parents=True, exist_ok=True)
            if any(wanted.iterdir()):
                raise UsageError(
                    f"--dir {wanted} is not empty. Give a new folder, so that nothing is overwritten."
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
    """How the user's shell can call this command: by name, or by the path of this installation."""
    ours = Path(sys.executable).with_name("packhouse")
    found = shutil.which("packhouse", path=environ.get("PATH"))
    if (found and Path(found).resolve() == ours.resolve()) or not ours.exists():
        return "packhouse"
    try:
        return str(ours.relative_to(Path.cwd()))
    except ValueError:
        return str(ours)
