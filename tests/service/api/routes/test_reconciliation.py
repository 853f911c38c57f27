"""The reconciliation after a restore, over the operator API: shown, and accepted with a reason."""

from __future__ import annotations

import asyncio

from packhouse.ledger import restores
from packhouse.ledger.restores import Cause
from tests.service.api.doubles import NOW, App


def test_without_a_restore_there_is_nothing_to_accept(app: App) -> None:
    assert app.ask("GET", "/api/v1/reconciliation").json()["state"] == "none"
    refused = app.post("reconciliation/accept")
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "nothing_to_accept"


def test_a_restore_pauses_status_and_is_accepted_with_the_callers_name(app: App) -> None:
    asyncio.run(app.ledger.write(restores.notice, NOW, Cause.GUARD_LOG))
    asyncio.run(app.ledger.write(restores.prepare, NOW))
    status = app.ask("GET", "/api/v1/status").json()
    assert status["paused"] is True
    assert status["paused_since"] == NOW
    (paused,) = [one for one in status["waiting"] if one["kind"] == "paused"]
    assert paused["remedy"] == "See what does not add up yet: packhouse reconcile"
    shown = app.ask("GET", "/api/v1/reconciliation").json()
    assert shown["state"] == "active"
    assert shown["noticed_at"] == NOW
    assert any("not compared yet: ord_1" in point for point in shown["open_points"]), shown
    resumed = app.post("resume")
    assert resumed.json()["paused"] is True, "a resume is no word about what was compared"
    done = app.post("reconciliation/accept", reason="compared")
    assert done.status_code == 200
    assert done.json()["state"] == "done"
    entry = done.json()["entries"][-1]
    assert (entry["action"], entry["actor"], entry["why"]) == ("reconciled", "ann", "compared")
    assert entry["data"]["left_open"] == shown["open_points"]
    assert app.ask("GET", "/api/v1/status").json()["paused"] is False
