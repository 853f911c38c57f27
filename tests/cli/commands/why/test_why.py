from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import Outcome, call, serving

ORDER: dict[str, Any] = {
    "id": "ord/1",
    "phase": "open",
    "status": "pending",
    "shipments": [],
    "holds": [],
    "due_at": None,
}
ENTRIES = [
    {
        "id": 1,
        "at": 1.0,
        "order_id": "ord/1",
        "shipment_id": "",
        "actor": "packhouse",
        "action": "event_received",
        "why": "So.",
    }
]
ANSWERS: dict[str, tuple[int, Any]] = {
    "GET /api/v1/orders/ord%2F1": (200, ORDER),
    "GET /api/v1/orders/ord%2F1/journal": (200, {"order_id": "ord/1", "entries": ENTRIES}),
}


def test_why_shows_the_history_and_ends_with_what_happens_next() -> None:
    with serving(dict(ANSWERS)) as daemon:
        shown = call("why", "ord/1", environ=daemon.environ)
        same = call("orders", "why", "ord/1", environ=daemon.environ)
    assert shown.code == 0
    assert shown.out.startswith("Order ord/1")
    assert "event received  So." in shown.out
    assert shown.out.splitlines()[-2:] == ["What happens next", "  → Packhouse is processing the order now."]
    assert same.out == shown.out


def test_why_as_json_is_the_order_and_its_journal() -> None:
    with serving(dict(ANSWERS)) as daemon:
        assert call("why", "ord/1", "--json", environ=daemon.environ).json == {
            "order": ORDER,
            "entries": ENTRIES,
        }


def test_a_long_history_is_read_page_by_page() -> None:
    later = [{**ENTRIES[0], "id": 7, "action": "shipped", "why": "Every unit has shipped."}]
    history = "GET /api/v1/orders/ord%2F1/journal"
    answers = ANSWERS | {
        history: (200, {"order_id": "ord/1", "entries": ENTRIES, "next": 1}),
        f"{history}?after=1": (200, {"order_id": "ord/1", "entries": later, "next": 1}),
    }
    with serving(answers) as daemon:
        assert call("why", "ord/1", "--json", environ=daemon.environ).json["entries"] == [*ENTRIES, *later]
        assert len(daemon.asked) == 3, "a page that names itself as the next one is the last"


POLL = {
    "ended_at": 1_796_000_000.0,
    "full_ended_at": 1_796_000_000.0,
    "interval_s": 300.0,
    "full_poll_s": 21_600.0,
    "horizon_days": 90.0,
    "site_slug": "acme",
    "problems": [],
}
STORE = "/api/storefront/v1"


def why_unknown(order: dict[str, Any] | None, **poll: Any) -> Outcome:
    """`why ord_2` where the daemon does not know the order, and the store shows this one, or none."""
    answers: dict[str, tuple[int, Any]] = {"GET /api/v1/status": (200, {"poll": POLL | poll})}
    if order is not None:
        shown = {"id": "ord_2", "items": [{"id": "li_1", "quantity": 1}]} | order
        answers[f"GET {STORE}/merchant/orders/ord_2"] = (200, shown)
    with serving(answers) as peer:
        environ = peer.environ | {"PACKHOUSE_STORE__URL": peer.url + STORE, "ALY_API_KEY": "aly_test"}
        told = call("why", "ord_2", environ=environ)
    assert told.code == Exit.NOT_FOUND
    assert "The daemon does not know order ord_2: no webhook and no poll has named it." in told.err
    return told


def recent(days: float = 1.0) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def test_an_unknown_order_that_a_poll_reaches_says_which() -> None:
    told = why_unknown({"status": "partially_fulfilled", "created_at": recent(), "site_slug": "acme"})
    assert "The store has it with the status partially_fulfilled, created at" in told.err
    assert "A full poll lists it; one runs every 6 h, and the last one ended at" in told.err
    assert "A full poll lists it" in why_unknown({"status": "pending", "created_at": recent(400)}).err


def test_an_unknown_order_beyond_the_horizon_says_what_to_do() -> None:
    told = why_unknown({"status": "partially_fulfilled", "created_at": recent(400)})
    assert "Polls do not reach it: of orders created more than 90 days ago" in told.err
    assert "Raise PACKHOUSE_POLL__HORIZON_DAYS" in told.err


def test_an_unknown_order_of_another_site_says_so() -> None:
    told = why_unknown({"status": "pending", "created_at": recent(), "site_slug": "other"})
    assert "It is of site other, and the daemon serves site acme only." in told.err
    assert "poll lists it" not in told.err


def test_an_unknown_order_that_the_store_does_not_have_says_so() -> None:
    assert "The store has no such order either. Check the id" in why_unknown(None).err


def test_an_unknown_finished_order_is_not_promised_to_be_added() -> None:
    told = why_unknown({"status": "fulfilled", "created_at": recent()})
    assert "It is added only if the store's list shows units that are left to ship." in told.err


def test_an_unknown_order_tells_what_polls_could_not_follow() -> None:
    told = why_unknown({"status": "pending", "created_at": recent()}, problems=["The list is odd. Do this."])
    assert "But the last polls could not read the whole list: The list is odd. Do this." in told.err


def test_without_a_key_of_the_store_nothing_is_said_of_it() -> None:
    with serving({"GET /api/v1/status": (200, {"poll": POLL})}) as daemon:
        told = call("why", "ord_2", "--json", environ=daemon.environ)
    assert told.code == Exit.NOT_FOUND
    assert "Whether the store has it is not known, as this command cannot ask:" in told.err
    assert told.error["status"] == 404


def test_no_line_is_broken_in_a_pipe_and_no_command_on_a_terminal() -> None:
    advice = (
        "Correct the address in the store and then continue with it: packhouse holds release 7 --reason WHY"
    )
    hold = {"id": 7, "code": "manual", "sentence": "s" * 150, "problem": "p " * 90, "advice": [advice]}
    order = ORDER | {"phase": "held", "holds": [hold | {"released_at": None}]}
    answers = ANSWERS | {"GET /api/v1/orders/ord%2F1": (200, order)}
    with serving(answers) as daemon:
        piped = call("why", "ord/1", environ=daemon.environ)
        shown = call("why", "ord/1", environ=daemon.environ | {"COLUMNS": "60", "NO_COLOR": "1"}, tty=True)
    assert any(line.endswith(advice) for line in piped.out.splitlines())
    assert any(line.strip() == "packhouse holds release 7 --reason WHY" for line in shown.out.splitlines())
