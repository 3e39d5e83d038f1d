"""What makes `stoker` and `stokerd` commands of a Unix: streams, signals, usage errors, help, completion."""

from __future__ import annotations

import codecs
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from inspect import cleandoc
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import click
from click.shell_completion import CompletionItem

from stoker_shared import __version__, completion, manual
from stoker_shared.interruption import Interrupted, die_of, die_of_interrupts
from stoker_shared.loading import loading
from stoker_shared.text import ASCII, clean, nearest, width

USAGE = 2
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
"""What a program's own group is made with; its commands inherit it."""


_PLAIN = "stoker_plain"
"""The encoding, and the way with what has no place in an encoding."""


class Entry(NamedTuple):
    """A command that is loaded when it is needed: the module that adds it, and what it does in a line."""

    module: str
    summary: str


class Group(click.Group):
    """A group that names the nearest command to one it does not have."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or refuse with the one that was probably meant."""
        name = args[0]
        if ctx.resilient_parsing or name.startswith("-") or self.get_command(ctx, name):
            return super().resolve_command(ctx, args)
        guess = nearest(name, self.list_commands(ctx))
        hint = f"; did you mean '{guess}'?" if guess else ""
        raise click.UsageError(f"there is no command {clean(name)!r}{hint}", ctx)


class Program(Group):
    """A program's own group, called by its entry point.

    ``contents`` is the map that its help shows: a heading for each part, and the commands in it. ``others``
    gives what `--version` says besides the program's own, a line each.
    """

    group_class = Group

    def __init__(
        self,
        *args: Any,
        contents: Mapping[str, Mapping[str, Entry]] | None = None,
        others: Callable[[], Iterator[str]] = lambda: iter(()),
        **more: Any,
    ) -> None:
        super().__init__(*args, **more)
        self._contents = contents or {}
        self._entries = {name: entry for part in self._contents.values() for name, entry in part.items()}
        self._others = others
        for command in (_completion(self), _help(self), _man(self), _version(self)):
            self.add_command(command)
        self.params.append(_version_option(self))

    def __call__(self, *args: Any, **more: Any) -> NoReturn:
        """Run as the process's one purpose, and exit as a Unix command does.

        A signal that ends it is what it dies of, so that a shell's loop ends too. Whoever reads its output
        may leave early, without a word. Output that can't be written is an error.
        """
        _adopt_streams()
        die_of_interrupts()
        try:
            status = self._run()
            sys.stdout.flush()
        except Interrupted as interrupted:
            die_of(interrupted.number)
        except BrokenPipeError:
            die_of(signal.SIGPIPE)
        except click.UsageError as error:
            status = self._told(error)
        except UnicodeEncodeError:
            status = self._say("an argument is not UTF-8, and names are", USAGE)
        except OSError as error:
            status = self._say(f"{error.filename or 'standard output'}: {error.strerror}", os.EX_IOERR)
            # Python would complain once more while closing stdout.
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        sys.exit(status)

    def tell_version(self) -> None:
        """Print the version, and what else is to be said of versions."""
        click.echo(f"{self.name}, version {__version__}")
        for line in self._others():
            click.echo(line)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names in the order of the map, then what no part of it has."""
        return list(dict.fromkeys([*self._entries, *self.commands]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Give a command, loading the module that adds it: it may be there, but not all that is below it."""
        entry = self._entries.get(cmd_name)
        if entry and entry.module not in sys.modules:
            with loading():
                import_module(entry.module)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the map, for which nothing needs to be loaded."""
        for heading, part in self._contents.items():
            with formatter.section(heading):
                formatter.write_dl([(name, entry.summary) for name, entry in part.items()])
        rest = [command for name, command in self.commands.items() if name not in self._entries]
        with formatter.section("Other" if self._contents else "Commands"):
            formatter.write_dl([(command.name or "", command.get_short_help_str(80)) for command in rest])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete names without loading what bears them."""
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        summaries = {name: entry.summary for name, entry in self._entries.items()}
        summaries = {name: c.get_short_help_str(80) for name, c in self.commands.items()} | summaries
        return completion.matching(incomplete, [(name, summaries[name]) for name in self.list_commands(ctx)])

    def _run(self) -> int:
        name = self.name or ""
        if instruction := os.environ.get(completion.variable(name)):
            return completion.answer(self, name, instruction)
        try:
            with self.make_context(name, sys.argv[1:]) as context:
                self.invoke(context)
        except click.exceptions.Exit as ended:
            return ended.exit_code
        return 0

    def _told(self, error: click.UsageError) -> int:
        if isinstance(error, click.exceptions.NoArgsIsHelpError):
            error.show()
            return USAGE
        message = " ".join(error.format_message().split())
        where = f"\nSee `{error.ctx.command_path} --help`." if error.ctx else ""
        return self._say(clean(message[:1].lower() + message[1:]).rstrip(".") + where, USAGE)

    def _say(self, why: str, status: int) -> int:
        click.echo(f"{self.name}: {why}", err=True)
        return status


