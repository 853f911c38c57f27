"""The daemon dies, in every way a process can: nothing is bought twice, nothing is lost."""

from __future__ import annotations

import json
import os
import random
import time
from pathlib import Path

import pytest

from tests.e2e.processes import free_port, town, wait_for

pytestmark = pytest.mark.e2e

# Another one tells another story: CRASH_SEED=123 make test ARGS="-k thirty_moments -s"
SEED = int(os.environ.get("CRASH_SEED", "7"))


def test_kill_9_at_thirty_moments_buys_nothing_twice_and_loses_nothing(tmp_path: Path, engine: str) -> None:
    """One daemon on a file; two replicas on a server, of which now one and now the other dies."""
    chance = random.Random(SEED)
    count, kills = 300, 30
    options = ("--poll-only-share", "0.1", "--easypost-latency-ms", "50")
    with town(tmp_path, *options, PACKHOUSE_LEASE_S="8") as here:
        ports = (0, free_port()) if engine == "postgresql" else (0,)
        replicas = [here.start(f"daemon{n}", port) for n, port in enumerate(ports)]
        here.sell(count, rate_per_s=12)
        moments = []
        for _ in range(kills):
            moments.append(chance.uniform(0.0, 0.7))
            time.sleep(moments[-1])
            which = chance.randrange(len(replicas))
            replicas[which].kill()
            # Now and then it dies again before it is ready.
            begin = here.start if chance.random() < 0.5 else here.launch
            replicas[which] = begin(f"daemon{which}", ports[which])
        print(f"seed {SEED}, killed after " + ", ".join(f"{moment:.3f}" for moment in moments) + " s")
        wait_for(lambda: all(map(here.is_ready, replicas)), "all that lives to be ready")
        here.settle(count)
        here.check_books(count)
        assert here.query("SELECT count(*) FROM journal WHERE action = 'unknown'") > 0


def test_sigterm_finishes_what_has_begun_and_leaves_nothing_unknown(tmp_path: Path) -> None:
    with town(tmp_path, "--easypost-latency-ms", "150") as here:
        daemon = here.start()
        here.sell(60)
        wait_for(lambda: here.query("SELECT count(*) FROM labels") > 5, "some labels")
        assert daemon.end() == 0
        assert here.query("SELECT count(*) FROM shipments WHERE state IN ('buying', 'unknown')") == 0
        assert here.query("SELECT count(*) FROM orders WHERE lease IS NOT NULL") == 0
        here.start()
        here.settle(60)
        here.check_books(60)


def test_a_second_instance_waits_for_the_first_and_then_takes_over(tmp_path: Path) -> None:
    with town(tmp_path, "--easypost-latency-ms", "100") as here:
        first = here.start("first")
        here.sell(60)
        wait_for(lambda: here.query("SELECT count(*) FROM labels") > 3, "some labels")
        second = here.launch("second")
        wait_for(lambda: "Another Packhouse process is using" in second.words(), "the second to wait")
        assert second.alive()
        assert first.end() == 0
        wait_for(lambda: here.is_ready(second), "the second to be ready")
        here.settle(60)
        here.check_books(60)
        assert second.end() == 0


def test_a_carrier_that_cannot_be_asked_is_not_paid_again_after_a_kill(tmp_path: Path) -> None:
    """Its program lives on, and nobody hears its answer: a person is asked."""
    bought, program = tmp_path / "bought", tmp_path / "make-label"
    program.write_text(
        'cat >/dev/null; echo "$1" >> "$2"; sleep 0.5; '
        'echo "{\\"tracking\\": \\"T-$$\\", \\"carrier\\": \\"Bike\\"}"'
    )
    argv = json.dumps(["sh", str(program), "{reference}", str(bought)])
    carrier = {"PACKHOUSE_PROVIDER": "command", "PACKHOUSE_PROVIDERS__COMMAND__ARGV": argv}
    with town(tmp_path, **carrier) as here:
        daemon = here.start()
        here.sell(20, kinds=("plain",))
        wait_for(lambda: here.query("SELECT count(*) FROM labels") > 2, "some labels")
        wait_for(lambda: here.query("SELECT count(*) FROM shipments WHERE state = 'buying'") > 0, "purchases")
        daemon.kill()
        here.start()
        phases = here.settle(20)
        assert phases["held"] > 0
        assert phases["held"] + phases["shipped"] == 20
        asked = "SELECT count(*) FROM holds WHERE code = 'purchase_unknown' AND released_at IS NULL"
        assert here.query(asked) == phases["held"]
        references = bought.read_text().split()
        assert len(references) == len(set(references))
        assert phases["shipped"] < len(references)
