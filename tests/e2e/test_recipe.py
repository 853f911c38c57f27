"""The store's bulk recipe in bash with jq, word for word, with `labels create` as its shipping system."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import Town, ask, town, wait_for
from tests.e2e.shell import Shell

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (shutil.which("bash") and shutil.which("jq")), reason="needs bash and jq"),
]
COUNT = 12
RECIPE = """
packhouse orders list --status pending --created-after "$(date -u -d '1 day ago' +%FT%TZ)" --json \\
  | jq -r '.[].id' | while read id; do
    label=$(my-shipping-system --order "$id" --json) || continue
    packhouse orders fulfill "$id" \\
      --carrier "$(echo "$label" | jq -r .carrier)" --tracking "$(echo "$label" | jq -r .tracking)"
  done
"""


def begin(shell: Shell) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", "-c", RECIPE],
        cwd=shell.folder,
        env=shell.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def sold(here: Town) -> int:
    return len(ask(f"{here.sandbox_url}/sandbox/audit")["purchases"])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("deaf", [True, False], ids=["the script ships all", "the machine ships as well"])
def test_the_recipe_interrupted_and_run_again_ships_each_order_once(
    tmp_path: Path, how: signal.Signals, deaf: bool
) -> None:
    if deaf:
        options, polls = ("--fault", "webhook.lose=1"), {"PACKHOUSE_POLL__INTERVAL_S": "600"}
    else:
        options, polls = ("--easypost-latency-ms", "150", "--store-latency-ms", "30"), {}
    with town(tmp_path, *options, PACKHOUSE_POLL__FULL_POLL_S="600", **polls) as here:
        here.start()
        shell = Shell(here)
        shell.program("my-shipping-system", 'exec packhouse labels create "$@"')
        here.sell(COUNT, kinds=("plain",))
        first = begin(shell)
        wait_for(lambda: sold(here) >= 4, "some labels to be bought")
        os.killpg(first.pid, how)
        first.communicate(timeout=60)
        ships_each_order_once(here, shell)


def test_a_daemon_that_dies_in_the_middle_of_the_recipe_buys_nothing_twice(tmp_path: Path) -> None:
    slow = {"PACKHOUSE_POLL__INTERVAL_S": "600", "PACKHOUSE_POLL__FULL_POLL_S": "600"}
    with town(tmp_path, "--fault", "webhook.lose=1", **slow) as here:
        daemon = here.start()
        shell = Shell(here)
        shell.program("my-shipping-system", 'exec packhouse labels create "$@"')
        here.sell(COUNT, kinds=("plain",))
        first = begin(shell)
        wait_for(lambda: sold(here) >= 4, "some labels to be bought")
        daemon.kill()
        _, err = first.communicate(timeout=180)
        assert "No daemon answers" in err
        here.start("again")
        ships_each_order_once(here, shell)


def ships_each_order_once(here: Town, shell: Shell) -> None:
    """Run the recipe until nothing is left for it, and look into everybody's books."""
    for _ in range(3):
        again = begin(shell)
        out, err = again.communicate(timeout=180)
        assert again.returncode == 0, out + err
        if not shell.pending():
            break
    assert shell.pending() == []
    orders = shell("orders", "list", "--json").json
    assert len(orders) == COUNT
    for order in orders:
        labels = shell.labels_of(order["id"])
        assert len(labels) == 1, labels
        assert {row["tracking_number"] for row in order["fulfillments"]} == {labels[0]["tracking"]}
        assert order["status"] == "fulfilled"
    # A hand that died may have held an order; the machine sees that nothing is left, and lets go.
    here.settle(COUNT)
    wait_for(lambda: shell("holds", "list", "--json").json == [], "every hold to end by itself")
    here.check_books(COUNT)
