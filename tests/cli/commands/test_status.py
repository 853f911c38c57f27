from __future__ import annotations

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving

STATUS = {
    "version": "0.1.0",
    "paused": False,
    "orders": {"open": 2, "held": 1, "shipped": 30, "closed": 0},
    "shipments": {"fulfilled": 30},
    "holds": {"weight_missing": 1},
    "spent": {"USD": 43493, "JPY": 500},
    "labels": 31,
    "oldest_due_s": 75.0,
    "providers": ["easypost"],
    "store": "https://aly.store/api/storefront/v1",
}


def test_status_shows_counts_money_and_what_the_holds_mean() -> None:
    with serving({"GET /api/v1/status": (200, STATUS)}) as daemon:
        shown = call("status", environ=daemon.environ)
        as_json = call("status", "--json", environ=daemon.environ)
    assert shown.code == 0
    assert "434.93 USD, 500 JPY" in shown.out
    assert "2 open, 1 held, 30 shipped" in shown.out
    assert "1 min 15 s" in shown.out
    assert "The weight of a product is not known." in shown.out
    assert as_json.json == STATUS
    assert daemon.asked[0][1]["authorization"] == "Bearer sesame-open"


def test_status_says_who_paused_it_and_why() -> None:
    answer = STATUS | {"paused": True, "paused_by": "ada: stock-taking"}
    with serving({"GET /api/v1/status": (200, answer)}) as daemon:
        shown = call("status", environ=daemon.environ)
    assert "ada: stock-taking" in shown.out


def test_a_daemon_that_is_not_there_is_a_network_error_with_the_way_out() -> None:
    shown = call(
        "status", "--json", environ={"PACKHOUSE_URL": "http://127.0.0.1:9", "PACKHOUSE_TOKEN": "sesame"}
    )
    assert shown.code == Exit.NETWORK
    assert "packhouse serve" in shown.err
    assert shown.error["code"] == "network"


def test_a_token_that_is_refused_says_where_to_put_the_right_one() -> None:
    answer = (401, {"error": {"code": "unauthorized", "message": "This token is not known here."}})
    with serving({"GET /api/v1/status": answer}) as daemon:
        shown = call("status", "--json", environ=daemon.environ)
    assert shown.code == Exit.UNAUTHENTICATED
    assert shown.error["status"] == 401
    assert "This token is not known here. Put one" in shown.err


def test_another_server_at_that_address_is_named_as_the_likely_cause() -> None:
    with serving({"GET /api/v1/status": (200, b"<html>hello</html>")}) as daemon:
        shown = call("status", environ=daemon.environ)
    assert shown.code == Exit.UNKNOWN
    assert "Check that this is the daemon's address." in shown.err
