"""An order is taken over before the store is called, and released when the outcome is known."""

from __future__ import annotations

import io
from typing import Any

import pytest

from packhouse.errors import StoreRefused, StoreUnanswered, StoreUnreachable
from packhouse.model.order import Units
from packhouse_cli.clients.takeover import Takeover
from packhouse_cli.exit_codes import CommandError, Exit
from packhouse_cli.invocation import Invocation
from packhouse_cli.terminal.output import Terminal
from tests.cli.runner import FakePeer, serving

LABELED = {
    "id": "ord_1-1",
    "state": "labeled",
    "units": [{"line_id": "li_1", "quantity": 1}],
    "label": {"carrier": "USPS", "tracking_number": "9400"},
}
TAKEN: dict[str, Any] = {"hold": {"id": 7}, "in_flight": "", "order": {"id": "ord_1", "shipments": [LABELED]}}
TAKE, RELEASE = "POST /api/v1/orders/ord_1/takeover", "POST /api/v1/holds/7/release"


def hold(daemon: FakePeer, failing: Exception | None = None, *, sent: bool = True) -> str:
    """Take the order over once; returns what was printed on standard error."""
    err = io.StringIO()
    invocation = Invocation(Terminal(io.StringIO(), err, {}), daemon.environ)

    def act() -> None:
        with invocation.take_over("ord_1", "fulfill") as takeover:
            if sent:
                takeover.mark_sent()
            if failing is not None:
                raise failing

    if failing is None:
        act()
    else:
        with pytest.raises(type(failing)):
            act()
    return err.getvalue()


def asked(daemon: FakePeer) -> list[str]:
    return [name for name, _ in daemon.asked]


def test_the_order_is_taken_over_before_and_released_after() -> None:
    with serving({TAKE: (200, TAKEN), RELEASE: (200, {})}) as daemon:
        assert hold(daemon) == ""
    assert asked(daemon) == [TAKE, RELEASE]


def test_the_command_waits_for_a_step_in_progress() -> None:
    answers: dict[str, tuple[int, Any]] = {RELEASE: (200, {})}
    waits = iter(["a purchase is under way", "a purchase is under way", ""])

    class Changing(dict[str, tuple[int, Any]]):
        def get(self, key: str, default: Any = None) -> Any:
            # From the second time on the daemon finds our own first asking.
            more = {"in_flight": next(waits), "resumed": len(asked(daemon)) > 1}
            return (200, TAKEN | more) if key == TAKE else super().get(key, default)

    with serving(Changing(answers)) as daemon:
        hold(daemon)
    assert asked(daemon) == [TAKE, TAKE, TAKE, RELEASE]


def test_a_refusal_by_the_store_releases_the_order() -> None:
    with serving({TAKE: (200, TAKEN), RELEASE: (200, {})}) as daemon:
        hold(daemon, StoreRefused("the order is cancelled", status=422))
        hold(daemon, KeyboardInterrupt(), sent=False)  # type: ignore[arg-type]
    assert asked(daemon) == [TAKE, RELEASE] * 2


@pytest.mark.parametrize("doubt", [StoreUnanswered("no answer in time"), KeyboardInterrupt()])
def test_an_unclear_outcome_keeps_the_order_and_says_how_to_continue(doubt: Any) -> None:
    with serving({TAKE: (200, TAKEN)}) as daemon:
        said = hold(daemon, doubt)
    assert asked(daemon) == [TAKE]
    assert "packhouse holds release 7" in said


@pytest.mark.parametrize("sent", [True, False])
def test_a_refusal_does_not_settle_an_earlier_run_of_the_same_command(sent: bool) -> None:
    resumed = TAKEN | {"resumed": True}
    with serving({TAKE: (200, resumed), RELEASE: (200, {})}) as daemon:
        said = hold(daemon, StoreUnreachable("No route."), sent=sent)
    assert asked(daemon) == [TAKE]
    assert "an earlier run" in said
    assert "packhouse holds release 7" in said


def test_an_accepted_change_keeps_the_order_even_if_the_store_is_unreachable_after() -> None:
    err = io.StringIO()
    with (
        serving({TAKE: (200, TAKEN), RELEASE: (200, {})}) as daemon,
        pytest.raises(StoreUnreachable),
        Invocation(Terminal(io.StringIO(), err, {}), daemon.environ).take_over("ord_1", "refund") as takeover,
    ):
        takeover.mark_sent()
        takeover.keep("The refund is not confirmed yet.")
        raise StoreUnreachable("No route.")
    assert asked(daemon) == [TAKE]
    assert "The refund is not confirmed yet." in err.getvalue()


def test_an_order_that_is_taken_over_by_another_operator_is_refused() -> None:
    error = {
        "code": "taken_over",
        "message": "Order ord_1 is taken over by ada: refund.",
        "what_to_do": "If that work is finished: packhouse holds release 7 --reason WHY",
    }
    with serving({TAKE: (409, {"error": error})}) as daemon, pytest.raises(CommandError) as refused:
        hold(daemon)
    assert (refused.value.exit_code, refused.value.code) == (Exit.CONFLICT, "taken_over")
    assert str(refused.value) == f"The daemon answered 409: {error['message']} {error['what_to_do']}"


def test_a_daemon_that_does_not_answer_stops_the_change() -> None:
    with serving({}) as gone:
        pass
    with pytest.raises(CommandError, match="--without-daemon") as refused:
        hold(gone)
    assert refused.value.exit_code is Exit.NETWORK


def test_without_a_daemon_a_note_says_so() -> None:
    err = io.StringIO()
    invocation = Invocation(Terminal(io.StringIO(), err, {}), {})
    with invocation.take_over("ord_1", "fulfill") as takeover:
        assert not takeover.coordinated
    assert "No daemon is configured" in err.getvalue()


def test_an_order_of_an_interrupted_run_is_released_by_the_same_command() -> None:
    active = {"id": 7, "code": "taken_over", "released_at": None}
    for note, is_released in (("fulfill x", True), ("fulfill y", False)):
        order = {"id": "ord_1", "holds": [active | {"note": note}]}
        with serving({"GET /api/v1/orders/ord_1": (200, order), RELEASE: (200, {})}) as daemon:
            terminal = Terminal(io.StringIO(), io.StringIO(), {})
            Invocation(terminal, daemon.environ).release_finished("ord_1", "fulfill x")
        assert (RELEASE in asked(daemon)) is is_released


def test_another_label_for_the_same_units_is_refused() -> None:
    takeover = Takeover("ord_1", TAKEN)
    with pytest.raises(CommandError, match="9400") as refused:
        takeover.refuse_other_labels([Units("li_1", 1)], "1Z9")
    assert "packhouse labels void ord_1-1" in str(refused.value)
    takeover.refuse_other_labels([Units("li_1", 1)], "9400")
    takeover.refuse_other_labels([Units("li_2", 1)], "1Z9")


@pytest.mark.parametrize("state", ["voiding", "voided"])
def test_no_parcel_is_posted_with_a_voided_label(state: str) -> None:
    takeover = Takeover(
        "ord_1", TAKEN | {"order": {"id": "ord_1", "shipments": [LABELED | {"state": state}]}}
    )
    with pytest.raises(CommandError, match="is voided") as refused:
        takeover.refuse_other_labels([Units("li_1", 1)], "9400")
    assert refused.value.exit_code is Exit.CONFLICT
    takeover.refuse_other_labels([Units("li_1", 1)], "1Z9")
