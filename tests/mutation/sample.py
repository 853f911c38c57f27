"""A module to plant mutants in."""

from __future__ import annotations

from functools import cache

LIMIT = 3
TWICE = LIMIT * 2


def is_over(number: int, names: list[str]) -> bool:
    """Whether it is over the limit and names anything."""
    if not names:
        return False
    return number > LIMIT


@cache
def half(number: int) -> float:
    """Half of it, from a cache."""
    return number / 2


class Counter:
    """Counts."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def count(self, name: str) -> int:
        """Note a name, and return how many there are now."""
        self.seen.append(name)
        return len(self.seen)
