"""python -m tests.simulation: run many seeds on all cores, or report one."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.many import replay, run_many
from tests.simulation.restore_mutants import MUTANTS


def main() -> int:
    """0: every promise was kept; 1: a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("replay", help="run one seed and report it")
    one.add_argument("seed", type=int)
    one.add_argument("--mutant", choices=MUTANTS, default="", help="plant this bug first")
    many = commands.add_parser("run", help="simulate many seeds")
    many.add_argument("count", type=int, nargs="?", default=1000)
    many.add_argument("--first", type=int, default=0, help="the first seed")
    many.add_argument("--jobs", type=int, default=0, help="processes; 0: one for each core")
    asked = parser.parse_args()
    if asked.command == "replay":
        return replay(asked.seed, asked.mutant)
    return 1 if run_many(asked.first, asked.count, asked.jobs, sys.stdout) else 0


if __name__ == "__main__":
    sys.exit(main())
