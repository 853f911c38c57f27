"""The command's door: the nouns are registered here, a command's module is loaded when it is called for.

An error becomes a message and an exit code here and nowhere else (exits.py says which).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module

from packhouse_cli.terminal.output import Terminal

# Noun -> (module, one-line help). A module has run(argv, terminal, environ) -> exit code.
NOUNS: dict[str, tuple[str, str]] = {
    "demo": ("demo", "watch a sandbox store's orders ship by themselves"),
    "serve": ("serve", "run the daemon"),
    "sandbox": ("sandbox", "run a store and a carrier to try everything on, with faults on demand"),
    "status": ("status", "what the daemon is doing"),
    "orders": ("orders", "the store's orders: list, get, fulfill, refund, return, exchange, why"),
    "webhooks": ("webhooks", "where the store tells what happens: create, list, rotate, deliveries"),
    "apply": ("apply", "carry out a plan made with `orders fulfill --from FILE` and its like"),
    "why": ("why", "the whole story of one order, and what happens next"),
    "tail": ("tail", "the journal as it is written, until Ctrl-C"),
    "shipments": ("shipments", "see what leaves together; hold it, send it, take its label back"),
    "holds": ("holds", "why things do not go on, and your word that they may"),
    "labels": ("labels", "have labels bought; fetch, open, print them; take them back"),
    "events": ("events", "what the store has told the daemon, and another look at it"),
    "pause": ("pause", "stop all buying and posting"),
    "resume": ("resume", "let buying and posting go on"),
    "profile": ("profile", "stores and daemons under names, with their keys kept elsewhere"),
    "doctor": ("doctor", "look at settings, clock, store, webhook, carrier, database and disk"),
    "config": ("config", "check the settings the daemon would run with"),
    "healthcheck": ("healthcheck", "ask the daemon on this machine whether it is ready, for a container"),
    "completion": ("completion", "the script that lets bash, zsh or fish complete commands and ids"),
    "version": ("version", "the version of packhouse"),
    "help": ("help", "help on a command, or on exit-codes"),
}

# What `aly-store-cli` has of them: the store's own nouns, and what helps with these.
STORE_NOUNS = ("orders", "webhooks", "completion", "version", "help")

_LONG_LIVED = {"demo", "serve", "sandbox"}


def main(
    argv: Sequence[str] | None = None,
    terminal: Terminal | None = None,
    environ: Mapping[str, str] | None = None,
    program: str = "packhouse",
) -> int:
    """Run one command line, by default this process's own. Returns its exit code and never raises.

    `program` is the name it was called by: packhouse, or aly-store-cli with the store's nouns alone.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and not _LONG_LIVED.intersection(arguments[:1]):
        _hurry()
    terminal = terminal or Terminal.of_this_process()
    terminal.program = program
    environ = os.environ if environ is None else environ
    try:
        code = _dispatch(arguments, terminal, environ)
        terminal.stdout.flush()
        if terminal.seen:
            from packhouse_cli.user import recent_ids

            recent_ids.remember(terminal.seen, environ)
        return code
    except SystemExit as asked:  # argparse after --help, or a door that ended the process itself
        if isinstance(asked.code, str):
            terminal.note(asked.code)
            return 1
        return asked.code or 0
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt as error:
        return _told(error, arguments, terminal, environ)
    except Exception as error:  # noqa: BLE001 - the outermost edge: nothing may end as a traceback
        return _told(error, arguments, terminal, environ)


def aly_store_cli() -> int:
    """The way in under the name that the store's own documentation uses."""
    return main(program="aly-store-cli")


def nouns_of(program: str) -> dict[str, tuple[str, str]]:
    """The nouns that a program of this name has."""
    return NOUNS if program == "packhouse" else {name: NOUNS[name] for name in STORE_NOUNS}


def _hurry() -> None:
    """Let garbage lie: looking for it takes a sixth of a quick command's time; it ends before that pays."""
    import atexit
    import gc

    gc.set_threshold(100_000, 10, 10)
    atexit.register(gc.freeze)  # else the interpreter looks through everything once more when it ends


def _dispatch(arguments: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    name = arguments[0] if arguments else "help"
    if any(word.startswith("--profile") for word in arguments) and name != "__complete":
        arguments, environ = _with_profile(arguments, environ)
        name = arguments[0] if arguments else "help"
    if name == "__complete":  # what the shells' scripts call; see completing.py
        from packhouse_cli.arguments import completion

        return completion.answer(arguments[1:], terminal, environ)
    if name in ("-h", "--help"):
        name, arguments = "help", ["help", *arguments[1:]]
    elif name in ("-V", "--version"):
        name = "version"
    if name not in (NOUNS if terminal.program == "packhouse" else STORE_NOUNS):
        _unknown(name, terminal.program)
    module = import_module(f"packhouse_cli.commands.{NOUNS[name][0]}")
    return int(module.run(arguments[1:], terminal, environ))


def _with_profile(arguments: list[str], environ: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
    """Take `--profile NAME` out of a line, wherever it stands before a `--`, and follow it."""
    from packhouse_cli.exit_codes import UsageError
    from packhouse_cli.user import profiles

    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word == "--profile" or word.startswith("--profile="):
            name = next(words, "") if word == "--profile" else word.partition("=")[2]
            if not name or name.startswith("-"):
                raise UsageError("--profile needs the name of a profile; see packhouse profile list.")
            environ = profiles.leading(environ, name)
        else:
            rest.append(word)
    if rest and rest[0] in _LONG_LIVED:
        raise UsageError(f"packhouse {rest[0]} reads no profile; its settings are its own.")
    return rest, environ


def _unknown(name: str, program: str) -> None:
    from packhouse_cli.arguments.parsing import nearest
    from packhouse_cli.exit_codes import UsageError
    from packhouse_cli.terminal.output import safe

    if name.startswith("-"):
        raise UsageError(f"There is no option {safe(name)} before a command. See {program} --help.")
    near = nearest(name, nouns_of(program))
    hint = f"Did you mean `{program} {near}`?" if near else f"See {program} --help."
    if name in NOUNS:
        hint = f"It is a command of packhouse: packhouse {name}"
    raise UsageError(f"There is no command {safe(name)!r}. {hint}")


def _told(error: BaseException, arguments: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    from packhouse_cli.exit_codes import ending_of
    from packhouse_cli.terminal.output import json_text, safe

    ending = ending_of(error)
    try:
        terminal.stdout.flush()
        if environ.get("PACKHOUSE_DEBUG") and not isinstance(error, KeyboardInterrupt):
            import traceback

            traceback.print_exception(error, file=terminal.stderr)
        first, *rest = ending.message.splitlines() or [""]
        terminal.note(f"{terminal.program}: {safe(first)}")
        for line in rest:
            terminal.note(f"  {safe(line)}")
        if "--json" in arguments or "--jsonl" in arguments:
            terminal.note(json_text(ending.as_json()))
        terminal.stderr.flush()
    except BrokenPipeError:
        return _reader_left()
    return int(ending.exit_code)


def _reader_left() -> int:
    from packhouse_cli.exit_codes import Exit

    # Nothing more can be written; without this the interpreter complains while it closes its streams.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return int(Exit.READER_LEFT)
