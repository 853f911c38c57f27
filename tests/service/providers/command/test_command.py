"""The command adapter, with real programs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packhouse.errors import ProviderMisconfigured, ProviderRefused, ProviderUnavailable, SettingsError
from packhouse.model.label import LabelFormat, Rate
from packhouse.model.money import Money
from packhouse.providers.command.adapter import CommandProvider
from packhouse.providers.command.options import CommandOptions, program_environment
from packhouse.providers.conformance import sample_request
from packhouse.providers.port import (
    Absent,
    Bought,
    NotBought,
    Purchase,
    Safety,
    TrackerState,
    Unknown,
    Voided,
    VoidPending,
    VoidRefused,
    Whose,
)
from tests.service.providers.command.program import Program
from tests.service.providers.context import Seen, context, kept

PURCHASE = Purchase(sample_request("ord_1/1/1"), "", Rate("command", "command", "standard", Money(0, "USD")))


def provider(timeout_s: float = 60.0, seen: Seen | None = None, **options: Any) -> CommandProvider:
    return CommandProvider.from_settings(options, context(LabelFormat.ZPL, timeout_s=timeout_s, seen=seen))


def shell(script: str) -> list[str]:
    return ["/bin/sh", "-c", script, "sh", "{order_id}", "{reference}"]


def bought_by(script: str, timeout_s: float = 60.0) -> Bought | NotBought | Unknown:
    return asyncio.run(provider(timeout_s, argv=shell(script)).buy(PURCHASE))


def test_the_documented_recipe_is_the_default() -> None:
    assert CommandOptions().argv == ("my-shipping-system", "create-label", "--order", "{order_id}", "--json")


def test_one_line_does_what_a_list_does() -> None:
    read = CommandOptions.model_validate(
        {"argv": "ship --note 'two words' {order_id}", "lookup": '["find", "{reference}"]'}
    )
    assert read.argv == ("ship", "--note", "two words", "{order_id}")
    assert read.lookup == ("find", "{reference}")


@pytest.mark.parametrize(
    "options",
    [
        {"argv": []},
        {"argv": ""},
        {"argv": "{order_id} x"},
        {"argv": "'unclosed"},
        {"argv": [""]},
        {"timeout": 5},
    ],
)
def test_a_command_line_that_cannot_work_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match=r"providers\.command"):
        CommandProvider.from_settings(options, context())


def test_the_program_is_given_the_order_and_answers_with_a_label(tmp_path: Path) -> None:
    program, seen = Program(tmp_path), Seen()
    outcome = asyncio.run(provider(argv=program.argv("make"), seen=seen).buy(PURCHASE))
    assert isinstance(outcome, Bought)
    assert outcome.tracking_number.startswith("SELF")
    assert (outcome.carrier, outcome.service, outcome.cost) == ("Own Vans", "standard", Money(420, "EUR"))
    assert outcome.document is not None
    assert outcome.document.format is LabelFormat.ZPL
    given = json.loads((tmp_path / "stdin.make").read_text())
    assert given["reference"] == "ord_1/1/1"
    assert given["order_id"] == given["order"]["id"] == "ord_1"
    assert given["units"] == [{"line_id": "line_1", "quantity": 2, "name": "Tea, 200 g", "sku": "TEA-200"}]
    assert given["parcel"] == {"weight_g": 450, "length_mm": 250, "width_mm": 200, "height_mm": 100}
    assert given["to_address"]["postcode"] == "90277"
    assert given["from_address"]["name"] == "North Pier Teas"
    assert given["label_format"] == "zpl"
    assert seen.calls == [("command", "buy", "exit_0")]


def test_it_is_the_same_on_the_daemons_event_loop(tmp_path: Path) -> None:
    uvloop = pytest.importorskip("uvloop", reason="uvloop is not installed")
    program = Program(tmp_path)

    async def story() -> None:
        own = provider(argv=program.argv("make"))
        orders = [replace(PURCHASE, request=sample_request(f"ord_{number}/1/1")) for number in range(4)]
        labels = await asyncio.gather(*map(own.buy, orders))
        assert all(isinstance(label, Bought) for label in labels)
        slow = provider(0.2, argv=shell("sleep 9 & wait"))
        assert isinstance(await slow.buy(PURCHASE), Unknown)
        deaf = provider(argv=shell("""exec 0<&-; echo '{"tracking": "1"}'"""))
        assert isinstance(await deaf.buy(PURCHASE), Bought)

    uvloop.run(story())
    assert json.loads((tmp_path / "stdin.make").read_text())["order_id"].startswith("ord_")


@pytest.mark.parametrize("name", ["tracking", "tracking_number", "tracking_code"])
def test_the_number_may_have_any_of_its_usual_names(name: str) -> None:
    outcome = bought_by(f"""echo '{{"{name}": 12345, "cost_minor": 549, "currency": "eur"}}'""")
    assert isinstance(outcome, Bought)
    assert (outcome.tracking_number, outcome.cost) == ("12345", Money(549, "EUR"))


def test_a_failed_program_bought_nothing_and_its_stderr_is_the_reason() -> None:
    outcome = bought_by("echo progress >&2; echo 'street is missing' >&2; exit 3")
    assert outcome == NotBought("The program ended with 3. Its stderr: progress | street is missing")


def test_exit_75_means_try_later() -> None:
    outcome = bought_by("exit 75")
    assert isinstance(outcome, NotBought)
    assert outcome.whose is Whose.MOMENT


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        "echo 'Label printed!'",
        "echo '[1]'",
        "echo '{}'",
        """echo '{"tracking": ""}'""",
        """echo '{"tracking": "1", "reference": "ord_2/1/1"}'""",
        """echo '{"tracking": "1"'""",
        "exit 74",
        "exit 137",
        "kill -9 $$",
        "kill -15 $$",
        "head -c 9000000 /dev/zero",
    ],
)
def test_an_inconclusive_end_of_the_program_is_unknown(script: str) -> None:
    outcome = bought_by(script)
    assert isinstance(outcome, Unknown)
    assert outcome.reason


def test_a_program_that_does_not_exist_did_nothing() -> None:
    lost = provider(argv=["/nowhere/ship"])
    outcome = asyncio.run(lost.buy(PURCHASE))
    assert isinstance(outcome, NotBought)
    assert outcome.whose is Whose.ACCOUNT
    for call in (lost.check(), lost.prepare(PURCHASE.request)):
        with pytest.raises(ProviderMisconfigured, match=r"/nowhere/ship.*providers\.command\.argv"):
            asyncio.run(call)


def test_a_slow_program_is_stopped_with_all_its_children(tmp_path: Path) -> None:
    mark = tmp_path / "grandchild"
    script = f"trap '' TERM; (exec sleep 600) & echo $! > {mark}; wait"
    for timeout_s in (0.3, 3.0, 30.0):  # a busy machine takes a while to start it
        started = time.monotonic()
        outcome = bought_by(script, timeout_s)
        assert time.monotonic() - started < timeout_s + 30
        assert isinstance(outcome, Unknown)
        assert "in time" in outcome.reason
        if mark.exists() and (child := mark.read_text().strip()):
            break
    assert_gone(int(child))


def test_a_cancelled_purchase_leaves_no_program_behind(tmp_path: Path) -> None:
    mark = tmp_path / "pid"

    async def story() -> None:
        task = asyncio.create_task(provider(argv=shell(f"echo $$ > {mark}; exec sleep 60")).buy(PURCHASE))
        while not (mark.exists() and mark.read_text().strip()):
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(story())
    assert_gone(int(mark.read_text()))


def test_a_purchase_that_is_cancelled_while_its_program_is_stopped_leaves_no_child_behind(
    tmp_path: Path,
) -> None:
    child, is_stopped = tmp_path / "child", tmp_path / "stopped"
    script = (
        f"(trap '' TERM; exec sleep 600) & echo $! > {child}; trap 'echo > {is_stopped}' TERM; "
        "while :; do sleep 0.1; done"
    )

    async def story(timeout_s: float) -> None:
        task = asyncio.create_task(provider(timeout_s, argv=shell(script)).buy(PURCHASE))
        while not (is_stopped.exists() or task.done()):
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait({task})

    for timeout_s in (2.0, 20.0):  # a busy machine takes a while to start it
        asyncio.run(story(timeout_s))
        if is_stopped.exists():
            break
    assert_gone(int(child.read_text()))


def assert_gone(pid: int) -> None:
    """Nothing runs under this id any more; what has ended but is not reaped counts as gone."""
    for _ in range(1500):
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return
        if state == "Z":
            return
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError(f"process {pid} still runs")


def test_a_child_that_keeps_the_pipes_open_does_not_delay_the_result(tmp_path: Path) -> None:
    mark = tmp_path / "child"
    started = time.monotonic()
    outcome = bought_by(f"""sleep 120 & echo $! > {mark}; echo '{{"tracking": "1"}}'""", timeout_s=200)
    assert isinstance(outcome, Bought)
    assert time.monotonic() - started < 60
    os.kill(int(mark.read_text()), signal.SIGKILL)


def test_too_much_output_is_cut_and_does_not_block_the_program() -> None:
    outcome = bought_by("""yes noise | head -c 1000002 >&2; echo end >&2; exit 9""")
    assert isinstance(outcome, NotBought)
    assert outcome.reason.endswith("noise | end")
    assert len(outcome.reason) < 2500


def test_arguments_are_never_read_by_a_shell() -> None:
    evil = sample_request("$(touch /tmp/x);{order_id}/1/1")
    outcome = asyncio.run(
        provider(
            argv=["/bin/sh", "-c", 'printf \'{"tracking": "1", "carrier": "%s"}\' "$1"', "sh", "{reference}"]
        ).buy(Purchase(evil, "", PURCHASE.rate))
    )
    assert isinstance(outcome, Bought)
    assert outcome.carrier == evil.reference


def test_an_order_id_that_looks_like_an_option_is_refused() -> None:
    with pytest.raises(ProviderRefused, match="option"):
        asyncio.run(provider(argv=shell("exit 0")).prepare(sample_request("--delete-all/1/1")))


def test_the_program_does_not_get_packhouses_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PACKHOUSE_STORE__API_KEY", "secret")
    monkeypatch.setenv("ALY_API_KEY", "secret")
    monkeypatch.setenv("SHIPPING_TOKEN", "theirs")
    assert program_environment({"PATH": "/bin", "packhouse_x": "1"}) == {"PATH": "/bin"}
    outcome = bought_by(
        """printf '{"tracking": "1", "service": "%s|%s|%s"}' """
        """"$PACKHOUSE_STORE__API_KEY" "$ALY_API_KEY" "$SHIPPING_TOKEN" """
    )
    assert isinstance(outcome, Bought)
    assert outcome.service == "||theirs"


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ('{"found": false}', Absent),
        ('{"tracking": "1"}', Bought),
        ("{}", Unknown),
        ("null", Unknown),
        ("", Unknown),
        ('{"found": true}', Unknown),
    ],
)
def test_a_look_up_needs_a_clear_answer(said: str, wanted: type) -> None:
    asker = provider(argv=shell("exit 1"), lookup=["/bin/echo", said])
    assert asker.safety is Safety.LOOKUP
    assert isinstance(asyncio.run(asker.lookup(PURCHASE)), wanted)


@pytest.mark.parametrize("code", [1, 75, 74, 137])
def test_a_failed_look_up_is_unknown(code: int) -> None:
    outcome = asyncio.run(provider(argv=shell("exit 1"), lookup=shell(f"exit {code}")).lookup(PURCHASE))
    assert isinstance(outcome, Unknown)


def test_without_a_look_up_program_the_adapter_is_blind() -> None:
    blind = provider(argv=shell("exit 1"))
    assert blind.safety is Safety.BLIND
    assert isinstance(asyncio.run(blind.lookup(PURCHASE)), Unknown)


LABEL = kept("command", Bought("ord_1/1/1", "T1", "Own Vans", "standard", Money(420, "EUR")))


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("exit 0", Voided()),
        ("""echo '{"status": "voided"}'""", Voided()),
        ("""echo '{"status": "pending", "reason": "by Friday"}'""", VoidPending("by Friday")),
        ("""echo '{"status": "refused", "reason": "used"}'""", VoidRefused("used")),
        ("echo too late >&2; exit 2", VoidRefused("The program ended with 2. Its stderr: too late")),
    ],
)
def test_a_void_is_read_from_the_exit_code_and_the_output(script: str, wanted: object) -> None:
    assert asyncio.run(provider(argv=["true"], void=shell(script)).void(LABEL)) == wanted


@pytest.mark.parametrize("script", ["exit 75", "kill -9 $$", "echo hm", """echo '{"status": "?"}'"""])
def test_a_void_without_a_clear_answer_is_requested_again(script: str) -> None:
    with pytest.raises(ProviderUnavailable):
        asyncio.run(provider(argv=["true"], void=shell(script)).void(LABEL))


def test_without_a_void_program_a_person_voids_the_label() -> None:
    outcome = asyncio.run(provider(argv=["true"]).void(LABEL))
    assert isinstance(outcome, VoidRefused)
    assert "Void the label yourself" in outcome.reason


def test_tracking_returns_packhouses_states() -> None:
    async def tracked(words: Sequence[str]) -> TrackerState:
        return (await provider(argv=["true"], track=list(words)).track(LABEL)).state

    assert asyncio.run(tracked(["/bin/echo", '{"status": "delivered"}'])) is TrackerState.DELIVERED
    assert asyncio.run(tracked(["/bin/echo", '{"status": "lost in fog"}'])) is TrackerState.UNKNOWN
    with pytest.raises(ProviderUnavailable):
        asyncio.run(tracked(["/bin/false"]))


def test_the_programs_receive_the_label(tmp_path: Path) -> None:
    record = tmp_path / "input"
    script = f'{{ echo "$1 $2 $3"; cat; }} > {record}'
    argv = ["/bin/sh", "-c", script, "sh", "{order_id}", "{reference}", "{tracking_number}"]
    asyncio.run(provider(argv=["true"], void=argv).void(LABEL))
    line, given = record.read_text().splitlines()
    assert line == "ord_1 ord_1/1/1 T1"
    assert json.loads(given)["tracking_number"] == "T1"


def test_the_label_file_may_come_as_text_or_not_at_all(tmp_path: Path) -> None:
    encoded = bought_by("""echo '{"tracking": "1", "label_base64": "XlhBXkZEeF5GU15YWg=="}'""")
    assert isinstance(encoded, Bought)
    assert encoded.document is not None
    assert encoded.document.content == b"^XA^FDx^FS^XZ"
    assert "label_base64" not in encoded.raw or len(encoded.raw["label_base64"]) < 500
    lost = bought_by("""echo '{"tracking": "1", "label_path": "/nowhere"}'""")
    assert isinstance(lost, Bought), "a lost file does not unmake a purchase"
    assert lost.document is None
    with pytest.raises(ProviderRefused, match="/nowhere cannot be read"):
        asyncio.run(provider(argv=["true"]).document(kept("command", lost)))
    none = bought_by("""echo '{"tracking": "1"}'""")
    assert isinstance(none, Bought)
    assert (none.document, none.document_source) == (None, "")
    with pytest.raises(ProviderRefused, match="no label file"):
        asyncio.run(provider(argv=["true"]).document(kept("command", none)))


def test_a_file_that_the_program_named_can_be_read_again_later(tmp_path: Path) -> None:
    program = Program(tmp_path)
    own = provider(argv=program.argv("make"))
    outcome = asyncio.run(own.buy(PURCHASE))
    assert isinstance(outcome, Bought)
    assert asyncio.run(own.document(kept("command", outcome))) == outcome.document
    (tmp_path / "label.zpl").unlink()
    with pytest.raises(ProviderRefused, match=r"label\.zpl cannot be read"):
        asyncio.run(own.document(kept("command", outcome)))


def test_the_reason_contains_the_last_lines_of_stderr() -> None:
    outcome = bought_by("i=0; while [ $i -lt 50 ]; do echo line $i >&2; i=$((i+1)); done; exit 1")
    assert isinstance(outcome, NotBought)
    assert "line 49" in outcome.reason
    assert "line 43" not in outcome.reason
