"""make mutate: plant every small mistake in the rooms that move money, and report what no test notices."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.named import named
from tests.mutation.report import report
from tests.mutation.rooms import ROOMS, ROOT, changed_since, files_of
from tests.mutation.runner import NOT_PLANTED, SURVIVED, UNREACHED, Results, run

_FOLDER = ROOT / ".mutation"
_TESTED = ("flow", "ledger", "operations", "providers", "rules", "steps", "store", "worker")
_TESTS = tuple(f"tests/service/{folder}" for folder in _TESTED)


def main() -> int:
    """0: at least `--least` percent of the mutants were killed; 1: fewer."""
    asked = _parser().parse_args()
    files = [file for room in asked.room or ROOMS for file in files_of(room)]
    if asked.since:
        changed = changed_since(asked.since)
        files = [file for file in files if file in changed]
    if asked.path:
        files = [file for file in files if any(part in file for part in asked.path)]
    if asked.named:
        mutants = [one.mutant() for one in named()]
    else:
        mutants = [mutant for file in files for mutant in mutants_of(ROOT, file)]
    asked.folder.mkdir(exist_ok=True)
    if asked.survivors and not asked.named:
        known = Results(asked.folder / "results.jsonl").all
        mutants = [mutant for mutant in mutants if mutant.id in known]
    if not asked.report:
        os.nice(asked.nice)
        if asked.jobs > 1 and not asked.shard:
            _run_shards(asked.jobs)
        else:
            _run(asked, mutants)
    results = Results(asked.folder / "results.jsonl")
    if asked.shard:
        return 0
    if asked.ids:
        for mutant in mutants:
            if mutant.id in results.all and results.all[mutant.id].status in (
                SURVIVED,
                UNREACHED,
                NOT_PLANTED,
            ):
                print(mutant.id)
        return 0
    return 0 if report(mutants, results, sys.stdout) * 100 >= asked.least else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--room", action="append", choices=ROOMS, help="only this room (may be repeated)")
    parser.add_argument(
        "--path", action="append", help="only files whose path contains this (may be repeated)"
    )
    parser.add_argument("--since", metavar="REV", help="only files that differ from this revision of git")
    parser.add_argument(
        "--tests",
        action="append",
        metavar="PATH",
        help="only these tests (may be repeated)",
    )
    parser.add_argument("--named", action="store_true", help="only the mistakes of named.toml")
    parser.add_argument("--survivors", action="store_true", help="only those again that survived before")
    parser.add_argument(
        "--budget", type=float, default=8.0, metavar="S", help="seconds of tests for a mutant"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--nice", type=int, default=19, help="how much other programs go first")
    parser.add_argument("--report", action="store_true", help="only print what is known")
    parser.add_argument("--ids", action="store_true", help="print the ids of survivors, for accepted.toml")
    parser.add_argument("--least", type=float, default=95.0, metavar="PERCENT", help="the share to reach")
    parser.add_argument("--folder", type=Path, default=_FOLDER, help="where the results are kept")
    parser.add_argument("--shard", default="", help=argparse.SUPPRESS)
    return parser


def _run(asked: argparse.Namespace, mutants: list[Mutant]) -> None:
    place, _, count = asked.shard.partition("/")
    shard = (int(place), int(count)) if count else (0, 1)
    again = (SURVIVED, UNREACHED, NOT_PLANTED) if asked.survivors else ()
    all_files = [file for room in ROOMS for file in files_of(room)]
    run(
        mutants,
        all_files,
        asked.tests or _TESTS,
        asked.folder,
        budget_s=asked.budget,
        again=again,
        shard=shard,
    )


def _run_shards(jobs: int) -> None:
    """The first process traces what is new; then all take their parts."""
    command = [sys.executable, "-m", "tests.mutation", *sys.argv[1:], "--shard"]
    subprocess.run([*command, f"{jobs}/{jobs}"], check=True, cwd=ROOT)
    running = [subprocess.Popen([*command, f"{place}/{jobs}"], cwd=ROOT) for place in range(jobs)]
    for process in running:
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
