"""Which tests reach which line, and how long each test takes: found once, by running all with a trace."""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

Lines = dict[str, dict[str, list[int]]]
"""File, function, and the lines of the file that were reached in it."""


@contextmanager
def traced(paths: dict[str, str]) -> Iterator[Lines]:
    """Note every line of these files that runs inside, in any thread."""
    lines: Lines = {}
    seen: dict[CodeType, set[int]] = {}
    with (_monitored if sys.version_info >= (3, 12) else _followed)(paths, seen):
        yield lines
    for code, reached in seen.items():
        name = code.co_qualname.split(".<locals>")[0]
        functions = lines.setdefault(paths[code.co_filename], {})
        functions.setdefault(name, []).extend(sorted(reached))


@contextmanager
def _monitored(paths: dict[str, str], seen: dict[CodeType, set[int]]) -> Iterator[None]:
    """By the interpreter's own events, each place once: many times quicker than the older way below."""
    monitoring: Any = getattr(sys, "monitoring")  # noqa: B009 - only from 3.12
    events, tool = monitoring.events, monitoring.COVERAGE_ID

    def on_start(code: CodeType, offset: int) -> Any:
        if code.co_filename in paths and code not in seen:
            seen[code] = set()
            monitoring.set_local_events(tool, code, events.LINE)
        return monitoring.DISABLE

    def on_line(code: CodeType, line: int) -> Any:
        if code in seen:
            seen[code].add(line)
        return monitoring.DISABLE

    monitoring.use_tool_id(tool, "reach")
    try:
        monitoring.register_callback(tool, events.PY_START, on_start)
        monitoring.register_callback(tool, events.LINE, on_line)
        monitoring.restart_events()
        monitoring.set_events(tool, events.PY_START)
        yield
    finally:
        monitoring.set_events(tool, events.NO_EVENTS)
        monitoring.free_tool_id(tool)


@contextmanager
def _followed(paths: dict[str, str], seen: dict[CodeType, set[int]]) -> Iterator[None]:
    def on_call(frame: FrameType, event: str, argument: object) -> Any:
        code = frame.f_code
        if code.co_filename not in paths:
            return None
        reached = seen.setdefault(code, set())

        def on_line(frame: FrameType, event: str, argument: object) -> Any:
            reached.add(frame.f_lineno)
            return on_line

        return on_line

    threading.settrace(on_call)
    sys.settrace(on_call)
    try:
        yield
    finally:
        sys.settrace(None)
        threading.settrace(None)


@dataclass(slots=True)
class Reach:
    """What the tests reach. A test is known by its place in `tests`.

    `files` has the hash of each test file, `sources` that of each function and its first line, at that time.
    """

    tests: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    lines: dict[str, dict[str, dict[int, list[int]]]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    sources: dict[str, dict[str, tuple[str, int]]] = field(default_factory=dict)

    def add(self, test: str, seconds: float, passed: bool, reached: Lines) -> None:
        """Add what one test reached."""
        number = len(self.tests)
        self.tests.append(test)
        self.seconds[test] = seconds
        if not passed:
            self.broken.add(test)
        for file, functions in reached.items():
            for function, lines in functions.items():
                place = self.lines.setdefault(file, {}).setdefault(function, {})
                for line in set(lines):
                    place.setdefault(line, []).append(number)

    def see(self, sources: dict[str, dict[str, tuple[str, int]]], *, is_whole: bool) -> None:
        """Note the functions as they are now. `is_whole`: every test was traced with them.

        Else some tests have the lines of a function before it changed or moved, so its lines say nothing.
        """
        known = {} if is_whole else self.sources
        self.sources = {
            file: {
                name: now if known.get(file, {}).get(name, now) == now else ("changed", 0)
                for name, now in functions.items()
            }
            for file, functions in sources.items()
        }

    def of_lines(self, file: str, function: str, first: int, last: int) -> set[str]:
        """The tests that reach one of these lines of a function."""
        reached = self.lines.get(file, {}).get(function, {})
        return {self.tests[n] for line in range(first, last + 1) for n in reached.get(line, ())}

    def of_function(self, file: str, function: str) -> set[str]:
        """The tests that reach any line of a function."""
        reached = self.lines.get(file, {}).get(function, {})
        return {self.tests[number] for numbers in reached.values() for number in numbers}

    def of_file(self, file: str) -> set[str]:
        """The tests that reach any function of a file."""
        return {test for function in self.lines.get(file, {}) for test in self.of_function(file, function)}

    def drop(self, files: set[str]) -> None:
        """Forget the tests of these test files."""
        kept = [test for test in self.tests if test.split("::")[0] not in files]
        numbers = {test: number for number, test in enumerate(kept)}
        renumbered = [numbers.get(test) for test in self.tests]
        for functions in self.lines.values():
            for places in functions.values():
                for line, tests in places.items():
                    places[line] = [new for old in tests if (new := renumbered[old]) is not None]
        self.tests = kept
        self.seconds = {test: self.seconds[test] for test in kept}
        self.broken &= set(kept)

    def save(self, path: Path) -> None:
        """Write the map."""
        value = {
            "tests": self.tests,
            "seconds": self.seconds,
            "broken": sorted(self.broken),
            "lines": self.lines,
            "files": self.files,
            "sources": self.sources,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        with gzip.open(path, "wt", compresslevel=3) as file:
            json.dump(value, file)


def load(path: Path) -> Reach:
    """Read a map; an empty one if there is none."""
    if not path.exists():
        return Reach()
    with gzip.open(path, "rt") as file:
        value = json.load(file)
    lines: dict[str, dict[str, dict[int, list[int]]]] = defaultdict(dict)
    for name, functions in value["lines"].items():
        lines[name] = {
            function: {int(line): tests for line, tests in places.items()}
            for function, places in functions.items()
        }
    return Reach(
        value["tests"], value["seconds"], set(value["broken"]), dict(lines), value["files"], value["sources"]
    )
