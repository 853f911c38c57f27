"""The bulk script from the store's documentation, unchanged, with `labels create` as its shipping system."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.e2e.processes import Services, call_json, running_services, wait_for
from tests.e2e.shell import Shell

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not (shutil.which("bash") and shutil.which("jq")), reason="needs bash and jq"),
]
COUNT = 6
SCRIPT = """
packhouse orders list --status pending --created-after "$(date -u -d '1 day ago' +%FT%TZ)" --json \\
  | jq -r '.[].id' | while read id; do
    label=$(my-shipping-system --order "$id" --json) || continue
    packhouse orders fulfill "$id" \\
      --carrier "$(echo "$label" | jq -r .carrier)" --tracking "$(echo "$label" | jq -r .tracking)"
  done
"""


def start_recipe(shell: Shell) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["bash", "-c", SCRIPT],
        cwd=shell.folder,
        env=shell.environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def purchases(services: Services) -> int:
    return len(call_json(f"{services.sandbox_url}/sandbox/audit")["purchases"])


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("daemon_ships", [False, True], ids=["only the script ships", "the daemon ships too"])
def test_an_interrupted_script_that_is_run_again_ships_each_order_once(
    tmp_path: Path, how: signal.Signals, daemon_ships: bool
) -> None:
    if not daemon_ships:
        options, polls = ("--fault", "webhook.lose=1"), {"PACKHOUSE_POLL__INTERVAL_S": "600"}
    else:
        options, polls = ("--easypost-latency-ms", "150", "--store-latency-ms", "30"), {}
    with running_services(tmp_path, *options, PACKHOUSE_POLL__FULL_POLL_S="600", **polls) as services:
        services.start()
        shell = Shell(services)
        shell.program("my-shipping-system", 'exec packhouse labels create "$@"')
        services.place_orders(COUNT, kinds=("plain",))
        first = start_recipe(shell)
        wait_for(lambda: purchases(services) >= 2, "some labels to be bought")
        os.killpg(first.pid, how)
        first.communicate(timeout=180)
        ships_each_order_once(services, shell)


def test_a_daemon_that_dies_during_the_script_buys_nothing_twice(tmp_path: Path) -> None:
    slow = {"PACKHOUSE_POLL__INTERVAL_S": "600", "PACKHOUSE_POLL__FULL_POLL_S": "600"}
    with running_services(tmp_path, "--fault", "webhook.lose=1", **slow) as services:
        daemon = services.start()
        shell = Shell(services)
        shell.program("my-shipping-system", 'exec packhouse labels create "$@"')
        services.place_orders(COUNT, kinds=("plain",))
        first = start_recipe(shell)
        wait_for(lambda: purchases(services) >= 2, "some labels to be bought")
        daemon.kill()
        _, err = first.communicate(timeout=180)
        assert "No daemon answers" in err
        services.start("again")
        ships_each_order_once(services, shell)


def ships_each_order_once(services: Services, shell: Shell) -> None:
    """Run the recipe until it has nothing left to do, then check the records of store and provider."""
    for _ in range(3):
        again = start_recipe(shell)
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
    # A killed command may have left an order on hold; the daemon sees that nothing is left and releases it.
    services.wait_until_processed(COUNT)
    wait_for(lambda: shell("holds", "list", "--json").json == [], "every hold to be released automatically")
    services.check_audit(COUNT)
