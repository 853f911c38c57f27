"""The entry point: runs one command line, and turns every error into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence

from packhouse_cli.arguments import registry
from packhouse_cli.invocation import Invocation
from packhouse_cli.terminal.output import Terminal

# These run until they are stopped: they read no profile, and garbage is collected as usual.
_LONG_RUNNING = {"demo", "serve", "sandbox"}
# Options of every command, anywhere in its line.
_GLOBAL = ("--profile", "--config")
_GLOBAL_NEEDS = {
    "--profile": "--profile needs the name of a profile; see packhouse profile list.",
    "--config": "--config needs a file with settings, such as packhouse.toml.",
}


def main(
    argv: Sequence[str] | None = None,
    terminal: Terminal | None = None,
    environ: Mapping[str, str] | None = None,
    program: str = "packhouse",
) -> int:
    """Run one command line, by default this process's own. Returns its exit code and never raises.

    `program` is the name it was called by: packhouse, or aly-store-cli, which has the store's commands alone.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    if argv is None and not _LONG_RUNNING.intersection(arguments[:1]):
        _tune_gc()
    terminal = terminal or Terminal.of_this_process()
    invocation = Invocation(terminal, os.environ if environ is None else environ, program)
    try:
        code = _dispatch(arguments, invocation)
        terminal.stdout.flush()
        if terminal.seen:
            from packhouse_cli.user import recent_ids

            recent_ids.remember(terminal.seen, invocation.environ)
        return code
    except SystemExit as ended:  # argparse after --help, or an entry point that ended the process itself
        if isinstance(ended.code, str):
            terminal.note(ended.code)
            return 1
        return ended.code or 0
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt as error:
        return _failed(error, arguments, invocation)
    except Exception as error:  # noqa: BLE001 - the outermost edge: nothing may end as a traceback
        return _failed(error, arguments, invocation)


def aly_store_cli() -> int:
    """The entry point under the name that the store's own documentation uses."""
    return main(program="aly-store-cli")


def _tune_gc() -> None:
    """Collect garbage rarely: in a quick command it takes a sixth of the time and frees nothing of use."""
    import atexit
    import gc

    gc.set_threshold(100_000, 10, 10)
    atexit.register(gc.freeze)  # else the interpreter looks through all objects once more when it ends


def _dispatch(arguments: list[str], invocation: Invocation) -> int:
    name = arguments[0] if arguments else "help"
    if any(word.startswith(_GLOBAL) for word in arguments) and name != "__complete":
        arguments, environ = _with_globals(arguments, invocation.environ)
        invocation = Invocation(invocation.terminal, environ, invocation.program)
        name = arguments[0] if arguments else "help"
    if name == "__complete":  # called by the scripts of `packhouse completion`
        from packhouse_cli.arguments import completion

        return completion.answer(arguments[1:], invocation)
    if name in ("-h", "--help"):
        name, arguments = "help", ["help", *arguments[1:]]
    elif name in ("-V", "--version"):
        name = "version"
    if name not in registry.commands_of(invocation.program):
        _refuse_unknown(name, invocation.program)
    return registry.run(name, arguments[1:], invocation)


def _with_globals(arguments: list[str], environ: Mapping[str, str]) -> tuple[list[str], Mapping[str, str]]:
    """Remove `--profile NAME` and `--config FILE` from the line, anywhere before a `--`, and apply them."""
    from packhouse_cli.exit_codes import UsageError
    from packhouse_cli.user import profiles

    rest: list[str] = []
    words = iter(arguments)
    profile = ""
    for word in words:
        option, equals, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif option not in _GLOBAL:
            rest.append(word)
        else:
            value = value if equals else next(words, "")
            if not value or value.startswith("-"):
                raise UsageError(_GLOBAL_NEEDS[option])
            if option == "--config":
                environ = {**environ, "PACKHOUSE_CONFIG": value}
            else:
                profile = value
    if profile and rest and rest[0] in _LONG_RUNNING:
        raise UsageError(f"packhouse {rest[0]} has its own settings and reads no profile.")
    return rest, profiles.with_profile(environ, profile) if profile else environ


def _refuse_unknown(name: str, program: str) -> None:
    from packhouse_cli.exit_codes import UsageError
    from packhouse_cli.terminal.suggestion import nearest

    if name.startswith("-"):
        raise UsageError(f"There is no option {name} before a command. See {program} --help.")
    near = nearest(name, registry.commands_of(program))
    hint = f"Did you mean `{program} {near}`?" if near else f"See {program} --help."
    if name in registry.COMMANDS:
        hint = f"It is a command of packhouse: packhouse {name}"
    raise UsageError(f"There is no command {name!r}. {hint}")


def _failed(error: BaseException, arguments: list[str], invocation: Invocation) -> int:
    """Print the error, also as JSON where JSON was asked for. Returns its exit code."""
    from packhouse_cli.exit_codes import failure_of
    from packhouse_cli.terminal.output import json_text

    terminal, failure = invocation.terminal, failure_of(error)
    try:
        terminal.stdout.flush()
        if invocation.environ.get("PACKHOUSE_DEBUG") and not isinstance(error, KeyboardInterrupt):
            import traceback

            for line in "".join(traceback.format_exception(error)).split("\n"):
                terminal.note(line)
        first, *rest = failure.message.split("\n")
        terminal.note(f"{invocation.program}: {first}")
        for line in rest:
            terminal.note(f"  {line}")
        if "--json" in arguments or "--jsonl" in arguments:
            terminal.note(json_text(failure.as_json()))
        terminal.stderr.flush()
    except BrokenPipeError:
        return _reader_left()
    return int(failure.exit_code)


def _reader_left() -> int:
    from packhouse_cli.exit_codes import Exit

    # Nothing more can be written; without this the interpreter complains while it closes its streams.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    return int(Exit.READER_LEFT)
