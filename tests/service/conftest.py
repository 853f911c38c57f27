"""The `harness` fixture, and the event loop that a coroutine test runs in."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.service.harness import Harness, NewHarness


@pytest.fixture
def harnesses(event_loop_runner: asyncio.Runner) -> Iterator[list[Harness]]:
    """The harnesses of one test, closed at its end."""
    opened: list[Harness] = []
    yield opened
    for harness in opened:
        event_loop_runner.run(harness.aclose())


@pytest.fixture
def new_harness(tmp_path: Path, harnesses: list[Harness]) -> NewHarness:
    """Make a harness with arguments that only the test knows."""

    def make(**arguments: Any) -> Harness:
        harnesses.append(Harness(tmp_path, **arguments))
        return harnesses[-1]

    return make


@pytest.fixture
def harness(
    request: pytest.FixtureRequest, new_harness: NewHarness, event_loop_runner: asyncio.Runner
) -> Harness:
    """A harness with the arguments of `@pytest.mark.harness`."""
    marker = request.node.get_closest_marker("harness")

    async def make() -> Harness:
        return new_harness(**(marker.kwargs if marker else {}))

    return event_loop_runner.run(make())


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[None]:
    """A test has passed only if the sandbox's audit finds nothing wrong."""
    result = yield
    harnesses: Any = pyfuncitem.funcargs.get("harnesses", ())
    for harness in harnesses:
        assert harness.problems() == []
    return result
