"""The operations that the advice of a hold names, and the pause."""

from __future__ import annotations

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving


def test_pause_and_resume_ask_the_daemon_with_a_reason() -> None:
    routes = {f"POST /api/v1/{verb}": (200, {"paused": verb == "pause"}) for verb in ("pause", "resume")}
    with serving(routes) as daemon:
        paused = call("pause", "--reason", "stock-taking", environ=daemon.environ)
        resumed = call("resume", "--reason", "done", "--json", environ=daemon.environ)
    assert (paused.code, resumed.code) == (0, 0)
    assert "Packhouse buys and posts nothing" in paused.out
    assert resumed.json == {"paused": False}


def test_an_operation_without_a_reason_is_refused() -> None:
    assert call("pause").code == Exit.USAGE


def test_an_unclear_purchase_is_retried_only_with_not_bought() -> None:
    answers = {
        "POST /api/v1/shipments/ord_1-1/not-bought": (200, {"id": "ord_1-1"}),
        "GET /api/v1/shipments/ord_1-1": (200, {"id": "ord_1-1", "order_id": "ord_1"}),
        "GET /api/v1/orders/ord_1": (
            200,
            {"id": "ord_1", "shipments": [{"id": "ord_1-1", "state": "unknown"}]},
        ),
    }
    with serving(answers) as daemon:
        careless = call("shipments", "retry", "ord_1-1", "--reason", "r", environ=daemon.environ)
        looked = call(
            "shipments", "retry", "ord_1-1", "--not-bought", "--reason", "r", environ=daemon.environ
        )
    assert careless.code == Exit.USAGE
    assert "--not-bought" in careless.err
    assert looked.code == 0
    assert "planned again" in looked.out


def test_an_adopted_label_goes_to_the_daemon_whole() -> None:
    line = "labels adopt ord_1-1 --tracking 9400 --carrier USPS --cost 549 --reason found --json"
    with serving({"POST /api/v1/shipments/ord_1-1/adopt": (200, {"state": "labeled"})}) as daemon:
        shown = call(*line.split(), environ=daemon.environ)
    assert shown.code == 0
    assert shown.json == {"state": "labeled"}


def test_what_the_daemon_refuses_is_a_conflict() -> None:
    answer = (409, {"error": {"code": "conflict", "message": "shipment ord_1-1 has its label already"}})
    with serving({"POST /api/v1/shipments/ord_1-1/not-bought": answer}) as daemon:
        shown = call("shipments", "retry", "ord_1-1", "--not-bought", "--reason", "r", environ=daemon.environ)
    assert shown.code == Exit.CONFLICT
    assert "has its label already" in shown.err
