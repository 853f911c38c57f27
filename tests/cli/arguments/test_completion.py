"""TAB in real shells: the scripts that are printed, the real command behind them, ids seen before."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from packhouse_cli.arguments import completion
from packhouse_cli.arguments.registry import COMMANDS
from packhouse_cli.user import recent_ids
from packhouse_cli.user.paths import recent_ids_file
from tests.cli.runner import call, serving
from tests.cli.test_start import HEAVY

BIN = Path(sys.executable).parent
STORE = "/api/storefront/v1"
SEEN = ["ord_abc1", "ord_abc2", "ord_abc1-1", "li_1", "wh_7", "del_9", "ret_5", "cust_42"]


def needs(shell: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(shell) is None, reason=f"{shell} is not installed here")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A home in which some ids have been seen."""
    environ = {"HOME": str(tmp_path), "PATH": f"{BIN}:{os.environ['PATH']}", "TERM": "xterm"}
    recent_ids.remember(SEEN, environ)
    return environ


def words(found: list[completion.Offer]) -> list[str]:
    return [offer.word for offer in found]


def in_bash(line: str, environ: dict[str, str], name: str = "packhouse") -> list[str]:
    """What bash would offer at the end of this line, by its own completion function."""
    script = r"""
        source <("$2" completion bash)
        complete -p "$2" >/dev/null || exit 9
        COMP_LINE=$1 COMP_POINT=${#1}
        read -ra COMP_WORDS <<<"$1"; COMP_CWORD=${#COMP_WORDS[@]}
        _packhouse "$2"
        printf '%s\n' "${COMPREPLY[@]}"
    """
    asked = ["bash", "--norc", "-c", script, "bash", line, name]
    shown = subprocess.run(asked, capture_output=True, text=True, env=environ, timeout=180)
    assert shown.returncode == 0, shown.stderr
    return [word for word in shown.stdout.splitlines() if word]


@needs("bash")
@pytest.mark.parametrize("name", ["packhouse", "aly-store-cli"])
def test_bash_completes_commands_subcommands_options_and_ids(environ: dict[str, str], name: str) -> None:
    assert in_bash(f"{name} or", environ, name) == ["orders"]
    assert {"list", "get", "fulfill"} <= set(in_bash(f"{name} orders ", environ, name))
    assert in_bash(f"{name} orders list --sta", environ, name) == ["--status"]
    assert in_bash(f"{name} orders get ord_", environ, name) == ["ord_abc1", "ord_abc2"]
    assert ("serve" in in_bash(f"{name} ", environ, name)) is (name == "packhouse")


@needs("bash")
def test_bash_completes_behind_its_own_word_breaks(environ: dict[str, str]) -> None:
    assert in_bash("packhouse orders list --status=pen", environ) == ["pending"]
    assert in_bash("packhouse orders fulfill ord_abc1 --item li_", environ) == ["li_1:"]
    assert in_bash("packhouse orders fulfill ord_abc1 --item li_1:", environ) == []
    assert in_bash("PACKHOUSE_URL=http://x packhouse orders list | packhouse stat", environ) == ["status"]
    assert in_bash('packhouse orders fulfill "ord_', environ) == ["ord_abc1", "ord_abc2"]


@needs("bash")
def test_bash_keeps_its_own_file_names_where_a_file_belongs(environ: dict[str, str]) -> None:
    assert in_bash("packhouse demo --dir ", environ) == []


@needs("bash")
def test_the_prompt_is_not_spoiled_by_a_broken_installation(tmp_path: Path, environ: dict[str, str]) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    (broken / "packhouse").write_text(
        f'#!/bin/sh\n[ "$1" = completion ] && exec {BIN}/packhouse "$@"\necho boom >&2; exit 1\n'
    )
    (broken / "packhouse").chmod(0o755)
    assert in_bash("packhouse or", environ | {"PATH": f"{broken}:{environ['PATH']}"}) == []


@needs("zsh")
def test_zsh_completes_with_the_meaning_of_each_word(environ: dict[str, str]) -> None:
    script = r"""
        compdef() { : }; _describe() { print -rl -- "${(@P)2}" }; _files() { print FILES }
        eval "$(packhouse completion zsh)"
        words=(packhouse "$@"); CURRENT=$#words; _packhouse
    """

    def offered(*typed: str) -> list[str]:
        asked = ["zsh", "-f", "-c", script, "zsh", *typed]
        shown = subprocess.run(asked, capture_output=True, text=True, env=environ, timeout=180)
        assert shown.returncode == 0, shown.stderr
        return [line for line in shown.stdout.splitlines() if line]

    assert offered("or")[0].startswith("orders:")
    assert offered("orders", "get", "ord_") == ["ord_abc1", "ord_abc2"]
    assert offered("orders", "fulfill", "ord_abc1", "--item", "li_") == [r"li_1\:"]
    assert offered("demo", "--dir", "") == ["FILES"]


