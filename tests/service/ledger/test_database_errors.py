"""What an error of the driver becomes: a passing state, a rejected value, or a ledger to repair."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
)

from packhouse.errors import LedgerUnavailable, LedgerUnusable, ValueRejected
from packhouse.ledger.port import sqlstate, translated


class DriverError(Exception):
    """An error as a driver raises it, with SQLite's code or PostgreSQL's."""

    def __init__(self, words: str, *, code: int | None = None, state: str | None = None) -> None:
        super().__init__(words)
        if code is not None:
            self.sqlite_errorcode = code
        self.sqlstate = state


def raised(
    kind: type[DBAPIError] = DatabaseError,
    words: str = "no luck\nsecond line",
    *,
    code: int | None = None,
    state: str | None = None,
    lost: bool = False,
) -> DBAPIError:
    orig = DriverError(words, code=code, state=state)
    return kind("SELECT 1", {}, orig, connection_invalidated=lost)


UNAVAILABLE = "the ledger's database is unavailable: no luck"
REJECTED = "the ledger cannot store a value: no luck"


@pytest.mark.parametrize("code", [5, 6, 7, 8, 9, 10, 13, 14, 15])
@pytest.mark.parametrize("extended", [0, 1, 13])
def test_sqlites_passing_states_make_the_ledger_unavailable(code: int, extended: int) -> None:
    found = translated(raised(code=code | extended << 8))
    assert isinstance(found, LedgerUnavailable)
    assert str(found) == UNAVAILABLE


@pytest.mark.parametrize("code", [18, 19, 20, 25])
@pytest.mark.parametrize("extended", [0, 1, 6])
def test_sqlite_rejects_a_value_that_is_too_big_or_breaks_a_constraint(code: int, extended: int) -> None:
    found = translated(raised(code=code | extended << 8))
    assert isinstance(found, ValueRejected)
    assert str(found) == REJECTED


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, DatabaseError])
@pytest.mark.parametrize("code", [1, 2, 3, 4, 12, 16, 17, 21, 22, 23, 24, 27, 255, 256 + 1])
def test_any_other_error_of_sqlite_stays_as_it_is(kind: type[DBAPIError], code: int) -> None:
    error = raised(kind, code=code)
    assert translated(error) is error


@pytest.mark.parametrize(
    ("words", "code"),
    [("database disk image is malformed", 11), ("file is not a database", 26), ("malformed schema", None)],
)
def test_a_damaged_file_is_moved_aside(words: str, code: int | None) -> None:
    found = translated(raised(words=words, code=code))
    assert isinstance(found, LedgerUnusable)
    assert str(found).startswith(f"the ledger's file is damaged ({words}). Move it aside, ")


@pytest.mark.parametrize("words", ["malformed", "not a database"])
@pytest.mark.parametrize("state", ["23503", "22001"])
def test_a_value_that_postgresql_quotes_is_not_taken_for_damage(words: str, state: str) -> None:
    detail = f"violates a constraint\nDETAIL:  Key (order_id)=({words}) is not present."
    found = translated(raised(IntegrityError, detail, state=state))
    assert isinstance(found, ValueRejected)
    assert str(found) == "the ledger cannot store a value: violates a constraint"


@pytest.mark.parametrize("state", ["XX001", "XX002"])
def test_a_damaged_postgresql_needs_its_backup(state: str) -> None:
    found = translated(raised(InternalError, state=state))
    assert isinstance(found, LedgerUnusable)
    assert str(found).startswith("the ledger's database is damaged (no luck). Restore the newest backup. ")


@pytest.mark.parametrize("state", ["08006", "40001", "40P01", "53100", "55P03", "57P01", "58030", "25006"])
def test_postgresqls_passing_states_make_the_ledger_unavailable(state: str) -> None:
    for kind in (OperationalError, InternalError, ProgrammingError):
        found = translated(raised(kind, state=state))
        assert isinstance(found, LedgerUnavailable)
        assert str(found) == UNAVAILABLE
    assert isinstance(translated(raised(InternalError, state="25P03")), LedgerUnavailable)


@pytest.mark.parametrize("state", ["22001", "22P05", "23502", "23505", "54000"])
@pytest.mark.parametrize("kind", [DataError, IntegrityError, OperationalError])
def test_postgresql_rejects_a_value_that_breaks_a_rule(kind: type[DBAPIError], state: str) -> None:
    found = translated(raised(kind, state=state))
    assert isinstance(found, ValueRejected)
    assert str(found) == REJECTED


def test_a_value_that_the_driver_itself_refuses_is_rejected() -> None:
    found = translated(raised(DataError))
    assert isinstance(found, ValueRejected)
    assert str(found) == REJECTED


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError])
def test_a_connection_that_fails_makes_the_ledger_unavailable(kind: type[DBAPIError]) -> None:
    found = translated(raised(kind, "connection refused"))
    assert isinstance(found, LedgerUnavailable)
    assert str(found) == "the ledger's database is unavailable: connection refused"


@pytest.mark.parametrize("kind", [InternalError, DatabaseError, DataError])
def test_a_connection_that_is_lost_makes_the_ledger_unavailable(kind: type[DBAPIError]) -> None:
    found = translated(raised(kind, "", lost=True))
    assert isinstance(found, LedgerUnavailable)
    assert str(found) == "the ledger's database is unavailable: the connection was lost"


@pytest.mark.parametrize("state", [None, "42P01", "0A000"])
@pytest.mark.parametrize("kind", [ProgrammingError, InternalError, DatabaseError])
def test_a_mistake_of_our_own_stays_as_it_is(kind: type[DBAPIError], state: str | None) -> None:
    error = raised(kind, state=state)
    assert translated(error) is error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ('invalid connection option "sslmod"', "has the option 'sslmod', which PostgreSQL's driver"),
        ("missing = after secret in connection info", "has options that PostgreSQL's driver"),
    ],
)
def test_an_option_of_the_address_that_the_driver_does_not_know_is_named_alone(words: str, said: str) -> None:
    found = translated(raised(ProgrammingError, words))
    assert isinstance(found, LedgerUnusable)
    assert str(found) == f"PACKHOUSE_LEDGER__URL {said} does not accept. Correct it."


def test_a_table_that_is_named_connection_is_no_option_of_the_address() -> None:
    error = raised(ProgrammingError, 'relation "connection" does not exist', state="42P01")
    assert translated(error) is error


def test_missing_permissions_are_an_operators_to_give() -> None:
    found = translated(raised(ProgrammingError, "permission denied\nLINE 1", state="42501"))
    assert isinstance(found, LedgerUnusable)
    assert str(found) == (
        "the ledger's database refuses access: permission denied. Check the user's permissions."
    )


def test_a_text_that_cannot_be_encoded_is_rejected_by_its_place_alone() -> None:
    with pytest.raises(UnicodeEncodeError) as error:
        "secret \ud800".encode()
    found = translated(error.value)
    assert isinstance(found, ValueRejected)
    assert str(found) == "the ledger cannot store a text: surrogates not allowed at position 7"


def test_a_number_that_is_too_large_is_rejected() -> None:
    found = translated(OverflowError("Python int too large to convert to SQLite INTEGER"))
    assert isinstance(found, ValueRejected)
    assert str(found).startswith("the ledger cannot store a value: Python int too large")


@pytest.mark.parametrize("error", [ValueError("no"), LedgerUnavailable("closed"), KeyboardInterrupt()])
def test_what_is_no_error_of_a_database_stays_as_it_is(error: BaseException) -> None:
    assert translated(error) is error


def test_an_error_has_the_servers_code_or_none() -> None:
    assert sqlstate(raised(state="40001")) == "40001"
    assert sqlstate(raised()) == ""
    assert sqlstate(DatabaseError("SELECT 1", {}, ValueError("without a code"))) == ""
