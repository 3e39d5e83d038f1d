"""Completion in bash, zsh and fish: the scripts, and the answers to what they ask.

A script runs the program itself with the words of the line in its environment, and reads a line for each
completion: kind (``plain``, ``file``, ``dir``), value and description, separated by tabs.
"""

from __future__ import annotations

from collections.abc import Iterable

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
)

from stoker_shared.text import clean_line

_BASH = """\
%(complete_func)s() {
    local kind value description
    COMPREPLY=()
    while IFS=$'\\t' read -r kind value description; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                [[ ${COMP_WORDS[COMP_CWORD]} == [\\"\\']* ]] || printf -v value %%q "$value"
                COMPREPLY+=("$value")
                ;;
        esac
    done < <(IFS=$'\\n'; env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD \\
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

_ZSH = """\
#compdef %(prog_name)s

%(complete_func)s() {
    local -a values shown
    local kind value description
    while IFS=$'\\t' read -r kind value description; do
        case $kind in
            dir) _path_files -/ ;;
            file) _path_files -f ;;
            plain)
                values+=("$value")
                shown+=("$value${description:+  -- $description}")
                ;;
        esac
    done < <(env COMP_WORDS="${(F)words}" COMP_CWORD=$((CURRENT-1)) \\
        %(complete_var)s=zsh_complete $words[1] 2>/dev/null)
    (( $#values )) && compadd -l -V %(prog_name)s -d shown -a values
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = """\
function %(complete_func)s
    env %(complete_var)s=fish_complete COMP_WORDS=(commandline -cp | string collect) \\
        COMP_CWORD=(commandline -t | string collect) %(prog_name)s 2>/dev/null | while read -l line
        set -l found (string split \\t -- $line)
        switch $found[1]
            case dir
                __fish_complete_directories $found[2]
            case file
                __fish_complete_path $found[2]
            case plain
                string join \\t -- $found[2..]
        end
    end
end

complete --no-files --keep-order --command %(prog_name)s --arguments "(%(complete_func)s)"
"""


class _Lines(ShellComplete):
    """Answers in lines that keep whatever a name has in it."""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Complete the value of ``--option=value`` as the one word that it is."""
        found = super().get_completions(args, incomplete)
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("--"):
            return [CompletionItem(f"{option}={one.value}", one.type, one.help) for one in found]
        return found

    def format_completion(self, item: CompletionItem) -> str:
        """Give a completion's line."""
        return f"{item.type}\t{item.value}\t{clean_line(item.help or '')}"


class _Bash(_Lines, BashComplete):
    source_template = _BASH

    def source(self) -> str:
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        # Readline cuts words at "=" too: --status=failed comes as three.
        words, incomplete = super().get_completion_args()
        return [word for word in words if word != "="], "" if incomplete == "=" else incomplete


class _Zsh(_Lines, ZshComplete):
    source_template = _ZSH


class _Fish(_Lines, FishComplete):
    source_template = _FISH


_CLASSES: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": _Zsh, "fish": _Fish}
SHELLS = tuple(_CLASSES)


def variable(program: str) -> str:
    """Give the environment variable with which a script asks a program."""
    return f"_{program.upper()}_COMPLETE"


def script(command: click.Command, program: str, shell: str) -> str:
    """Give the script for a shell."""
    return _CLASSES[shell](command, {}, program, variable(program)).source()


def answer(command: click.Command, program: str, instruction: str) -> int:
    """Print the completions that a script asks for, and give the exit status."""
    shell = instruction.removesuffix("_complete")
    if shell not in _CLASSES:
        return 2
    click.echo(_CLASSES[shell](command, {}, program, variable(program)).complete())
    return 0


def matching(incomplete: str, found: Iterable[tuple[str, str]]) -> list[CompletionItem]:
    """Give the completions, each a value and what it is, that begin as the incomplete word does.

    One that is not safe to print is left out: it could not be typed either.
    """
    return [
        CompletionItem(value, help=description)
        for value, description in found
        if value.startswith(incomplete) and value == clean_line(value)
    ]