@needs("fish")
def test_fish_completes_with_the_meaning_of_each_word(environ: dict[str, str]) -> None:
    def offered(line: str) -> list[str]:
        script = f"packhouse completion fish | source; complete -C {json.dumps(line)}"
        shown = subprocess.run(
            ["fish", "--no-config", "-c", script], capture_output=True, text=True, env=environ, timeout=180
        )
        assert shown.returncode == 0, shown.stderr
        return shown.stdout.splitlines()

    assert [line.split("\t")[0] for line in offered("packhouse or")] == ["orders"]
    assert offered("aly-store-cli orders get ord_") == ["ord_abc1", "ord_abc2"]
    assert "--status" in [line.split("\t")[0] for line in offered("packhouse orders list --st")]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_serves_both_names(shell: str) -> None:
    shown = call("completion", shell)
    assert shown.code == 0
    assert "packhouse" in shown.out
    assert "aly-store-cli" in shown.out
    assert call("completion", "tcsh").code == 2


def test_every_command_and_every_subcommand_can_be_completed(environ: dict[str, str]) -> None:
    assert set(COMMANDS) <= set(words(completion.offers([""], environ)))
    for name in COMMANDS:
        assert completion.offers([name, "--he"], environ) or name == "help"


def test_ids_fit_their_place(environ: dict[str, str]) -> None:
    def offered(*typed: str) -> list[str]:
        return words(completion.offers(typed, environ))

    assert offered("why", "") == ["ord_abc1", "ord_abc2"]
    assert offered("shipments", "retry", "") == ["ord_abc1-1"]
    assert offered("orders", "list", "--customer-id", "") == ["cust_42"]
    assert offered("orders", "get", "ord_abc1", "") == []
    assert offered("orders", "get", "--json", "ord_abc2") == ["ord_abc2"]
    assert "--json" not in offered("orders", "get", "--json", "--")
    assert "--item" in offered("orders", "fulfill", "--item", "li_1:1", "--")
    assert offered("orders", "list", "--", "--s") == []


def test_an_unknown_command_or_shell_is_answered_with_nothing(environ: dict[str, str]) -> None:
    for argv in (["bash", ": =", "packhouse nonsense "], ["zsh", "nonsense", ""], [], ["bash", "x", "'"]):
        shown = call("__complete", *argv, environ=environ)
        assert (shown.code, shown.out, shown.err) == (0, "", "")


def test_completion_uses_no_network_and_loads_nothing_heavy(environ: dict[str, str]) -> None:
    program = (
        "import socket, sys, json\n"
        "socket.socket.connect = None\n"
        "from packhouse_cli.main import main\n"
        "for line in ('packhouse orders get ', 'packhouse sandbox --', 'packhouse serve --', 'packhouse '):\n"
        "    main(['__complete', 'bash', ':=', line])\n"
        "print('MODULES', json.dumps(sorted(sys.modules)))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environ, timeout=180
    )
    offered, _, modules = shown.stdout.partition("MODULES ")
    assert {"ord_abc1", "--fault", "--help", "orders"} <= set(offered.split())
    assert not set(json.loads(modules)) & HEAVY - {"packhouse.sandbox"}


def listed(environ: dict[str, str], *, tty: bool) -> list[str]:
    answer = {
        "orders": [{"id": "ord_new", "status": "pending", "currency": "USD", "items": [{"id": "li_77"}]}]
    }
    with serving({f"GET {STORE}/merchant/orders?limit=25": (200, answer)}) as store:
        settings = {"PACKHOUSE_STORE__URL": store.url + STORE, "ALY_API_KEY": "aly_x"}
        assert call("orders", "list", "--json", environ=environ | settings, tty=tty).code == 0
    return recent_ids.read(environ)


def test_what_a_person_was_shown_can_be_completed_newest_first(environ: dict[str, str]) -> None:
    assert listed(environ, tty=True) == ["ord_new", "li_77", *SEEN]
    file = Path(recent_ids_file(environ))
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_script_leaves_no_trace(environ: dict[str, str]) -> None:
    assert listed(environ, tty=False) == SEEN


def test_a_home_that_cannot_be_written_or_read_stops_no_command(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"XDG_STATE_HOME": str(tmp_path / "file")}
    assert listed(environ, tty=True) == []
    assert recent_ids_file({}) == ""
    assert recent_ids_file({"XDG_STATE_HOME": "relative"}) == ""
    (tmp_path / "packhouse").mkdir()
    (tmp_path / "packhouse" / "recent-ids").write_bytes(b"\xff\xfe broken")
    assert recent_ids.read({"XDG_STATE_HOME": str(tmp_path)}) == []


def test_only_so_many_are_kept(environ: dict[str, str]) -> None:
    recent_ids.remember([f"ord_{number}" for number in range(1000)], environ)
    kept = recent_ids.read(environ)
    assert len(kept) == 400
    assert kept[0] == "ord_0"
