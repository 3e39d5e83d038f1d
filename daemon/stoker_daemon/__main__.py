"""Where `stokerd` begins: Ctrl-C is quiet before the rest is loaded, which takes a moment."""

from __future__ import annotations

from stoker_shared.interruption import die_of_interrupts
from stoker_shared.loading import loading


def main() -> None:
    """Run the command."""
    die_of_interrupts()
    with loading():
        from stoker_daemon.cli import main as stokerd  # noqa: PLC0415 - see above

    stokerd()


if __name__ == "__main__":
    main()
