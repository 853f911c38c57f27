"""How a bug is planted in the simulation: a wrong function takes the place of a right one for a while."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

Mutant = Callable[[], contextlib.AbstractContextManager[None]]
MUTANTS: dict[str, Mutant] = {}


def planted(apply: Callable[[], Iterator[None]]) -> Mutant:
    """Add a mutant under its function's name."""
    MUTANTS[apply.__name__] = mutant = contextlib.contextmanager(apply)
    return mutant


@contextlib.contextmanager
def replaced(owner: Any, name: str, mutated: Callable[[Any], Any]) -> Iterator[None]:
    """Replace a function by `mutated(function)`."""
    real = getattr(owner, name)
    setattr(owner, name, mutated(real))
    try:
        yield
    finally:
        setattr(owner, name, real)
