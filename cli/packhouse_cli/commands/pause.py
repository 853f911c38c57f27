"""`packhouse pause` and `packhouse resume`: stop all buying and posting, and let it go on."""

from __future__ import annotations

from collections.abc import Mapping

from packhouse_cli.arguments.parsing import CommandParser, add_json
from packhouse_cli.clients.daemon import Daemon
from packhouse_cli.exit_codes import Exit
from packhouse_cli.terminal.output import Terminal
from packhouse_cli.user.settings import CliSettings


def run(argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Pause."""
    return act("pause", "Nothing is bought or posted until somebody resumes.", argv, terminal, environ)


def act(verb: str, told: str, argv: list[str], terminal: Terminal, environ: Mapping[str, str]) -> int:
    """Ask the daemon for one of the two, with a reason for the journal."""
    parser = CommandParser(
        prog=f"packhouse {verb}",
        description=told,
        examples=[f'packhouse {verb} --reason "stock-taking"'],
    )
    parser.add_argument("--reason", metavar="WHY", required=True, help="why; it is written to the journal")
    add_json(parser)
    arguments = parser.parse_args(argv)
    settings = CliSettings(environ)
    daemon = Daemon(settings.daemon_url, settings.token)
    status = daemon.act(f"/api/v1/{verb}", reason=arguments.reason)
    daemon.close()
    if arguments.json:
        terminal.json(status)
    else:
        terminal.line(told)
    return int(Exit.OK)
