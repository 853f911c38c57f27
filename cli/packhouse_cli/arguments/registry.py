"""All commands by name. The module of a command is loaded when the command is used."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

# Name -> its line in the help. `commands/` has a module of the same name.
COMMANDS: dict[str, str] = {
    "demo": "watch the orders of a sandbox store ship by themselves",
    "serve": "run the daemon",
    "sandbox": "run a fake Aly store and a fake EasyPost, with faults on demand",
    "status": "show what the daemon is doing",
    "orders": "list, get, fulfill, refund, return and exchange orders",
    "webhooks": "manage webhooks; list and replay their deliveries",
    "apply": "apply a plan for many orders",
    "why": "show the history of one order and what happens next",
    "tail": "print journal entries as they are written",
    "shipments": "list, hold, ship and void shipments",
    "holds": "list, place and release holds",
    "labels": "buy, fetch, open, print, void and adopt labels",
    "events": "list and replay received webhook events",
    "pause": "stop all buying and posting",
    "resume": "allow buying and posting again",
    "reconcile": "show what was found after a restore, and continue",
    "profile": "manage named store and daemon profiles",
    "doctor": "check settings, store, webhook, provider, database and disk",
    "config": "check the daemon's settings",
    "healthcheck": "report whether this machine's daemon is ready, for containers",
    "completion": "print the completion script for bash, zsh or fish",
    "version": "print the version",
    "help": "show help for a command, or the exit codes",
}

# The commands that aly-store-cli has: those of the store's documentation, and what helps with them.
STORE_COMMANDS = ("orders", "webhooks", "completion", "version", "help")


def commands_of(program: str) -> dict[str, str]:
    """The commands of the program with this name, each with its line in the help."""
    return COMMANDS if program == "packhouse" else {name: COMMANDS[name] for name in STORE_COMMANDS}


def module_of(name: str) -> Any:
    """The module of a command. It has COMMAND, or where it needs no parser, run(argv, invocation)."""
    return import_module(f"packhouse_cli.commands.{name}")


def run(name: str, argv: Sequence[str], invocation: Invocation) -> int:
    """Run a command with these arguments. Returns its exit code."""
    module = module_of(name)
    if hasattr(module, "COMMAND"):
        from packhouse_cli.arguments import command

        return command.run(module.COMMAND, name, argv, invocation)
    return int(module.run(list(argv), invocation))
