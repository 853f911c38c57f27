"""The connections beside the pool, with a double of the server: when they ask, and what ends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Self

import pytest

from packhouse.errors import LedgerUnavailable
from packhouse.ledger.listener import AdvisoryLock, PostgresListener
from tests.service.quick_loop import run_quickly, seconds

psycopg = pytest.importorskip("psycopg", reason="the driver comes with the extra `postgres`")

Row = tuple[Any, ...] | None
LOCKED = "SELECT pg_try_advisory_lock(%s)"
UNLOCK = "SELECT pg_advisory_unlock_all()"
# The lock of each task: replicas of two versions run together while one is replaced by the other.
KEYS = {
    "poll": 4_760_536_854_814_069_813,
    "prune": 7_291_225_285_335_150_415,
    "wake_stalled": 7_871_502_551_765_216_204,
    "reconcile": -6_408_407_139_104_812_961,
}


class Server:
    """A server that answers as a test says, and lists when it was asked what."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.said: list[tuple[float, str]] = []
        self.options: list[dict[str, Any]] = []
        self.keys: list[int] = []
        self.open = 0
        self.away = False
        self.fails_at = ""
        self.answers_after_s: dict[str, float] = {}
        self.time: Row = (5000.0,)
        self.lock: Row = (True,)
        self.notified_at: list[float] = []
        monkeypatch.setattr(psycopg.AsyncConnection, "connect", self.connect)

    async def connect(self, **options: Any) -> Connection:
        self.options.append(options)
        self.said.append((seconds(), "connect"))
        if self.away:
            raise psycopg.OperationalError("connection refused\nIs the server running?")
        self.open += 1
        return Connection(self)

    def times(self, words: str) -> list[float]:
        return [at for at, statement in self.said if words in statement]

    @property
    def statements(self) -> list[str]:
        return [statement for _, statement in self.said]


class Connection:
    """A connection to it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._row: Row = None

    async def execute(self, statement: str, values: tuple[int, ...] = ()) -> Self:
        server = self._server
        server.said.append((seconds(), statement))
        server.keys += values
        for words, delay_s in server.answers_after_s.items():
            if words in statement:
                await asyncio.sleep(delay_s)
        if server.fails_at and server.fails_at in statement:
            raise psycopg.OperationalError("terminating connection\nmore words")
        self._row = server.lock if statement == LOCKED else server.time
        return self

    async def fetchone(self) -> Row:
        return self._row

    async def notifies(self, *, timeout: float) -> AsyncIterator[None]:
        until = seconds() + timeout
        for at in [at for at in self._server.notified_at if seconds() < at < until]:
            await asyncio.sleep(at - seconds())
            yield None
        await asyncio.sleep(until - seconds())

    async def close(self) -> None:
        self._server.open -= 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    return Server(monkeypatch)


def listened(
    server: Server, for_s: float, at: Callable[[], None] = lambda: None
) -> list[tuple[float, object]]:
    """Listen for a while; what was heard when: "wake", or the server's time and how long it took."""
    heard: list[tuple[float, object]] = []

    def wake() -> None:
        heard.append((seconds(), "wake"))
        server.said.append((seconds(), "wake"))

    async def story() -> None:
        listener = PostgresListener({"host": "db.example"})
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(for_s):
                await listener.listen(wake, lambda now, took_s: heard.append((seconds(), (now, took_s))))

    run_quickly(story())
    return heard


def test_it_listens_first_and_then_looks_for_what_it_missed(server: Server) -> None:
    listened(server, 0.5)
    assert server.statements[0] == "connect"
    assert server.statements[2:4] == ["LISTEN packhouse_due", "wake"]
    assert server.open == 0


def test_each_notification_wakes_at_once(server: Server) -> None:
    server.notified_at = [3.0, 4.5, 12.0]
    assert [at for at, what in listened(server, 15.0) if what == "wake"] == [0.0, 3.0, 4.5, 12.0]


def test_the_servers_time_is_measured_every_ten_seconds(server: Server) -> None:
    server.answers_after_s = {"clock_timestamp": 0.25}
    measured = [one for one in listened(server, 25.0) if one[1] != "wake"]
    assert measured == [(0.25, (5000.0, 0.25)), (10.5, (5000.0, 0.25)), (20.75, (5000.0, 0.25))]


@pytest.mark.parametrize("delay_s", [1.0, 1.5])
def test_a_time_that_took_a_second_to_come_is_not_used(server: Server, delay_s: float) -> None:
    server.answers_after_s = {"clock_timestamp": delay_s}
    assert listened(server, 5.0) == [(0.0, "wake")]


def test_a_server_that_tells_no_time_is_listened_to_all_the_same(server: Server) -> None:
    server.time = None
    server.notified_at = [3.0]
    assert listened(server, 5.0) == [(0.0, "wake"), (3.0, "wake")]


