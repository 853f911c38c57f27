"""`packhouse completion SHELL`: the script that a shell reads once to complete commands, options and ids."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from packhouse_cli.arguments.command import Command
from packhouse_cli.arguments.options import Option
from packhouse_cli.exit_codes import Exit

if TYPE_CHECKING:
    from packhouse_cli.invocation import Invocation

# Each script asks the command itself, under the name that was typed, so it always fits the installed version.
_BASH = r"""# bash completion for packhouse and aly-store-cli
_packhouse() {
    local IFS=$'\n' line=${COMP_LINE:0:COMP_POINT}
    COMPREPLY=($("$1" __complete bash "$COMP_WORDBREAKS" "$line" 2>/dev/null))
    if [[ ${COMPREPLY[0]-} == :files ]]; then
        COMPREPLY=()
        compopt -o default 2>/dev/null
    elif [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *: ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -F _packhouse packhouse aly-store-cli
"""

_ZSH = r"""#compdef packhouse aly-store-cli
_packhouse() {
    local -a offers shown
    local line word sense
    offers=(${(f)"$("${words[1]}" __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)"})
    if [[ ${offers[1]} == :files ]]; then
        _files
        return
    fi
    for line in $offers; do
        word=${line%%$'\t'*}
        sense=${line#$word}
        shown+=("${word//:/\\:}${sense:+:${sense#$'\t'}}")
    done
    if [[ $#shown == 1 && $word == *: ]]; then
        _describe 'packhouse' shown -S ''
    else
        _describe 'packhouse' shown
    fi
}
if [[ ${funcstack[1]} == _packhouse ]]; then
    _packhouse "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef _packhouse packhouse aly-store-cli
fi
"""

_FISH = r"""# fish completion for packhouse and aly-store-cli
function __packhouse_complete
    set -l before (commandline -opc)
    set -l offers ($before[1] __complete fish $before[2..-1] (commandline -ct) 2>/dev/null)
    if test "$offers[1]" = ":files"
        __fish_complete_path (commandline -ct)
    else
        printf '%s\n' $offers
    end
end
complete -c packhouse -f -a '(__packhouse_complete)'
complete -c aly-store-cli -f -a '(__packhouse_complete)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def _run(arguments: argparse.Namespace, invocation: Invocation) -> int:
    """Print the script."""
    invocation.terminal.stdout.write(SCRIPTS[arguments.shell])
    return int(Exit.OK)


COMMAND = Command(
    "print the completion script for bash, zsh or fish",
    _run,
    (Option("shell", choices=list(SCRIPTS), help="bash, zsh or fish"),),
    description="Print the script that lets a shell complete commands, options and ids that you saw "
    "recently. It completes packhouse and aly-store-cli.",
    examples=(
        "packhouse completion bash > ~/.local/share/bash-completion/completions/packhouse",
        'packhouse completion zsh > "${fpath[1]}/_packhouse"',
        "packhouse completion fish > ~/.config/fish/completions/packhouse.fish",
        'eval "$(packhouse completion bash)"',
    ),
)
