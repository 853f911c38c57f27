"""The daemon dies in every way a process can: nothing is bought twice, no order is lost."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from tests.e2e.processes import free_port, running_services, wait_for

pytestmark = pytest.mark.e2e

# Try another seed and more kills: CRASH_SEED=123 CRASH_KILLS=30 make test ARGS="-k many_moments -s"
SEED = int(os.environ.get("CRASH_SEED", "7"))
KILLS = int(os.environ.get("CRASH_KILLS", "14"))
_BUYING = "SELECT count(*) FROM shipments WHERE state = 'buying'"
# A call that a busy machine is slow to answer is none that may have had an effect.
_PATIENT = {"PACKHOUSE_PROVIDER_TIMEOUT_S": "30", "PACKHOUSE_STORE__TIMEOUT_S": "30"}


def test_kill_9_at_many_moments_buys_nothing_twice_and_loses_nothing(tmp_path: Path, engine: str) -> None:
    """One daemon on SQLite; two replicas on PostgreSQL, of which either dies at times."""
    chance = random.Random(SEED)
    count = 10 * KILLS
    options = ("--poll-only-share", "0.1", "--easypost-latency-ms", "50")
    with running_services(tmp_path, *options, PACKHOUSE_LEASE_S="8") as services:
        ports = (0, free_port()) if engine == "postgresql" else (0,)
        replicas = [services.start(f"daemon{n}", port) for n, port in enumerate(ports)]
        services.place_orders(count, rate_per_s=12)

        moments: list[float] = []
        for _ in range(KILLS):
            moments.append(chance.uniform(0.0, 0.7))
            time.sleep(moments[-1])
            which = chance.randrange(len(replicas))
            replicas[which].kill()
            # Sometimes the daemon dies again before it is ready.
            begin = services.start if chance.random() < 0.5 else services.launch
            replicas[which] = begin(f"daemon{which}", ports[which])
        # On a slow machine none of them may have fallen into a purchase: one more does.
        while True:
            services.place_orders(10)
            count += 10
            wait_for(lambda: services.query(_BUYING), "a purchase")
            for replica in replicas:
                replica.kill()
            was_buying = services.query(_BUYING)
            replicas = [services.launch(f"daemon{n}", port) for n, port in enumerate(ports)]
            if was_buying:
                break
        print(f"seed {SEED}, killed after " + ", ".join(f"{moment:.3f}" for moment in moments) + " s")
        wait_for(lambda: all(map(services.is_ready, replicas)), "every replica to be ready")
        services.wait_until_processed(count)
        services.check_audit(count)
        assert services.query("SELECT count(*) FROM journal WHERE action = 'unknown'")


def test_sigterm_finishes_orders_in_progress_and_leaves_no_purchase_unknown(tmp_path: Path) -> None:
    with running_services(tmp_path, "--easypost-latency-ms", "150", **_PATIENT) as services:
        daemon = services.start()
        services.place_orders(60)
        wait_for(lambda: services.query("SELECT count(*) FROM labels") > 5, "some labels")
        assert daemon.end() == 0
        assert services.query("SELECT count(*) FROM shipments WHERE state IN ('buying', 'unknown')") == 0
        assert services.query("SELECT count(*) FROM orders WHERE lease IS NOT NULL") == 0
        services.start()
        services.wait_until_processed(60)
        services.check_audit(60)


def test_a_second_instance_waits_for_the_first_and_then_takes_over(tmp_path: Path) -> None:
    with running_services(tmp_path, "--easypost-latency-ms", "100") as services:
        first = services.start("first")
        services.place_orders(60)
        wait_for(lambda: services.query("SELECT count(*) FROM labels") > 3, "some labels")
        second = services.launch("second")
        wait_for(lambda: "Another Packhouse process is using" in second.output(), "the second to wait")
        assert second.alive()
        assert first.end() == 0
        wait_for(lambda: services.is_ready(second), "the second to be ready")
        services.wait_until_processed(60)
        services.check_audit(60)
        assert second.end() == 0


def test_a_provider_without_look_up_is_not_paid_again_after_a_kill(tmp_path: Path) -> None:
    """The provider's program continues without the daemon: its result is lost, and the order is held."""
    bought, program = tmp_path / "bought", tmp_path / "make-label"
    program.write_text(
        'cat >/dev/null; echo "$1" >> "$2"; sleep 0.5; '
        'echo "{\\"tracking\\": \\"T-$$\\", \\"carrier\\": \\"Bike\\"}"'
    )
    argv = json.dumps(["sh", str(program), "{reference}", str(bought)])
    settings = {"PACKHOUSE_PROVIDER": "command", "PACKHOUSE_PROVIDERS__COMMAND__ARGV": argv}
    with running_services(tmp_path, **settings) as services:
        daemon = services.start()
        services.place_orders(20, kinds=("plain",))
        wait_for(lambda: services.query("SELECT count(*) FROM labels") > 2, "some labels")
        labels = "SELECT count(*) FROM labels"
        # The kill must hit programs that have started: a slow machine may not have started those of `buying`.
        wait_for(lambda: len(bought.read_text().split()) > services.query(labels), "running programs")
        daemon.kill()
        services.start()
        phases = services.wait_until_processed(20)
        assert phases["held"] > 0
        assert phases["held"] + phases["shipped"] == 20
        asked = "SELECT count(*) FROM holds WHERE code = 'purchase_unknown' AND released_at IS NULL"
        assert services.query(asked) == phases["held"]
        references = bought.read_text().split()
        assert len(references) == len(set(references))
        assert phases["shipped"] < len(references)
