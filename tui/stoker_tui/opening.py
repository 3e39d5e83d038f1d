"""How the terminal UI is opened: the only way from the command line to Textual."""

from __future__ import annotations

import os
import sys

from stoker_shared.paths import socket_path
from stoker_tui.app import StokerApp
from stoker_tui.link import Link
from stoker_tui.settings import read_settings, settings_path


def open_ui(workspace: str) -> None:
    """Show the terminal UI until it is left.

    Raises `WrongSettings` and `SocketPathTooLong` before anything is on the screen.
    """
    settings = read_settings(settings_path(os.environ))
    link = Link(socket_path(os.environ), workspace)
    ascii_only = "utf" not in (sys.stderr.encoding or "").lower()
    app = StokerApp(link, settings, ascii_only=ascii_only, no_colour=bool(os.environ.get("NO_COLOR")))
    app.run()
    sys.exit(app.return_code or 0)
