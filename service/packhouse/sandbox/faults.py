"""Faults on demand: each has a name and a probability, and each can be triggered for the next calls.

All randomness comes from the `random.Random` passed in, so the same seed gives the same faults.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Mapping

from packhouse.errors import SettingsError

_OF_AN_API = {
    "error_before_effect": "answer 500 and do nothing",
    "error_after_effect": "carry out the call, then answer 500",
    "no_response_before_effect": "do nothing and never answer",
    "no_response_after_effect": "carry out the call and never answer",
    "reset_before_effect": "do nothing and reset the connection",
    "reset_after_effect": "carry out the call, then reset the connection",
    "throttle": "answer 429 with Retry-After and do nothing",
    "garbage_body": "carry out the call, then answer with an unreadable body",
    "slow": "wait slow_s seconds before anything else",
}

FAULTS: Mapping[str, str] = {
    **{f"{api}.{name}": effect for api in ("store", "easypost") for name, effect in _OF_AN_API.items()},
    "easypost.late_effect": "a purchase gets no response and takes effect late_s seconds later",
    "easypost.refuse": "refuse to sell labels to this address, now and later",
    "easypost.firewall_before_effect": "answer 403 with a firewall's page and do nothing",
    "easypost.firewall_after_effect": "carry out the call, then answer 403 with a firewall's page",
    "easypost.insure": "charge an insurance fee of 1.00 with a label",
    "easypost.return_parcel": "return a bought label's parcel to its sender instead of delivering it",
    "easypost.reject_void": "reject a void although the label is unused; EasyPost may be asked again",
    "easypost.bill_on_scan": "answer that a void is not applicable, as the label costs money only if used",
    "easypost.no_form": "answer 503 for the file of a customs form",
    "easypost.odd_file": "answer with a web page in place of a label's file",
    "webhook.duplicate": "deliver an event twice",
    "webhook.reorder": "delay an event so that later ones overtake it",
    "webhook.lose": "never deliver an event",
    "webhook.bad_signature": "sign an attempt with a wrong secret",
}


class Faults:
    """Which faults are on, and whether one occurs now. `triggered` counts those that occurred, by name."""

    def __init__(self, rng: random.Random, probabilities: Mapping[str, float] | None = None) -> None:
        self._rng = rng
        self._probabilities: dict[str, float] = {}
        self._forced: dict[str, int] = {}
        self.triggered: dict[str, int] = {}
        for name, probability in (probabilities or {}).items():
            self.set(name, probability)

    @property
    def all_off(self) -> bool:
        """Whether no fault can occur. Callers may then skip every check."""
        return not self._probabilities and not self._forced

    @property
    def probabilities(self) -> dict[str, float]:
        """The probabilities above zero, by name."""
        return dict(self._probabilities)

    def set(self, name: str, probability: float) -> None:
        """Set a fault's probability (0 to 1; 0 turns it off). Raises SettingsError."""
        _check_name(name)
        if not 0 <= probability <= 1:
            raise SettingsError(
                f"Fault {name}: {probability} is not a probability. Write a number from 0 to 1."
            )
        if probability:
            self._probabilities[name] = probability
        else:
            self._probabilities.pop(name, None)

    def trigger_next(self, name: str, times: int = 1) -> None:
        """Force a fault the next `times` times it can occur. Raises SettingsError."""
        _check_name(name)
        if times < 1:
            raise SettingsError(f"Fault {name}: cannot occur {times} times. Write 1 or more.")
        self._forced[name] = self._forced.get(name, 0) + times

    def clear(self) -> None:
        """Turn every fault off."""
        self._probabilities.clear()
        self._forced.clear()

    def triggers(self, name: str) -> bool:
        """Whether this fault occurs now. Draws a random number only for a fault that is on."""
        left = self._forced.get(name, 0)
        if left == 1:
            del self._forced[name]
        elif left:
            self._forced[name] = left - 1
        elif not ((probability := self._probabilities.get(name)) and self._rng.random() < probability):
            return False
        self.count(name)
        return True

    def count(self, name: str) -> None:
        """Count something that occurred."""
        self.triggered[name] = self.triggered.get(name, 0) + 1


def read_fault(text: str) -> tuple[str, float]:
    """Read NAME=PROBABILITY from a command line. Raises SettingsError, with the nearest name."""
    name, equals, number = text.partition("=")
    _check_name(name)
    try:
        return name, float(number)
    except ValueError:
        reason = f"{number!r} is not a number" if equals else "the probability is missing"
        raise SettingsError(f"Fault {name}: {reason}. Write for example {name}=0.1") from None


def _check_name(name: str) -> None:
    if name in FAULTS:
        return
    near = difflib.get_close_matches(name, FAULTS, n=1, cutoff=0.5)
    if near:
        raise SettingsError(f"Unknown fault {name!r}. Did you mean {near[0]!r}?")
    raise SettingsError(f"Unknown fault {name!r}. The faults are: {', '.join(FAULTS)}.")