def _adopt_streams() -> None:
    """Make the standard streams ones that can be used without a thought.

    Nothing that is opened later may get the number of one that is closed. Where a terminal's locale or the
    encoding has no glyphs, ASCII stands in for them.
    """
    opened = os.open(os.devnull, os.O_RDWR)
    while opened <= 2:
        opened = os.dup(opened)
    os.close(opened)
    if sys.stdout is None:
        click.echo(f"{Path(sys.argv[0]).name}: standard output is closed", err=True)
        sys.exit(os.EX_IOERR)
    codecs.register_error(_PLAIN, _in_ascii)
    codecs.register({_PLAIN: _plain_codec()}.get)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            plain = stream.isatty() and _locale_is_plain(os.environ)
            ascii_only = plain or codecs.lookup(stream.encoding).name == "ascii"
            stream.reconfigure(encoding=_PLAIN if ascii_only else None, errors=_PLAIN)


def _plain_codec() -> codecs.CodecInfo:
    """Give ASCII under another name: click takes ASCII for a mistake, and writes UTF-8 all the same."""
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        known.streamreader,
        known.streamwriter,
        known.incrementalencoder,
        known.incrementaldecoder,
        _PLAIN,
    )


def _locale_is_plain(environment: Mapping[str, str]) -> bool:
    """Tell whether somebody asked for the C locale, where Python sets LC_CTYPE to C.UTF-8 (PEP 538)."""
    asked = [environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")]
    if asked[1] == "C.UTF-8":
        del asked[1]
    return next(filter(None, asked), "") in ("C", "POSIX")


def _in_ascii(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    missing = error.object[error.start : error.end]
    shown = (character.translate(ASCII) for character in missing)
    return "".join(c if c.isascii() else "?" * width(c) for c in shown), error.end


def _completion(program: Program) -> click.Command:
    @click.command("completion")
    @click.argument("shell", type=click.Choice(completion.SHELLS))
    def print_script(shell: str) -> None:
        click.echo(completion.script(program, program.name or "", shell), nl=False)

    print_script.help = cleandoc(f"""Print the script that completes for a shell.

    \b
    Examples:
      source <({program.name} completion bash)
      {program.name} completion bash > ~/.local/share/bash-completion/completions/{program.name}
      {program.name} completion zsh > ~/.zfunc/_{program.name}
      {program.name} completion fish > ~/.config/fish/completions/{program.name}.fish

    For zsh the directory must be on fpath before compinit: fpath+=(~/.zfunc).
    """)
    return print_script


def _help(program: Program) -> click.Command:
    @click.command("help")
    @click.argument("command", nargs=-1)
    @click.pass_context
    def print_help(context: click.Context, command: tuple[str, ...]) -> None:
        place = context.find_root()
        for name in command:
            if isinstance(place.command, click.Group):
                _, found, _ = place.command.resolve_command(place, [name])
                place = click.Context(found or place.command, place, name)
        click.echo(place.get_help())

    print_help.help = cleandoc(f"""Explain a command, as --help does.

    \b
    Examples:
      {program.name} help
      {program.name} help completion
    """)
    return print_help


def _man(program: Program) -> click.Command:
    @click.command("man")
    @click.argument("command", nargs=-1)
    @click.option(
        "--to",
        "directory",
        type=click.Path(path_type=Path, file_okay=False),
        help="Write the pages of all commands into this directory instead.",
    )
    def print_page(command: tuple[str, ...], directory: Path | None) -> None:
        pages = manual.pages(program)
        if directory and command:
            raise click.UsageError("--to writes the pages of all commands: name none")
        if directory:
            directory.mkdir(parents=True, exist_ok=True)
            for name, page in pages:
                (directory / f"{name}.1").write_text(page, "utf-8")
            return
        wanted = "-".join([program.name or "", *command])
        page = next((page for name, page in pages if name == wanted), None)
        if page is None:
            raise click.UsageError(f"there is no command {clean(' '.join(command))!r}")
        click.echo(page, nl=False)

    print_page.help = cleandoc(f"""Print a command's manual page, or write those of all.

    The pages are made of what --help says. `man` finds them where there is a directory share/man beside the
    directory bin that the program is in.

    \b
    Examples:
      {program.name} man | man -l -
      {program.name} man help
      {program.name} man --to ~/.local/share/man/man1
    """)
    return print_page


def _version_option(program: Program) -> click.Option:
    def tell(context: click.Context, _: click.Parameter, wanted: bool) -> None:
        if wanted and not context.resilient_parsing:
            program.tell_version()
            context.exit()

    return click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=tell,
        help="Show the version and exit.",
    )


def _version(program: Program) -> click.Command:
    @click.command("version")
    def print_version() -> None:
        program.tell_version()

    print_version.help = cleandoc(f"""Print the version.

    \b
    Example:
      {program.name} version
    """)
    return print_version
