"""`python -m tests.bench`: run benchmarks and print a table; `--json FILE` saves every round."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from pathlib import Path
from typing import Any

from tests import postgres
from tests.bench import (
    bulk,
    calm,
    contestants,
    due,
    history,
    idle,
    intake,
    latency,
    orders,
    overload,
    peers,
    replicas,
    start,
)
from tests.bench.figures import facts_line, table
from tests.bench.gauges import machine, supported

BENCHES = {
    "orders": orders,
    "latency": latency,
    "calm": calm,
    "idle": idle,
    "intake": intake,
    "bulk": bulk,
    "start": start,
    "replicas": replicas,
    "overload": overload,
    "history": history,
    "due": due,
}
_EXAMPLES = """examples:
  python -m tests.bench                        everything, about half an hour
  python -m tests.bench orders --orders 500 --rounds 1
  python -m tests.bench latency                a store and a provider of 100 ms, 64 orders at once
  python -m tests.bench calm                   five orders a second: milliseconds from event to fulfillment
  python -m tests.bench idle                   processor and memory without work
  python -m tests.bench intake --json intake.json
  python -m tests.bench bulk --items 1000       a plan and its apply, compared with a shell loop
  python -m tests.bench start --rounds 5       the command's start-up, compared with python -c pass
  python -m tests.bench overload --rounds 1    an attack, with and without limits on connections
  python -m tests.bench replicas               two and four daemons on one PostgreSQL, compared with one
  python -m tests.bench peers --rounds 5 --json peers.json --chart peers.png    or: make peers
  python -m tests.bench history --finished 2000000 --rounds 1
  python -m tests.bench due --due 100000 --rounds 1
"""


def main() -> int:
    """Run the selected benchmarks. 2: this system does not provide the process figures."""
    asked = _parser().parse_args()
    if not supported():
        print("The benches read processor time and memory from /proc: run them on Linux.")
        return 2
    facts, began = machine(), time.monotonic()
    print(facts_line(facts), flush=True)
    if asked.bench == "peers":
        return _compare(asked, facts)
    counts = {
        "orders": asked.orders,
        "latency": asked.orders,
        "calm": asked.calm,
        "idle": asked.idle,
        "intake": asked.deliveries,
        "bulk": asked.items,
        "start": asked.starts,
        "replicas": asked.shared,
        "overload": asked.seconds,
        "history": asked.finished,
        "due": asked.due,
    }
    results: dict[str, Any] = {}
    for name in [asked.bench] if asked.bench else BENCHES:
        if name == "replicas" and not postgres.is_installed():
            print(f"\n{name}: left out, as PostgreSQL is not installed")
            continue
        bench = BENCHES[name]
        figures = bench.measure(counts[name], asked.rounds)
        print(f"\n{table(bench.HEADING, bench.BASELINE, figures)}", flush=True)
        results[name] = {
            "count": counts[name],
            "rounds": asked.rounds,
            "baseline": bench.BASELINE,
            "figures": [one.to_json() for one in figures],
        }
    facts["load_after"] = round(os.getloadavg()[0], 2)
    print(f"\nmedians of {asked.rounds} rounds, measured in {time.monotonic() - began:.0f} s")
    if asked.json:
        asked.json.write_text(json.dumps({"machine": facts, "benches": results}, indent=2) + "\n")
    return 0


def _compare(asked: argparse.Namespace, facts: dict[str, Any]) -> int:
    """Packhouse next to its peers: a table of contestants, where the others have one baseline each."""
    for lacking in peers.missing():
        print(f"peers: without {lacking}")
    measured = peers.measure(asked.orders, asked.rounds, asked.only)
    print(f"\n{peers.table(measured)}\n\nmedians of {asked.rounds} rounds of {asked.orders} orders")
    facts["load_after"] = round(os.getloadavg()[0], 2)
    if asked.json:
        asked.json.write_text(json.dumps({"machine": facts, "benches": {"peers": measured}}, indent=2) + "\n")
    if asked.json and asked.chart:
        drawing = ["-m", "tests.bench.standing", str(asked.json.resolve()), str(asked.chart.resolve())]
        subprocess.run([contestants.ENGINES_PYTHON, *drawing], cwd=contestants.ROOT, check=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure Packhouse against a baseline. Use a machine without other load.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "bench", nargs="?", choices=[*BENCHES, "peers"], help="one benchmark (default: all but peers)"
    )
    parser.add_argument("--orders", type=int, default=2000, metavar="N", help="orders in each round (2000)")
    parser.add_argument(
        "--calm", type=int, default=300, metavar="N", help="orders in each round of five a second (300)"
    )
    parser.add_argument(
        "--idle", type=int, default=60, metavar="N", help="seconds without work in each round (60)"
    )
    parser.add_argument(
        "--deliveries", type=int, default=5000, metavar="N", help="deliveries in each round (5000)"
    )
    parser.add_argument(
        "--items", type=int, default=1000, metavar="N", help="items of a plan in each round (1000)"
    )
    parser.add_argument("--starts", type=int, default=20, metavar="N", help="starts in each round (20)")
    parser.add_argument(
        "--shared", type=int, default=150, metavar="N", help="orders in each round that replicas share (150)"
    )
    parser.add_argument(
        "--seconds", type=int, default=20, metavar="N", help="seconds of each attack in the overload (20)"
    )
    parser.add_argument(
        "--finished", type=int, default=200_000, metavar="N", help="finished orders of the ledger (200000)"
    )
    parser.add_argument("--due", type=int, default=5000, metavar="N", help="orders due at once (5000)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="rounds of each benchmark (3)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the values to this file")
    parser.add_argument("--only", default="", metavar="TEXT", help="peers: those with TEXT in their name")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="peers: draw the file of --json as a PNG")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
