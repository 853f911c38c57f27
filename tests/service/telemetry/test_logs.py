"""Log lines: one shape for everybody, and no secret or address in any of them."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from packhouse.model.order import Address, Order
from packhouse.model.states import ShipmentState
from packhouse.telemetry import logs
from packhouse.telemetry.redaction import HIDDEN, Redactor

CANARY = "canary-secret-value"


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_a_utc_time_without_a_terminal() -> None:
    stream = io.StringIO()
    logs.configure(stream=stream)
    logs.logger("packhouse.flow").info("bought", order_id="ord_1", shipment_id="shp_1", action="buy")
    (line,) = lines(stream)
    time = datetime.fromisoformat(line.pop("timestamp").replace("Z", "+00:00"))
    assert abs((datetime.now(UTC) - time).total_seconds()) < 5
    assert line == {
        "source": "packhouse.flow",
        "level": "info",
        "event": "bought",
        "order_id": "ord_1",
        "shipment_id": "shp_1",
        "action": "buy",
    }


def test_a_line_is_text_on_a_terminal() -> None:
    stream = Terminal()
    logs.configure(stream=stream)
    logs.logger("packhouse.flow").info("bought", order_id="ord_1")
    text = stream.getvalue()
    assert "bought" in text
    assert "ord_1" in text
    assert not text.startswith("{")


@pytest.mark.parametrize(("chosen", "is_json"), [("json", True), ("text", False)])
def test_the_setting_beats_the_terminal(chosen: logs.Format, is_json: bool) -> None:
    for stream in (io.StringIO(), Terminal()):
        logs.configure(format=chosen, stream=stream)
        logs.logger("x").info("said")
        assert stream.getvalue().startswith("{") == is_json


def test_lines_below_the_level_are_not_written() -> None:
    stream = io.StringIO()
    logs.configure("warning", stream=stream)
    logs.logger("x").info("quiet")
    logging.getLogger("uvicorn.error").info("quiet")
    logs.logger("x").warning("loud")
    logging.getLogger("uvicorn.error").warning("loud too")
    assert [line["event"] for line in lines(stream)] == ["loud", "loud too"]


@pytest.mark.parametrize("name", ["uvicorn.error", "sqlalchemy.engine", "apscheduler.scheduler", "asyncio"])
def test_libraries_write_lines_of_the_same_shape(name: str) -> None:
    stream = io.StringIO()
    logs.configure(stream=stream, secrets=[CANARY])
    logging.getLogger(name).warning("told %s", CANARY)
    (line,) = lines(stream)
    assert (line["source"], line["level"], line["event"]) == (name, "warning", f"told {HIDDEN}")


def test_no_secret_is_logged_in_any_place_of_a_line() -> None:
    for format_ in ("json", "text"):
        stream = io.StringIO()
        logs.configure("debug", format_, stream=stream, secrets=[CANARY])
        log = logs.logger("x").bind(bound=CANARY)
        structlog.contextvars.bind_contextvars(context=CANARY)
        log.info(f"event {CANARY}", text=f"a{CANARY}b", nested={"deep": [{CANARY: (CANARY, {CANARY})}]})
        log.info("error", error=RuntimeError(CANARY), token="abc", authorization="abc", api_key="abc")
        try:
            raise ValueError(f"told {CANARY}")
        except ValueError:
            log.exception("broke")
            logging.getLogger("uvicorn.error").exception("broke")
        log.info("stack", stack_info=True)
        structlog.contextvars.clear_contextvars()
        written = stream.getvalue()
        assert CANARY not in written
        assert "abc" not in written
        assert written.count(HIDDEN) > 10
        assert "ValueError" in written


def test_personal_data_is_not_logged() -> None:
    address = Address(
        "Mia Canary", "Canary Ltd", "1 Canary Road", "", "Canary City", "CA", "94110", "US", "555", "m@c.d"
    )
    order = Order("ord_1", buyer_name="Mia Canary", address=address, raw={"a": "Canary"})
    stream = io.StringIO()
    logs.configure(stream=stream)
    logs.logger("x").info(
        "looked",
        order=order,
        address=address,
        to_address={"line": "Canary"},
        buyer_name="Canary",
        email="mia@canary.example",
        phone="555 Canary",
        street1="1 Canary Road",
        body=b"Canary",
        raw={"x": "Canary"},
        note="write to mia@canary.example",
        city="Canary City",
        zip="Canary",
    )
    (line,) = lines(stream)
    assert "anary" not in json.dumps(line)
    assert line["order"] == "<Order>"
    assert line["note"] == f"write to {HIDDEN}"


@pytest.mark.parametrize(
    "text",
    [
        "whsec_Abc123+/=",
        "aly_live_abcdef123456",
        "EZAKabcdef1234567890",
        "Authorization: Bearer tok-1234",
        "authorization=bearer tok-1234",
        "Basic dXNlcjpwYXNzd29yZA==",
        "t=1748112900,v1=" + "ab" * 32,
        "postgresql://user:hunter2@db/packhouse",
        "buyer@example.com",
        "failed\n[SQL: INSERT INTO t VALUES (?)]\n[parameters: ('1 Road', 'Town')]\n(Background",
    ],
)
def test_known_formats_of_secrets_are_always_hidden(text: str) -> None:
    shown = Redactor().text(f"before {text} after")
    assert HIDDEN in shown
    assert shown.startswith("before")
    for part in ("Abc123", "abcdef", "tok-1234", "dXNl", "abab", "hunter2", "buyer", "1 Road"):
        assert part not in shown


@pytest.mark.parametrize(
    "text",
    ["POST /webhooks/aly 200", "shp_1 bought", "https://aly.store/api", "basic rule", "a bearer of news?"],
)
def test_ordinary_words_stay(text: str) -> None:
    if text != "a bearer of news?":
        assert Redactor().text(text) == text


def test_states_and_numbers_are_shown_as_they_are() -> None:
    line = Redactor()(
        None, "info", {"state": ShipmentState.PLANNED, "n": 5, "s": 1.5, "b": True, "none": None}
    )
    assert line == {"state": "planned", "n": 5, "s": 1.5, "b": True, "none": None}


def test_a_text_cannot_move_the_cursor_of_a_terminal() -> None:
    assert "\x1b" not in Redactor().text("carrier says \x1b[2J\x1b[H all is well")


@given(
    secret=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=4, max_size=20),
    around=st.text(max_size=20),
)
def test_a_configured_secret_is_never_logged(secret: str, around: str) -> None:
    shown = Redactor([secret, "other-secret"]).text(f"{around}{secret}{around}")
    # What remains may only be our own mark, in which a secret such as "hidd" would be found again.
    assert secret not in shown.replace(HIDDEN, "\0") or secret in around


def test_a_broken_stream_stops_no_work() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(28, "No space left on device")

    logs.configure(stream=Full())
    logs.logger("x").info("lost")
    logging.getLogger("uvicorn.error").info("lost")


FORGED = (
    "USD\n2026-12-01T08:00:00Z [info] bought \x1b[2J\x9b31m\u202e\u2066\u200b\u2028\u2029\x85 order_id=ord_9"
)


@pytest.mark.parametrize("terminal", [True, False])
def test_no_outside_text_forges_a_line_of_the_text_log_or_drives_a_terminal(terminal: bool) -> None:
    stream = Terminal() if terminal else io.StringIO()
    logs.configure(format="text", stream=stream)
    try:
        raise ValueError(FORGED)
    except ValueError:
        logs.logger("x").exception("broke", currency=FORGED, deep={"a": [FORGED]}, **{FORGED: FORGED})
        logging.getLogger("uvicorn.error").warning("told %s", FORGED)
    first, *others = stream.getvalue().splitlines()
    assert [line for line in others if line and not line.startswith("    ")] == [others[-1]]
    assert "broke" in first
    assert "told USD\\n2026-12-01" in others[-1]
    shown = stream.getvalue().replace("\x1b[", "") if terminal else stream.getvalue()
    assert "\\x1b[2J\\x9b31m\\u202e\\u2066\\u200b\\u2028\\u2029\\x85" in shown
    assert all(char.isprintable() or char == "\n" for char in shown)


def test_a_json_line_shows_a_terminal_nothing_it_obeys_and_a_lone_surrogate_costs_no_line() -> None:
    stream = io.StringIO()
    logs.configure(format="json", stream=stream)
    logs.logger("x").info("bought", service=FORGED + "\ud83d")
    (line,) = stream.getvalue().splitlines()
    assert line.isprintable()
    assert json.loads(line)["service"].startswith("USD\n2026")
