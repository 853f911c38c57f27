"""Fixtures that open the two clients of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.service.store.clients import SHORT_S, Async, Blocking, Door
from tests.service.store.faulty_store import FaultyStore, faulty_store


@pytest.fixture
def shop() -> Iterator[FaultyStore]:
    with faulty_store() as store:
        yield store


@pytest.fixture(params=[Async, Blocking], ids=["async", "blocking"])
def opened(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    doors: list[Any] = []

    def open_door(url: str, timeout_s: float = 5.0) -> Any:
        doors.append(request.param(url, timeout_s))
        return doors[-1]

    yield open_door
    for door in doors:
        door.close()


@pytest.fixture
def door(opened: Callable[..., Door], shop: FaultyStore) -> Door:
    return opened(shop.url)


@pytest.fixture
def hasty(opened: Callable[..., Door], shop: FaultyStore) -> Door:
    return opened(shop.url, SHORT_S)
