"""Faults on demand: each has a name and a probability, and any can be ordered to strike at the next occasion.

All chance comes from the `random.Random` handed in, so a seed tells the same story again.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Mapping

from packhouse.errors import SettingsError

_OF_A_SIDE = {
    "error_before_effect": "answer 500 and do nothing",
    "error_after_effect": "do it, then answer 500",
    "no_answer_before_effect": "do nothing and never answer",
    "no_answer_after_effect": "do it and never answer",
    "reset_before_effect": "do nothing and tear the connection down",
    "reset_after_effect": "do it, then tear the connection down",
    "throttle": "answer 429 with Retry-After and do nothing",
    "garbage_body": "do it, then answer with a body nobody can read",
    "slow": "wait slow_s seconds before anything else",
}

FAULTS: Mapping[str, str] = {
    **{f"{side}.{name}": what for side in ("store", "carrier") for name, what in _OF_A_SIDE.items()},
    "carrier.late_effect": "a purchase gets no answer and happens late_s seconds later",
    "carrier.refuse": "refuse to deliver to this address, now and ever after",
    "webhook.duplicate": "deliver an event twice",
    "webhook.reorder": "hold an event back so that later ones overtake it",
    "webhook.lose": "never deliver an event",
    "webhook.bad_signature": "sign an attempt with a wrong secret",
}


class Faults:
    """Which faults are on, and whether one strikes now. `struck` counts what happened, by name."""

    def __init__(self, rng: random.Random, chances: Mapping[str, float] | None = None) -> None:
        self._rng = rng
        self._chances: dict[str, float] = {}
        self._ordered: dict[str, int] = {}
        self.struck: dict[str, int] = {}
        for name, chance in (chances or {}).items():
            self.set(name, chance)

    @property
    def quiet(self) -> bool:
        """Nothing is on: callers may skip every question."""
        return not self._chances and not self._ordered

    @property
    def chances(self) -> dict[str, float]:
        """The probabilities that are not nought, by name."""
        return dict(self._chances)

    def set(self, name: str, chance: float) -> None:
        """Let a fault strike with this probability (0 to 1; 0 turns it off). Raises SettingsError."""
        _check_name(name)
        if not 0 <= chance <= 1:
            raise SettingsError(f"Fault {name}: {chance} is not a probability; write a number from 0 to 1.")
        if chance:
            self._chances[name] = chance
        else:
            self._chances.pop(name, None)

    def strike_next(self, name: str, times: int = 1) -> None:
        """Order a fault for the next so many occasions, whatever its probability. Raises SettingsError."""
        _check_name(name)
        if times < 1:
            raise SettingsError(f"Fault {name}: cannot strike {times} times; write 1 or more.")
        self._ordered[name] = self._ordered.get(name, 0) + times

    def silence(self) -> None:
        """Turn everything off."""
        self._chances.clear()
        self._ordered.clear()

    def strikes(self, name: str) -> bool:
        """Whether this fault strikes now. Rolls the dice only for a fault that is on."""
        left = self._ordered.get(name, 0)
        if left == 1:
            del self._ordered[name]
        elif left:
            self._ordered[name] = left - 1
        elif not ((chance := self._chances.get(name)) and self._rng.random() < chance):
            return False
        self.struck[name] = self.struck.get(name, 0) + 1
        return True


def read_fault(text: str) -> tuple[str, float]:
    """Read NAME=PROBABILITY as given on a command line. Raises SettingsError with the nearest name."""
    name, equals, number = text.partition("=")
    _check_name(name)
    try:
        return name, float(number)
    except ValueError:
        asked = f"{number!r} is not a number" if equals else "no probability given"
        raise SettingsError(f"Fault {name}: {asked}; write for example {name}=0.1") from None


def _check_name(name: str) -> None:
    if name in FAULTS:
        return
    near = difflib.get_close_matches(name, FAULTS, n=1, cutoff=0.5)
    if near:
        raise SettingsError(f"There is no fault {name!r}. Did you mean {near[0]!r}?")
    raise SettingsError(f"There is no fault {name!r}. There are: {', '.join(FAULTS)}.")
