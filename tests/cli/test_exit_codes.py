"""Each documented exit code, provoked for real: at a sandbox store with its faults, by the console script."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from packhouse_cli.exit_codes import Exit
from tests.cli.runner import Outcome
from tests.cli.sandbox_store import SandboxStore, store_process

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxStore]:
    with store_process(tmp_path_factory.mktemp("store")) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet(store: SandboxStore) -> Iterator[None]:
    yield
    store.tell("/faults/clear", {})


def ended(shown: Outcome, code: int, status: int | None = None) -> str:
    """The sentence of an end with this code: one line for people, and the same as an object."""
    assert shown.code == code, shown.err
    lines = [line for line in shown.err.splitlines() if not line.startswith("No daemon is configured")]
    assert len(lines) == 2, shown.err
    error = json.loads(lines[1])["error"]
    assert lines[0] == f"packhouse: {error['message']}"
    assert error["exit_code"] == code
    assert error["code"]
    assert error.get("status") == status
    assert shown.out == ""
    return str(error["message"])


def test_0_it_is_done(store: SandboxStore) -> None:
    assert store.shell("packhouse orders list --json").code == Exit.OK


def test_1_something_that_no_other_code_names(store: SandboxStore) -> None:
    store.tell("/faults", {"store.error_before_effect": {"next": 1}})
    ended(store.shell("packhouse orders list --json"), 1, 500)
    store.tell("/faults", {"store.garbage_body": {"next": 1}})
    ended(store.shell("packhouse orders list --json"), 1, 200)


@pytest.mark.parametrize(
    "line",
    [
        "orders list --limit none --json",
        "orders list --created-before tomorrow --json",
        "orders refund ord_1 --amount 15,00 --json",
        "orders return create ord_1 --item li_1 --json",
        "webhooks deliveries list wh_1 --since yesterday --json",
        "orders get ../ord_1 --json",
        "webhooks delete ' ' --json",
        "orders refund ord_1 --idempotency-key '' --json",
        "webhooks create --url shop.example --event order.created --json",
    ],
)
def test_2_arguments_that_cannot_be(store: SandboxStore, line: str) -> None:
    ended(store.shell(f"packhouse {line}"), 2)


def test_2_what_the_store_finds_malformed(store: SandboxStore) -> None:
    assert "status" in ended(store.shell("packhouse orders list --status lost --json"), 2, 400)


def test_3_a_key_that_is_wrong(store: SandboxStore) -> None:
    ended(store.shell("ALY_API_KEY=aly_wrong packhouse orders list --json"), 3, 401)


def test_4_a_key_that_may_not(store: SandboxStore) -> None:
    message = ended(store.shell("ALY_API_KEY=aly_sandbox_orders packhouse webhooks list --json"), 4, 403)
    assert "read:sites" in message


def test_5_what_is_not_there(store: SandboxStore) -> None:
    ended(store.shell("packhouse orders get ord_none --json"), 5, 404)
    ended(store.shell(f"packhouse orders return approve {store.order()} ret_none --json"), 5, 404)
    ended(store.shell("packhouse webhooks deliveries replay wh_none del_none --json"), 5, 404)


def test_6_what_the_state_forbids_409(store: SandboxStore) -> None:
    order = store.order()
    assert store.call("orders", "fulfill", order, "--carrier", "USPS", "--tracking", f"T-{order}").code == 0
    argv = ("orders", "return", "create", order, "--item", "li_1:1", "--json")
    made = store.call(*argv).json["id"]
    ended(store.shell(f"packhouse orders return receive {order} {made} --json"), 6, 409)
    assert store.shown(order)["returns"][0]["status"] == "requested"


def test_6_what_the_store_refuses_422(store: SandboxStore) -> None:
    order = store.order()
    store.tell(f"/orders/{order}/cancel", {})
    ended(store.shell(f"packhouse orders fulfill {order} --carrier USPS --tracking T1 --json"), 6, 422)


def test_6_a_key_that_was_used_for_something_else(store: SandboxStore) -> None:
    order = store.order()
    line = f"packhouse orders refund {order} --idempotency-key mine --json --reason"
    assert store.shell(f"{line} One --amount 100").code == 0
    ended(store.shell(f"{line} Other --amount 200"), 6, 409)


def test_7_asked_too_often_at_once_with_no_wait_else_waited_for(store: SandboxStore) -> None:
    store.tell("/latency", {"store": {"retry_after_s": 0}})
    store.tell("/faults", {"store.throttle": {"next": 1}})
    ended(store.shell("packhouse orders list --no-wait --json"), 7, 429)
    store.tell("/faults", {"store.throttle": {"next": 3}})
    waited = store.shell("packhouse orders list --json")
    assert (waited.code, waited.err) == (0, "")
    assert store.tell("/faults")["triggered"]["store.throttle"] == 4


def test_8_no_connection_or_no_response_in_time(store: SandboxStore) -> None:
    gone = "PACKHOUSE_STORE__URL=http://127.0.0.1:9"
    ended(store.shell(f"{gone} packhouse orders list --json"), 8)
    store.tell("/faults", {"store.no_response_before_effect": {"next": 1}})
    ended(store.shell("PACKHOUSE_STORE__TIMEOUT_S=0.3 packhouse orders list --json"), 8)


def test_15_a_refund_that_is_not_confirmed_in_time(tmp_path_factory: pytest.TempPathFactory) -> None:
    with store_process(tmp_path_factory.mktemp("slow"), "--store-refund-s", "600") as slow:
        order = slow.order()
        shown = slow.shell(f"packhouse orders refund {order} --wait --wait-s 0.3 --json")
        assert "not confirmed" in ended(shown, Exit.NOT_CONFIRMED)
