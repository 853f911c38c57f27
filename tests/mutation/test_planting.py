"""The mutants are real mistakes: each one is found in the source, planted in the loaded code, and noticed."""

from __future__ import annotations

import ast
import os
from collections.abc import Callable

import pytest

from packhouse.ledger.tables import metadata
from tests.mutation import sample
from tests.mutation.mutants import Mutant, mutants_of
from tests.mutation.named import named
from tests.mutation.plant import Plants
from tests.mutation.report import accepted
from tests.mutation.rooms import ROOMS, ROOT, files_of

_FILE = "tests/mutation/sample.py"


_TABLES = "service/packhouse/ledger/tables.py"


def _in_a_fork(mutant: Mutant, asked: Callable[[], bool]) -> bool:
    """The answer of the mutated code; the mutant ends with the fork."""
    child = os.fork()
    if not child:
        try:
            Plants(ROOT, [mutant.file]).plant(mutant)
            os._exit(int(asked()))
        finally:
            os._exit(2)
    return bool(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


@pytest.mark.parametrize(
    ("kind", "before", "asked", "real", "mutated"),
    [
        ("> is >=", "number > LIMIT", lambda: sample.is_over(3, ["a"]), False, True),
        ("forced false", "not names", lambda: sample.is_over(9, []), False, True),
        ("forced true", "not names", lambda: sample.is_over(9, ["a"]), True, False),
        ("omitted", "self.seen.append(name)", lambda: sample.Counter().count("a") == 1, True, False),
        ("3 is 4", "3", lambda: sample.is_over(4, ["a"]), True, False),
        ("3 is 4", "3", lambda: sample.TWICE == 8, False, True),
        ("* is /", "LIMIT * 2", lambda: sample.TWICE == 1.5, False, True),
    ],
)
def test_a_mutant_changes_the_loaded_code_of_its_fork_alone(
    kind: str, before: str, asked: Callable[[], bool], real: bool, mutated: bool
) -> None:
    (mutant,) = [one for one in mutants_of(ROOT, _FILE) if (one.kind, one.before) == (kind, before)]
    assert _in_a_fork(mutant, asked) is mutated
    assert asked() is real


def test_an_answer_that_was_cached_before_is_found_again_by_the_mutated_code() -> None:
    assert sample.half(4) == 2
    (mutant,) = [
        one for one in mutants_of(ROOT, _FILE) if one.before == "number / 2" and one.kind == "/ is *"
    ]
    assert _in_a_fork(mutant, lambda: sample.half(4) == 8)


def test_a_table_is_declared_again_in_its_metadata() -> None:
    mutants = [one for one in mutants_of(ROOT, _TABLES) if one.kind == "False is True"]
    first = min(mutants, key=lambda one: one.line)
    assert not metadata.tables["events"].c.source.nullable
    assert _in_a_fork(first, lambda: metadata.tables["events"].c.source.nullable is True)


def test_every_mutant_has_a_name_of_its_own_and_changes_something() -> None:
    for file in (_FILE, "service/packhouse/steps/post.py", "service/packhouse/ledger/leases.py"):
        mutants = mutants_of(ROOT, file)
        assert mutants
        assert len({one.id for one in mutants}) == len(mutants)
        real = [ast.unparse(statement) for statement in ast.parse((ROOT / file).read_text()).body]
        assert [one.id for one in mutants if ast.unparse(one.mutated) == real[one.statement]] == []


def test_every_named_mistake_has_one_place_in_the_code() -> None:
    assert {one.name: one.places for one in named() if one.places != 1} == {}
    assert all(one.mutant().line for one in named())


def test_every_room_has_files() -> None:
    assert all(files_of(room) for room in ROOMS)


def test_every_accepted_mutant_exists_and_has_a_reason() -> None:
    reasons = accepted()
    exist = {
        mutant.id for file in {key.split("::")[0] for key in reasons} for mutant in mutants_of(ROOT, file)
    }
    assert sorted(reasons.keys() - exist) == []
    assert all(reasons.values())
