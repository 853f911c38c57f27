"""The verbs of `webhooks`, where the store answers as few stores do."""

from __future__ import annotations

import time
from typing import Any

import pytest

from packhouse_cli.arguments.options import period
from packhouse_cli.exit_codes import Exit
from tests.cli.runner import Outcome, call, serving

HOOK = {"id": "wh_1", "url": "https://shop.example/hook", "events": ["order.created"], "active": True}
LIST = "GET /merchant/webhooks"
LOG = "GET /merchant/webhooks/wh_1/deliveries?limit=25"
CREATE = ("create", "--url", "https://shop.example/hook", "--event", "order.created", "--json")


def at(answers: dict[str, tuple[int, Any]], *argv: str, **environ: str) -> tuple[Outcome, list[str]]:
    with serving(answers) as store:
        known = {"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x", **environ}
        return call("webhooks", *argv, environ=known), [name for name, _ in store.asked]


def iso(ago_s: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago_s))


def test_since_keeps_what_is_young_enough_and_stops_where_the_rest_is_older() -> None:
    rows = [{"id": f"del_{age}", "created_at": iso(age)} for age in (60, 1800, 7200, 9000)]
    first = {"deliveries": rows[:2], "next_cursor": "b"}
    answers = {
        LOG: (200, first),
        f"{LOG}&cursor=b": (200, {"deliveries": rows[2:], "next_cursor": "c"}),
    }
    shown, asked = at(answers, "deliveries", "list", "wh_1", "--since", "1h", "--json")
    assert [row["id"] for row in shown.json] == ["del_60", "del_1800"]
    assert len(asked) == 2


def test_a_log_without_times_cannot_be_held_against_since() -> None:
    answers = {LOG: (200, [{"id": "del_1"}])}
    shown, _ = at(answers, "deliveries", "list", "wh_1", "--since", "1h", "--json")
    assert (shown.code, shown.error["code"]) == (Exit.UNKNOWN, "no_time")
    assert at(answers, "deliveries", "list", "wh_1", "--json")[0].json == [{"id": "del_1"}]


def test_a_list_that_leads_in_a_circle_is_found_out() -> None:
    page = {"deliveries": [], "next_cursor": "a"}
    answers = {LOG: (200, page), f"{LOG}&cursor=a": (200, page)}
    shown, asked = at(answers, "deliveries", "list", "wh_1", "--json")
    assert shown.code == Exit.UNKNOWN
    assert "repeats a page" in shown.err
    assert len(asked) == 2


@pytest.mark.parametrize(("text", "seconds"), [("90s", 90), ("15m", 900), ("1h", 3600), ("2d", 172800)])
def test_a_span_is_a_number_and_its_unit(text: str, seconds: float) -> None:
    assert period(text) == seconds


def test_an_event_that_wakes_no_order_is_pointed_out() -> None:
    shown, asked = at({LIST: (200, [])}, "create", *CREATE[1:-1], "--event", "order.craeted", "--dry-run")
    assert (shown.code, asked) == (0, [LIST])
    assert shown.err == "Packhouse does not use the event order.craeted. Check its spelling.\n"


def test_a_webhook_that_exists_is_not_created_twice_unless_again() -> None:
    made = {**HOOK, "secret": "whsec_1"}
    answers: dict[str, tuple[int, Any]] = {
        LIST: (200, {"webhooks": [HOOK]}),
        "POST /merchant/webhooks": (201, made),
    }
    shown, asked = at(answers, *CREATE)
    assert (shown.code, shown.json, asked) == (0, HOOK, [LIST])
    shown, asked = at(answers, *CREATE, "--again")
    assert (shown.code, shown.json, asked) == (0, made, ["POST /merchant/webhooks"])


def test_a_webhook_whose_answer_was_lost_is_found_in_the_list() -> None:
    class Losing(dict[str, tuple[int, Any]]):
        """The POST answers 500, and afterwards the webhook is in the list."""

        def get(self, key: Any, default: Any = None) -> Any:
            if key == "POST /merchant/webhooks":
                self[LIST] = (200, [HOOK])
                return (500, {})
            return super().get(key, default)

    shown, asked = at(Losing({LIST: (200, [])}), *CREATE)
    assert (shown.code, shown.json) == (0, HOOK)
    assert "Unknown outcome" in shown.err
    assert asked == [LIST, "POST /merchant/webhooks", LIST]


def test_either_path_of_the_rotation_is_tried() -> None:
    answers: dict[str, tuple[int, Any]] = {
        "POST /merchant/webhooks/wh_1/rotate-secret": (200, {"secret": "whsec_2"})
    }
    shown, asked = at(answers, "rotate", "wh_1", "--json")
    assert (shown.code, shown.json) == (0, {"secret": "whsec_2"})
    assert len(asked) == 2
    assert at({}, "rotate", "wh_1")[0].code == Exit.NOT_FOUND
