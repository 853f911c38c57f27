from __future__ import annotations

from typing import Any

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import call, serving

NOW = 1_795_424_615.0
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


@pytest.mark.parametrize("columns", [80, 120])
def test_no_line_of_status_is_wider_than_the_terminal(columns: int) -> None:
    poll = {"horizon_days": 90, "full_ended_at": NOW, "problems": []}
    holds = {"shipping_option_unknown": 1, "partly_fulfilled_unclear": 1, "newer_than_this_command": 2}
    answer = STATUS | {"poll": poll, "holds": holds, "at": NOW}
    with serving({"GET /api/v1/status": (200, answer)}) as daemon:
        shown = call("status", environ=daemon.environ | {"COLUMNS": str(columns), "NO_COLOR": "1"}, tty=True)
    assert max(map(len, shown.out.splitlines())) <= columns
    words = " ".join(shown.out.split())
    assert "older pending ones; the last one ended at " in words
    assert "Packhouse does not know what the buyer's shipping option means." in words
    on_its_line = "shipping_option_unknown   Packhouse does not know"
    assert (on_its_line in shown.out) is (columns == 120)


def test_status_says_who_paused_it_and_why() -> None:
    pause = waiting("paused", "Paused by ada: stock-taking", since=NOW - 300, remedy="Resume it.", orders=3)
    answer = STATUS | {"paused": True, "paused_by": "ada: stock-taking", "at": NOW, "waiting": [pause]}
    with serving({"GET /api/v1/status": (200, answer)}) as daemon:
        shown = call("status", environ=daemon.environ)
    assert shown.out.splitlines()[0].endswith(", paused")
    assert "     3  Paused by ada: stock-taking. Since " in shown.out
    assert "(5 min)." in shown.out
    assert "        Resume it." in shown.out


def waiting(kind: str, sentence: str, **more: Any) -> dict[str, Any]:
    nothing = {"account": "", "since": None, "until": None, "remedy": "", "orders": 0}
    return {"kind": kind, "sentence": sentence} | nothing | more


@pytest.mark.parametrize("columns", ["80", "140"])
def test_status_says_what_orders_wait_for_and_how_old_its_news_is(columns: str) -> None:
    rests = waiting(
        *("account_resting", "easypost failed 20 times in a row and is tried again later: 503 from nginx"),
        since=NOW - 60,
        until=NOW + 240,
        orders=12,
    )
    answer = STATUS | {"at": NOW, "waiting": [rests], "last_poll_at": NOW - 12, "last_event_at": NOW - 10_800}
    with serving({"GET /api/v1/status": (200, answer)}) as daemon:
        shown = call("status", environ=daemon.environ | {"COLUMNS": columns}, tty=True)
    text = " ".join(shown.out.split())
    assert "running, with problems" in text
    assert "12 easypost failed 20 times in a row and is tried again later: 503 from nginx. Since " in text
    assert "continues in 4 min, at" in text
    assert "last poll 12 s ago" in text
    assert "last webhook 3 h ago" in text
    assert max(map(len, shown.out.splitlines())) <= int(columns)


def test_an_everyday_wait_is_no_problem() -> None:
    queued = waiting("queued", "The order is due, and waits for a free worker.", orders=2)
    with serving({"GET /api/v1/status": (200, STATUS | {"at": NOW, "waiting": [queued]})}) as daemon:
        shown = call("status", environ=daemon.environ)
    assert shown.out.splitlines()[0].endswith(", running")
    assert "     2  The order is due" in shown.out


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
