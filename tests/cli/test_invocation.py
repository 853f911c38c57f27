"""An invocation reads settings and opens clients when they are used, and no earlier."""

from __future__ import annotations

import io

import pytest

from packhouse_cli.exit_codes import UsageError
from packhouse_cli.invocation import Invocation
from packhouse_cli.terminal.output import Terminal
from tests.cli.runner import Pretended, serving

ORDER = {"id": "ord_1", "status": "pending", "items": []}


def invocation(environ: dict[str, str], err: io.StringIO | None = None) -> Invocation:
    return Invocation(Terminal(io.StringIO(), err or io.StringIO(), environ), environ)


def test_a_wrong_setting_is_an_error_only_for_the_command_that_uses_it() -> None:
    call = invocation({"PACKHOUSE_HTTP__PORT": "soon", "ALY_API_KEY": "aly_x"})
    assert call.settings.api_key == "aly_x"
    with pytest.raises(UsageError, match="PACKHOUSE_HTTP__PORT"), call.daemon():
        pass


def test_the_daemon_needs_a_token_and_the_store_a_key() -> None:
    with pytest.raises(UsageError, match="operator token"), invocation({}).daemon():
        pass
    with pytest.raises(UsageError, match="API key"):
        invocation({}).store()


@pytest.mark.parametrize("tty", [True, False])
def test_a_wait_for_the_stores_rate_limit_is_shown_on_a_terminal_only(tty: bool) -> None:
    err: io.StringIO = Pretended() if tty else io.StringIO()
    path = "GET /merchant/orders/ord_1"
    answers = iter([(429, {"error": {"code": "rate_limited", "message": "Slow down."}}), (200, ORDER)])

    class Changing(dict[str, tuple[int, object]]):
        def get(self, key: str, default: object = None) -> object:
            return next(answers) if key == path else default

    with serving(Changing()) as store:  # type: ignore[arg-type]
        call = invocation({"PACKHOUSE_STORE__URL": store.url, "ALY_API_KEY": "aly_x"}, err)
        with call.store() as client:
            client._sleep = lambda seconds: None
            assert client.order("ord_1").id == "ord_1"
    shown = "Rate limited by the store (429); retrying in 1 s. --no-wait ends at once.\n"
    assert err.getvalue() == (shown if tty else "")


def test_without_a_daemon_nothing_is_taken_over_and_a_note_says_so_once() -> None:
    notes: list[str] = []
    with invocation({}).take_over("ord_1", "refund $1.00", note=notes.append) as takeover:
        assert not takeover.coordinated
    assert len(notes) == 1
    with invocation({}).take_over("ord_1", "refund $1.00", without_daemon=True, note=notes.append):
        pass
    assert len(notes) == 1
