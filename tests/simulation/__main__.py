"""python -m tests.simulation: many seeds over all cores, or the story of one."""

from __future__ import annotations

import argparse
import sys

from tests.simulation.many import replay, run_many
from tests.simulation.plants import PLANTS


def main() -> int:
    """0: every promise was kept; 1: one was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("replay", help="tell the story of one seed")
    one.add_argument("seed", type=int)
    one.add_argument("--plant", choices=PLANTS, default="", help="with this bug planted")
    many = commands.add_parser("run", help="simulate many seeds")
    many.add_argument("count", type=int, nargs="?", default=1000)
    many.add_argument("--first", type=int, default=0, help="the first seed")
    many.add_argument("--jobs", type=int, default=0, help="processes; 0: one for each core")
    asked = parser.parse_args()
    if asked.command == "replay":
        return replay(asked.seed, asked.plant)
    return 1 if run_many(asked.first, asked.count, asked.jobs, sys.stdout) else 0


if __name__ == "__main__":
    sys.exit(main())
