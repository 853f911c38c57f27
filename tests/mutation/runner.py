"""Tries mutants one after another: forks, plants, and runs the tests that reach the place, quickest first."""

from __future__ import annotations

import gc
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import hypothesis

from tests.mutation import reach as reaching
from tests.mutation.fork_server import Ended, ForkServer, collected, waited_s
from tests.mutation.mutants import Mutant, one_writing
from tests.mutation.plant import NotPlanted, Plants, caches
from tests.mutation.rooms import ROOT, digest, functions_of

KILLED, TIMEOUT, SURVIVED, UNREACHED, NOT_PLANTED = (
    "killed",
    "time-out",
    "survived",
    "unreached",
    "not planted",
)
_SLOWEST_S = 6.0
"""A test that takes longer (with its trace) is left out."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a mutant. `source` is the hash of its function, `by` the test that failed."""

    id: str
    source: str
    status: str
    by: str = ""
    seconds: float = 0.0
    tests: int = 0


class Results:
    """The results so far, one line each, so that a run can be stopped and continued."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.all: dict[str, Result] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists():
            for line in path.read_text().splitlines():
                result = Result(**json.loads(line))
                self.all[one_writing(result.id)] = result

    def add(self, result: Result) -> None:
        """Keep a result; another process may be adding its own."""
        self.all[result.id] = result
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(result)) + "\n")


class Runner:
    """One process that tries mutants."""

    def __init__(self, server: ForkServer, reach: reaching.Reach, files: list[str], budget_s: float) -> None:
        self._server = server
        self._reach = reach
        self._budget_s = budget_s
        self._plants = Plants(ROOT, files)
        self._sources = {file: functions_of(file) for file in files}
        self._killers: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self._confirmed: set[str] = set()
        self._doubtful: set[str] = set()

    def source_of(self, mutant: Mutant) -> str:
        """The hash of the source that a result about this mutant depends on."""
        return self._sources[mutant.file][mutant.function][0]

    def remember(self, mutant: Mutant, result: Result) -> None:
        """Learn from an earlier run which test kills here."""
        if result.by:
            self._killers[mutant.file, mutant.function][result.by] += 1

    def try_one(self, mutant: Mutant) -> Result:
        """Plant one mutant and run the tests that reach it."""
        source, began = self.source_of(mutant), time.monotonic()
        tests = self._tests_for(mutant)
        if not tests:
            return Result(mutant.id, source, UNREACHED)

        def work() -> tuple[str, str]:
            try:
                self._plants.plant(mutant)
            except NotPlanted as why:
                return NOT_PLANTED, str(why)
            except Exception as error:  # noqa: BLE001 - the mutated value cannot even be made
                return KILLED, f"import: {type(error).__name__}"
            failed = self._server.run(tests)
            return (KILLED, failed) if failed else (SURVIVED, "")

        seconds = sum(self._reach.seconds[test] for test in tests)
        ended = self._fork(work, seconds)
        status, by = ended.answer or (TIMEOUT if ended.late else KILLED, "" if ended.late else "it crashed")
        if status == KILLED and not self._is_trusted(by, tests):
            return self.try_one(mutant)
        self._killers[mutant.file, mutant.function].update([by] if by in self._server.items else ())
        return Result(mutant.id, source, status, by, round(time.monotonic() - began, 3), len(tests))

    def _fork(self, work: object, seconds: float) -> Ended:
        return self._server.fork(work, cpu_s=10 + 4 * seconds, wall_s=20 + 6 * seconds)  # type: ignore[arg-type]

    def _is_trusted(self, test: str, tests: list[str]) -> bool:
        """A test that fails without any mutant as well, after the same tests, has killed nothing: it is left
        out from now on.
        """
        if test not in self._server.items or test in self._confirmed:
            return True
        before = tests[: tests.index(test) + 1]
        seconds = sum(self._reach.seconds[one] for one in before)
        if self._fork(lambda: self._server.run(before) or "none", seconds).answer == "none":
            if not self._server.is_postgres(test):
                self._confirmed.add(test)
            return True
        self._doubtful.add(test)
        print(f"  left out, because it fails without a mutant: {test}", flush=True)
        return False

    def _tests_for(self, mutant: Mutant) -> list[str]:
        found = self._reaching(mutant) & self._server.items.keys()
        found -= self._doubtful | self._reach.broken
        killers = self._killers[mutant.file, mutant.function]
        own = f"test_{Path(mutant.file).stem}.py"

        def cost(test: str) -> tuple[bool, float]:
            nearby = 0.4 if own in test else 1.0
            return self._server.is_postgres(test), self._reach.seconds[test] * nearby

        known = [test for test in self._server.items if test in found]
        known = [test for test in known if self._reach.seconds[test] <= _SLOWEST_S]
        known.sort(key=cost)
        first = [test for test, _ in killers.most_common(5) if test in found]
        chosen: list[str] = []
        spent = 0.0
        # PostgreSQL's variants come last, and have a part of the time for themselves.
        for postgres in (False, True):
            spent = 0.0
            for test in [*first, *known]:
                if self._server.is_postgres(test) is postgres and test not in chosen:
                    spent += self._reach.seconds[test]
                    if spent > self._budget_s and len(chosen) >= 10:
                        break
                    chosen.append(test)
        return chosen

    def _reaching(self, mutant: Mutant) -> set[str]:
        if not mutant.function:
            readers = self._plants.readers(mutant)
            found = {test for name in readers for test in self._reach.of_function(mutant.file, name)}
            return found or self._reach.of_file(mutant.file) or self._importing(mutant)
        hash_then, first_then = self._reach.sources.get(mutant.file, {}).get(mutant.function, ("", 0))
        hash_now, first_now = self._sources[mutant.file][mutant.function]
        if hash_then != hash_now:
            return self._reach.of_function(mutant.file, mutant.function)
        first, last = (line - first_now + first_then for line in mutant.lines)
        return self._reach.of_lines(mutant.file, mutant.function, first, last)

    def _importing(self, mutant: Mutant) -> set[str]:
        """The tests whose file imports a value that is changed, where no function of its module reads it."""
        values = self._plants.values(mutant).items()
        modules = {test: getattr(item, "module", None) for test, item in self._server.items.items()}
        return {
            test
            for test, module in modules.items()
            if any(getattr(module, name, None) is value for name, value in values)
        }


def trace(server: ForkServer, reach: reaching.Reach, files: list[str], path: Path) -> None:
    """Run the tests of every test file that is new or changed, with a trace."""
    test_files: dict[str, list[str]] = defaultdict(list)
    for test in server.items:
        test_files[test.split("::")[0]].append(test)
    new = {file for file in test_files if reach.files.get(file) != digest(file)}
    if new:
        reach.drop(new | {file for file in reach.files if not (ROOT / file).exists()})
    paths = {str(ROOT / file): file for file in files}
    cached = caches(paths) if new else []
    for number, file in enumerate(sorted(new), 1):
        tests = test_files[file]

        def work(tests: list[str] = tests) -> list[tuple[str, float, bool, reaching.Lines]]:
            done = []
            for test in tests:
                for clear in cached:
                    clear()
                began = time.perf_counter() - waited_s()
                with reaching.traced(paths) as lines:
                    passed = server.passes(test)
                done.append((test, time.perf_counter() - waited_s() - began, passed, lines))
            return done

        ended = server.fork(work, cpu_s=600, wall_s=900)
        for one in ended.answer or [(test, 0.0, False, {}) for test in tests]:
            reach.add(*one)
        reach.files[file] = digest(file)
        broken = sum(test in reach.broken for test in tests)
        note = f", {broken} left out" if broken else ""
        print(f"  {number}/{len(new)} {file}: {len(tests)} tests{note}", flush=True)
    if new:
        reach.see({file: functions_of(file) for file in files}, is_whole=new >= set(reach.files))
        reach.save(path)


def run(
    mutants: Sequence[Mutant],
    files: list[str],
    tests: Sequence[str],
    folder: Path,
    *,
    budget_s: float,
    again: Iterable[str],
    shard: tuple[int, int],
) -> None:
    """Try these mutants, except those whose result is known; the shard's part of them. N of N has none."""
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None)
    hypothesis.settings.load_profile("mutation")
    sys.setswitchinterval(0.005)
    with collected(tests) as server:
        server.warm()
        path = folder / "reach.json.gz"
        reach = reaching.load(path)
        trace(server, reach, files, path)
        runner, results = Runner(server, reach, files, budget_s), Results(folder / "results.jsonl")
        gc.collect()
        gc.freeze()  # only now: the collector shows no frozen functions to plant in
        repeated = set(again)
        for mutant in mutants:
            if mutant.id in results.all:
                runner.remember(mutant, results.all[mutant.id])
        # In an order without meaning, so that a part of a run says something about the whole.
        shuffled = sorted(mutants, key=lambda mutant: hashlib.sha256(mutant.id.encode()).digest())
        mine = shuffled[shard[0] :: shard[1]] if shard[0] < shard[1] else []
        for number, mutant in enumerate(mine, 1):
            known = results.all.get(mutant.id)
            if known and known.source == runner.source_of(mutant) and known.status not in repeated:
                continue
            result = runner.try_one(mutant)
            results.add(result)
            if result.status != KILLED:
                print(
                    f"{number}/{len(mine)} {result.status}: {mutant.place} {mutant.kind}: {mutant.before}",
                    flush=True,
                )
