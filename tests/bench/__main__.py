"""`python -m tests.bench`: run benchmarks and print a table; `--json FILE` saves every round."""

from __future__ import annotations

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

from tests import postgres
from tests.bench import bulk, due, history, intake, orders, overload, replicas, start
from tests.bench.figures import facts_line, table
from tests.bench.gauges import machine, supported

BENCHES = {
    "orders": orders,
    "intake": intake,
    "bulk": bulk,
    "start": start,
    "replicas": replicas,
    "overload": overload,
    "history": history,
    "due": due,
}
_EXAMPLES = """examples:
  python -m tests.bench                        everything, about eight minutes
  python -m tests.bench orders --orders 500 --rounds 1
  python -m tests.bench intake --json intake.json
  python -m tests.bench bulk --items 1000       a plan and its apply, compared with a shell loop
  python -m tests.bench start --rounds 5       the command's start-up, compared with python -c pass
  python -m tests.bench overload --rounds 1    an attack, with and without limits on connections
  python -m tests.bench history --finished 2000000 --rounds 1
  python -m tests.bench due --due 100000 --rounds 1
  python -m tests.bench replicas               two daemons on one PostgreSQL, compared with one
"""


def main() -> int:
    """Run the selected benchmarks. 2: this system does not provide the process figures."""
    asked = _parser().parse_args()
    if not supported():
        print("The benches read processor time and memory from /proc: run them on Linux.")
        return 2
    facts, began = machine(), time.monotonic()
    print(facts_line(facts), flush=True)
    counts = {
        "orders": asked.orders,
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure Packhouse against a baseline. Use a machine without other load.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("bench", nargs="?", choices=BENCHES, help="one benchmark (default: all)")
    parser.add_argument("--orders", type=int, default=2000, metavar="N", help="orders in each round (2000)")
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
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
