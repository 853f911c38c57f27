"""The book of connections: who is cut for whom, and who is late."""

from __future__ import annotations

from packhouse.api.connections import Connection, ConnectionBook, Cut, Limits, Phase

LIMITS = Limits(total=4, per_address=3, header_s=10, body_s=10, min_body_bytes_per_s=100, response_s=60)


class Owner:
    """A protocol that only notes why it was cut."""

    def cut(self, why: Cut) -> None:
        raise AssertionError("the book never cuts by itself")


def opened(book: ConnectionBook, address: str | None, now: float = 0.0) -> Connection:
    connection = Connection(Owner(), address, now)
    assert book.open(connection) is None
    return connection


def late(book: ConnectionBook, now: float) -> list[tuple[Connection, Cut]]:
    return list(book.late(now))


def test_a_connection_that_never_sends_a_header_is_late() -> None:
    book = ConnectionBook(LIMITS)
    silent = opened(book, "a")
    assert late(book, 9.9) == []
    assert late(book, 10.0) == [(silent, Cut.HEADER_TIMEOUT)]


def test_time_in_a_phase_goes_on_whatever_arrives() -> None:
    book = ConnectionBook(LIMITS)
    dripping = opened(book, "a")
    for now in range(1, 10):
        book.enter(dripping, Phase.HEADER, now)
    assert late(book, 10.0) == [(dripping, Cut.HEADER_TIMEOUT)]


def test_a_body_is_late_when_it_is_slow_or_not_complete_in_time() -> None:
    book = ConnectionBook(LIMITS)
    fast, slow = opened(book, "a"), opened(book, "a")
    for one in (fast, slow):
        book.enter(one, Phase.BODY, 0.0)
    fast.body_bytes, slow.body_bytes = 10_000, 299
    assert late(book, 2.9) == []
    assert late(book, 3.0) == [(slow, Cut.BODY_TOO_SLOW)]
    book.close(slow)
    assert late(book, 11.9) == []
    assert late(book, 12.0) == [(fast, Cut.BODY_TIMEOUT)]


def test_without_a_minimum_only_the_time_of_a_body_counts() -> None:
    book = ConnectionBook(
        Limits(total=4, per_address=3, header_s=10, body_s=10, min_body_bytes_per_s=0, response_s=60)
    )
    slow = opened(book, "a")
    book.enter(slow, Phase.BODY, 0.0)
    assert late(book, 11.0) == []


def test_a_second_body_begins_at_zero() -> None:
    book = ConnectionBook(LIMITS)
    connection = opened(book, "a")
    book.enter(connection, Phase.BODY, 0.0)
    connection.body_bytes = 10_000
    book.enter(connection, Phase.IDLE, 1.0)
    book.enter(connection, Phase.BODY, 2.0)
    assert late(book, 5.0) == [(connection, Cut.BODY_TOO_SLOW)]


def test_a_client_that_does_not_read_is_late_and_one_that_waits_for_us_never_is() -> None:
    book = ConnectionBook(LIMITS)
    unread, closing, served = opened(book, "a"), opened(book, "a"), opened(book, "a")
    book.enter(unread, Phase.UNREAD, 0.0)
    book.enter(closing, Phase.CLOSING, 0.0)
    book.enter(served, Phase.WORKING, 0.0)
    assert late(book, 59.9) == []
    assert late(book, 1e9) == [(unread, Cut.UNREAD), (closing, Cut.UNREAD)]


def test_an_address_at_its_limit_pays_with_its_own_oldest_waiting_connection() -> None:
    book = ConnectionBook(LIMITS)
    served, first, second = opened(book, "a"), opened(book, "a", 1), opened(book, "a", 2)
    book.enter(served, Phase.WORKING, 3)
    newcomer = Connection(Owner(), "a", 4)
    assert book.open(newcomer) == (first, Cut.ADDRESS_LIMIT)
    book.close(first)
    book.enter(second, Phase.IDLE, 5)
    assert book.open(Connection(Owner(), "a", 6)) == (newcomer, Cut.ADDRESS_LIMIT)


def test_an_address_whose_connections_are_all_served_gets_no_further_one() -> None:
    book = ConnectionBook(LIMITS)
    for _ in range(3):
        book.enter(opened(book, "a"), Phase.WORKING, 1)
    newcomer = Connection(Owner(), "a", 2)
    assert book.open(newcomer) == (newcomer, Cut.ADDRESS_LIMIT)
    book.close(newcomer)
    opened(book, "b")


def test_at_the_limit_the_oldest_of_the_largest_waiting_group_goes() -> None:
    book = ConnectionBook(LIMITS)
    idle, silent = opened(book, "a"), opened(book, "b", 1)
    opened(book, "c", 2)
    served = opened(book, "d", 3)
    book.enter(idle, Phase.IDLE, 4)
    book.enter(served, Phase.WORKING, 4)
    assert book.open(Connection(Owner(), "e", 5)) == (silent, Cut.LIMIT)


def test_a_served_connection_is_never_cut_for_a_newcomer() -> None:
    book = ConnectionBook(LIMITS)
    for address in "abcd":
        book.enter(opened(book, address), Phase.WORKING, 1)
    newcomer = Connection(Owner(), "e", 2)
    assert book.open(newcomer) == (newcomer, Cut.LIMIT)


def test_a_trusted_proxy_has_no_limit_of_its_own() -> None:
    book = ConnectionBook(LIMITS)
    for _ in range(4):
        opened(book, None)
    assert len(book) == 4


def test_what_is_closed_is_forgotten_once() -> None:
    book = ConnectionBook(LIMITS)
    connection = opened(book, "a")
    book.close(connection)
    book.close(connection)
    assert len(book) == 0
    assert set(book.counts().values()) == {0}
    for _ in range(3):
        opened(book, "a")


def test_every_connection_is_in_one_phase() -> None:
    book = ConnectionBook(LIMITS)
    connection = opened(book, "a")
    for phase in Phase:
        book.enter(connection, phase, 1)
        assert {name for name, count in book.counts().items() if count} == {str(phase)}
