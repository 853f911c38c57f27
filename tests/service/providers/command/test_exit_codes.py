"""What each end of a program means for a purchase, a look-up, a void and a tracker, without a program."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packhouse.model.label import Rate
from packhouse.providers.command import wire
from packhouse.providers.command.options import CommandOptions
from packhouse.providers.command.process import Finished
from packhouse.providers.conformance import sample_request
from packhouse.providers.port import (
    Absent,
    NotBought,
    Purchase,
    TrackerState,
    Tracking,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
)

PURCHASE = Purchase(sample_request("ord_1/1/1"), "", Rate("command", "command", "standard", None))
SOLD = b'{"tracking": "1Z999AA10123456784"}'


def ended(code: int = 0, output: bytes | None = SOLD, errors: str = "", *, late: bool = False) -> Finished:
    return Finished(code, output, errors, timed_out=late)


def purchased(one: Finished) -> wire.Made | NotBought | Unknown:
    return wire.read_purchase(one, PURCHASE, CommandOptions())


def looked_up(one: Finished) -> wire.Made | Absent | Unknown:
    return wire.read_lookup(one, PURCHASE, CommandOptions())


UNCERTAIN: list[tuple[Finished, str]] = [
    (ended(late=True), "The program did not end in time and was stopped."),
    (ended(1, late=True), "The program did not end in time and was stopped."),
    (ended(-9, late=True), "The program did not end in time and was stopped."),
    (ended(-9), "The program was killed by signal 9."),
    (ended(-1), "The program was killed by signal 1."),
    (ended(128), "The program ended with 128, as a shell does for a killed program."),
    (ended(137), "The program ended with 137, as a shell does for a killed program."),
    (ended(74), "The program ended with 74: it does not know the outcome."),
]


@pytest.mark.parametrize(("one", "reason"), UNCERTAIN)
def test_an_end_that_says_nothing_is_unknown_even_beside_a_whole_label(one: Finished, reason: str) -> None:
    assert purchased(one) == Unknown(reason)
    assert looked_up(one) == Unknown(reason)
    assert wire.read_void(one) is None


@pytest.mark.parametrize(
    ("code", "whose"),
    [(75, Whose.MOMENT), *((code, Whose.ORDER) for code in (1, 2, 73, 76, 127))],
)
def test_a_failed_program_sold_nothing_whatever_it_printed(code: int, whose: Whose) -> None:
    assert purchased(ended(code)) == NotBought(f"The program ended with {code}.", whose)
    assert looked_up(ended(code)) == Unknown(f"The program ended with {code}."), "not found is exit 0"


def test_the_exit_codes_are_those_of_sysexits() -> None:
    assert (wire.TRY_LATER, wire.OUTCOME_UNKNOWN) == (75, 74)


@pytest.mark.parametrize("said", [{"found": True}, {"found": None}, {"found": 0}, {"found": "false"}, {}])
def test_only_found_false_means_that_nothing_was_bought(said: dict[str, Any]) -> None:
    assert looked_up(ended(0, b'{"found": false}')) == Absent()
    found = looked_up(ended(0, json.dumps(said).encode()))
    assert isinstance(found, Unknown)
    assert not found.needs_person, "the next look-up may answer"
    made = looked_up(ended(0, json.dumps({**said, "tracking": "1Z999AA10123456784"}).encode()))
    assert isinstance(made, wire.Made)


@pytest.mark.parametrize("output", [b"", None, b"printed", b"[]"])
def test_exit_0_without_a_readable_answer_is_unknown_and_quotes_stderr(output: bytes | None) -> None:
    one = ended(0, output, "paper jam")
    outcome = purchased(one)
    assert isinstance(outcome, Unknown)
    assert outcome.reason.startswith("The program ended with 0, but its output is unreadable: it is ")
    assert outcome.reason.endswith(". Its stderr: paper jam")
    found = looked_up(one)
    assert isinstance(found, Unknown)
    assert found.reason.startswith("The look-up ended with 0, but its output is unreadable: it is ")
    assert found.reason.endswith(". Its stderr: paper jam")


@pytest.mark.parametrize(
    ("one", "void"),
    [
        (ended(0, b""), Voided()),
        (ended(0, b" \n"), Voided()),
        (ended(0, b"{}"), Voided()),
        (ended(0, b'{"status": "voided"}'), Voided()),
        (ended(0, b'{"status": "pending"}'), VoidPending("")),
        (ended(0, b'{"status": "pending", "reason": "by Friday"}'), VoidPending("by Friday")),
        (ended(0, b'{"status": "refused", "reason": "used"}'), VoidRefused("used")),
        (ended(0, b'{"status": "refused"}'), VoidRefused("The program refused to void the label.")),
        (ended(2, b"", "too late"), VoidRefused("The program ended with 2. Its stderr: too late")),
        (ended(1, b'{"status": "voided"}'), VoidRefused("The program ended with 1.")),
        (ended(1, b""), VoidRefused("The program ended with 1.")),
        (ended(75, b'{"status": "voided"}'), None),
        (ended(0, None), None),
        (ended(0, b"done"), None),
        (ended(0, b'{"status": "?"}'), None),
    ],
)
def test_a_void_is_done_pending_refused_or_to_be_asked_again(
    one: Finished, void: Voided | VoidPending | VoidRefused | None
) -> None:
    assert wire.read_void(one) == void


@pytest.mark.parametrize(
    ("one", "tracking"),
    [
        (ended(0, b'{"status": "delivered", "note": "porch"}'), Tracking(TrackerState.DELIVERED, "porch")),
        (ended(0, b'{"status": "in_transit", "message": "x"}'), Tracking(TrackerState.IN_TRANSIT, "x")),
        (ended(0, b'{"status": "lost in fog"}'), Tracking(TrackerState.UNKNOWN)),
        (ended(0, b'{"status": null}'), Tracking(TrackerState.UNKNOWN)),
        (ended(1, b'{"status": "delivered"}'), None),
        (ended(-9, b'{"status": "delivered"}'), None),
        (ended(0, b'{"status": "delivered"}', late=True), None),
        (ended(0, b"delivered"), None),
    ],
)
def test_a_tracker_is_read_from_a_run_that_succeeded(one: Finished, tracking: Tracking | None) -> None:
    assert wire.read_tracker(one) == tracking


def test_the_last_six_lines_of_stderr_are_quoted_each_up_to_300_characters() -> None:
    lines = [f"line {number}" for number in range(8)]
    outcome = purchased(ended(1, b"", "\n \n".join([*lines, "x" * 400])))
    assert outcome == NotBought(
        f"The program ended with 1. Its stderr: {' | '.join([*lines[3:], 'x' * 300])}", Whose.ORDER
    )
