"""The history of an order, from the daemon's response to the lines on a terminal."""

from __future__ import annotations

import io
from typing import Any

from packhouse.model.hold import Hold, HoldCode
from packhouse_cli.commands.why import timeline
from packhouse_cli.terminal.output import Terminal
from packhouse_cli.terminal.text import width_of

NOW = 1_795_424_615.0


def shown(order: dict[str, Any], entries: list[dict[str, Any]] | None = None, width: int = 100) -> list[str]:
    """The history as it is printed, without colours."""
    out = io.StringIO()
    terminal = Terminal(out, io.StringIO(), {})
    for line in timeline.lines_of(order, entries or [], now=NOW, width=width):
        terminal.line(*line)
    return out.getvalue().split("\n")[:-1]


def order(**changes: Any) -> dict[str, Any]:
    return {
        "id": "ord_1",
        "phase": "open",
        "reason": "",
        "status": "pending",
        "site_slug": "tea",
        "due_at": None,
        "attempts": 0,
        "last_error": "",
        "shipments": [],
        "holds": [],
    } | changes


def shipment(state: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": "shp_1",
        "state": state,
        "tracking_number": "",
        "carrier": "",
        "cost_minor": None,
        "currency": None,
        "units": [{"line_id": "li_1", "quantity": 2}],
    } | changes


def entry(action: str, why: str, **changes: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "at": NOW,
        "order_id": "ord_1",
        "shipment_id": "",
        "actor": "packhouse",
        "action": action,
        "why": why,
        "data": {},
    } | changes


def test_entries_are_listed_under_their_shipment_in_the_journals_order() -> None:
    shipped = order(
        phase="shipped",
        shipments=[
            shipment("fulfilled", tracking_number="9400", carrier="USPS", cost_minor=549, currency="USD")
        ],
    )
    lines = shown(
        shipped,
        [
            entry("event_received", "The store sent order.created."),
            entry("bought", "USPS 9400 for 5.49 USD.", shipment_id="shp_1"),
            entry("fulfilled", "2 units with 9400.", shipment_id="shp_1"),
        ],
    )
    text = "\n".join(lines)
    title = next(n for n, line in enumerate(lines) if line.startswith("Shipment 1"))
    assert "2 units" in lines[title]
    assert "USPS 9400" in lines[title]
    assert "5.49 USD" in lines[title]
    assert (
        text.index("order.created")
        < text.index("Shipment 1")
        < text.index("bought")
        < text.index("2 units with")
    )
    assert "the store has the tracking number USPS 9400" in lines[-1]


def test_a_persons_act_names_the_person() -> None:
    lines = shown(order(), [entry("hold_placed", "The buyer called.", actor="ada")])
    assert any("The buyer called. (by ada)" in line for line in lines)


def held(code: HoldCode, note: str, released_at: float | None = None) -> dict[str, Any]:
    hold = Hold(7, "ord_1", "", code, note, "f" * 16, "packhouse", NOW, released_at=released_at)
    return {
        "id": 7,
        "code": code.value,
        "sentence": hold.sentence,
        "problem": hold.problem,
        "advice": list(hold.advice),
        "released_at": released_at,
    }


def test_a_hold_says_what_is_wrong_and_each_way_to_continue() -> None:
    hold = held(HoldCode.ADDRESS_INCOMPLETE, "city is missing")
    ((problem, *advice),) = timeline.what_next(order(phase="held", holds=[hold]), now=NOW)
    assert problem == "The delivery address is incomplete: city is missing."
    assert advice == [
        "Correct the order in the store.",
        "Ship to this address: packhouse holds release 7 --reason WHY",
    ]


def test_a_hold_that_waits_for_a_person_says_how_to_release_it() -> None:
    hold = held(HoldCode.MANUAL, "the buyer called")
    ((_, advice),) = timeline.what_next(order(phase="held", holds=[hold]), now=NOW)
    assert "packhouse holds release 7 --reason WHY" in advice


def test_a_hold_of_an_older_daemon_is_shown_by_its_sentence() -> None:
    hold = {"id": 7, "code": "manual", "sentence": "An operator placed this hold.", "released_at": None}
    assert timeline.what_next(order(holds=[hold]), now=NOW) == [("An operator placed this hold.",)]


def test_a_released_hold_is_no_advice() -> None:
    hold = held(HoldCode.MANUAL, "", released_at=NOW)
    ((advice,),) = timeline.what_next(order(holds=[hold]), now=NOW)
    assert advice == "Packhouse is processing the order now."


def wait(kind: str, sentence: str, **more: Any) -> dict[str, Any]:
    nothing = {"account": "", "since": None, "until": None, "remedy": ""}
    return {"kind": kind, "sentence": sentence} | nothing | more


def test_a_paused_order_says_who_paused_it_and_how_to_resume() -> None:
    pause = wait("paused", "Paused by ada: stock-taking", since=NOW - 60, remedy="Resume it.")
    paused = order(due_at=NOW + 200, waiting=[pause], shipments=[shipment("planned")])
    first, second, third = timeline.what_next(paused, now=NOW)
    assert first[0].startswith("Paused by ada: stock-taking. Since ")
    assert first[0].endswith("(1 min).")
    assert first[1:] == ("Resume it.",)
    assert second == ("Shipment shp_1 is planned: the units are chosen. Nothing is spent.",)
    assert third == ("Nothing is bought or posted until then.",)


