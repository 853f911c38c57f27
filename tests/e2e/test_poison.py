"""Orders that end or stall the daemon: they are set aside, the others ship, and a stop ends in time."""

from __future__ import annotations

import json
import os
import signal
import socket
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.poison import Poison
from tests.e2e.processes import Process, Services, call_json, running_services, wait_for
from tests.postgres import PostgresServer
from tests.service.ledger.address import say_address

pytestmark = pytest.mark.e2e

_GRACE_S = 1.0
_HELD = "SELECT count(*) FROM holds WHERE code = 'process_crashed' AND released_at IS NULL"


def _has_ended_or_held(services: Services, daemon: Process) -> bool:
    return not daemon.alive() or (services.is_ready(daemon) and services.query(_HELD) > 0)


def _placed(services: Services, count: int) -> list[str]:
    """Orders that are placed while no daemon runs, so that it finds them all at once."""
    services.place_orders(count, kinds=("plain",))
    return sorted(call_json(f"{services.sandbox_url}/sandbox/state")["orders"])


def test_an_order_that_ends_the_process_is_set_aside_and_the_others_ship(tmp_path: Path) -> None:
    poison = Poison(tmp_path)
    settings = poison.environ | {
        "PACKHOUSE_WORKER__WATCHDOG_S": "5",
        # An order that is set aside is tried again after a multiple of it: not before the others ship.
        "PACKHOUSE_RETRY__BASE_S": "60",
        "PACKHOUSE_RETRY__MAX_S": "600",
    }
    with running_services(tmp_path, **settings) as services:
        bad, *good = _placed(services, 8)
        poison.plan({bad: "spin"})
        stalled = services.launch("stalled")
        assert stalled.wait() == 17
        log = stalled.output()
        assert '"event_loop_stalled"' in log
        assert bad in log.split('"event_loop_stalled"')[0].rsplit("{", 1)[-1] + log.split("stalled", 1)[1]
        assert "in prepare" in log, "the stack shows the line"
        poison.plan({bad: "exit"})
        ends = 1
        while True:
            daemon = services.launch(f"daemon{ends}")
            wait_for(partial(_has_ended_or_held, services, daemon), "an end, or the hold")
            if daemon.alive():
                break
            assert daemon.wait() == 139
            ends += 1
            assert ends <= 4
        wait_for(lambda: services.phases().get("shipped", 0) == len(good), "the other orders to ship")
        assert services.query(f"SELECT phase FROM orders WHERE id = '{bad}'") == "held"
        story = services.api(f"/api/v1/orders/{bad}")
        assert "The daemon ended while it processed this order" in json.dumps(story)
        # The cause is removed, and a person releases the hold.
        poison.plan({})
        hold = services.query("SELECT id FROM holds WHERE code = 'process_crashed' AND released_at IS NULL")
        services.api(f"/api/v1/holds/{hold}/release", {"reason": "the pattern is corrected"})
        wait_for(lambda: services.phases().get("shipped") == 8, "the last order to ship")
        assert services.query(_HELD) == 0
        assert services.query("SELECT count(*) FROM labels") == 8
    assert ends in (3, 4), "two with others, one among suspects, one alone"


def _stop(daemon: Process) -> int:
    """Ask it to stop; what hangs would hang for longer than this waits."""
    os.kill(daemon.pid, signal.SIGTERM)
    return daemon.wait(60)


def test_a_stop_ends_in_time_whatever_hangs(tmp_path: Path) -> None:
    """A thread, a task that ignores its end, and a request that never ends, all at once."""
    poison = Poison(tmp_path)
    grace = {"PACKHOUSE_WORKER__GRACE_S": str(_GRACE_S)}
    with running_services(tmp_path, **poison.environ, **grace) as services:
        first, second, *_ = _placed(services, 3)
        poison.plan({first: "thread", second: "stubborn"})
        daemon = services.start()
        wait_for(lambda: services.phases().get("shipped") == 1, "the third order to ship")
        with socket.create_connection(("127.0.0.1", services.port)) as half_sent:
            half_sent.sendall(b"POST /webhooks/aly HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n")
            code = _stop(daemon)
        assert code in (0, 16), "0 if no statement was under way when the server froze"
        assert '"stop_forced"' in daemon.output()
        # The two orders were given back: an end that was asked for is no crash.
        assert services.query("SELECT count(*) FROM orders WHERE lease IS NOT NULL") == 0
        poison.plan({second: "spin"})
        daemon = services.launch("again")
        wait_for((tmp_path / "spinning").exists, "an endless loop")
        code = _stop(daemon)
        assert code == 16


def test_a_pipe_as_label_file_and_a_program_that_ignores_signals_delay_no_stop(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    program, started = tmp_path / "make-label", tmp_path / "started"
    program.write_text(
        'cat >/dev/null; case "$1" in *"$(cat stubborn)"*) trap "" TERM INT HUP; echo > started; '
        'while :; do sleep 1; done;; esac; echo "{\\"tracking\\": \\"T-$$\\", \\"carrier\\": \\"Bike\\", '
        f'\\"label_path\\": \\"{tmp_path / "pipe"}\\"}}"'
    )
    argv = json.dumps(["sh", str(program), "{reference}"])
    settings = {
        "PACKHOUSE_PROVIDER": "command",
        "PACKHOUSE_PROVIDERS__COMMAND__ARGV": argv,
        "PACKHOUSE_PROVIDER_TIMEOUT_S": "60",
        "PACKHOUSE_WORKER__GRACE_S": str(_GRACE_S),
    }
    with running_services(tmp_path, **settings) as services:
        stubborn, *others = _placed(services, 3)
        (tmp_path / "stubborn").write_text(stubborn)
        daemon = services.start()
        posted = "SELECT count(*) FROM shipments WHERE state = 'fulfilled'"
        wait_for(lambda: services.query(posted) == len(others), "the orders with a pipe to be posted")
        held = "SELECT count(*) FROM holds WHERE code = 'label_file_missing'"
        assert services.query(held) == len(others)
        wait_for(started.exists, "the program that ignores signals")
        code = _stop(daemon)
        assert code == 0, "it was not forced to stop"
        assert '"stopped"' in daemon.output()


def _has_unread_bytes(port: int) -> bool:
    """Whether something was sent to this local port that nobody has read."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, _, queues, *_ = line.split()
        if int(local.partition(":")[2], 16) == port and int(queues.partition(":")[2], 16):
            return True
    return False


def test_a_database_that_does_not_answer_delays_no_stop(
    tmp_path: Path, postgres_server: PostgresServer, postgres_database: str
) -> None:
    say_address(tmp_path, postgres_server.url(postgres_database))
    with running_services(tmp_path, PACKHOUSE_WORKER__GRACE_S=str(_GRACE_S)) as services:
        daemon = services.start()
        postgres_server.freeze()
        try:
            # The daemon asks for due orders twice a second.
            wait_for(lambda: _has_unread_bytes(postgres_server.port), "the daemon to wait for an answer")
            code = _stop(daemon)
        finally:
            postgres_server.resume()
        assert code == 16
