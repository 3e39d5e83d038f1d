"""Shell jobs: the script, run by the interpreter its first line names."""

from __future__ import annotations

from stoker_daemon.launchers.task import Launch, Task

_DEFAULT = ("/bin/sh",)


def shebang(first_line: bytes) -> tuple[str, ...]:
    """Give the interpreter a script's first line names, ``/bin/sh`` where it names none.

    As Linux has it (execve(2)), what follows the interpreter's path is one single argument, spaces included.
    """
    if not first_line.startswith(b"#!"):
        return _DEFAULT
    words = first_line[2:].decode(errors="replace").strip().split(maxsplit=1)
    return tuple(words) or _DEFAULT


def launch(task: Task) -> Launch:
    """Give the command for a shell job."""
    return Launch(argv=(*task.interpreter, str(task.source), *task.args), env=task.environment)
