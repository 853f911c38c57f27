"""Makes the manual pages from the command's own parsers: one for packhouse, and one for each command.

`pages()` gives each file's name and text; generate.py writes them to docs/man, the wheel carries them.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator

from packhouse import __version__
from packhouse_cli import exit_codes
from packhouse_cli.arguments import parsing, registry, tree

ENVIRONMENT = {
    "PACKHOUSE_STORE__URL": "The store's REST interface.",
    "PACKHOUSE_STORE__API_KEY, ALY_API_KEY": "The store's API key; the name with _FILE names a file with it.",
    "PACKHOUSE_STORE__SITE_SLUG": "Only this site's orders.",
    "PACKHOUSE_URL": "The daemon's address.",
    "PACKHOUSE_TOKEN": "An operator token. PACKHOUSE_TOKEN_FILE names a file that contains it.",
    "PACKHOUSE_PROFILE": "The profile to use; other variables override its values.",
    "PACKHOUSE_CONFIG": "The settings file to read instead of packhouse.toml.",
    "PACKHOUSE_DEBUG": "Show where an error happened.",
    "NO_COLOR": "Print without colours.",
}
FILES = {
    "packhouse.toml, /etc/packhouse/packhouse.toml": "Settings; see packhouse config check.",
    "$XDG_CONFIG_HOME/packhouse/config.toml": "Profiles, mode 600.",
    "$XDG_STATE_HOME/packhouse/recent-ids": "Ids seen recently, for completion.",
}


def pages() -> dict[str, str]:
    """File name to roff text."""
    found = {"packhouse.1": _overview(), "aly-store-cli.1": ".so man1/packhouse.1\n"}
    commands = list(tree.commands())
    for name in registry.COMMANDS:
        below = [command for command in commands if command.words[0] == name]
        found[f"packhouse-{name}.1"] = _page(name, below)
    return found


def _overview() -> str:
    lines = [
        *_head("packhouse", "ships the orders of an Aly store automatically"),
        ".SH SYNOPSIS",
        ".B packhouse",
        r"\fICOMMAND\fR [\fIARGUMENT\fR ...]",
        ".br",
        ".B aly\\-store\\-cli",
        r"\fICOMMAND\fR [\fIARGUMENT\fR ...]",
        ".SH DESCRIPTION",
        "The daemon, and the command that operators use. Both names run the same program.",
        ".SH COMMANDS",
    ]
    for name, sense in registry.COMMANDS.items():
        lines += [".TP", rf"\fBpackhouse\-{_text(name)}\fR(1)", _line(f"{sense[:1].upper()}{sense[1:]}.")]
    lines += [".SH GLOBAL OPTIONS"]
    for option, (metavar, sense) in parsing.GLOBAL_OPTIONS.items():
        lines += [".TP", rf"\fB{_text(option)}\fR \fI{_text(metavar)}\fR", _line(f"{sense}.")]
    lines += [".TP", r"\fB\-h\fR, \fB\-\-help\fR", "Show what a command does, with its options and examples."]
    for title, table in (("ENVIRONMENT", ENVIRONMENT), ("FILES", FILES)):
        lines.append(f".SH {title}")
        for name, sense in table.items():
            lines += [".TP", rf"\fB{_text(name)}\fR", _line(sense)]
    lines.append(".SH EXIT STATUS")
    for code, sense in exit_codes.MEANING.items():
        lines += [".TP", rf"\fB{int(code)}\fR", _line(sense)]
    return "\n".join(lines) + "\n"


def _page(name: str, commands: list[tree.Command]) -> str:
    sense = registry.COMMANDS[name]
    lines = [*_head(f"packhouse-{name}", sense), ".SH SYNOPSIS"]
    leaves = [command for command in commands if not _has_subcommands(command)]
    for number, command in enumerate(leaves):
        lines += [".br"] * bool(number) + [_usage(command)]
    lines += [".SH DESCRIPTION", *_prose(commands[0].parser.description or f"{sense}.")]
    examples = [example for command in commands for example in command.examples]
    for command in leaves:
        if _has_subcommands(commands[0]):
            lines += [f".SS {_text(' '.join(('packhouse', *command.words)))}"]
            lines += _prose(command.parser.description or "")
        lines += _arguments(command.parser)
    if commands[0].parser.epilog:
        lines += [".PP", ".nf", *map(_line, commands[0].parser.epilog.splitlines()), ".fi"]
    if examples:
        lines += [".SH EXAMPLES", ".nf", *map(_line, dict.fromkeys(examples)), ".fi"]
    return "\n".join([*lines, ".SH SEE ALSO", r"\fBpackhouse\fR(1)"]) + "\n"


def _head(name: str, sense: str) -> list[str]:
    return [
        f'.TH {_text(name.upper())} 1 "" "Packhouse {__version__}" "Packhouse"',
        ".SH NAME",
        rf"{_text(name)} \- {_text(sense)}",
    ]


def _has_subcommands(command: tree.Command) -> bool:
    return bool(tree.subcommands_of(command.parser))


def _usage(command: tree.Command) -> str:
    parts = [rf"\fB{_text(' '.join(('packhouse', *command.words)))}\fR"]
    for action in tree.positionals_of(command.parser):
        shown = rf"\fI{_text(tree.value_name_of(action))}\fR"
        parts.append(
            {"?": f"[{shown}]", "*": f"[{shown} ...]", "+": f"{shown} ..."}.get(str(action.nargs), shown)
        )
    options = tree.options_of(command.parser)
    parts += [f"{_option(action)}" for action in options if action.required]
    if any(not action.required for action in options):
        parts.append(r"[\fIOPTION\fR ...]")
    return " ".join(parts)


def _option(action: argparse.Action) -> str:
    names = ", ".join(rf"\fB{_text(name)}\fR" for name in action.option_strings)
    return names if action.nargs == 0 else rf"{names} \fI{_text(tree.value_name_of(action))}\fR"


def _arguments(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in tree.positionals_of(parser):
        yield from (".TP", rf"\fI{_text(tree.value_name_of(action))}\fR", _line(_sense(action)))
    for action in tree.options_of(parser):
        yield from (".TP", _option(action), _line(_sense(action)))


def _sense(action: argparse.Action) -> str:
    text = action.help or ""
    return f"{text[:1].upper()}{text[1:]}." if text else r"\&"


def _prose(text: str) -> Iterator[str]:
    blocks = text.strip().split("\n\n")
    for block in blocks:
        if block.startswith("examples:"):
            yield from (".PP", ".nf", *map(_line, block.splitlines()), ".fi")
        else:
            yield from (".PP", _line(" ".join(block.split())))


def _line(text: str) -> str:
    """A line of text that roff does not treat as a request."""
    shown = _text(text)
    return rf"\&{shown}" if shown[:1] in (".", "'") else shown or r"\&"


def _text(text: str) -> str:
    """Text without special meaning to roff; dashes stay as they are, so that they can be copied."""
    if text == r"\&":
        return text
    return re.sub(r"-", r"\-", text.replace("\\", r"\e")).replace("%%", "%")
