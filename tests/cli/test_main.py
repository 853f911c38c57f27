from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys

import pytest

from packhouse import __version__
from packhouse_cli.arguments.registry import COMMANDS, module_of
from packhouse_cli.exit_codes import MEANING, Exit
from packhouse_cli.main import main
from packhouse_cli.terminal.output import Terminal
from tests.cli.runner import call


def test_help_lists_every_command_with_its_one_line() -> None:
    shown = call("--help")
    assert shown.code == 0
    for name, sense in COMMANDS.items():
        assert f"{name} " in shown.out
        assert sense in shown.out
    assert call().out == shown.out


@pytest.mark.parametrize("program", ["packhouse", "aly-store-cli"])
def test_the_overview_fits_a_terminal_of_eighty_columns(program: str) -> None:
    out = io.StringIO()
    assert main(["--help"], Terminal(out, io.StringIO(), {}), {}, program) == 0
    assert max(map(len, out.getvalue().splitlines())) <= 80


@pytest.mark.parametrize("name", COMMANDS)
def test_every_registered_command_exists_and_has_help_with_its_own_name(name: str) -> None:
    module = module_of(name)
    assert hasattr(module, "COMMAND") or callable(module.run)
    if name not in ("help", "version"):
        shown = call(name, "--help")
        assert shown.code == 0
        assert f"packhouse {name}" in shown.out
        assert call("help", name).out == shown.out


def test_a_mistyped_command_is_answered_with_the_nearest_one() -> None:
    shown = call("ordres", "list")
    assert shown.code == Exit.USAGE
    assert "packhouse orders" in shown.err
    assert shown.out == ""


def test_a_mistyped_subcommand_is_answered_with_the_nearest_one() -> None:
    assert "`packhouse orders list`" in call("orders", "lst").err


def test_an_unknown_word_without_a_near_one_points_to_the_help() -> None:
    shown = call("zzz\x1b[31m")
    assert shown.code == Exit.USAGE
    assert "--help" in shown.err
    assert "\x1b" not in shown.err


def test_options_cannot_be_shortened_so_that_later_ones_never_change_a_script() -> None:
    shown = call("orders", "list", "--stat", "pending", environ={"ALY_API_KEY": "aly_x"})
    assert shown.code == Exit.USAGE
    assert "--stat" in shown.err


def test_the_version_is_the_packages_own() -> None:
    assert call("--version").out == f"packhouse {__version__}\n"
    assert call("version", "--json").json == {"version": __version__}


def test_help_on_exit_codes_lists_each_of_them() -> None:
    rows = {row["exit_code"]: row["meaning"] for row in call("help", "exit-codes", "--json").json}
    assert rows == {int(code): meaning for code, meaning in MEANING.items()}
    assert set(MEANING) == set(Exit)
    assert [int(code) for code in list(Exit)[:9]] == list(range(9))


def test_with_json_an_error_is_an_object_on_standard_error_too() -> None:
    shown = call("status", "--json")
    assert shown.code == Exit.USAGE
    assert shown.out == ""
    assert shown.err.splitlines()[0].startswith("packhouse: No operator token is set")
    assert shown.error["exit_code"] == 2
    assert shown.error["code"] == "usage"
    assert "PACKHOUSE_TOKEN" in shown.error["message"]


def test_ctrl_c_ends_a_waiting_command_with_130_and_one_line() -> None:
    # A server that takes the call and never answers.
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        subprocess.Popen(
            [sys.executable, "-m", "packhouse_cli", "status"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PACKHOUSE_URL": f"http://127.0.0.1:{silent.getsockname()[1]}",
                "PACKHOUSE_TOKEN": "sesame-open",
            },
        ) as process,
    ):
        silent.settimeout(60)
        call_of_it, _ = silent.accept()
        with call_of_it:
            assert call_of_it.recv(65536), "it waits for the answer now"
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=180)
    assert process.returncode == 130
    assert err == "packhouse: Interrupted.\n"


def test_a_reader_that_leaves_early_ends_the_command_without_a_complaint() -> None:
    environ = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "packhouse_cli", "help", "exit-codes"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
        process.wait(60)
    assert err == b""
    assert process.returncode == Exit.READER_LEFT