def test_an_order_that_waits_for_an_account_says_until_when_and_nothing_that_contradicts_it() -> None:
    rests = wait("account_resting", "easypost failed 20 times in a row: 503.", until=NOW + 200)
    waiting = order(due_at=NOW + 200, waiting=[rests])
    ((sentence,),) = timeline.what_next(waiting, now=NOW)
    assert sentence.startswith("easypost failed 20 times in a row: 503. Continues in 3 min 20 s, at ")


def test_an_order_of_another_worker_says_so() -> None:
    processing = wait("processing", "Worker 1a2b has the order.", until=NOW + 100)
    told = timeline.what_next(order(due_at=NOW + 100, waiting=[processing]), now=NOW)
    assert told[0][0].startswith("Worker 1a2b has the order.")
    assert not any("checks the order again" in line for (line,) in told)


def test_what_the_store_said_before_the_fulfillment_is_called_old() -> None:
    shipped = order(phase="shipped", fetched_at=NOW - 3, due_at=NOW + 57, shipments=[shipment("fulfilled")])
    posted = [entry("fulfilled", "2 units with USPS 9400.", shipment_id="shp_1", at=NOW - 2)]
    assert "at the store: pending when read 3 s ago, before the fulfillment was posted" in "\n".join(
        shown(shipped, posted)
    )
    ((told,),) = timeline.what_next(shipped, now=NOW)
    assert told.endswith("Packhouse checks the order again in 57 s.")
    confirmed = order(phase="shipped", status="fulfilled", fetched_at=NOW - 1, shipments=[])
    assert "at the store: fulfilled when read 1 s ago  " in shown(confirmed, posted)[0]


def test_a_parcel_on_its_way_says_when_its_tracker_is_asked() -> None:
    parcels = [shipment("fulfilled", label={"track_due_at": NOW + wait}) for wait in (7200, 3600)]
    parcels += [shipment("fulfilled", label={"track_due_at": None}), shipment("fulfilled", label=None)]
    ((told,),) = timeline.what_next(order(phase="shipped", fetched_at=NOW, shipments=parcels), now=NOW)
    assert told.endswith("Packhouse asks where its parcels are in 1 h.")
    delivered = shipment("delivered", label={"track_due_at": NOW + 60})
    ((told,),) = timeline.what_next(order(phase="shipped", fetched_at=NOW, shipments=[delivered]), now=NOW)
    assert "asks" not in told


def test_titles_break_between_their_parts_on_a_narrow_terminal() -> None:
    bought = shipment("fulfilled", carrier="USPS", tracking_number="9400100208303000000336")
    lines = shown(order(shipments=[bought]), width=40)
    assert lines[:3] == ["Order ord_1  ·  tea", "  at the store: pending when last read", "  here: open"]
    assert "  USPS 9400100208303000000336" in lines
    assert max(map(width_of, lines)) <= 40


def test_a_waiting_order_says_when_it_continues_and_what_went_wrong() -> None:
    waiting = order(
        due_at=NOW + 200,
        attempts=3,
        reason="the provider answered 503",
        last_error="the provider answered 503",
        waiting=[wait("provider_unavailable", "the provider answered 503", until=NOW + 200)],
        shipments=[shipment("unknown"), shipment("fulfilled")],
    )
    advice = timeline.what_next(waiting, now=NOW)
    assert len(advice) == 3
    assert any("shp_1 is unknown: it is not known whether" in line for (line,) in advice)
    assert any("in 3 min 20 s" in line for (line,) in advice)
    assert ("The last attempt failed (3 in a row): the provider answered 503",) in advice


def test_a_closed_order_says_why() -> None:
    closed = order(phase="closed", reason="The order was cancelled.")
    assert timeline.what_next(closed, now=NOW) == [
        ("Nothing: the order is closed, because the order was cancelled.",)
    ]


def test_entries_of_an_earlier_shipment_are_still_shown() -> None:
    lines = shown(order(), [entry("voided", "5.49 USD came back.", shipment_id="shp_0")])
    assert "Earlier shipments" in lines
    assert any("came back" in line for line in lines)


def test_a_history_cannot_control_the_terminal() -> None:
    bad = "\x1b[2J\nforged line"
    lines = shown(
        order(id=bad, status=bad, site_slug=bad, last_error=bad, shipments=[shipment(bad, carrier=bad)]),
        [entry(bad, bad, actor=bad)],
    )
    assert not any("\x1b" in line for line in lines)
    assert not any(line.lstrip().startswith("forged") for line in lines)


def test_long_reasons_wrap_under_themselves() -> None:
    lines = shown(order(), [entry("held", "word " * 60)], width=60)
    wrapped = [line for line in lines if "word" in line]
    assert len(wrapped) > 3
    assert max(map(len, wrapped)) <= 60
    assert len({line.index("word") for line in wrapped}) == 1
