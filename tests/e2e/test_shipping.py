"""Orders ship without help: real processes, real sockets, and a store with duplicate or missing webhooks."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.processes import call_json, running_services

pytestmark = pytest.mark.e2e
COUNT = 50


def test_every_order_is_shipped_held_or_skipped_and_the_audit_finds_nothing(tmp_path: Path) -> None:
    with running_services(tmp_path, "--poll-only-share", "0.1") as services:
        services.start()
        services.place_orders(COUNT)
        phases = services.wait_until_processed(COUNT)
        assert phases["shipped"] > COUNT / 2
        assert phases["held"] > 0
        services.check_audit(COUNT)
        assert services.query("SELECT count(*) FROM labels WHERE document = ''") == 0
        assert services.daemon is not None
        assert services.daemon.end() == 0


def test_polling_alone_ships_everything_without_webhooks(tmp_path: Path) -> None:
    with running_services(tmp_path, "--fault", "webhook.lose=1") as services:
        services.start()
        # Without orders that are cancelled at once: a list of pending orders never shows them.
        services.place_orders(
            COUNT, kinds=("plain", "mixed", "incomplete_address", "digital", "part_fulfilled")
        )
        services.wait_until_processed(COUNT)
        services.check_audit(COUNT)
        assert services.query("SELECT count(*) FROM events") == 0


def test_a_store_that_only_counts_units_gets_every_parcel_once(tmp_path: Path) -> None:
    options = ("--line-counts", "--poll-only-share", "0", "--fault", "store.error_after_effect=0.2")
    with running_services(tmp_path, *options) as services:
        services.start()
        kinds = ("plain", "part_fulfilled", "refunded_after_shipping", "returned_in_part")
        services.place_orders(20, kinds=kinds)
        assert services.wait_until_processed(20) == {"open": 0, "held": 5, "shipped": 15, "closed": 0}
        services.check_audit(20)
        orders = call_json(f"{services.sandbox_url}/sandbox/state")["orders"].values()
        assert {one["kind"] for one in orders if one["unshipped"]} == {"returned_in_part"}


def test_duplicate_and_reordered_webhooks_change_nothing(tmp_path: Path) -> None:
    with running_services(
        tmp_path, "--fault", "webhook.duplicate=0.3", "--fault", "webhook.reorder=0.3"
    ) as services:
        services.start()
        services.place_orders(COUNT)
        services.wait_until_processed(COUNT)
        services.check_audit(COUNT)


def test_every_upstream_fault_at_once_loses_nothing(tmp_path: Path) -> None:
    faults = [
        f"{api}.{kind}={chance}"
        for api in ("store", "easypost")
        for kind, chance in (
            ("error_before_effect", 0.03),
            ("error_after_effect", 0.03),
            ("reset_after_effect", 0.03),
            ("reset_before_effect", 0.03),
            ("no_response_after_effect", 0.01),
            ("throttle", 0.03),
            ("garbage_body", 0.03),
        )
    ]
    options = [word for fault in (*faults, "easypost.late_effect=0.03") for word in ("--fault", fault)]
    with running_services(
        tmp_path, *options, "--late-s", "0.5", PACKHOUSE_RETRY__HOLD_AFTER="1000"
    ) as services:
        services.start()
        services.place_orders(COUNT)
        services.wait_until_processed(COUNT)
        services.check_audit(COUNT)


@pytest.mark.parametrize("webhooks", ["all", "none"])
def test_the_demonstration_ends_and_its_summary_is_right(tmp_path: Path, webhooks: str) -> None:
    more = ["--lose-webhooks"] if webhooks == "none" else ["--duplicate", "0.3", "--reorder", "0.3"]
    demo = [sys.executable, "-m", "packhouse_cli", "demo", "--orders", "20", "--exit", "--plain"]
    played = subprocess.run(
        [*demo, "--rate", "0", "--dir", str(tmp_path / "demo"), *more],
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert played.returncode == 0, played.stdout + played.stderr
    assert "All totals agree" in played.stdout


def test_control_c_ends_the_demonstration_cleanly(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "packhouse_cli",
            "demo",
            "--orders",
            "400",
            "--plain",
            "--dir",
            str(tmp_path / "d"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    time.sleep(6)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=180)
    assert process.returncode == 130, out + err
    assert "Traceback" not in out + err
