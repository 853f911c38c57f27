"""python -m tests.simulation: run many seeds on all cores, or report one."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.every_mutant import MUTANTS
from tests.simulation.many import replay, run_many, silence_logs
from tests.simulation.search import search


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
    mutants = commands.add_parser("find", help="find a seed for each mutant and write it down")
    mutants.add_argument("names", nargs="*", metavar="MUTANT", help="all, if none is named")
    asked = parser.parse_args()
    if asked.command == "replay":
        return replay(asked.seed, asked.mutant)
    if asked.command == "find":
        silence_logs()
        return 1 if search(asked.names, sys.stdout) else 0
    return 1 if run_many(asked.first, asked.count, asked.jobs, sys.stdout) else 0


if __name__ == "__main__":
    sys.exit(main())