def test_a_question_that_is_not_answered_ends_the_connection_after_ten_seconds(server: Server) -> None:
    server.answers_after_s = {"clock_timestamp": 60.0}
    listened(server, 12.5)
    assert server.times("connect") == [0.0, 11.0]


@pytest.mark.parametrize("how", ["refused", "LISTEN", "tcp_keepalives_idle"])
def test_it_connects_again_every_second(server: Server, how: str) -> None:
    server.away = how == "refused"
    server.fails_at = "" if server.away else how
    assert listened(server, 2.5) == []
    assert server.times("connect") == [0.0, 1.0, 2.0]
    assert server.open == 0


def test_both_sides_notice_within_seconds_that_the_other_is_gone(server: Server) -> None:
    listened(server, 0.5)
    (options,) = server.options
    assert (options["host"], options["application_name"]) == ("db.example", "packhouse")
    assert options["autocommit"] is True
    assert options["keepalives"] == 1
    idle, interval, count = (options[f"keepalives_{name}"] for name in ("idle", "interval", "count"))
    assert idle + interval * count <= 11
    assert (options["connect_timeout"], options["tcp_user_timeout"]) == (2, 10_000)
    assert server.statements[1] == (
        "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3"
    )


def test_the_address_decides_before_the_usual_options_except_for_the_encoding(server: Server) -> None:
    async def story() -> None:
        listener = PostgresListener({"connect_timeout": 60, "client_encoding": "LATIN1"})
        async with asyncio.timeout(0.5):
            await listener.listen(lambda: None, lambda now, took_s: None)

    with pytest.raises(TimeoutError):
        run_quickly(story())
    assert (server.options[0]["connect_timeout"], server.options[0]["client_encoding"]) == (60, "UTF8")


def held(server: Server, for_s: float = 0.0, task: str = "poll") -> tuple[bool, float]:
    """Hold the lock for a while; whether we had it, and when all was over."""

    async def story() -> tuple[bool, float]:
        async with AdvisoryLock({}).exclusive(task) as mine:
            assert server.open == 1
            await asyncio.sleep(for_s)
        return mine, seconds()

    return run_quickly(story())


@pytest.mark.parametrize(("answer", "is_mine"), [((True,), True), ((False,), False), (None, False)])
def test_a_task_is_ours_if_the_server_says_so(server: Server, answer: Row, is_mine: bool) -> None:
    server.lock = answer
    assert held(server) == (is_mine, 0.0)
    assert server.statements[-1] == UNLOCK
    assert server.open == 0


def test_replicas_of_all_versions_ask_for_the_same_lock(server: Server) -> None:
    for task in KEYS:
        held(server, task=task)
    assert server.keys == list(KEYS.values())


def test_a_lock_is_kept_alive_while_its_task_runs_and_ends_with_a_replica_that_stops(server: Server) -> None:
    held(server, for_s=20.0)
    assert server.times("SELECT 1") == [8.0, 16.0]
    assert "SET idle_session_timeout = '30s'" in server.statements


def test_a_server_that_does_not_answer_is_left_after_two_seconds(server: Server) -> None:
    server.answers_after_s = {UNLOCK: 60.0}
    assert held(server) == (True, 2.0)
    assert server.open == 0


def test_a_lock_that_is_lost_meanwhile_does_not_fail_its_task(server: Server) -> None:
    server.fails_at = "SELECT 1"
    assert held(server, for_s=20.0) == (True, 20.0)
    server.fails_at = UNLOCK
    assert held(server) == (True, 0.0)
    assert server.open == 0


@pytest.mark.parametrize(
    ("fails_at", "words"),
    [
        ("refused", "cannot reach the ledger's database: connection refused"),
        ("tcp_keepalives_idle", "cannot reach the ledger's database: terminating connection"),
        ("idle_session_timeout", "cannot ask the ledger's database for a lock: terminating connection"),
        ("pg_try_advisory_lock", "cannot ask the ledger's database for a lock: terminating connection"),
    ],
)
def test_a_server_that_cannot_be_asked_is_reported(server: Server, fails_at: str, words: str) -> None:
    server.away = fails_at == "refused"
    server.fails_at = "" if server.away else fails_at
    with pytest.raises(LedgerUnavailable) as error:
        held(server)
    assert str(error.value) == words
    assert server.open == 0


def test_a_task_that_fails_releases_the_lock(server: Server) -> None:
    async def story() -> None:
        async with AdvisoryLock({}).exclusive("poll"):
            raise ValueError("the task's own")

    with pytest.raises(ValueError, match="the task's own"):
        run_quickly(story())
    assert server.statements[-1] == UNLOCK
    assert server.open == 0
