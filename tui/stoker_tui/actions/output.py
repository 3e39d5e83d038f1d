"""What can be done in the output of a node."""

from __future__ import annotations

from stoker_tui.actions.action import Action, Kind

OUTPUT = (
    Action("output.follow", ("f",), "follow", "Follow what is written, or stay.", Kind.OUTPUT, footer=True),
    Action("output.search", ("/",), "search", "Look for something.", Kind.OUTPUT, footer=True),
    Action("output.next", ("n",), "next", "Go to the next place of what is looked for.", Kind.OUTPUT),
    Action("output.previous", ("N",), "previous", "Go to the place before.", Kind.OUTPUT),
    Action(
        "output.error", ("e",), "error", "Go to the next error, or to the last.", Kind.OUTPUT, footer=True,
    ),
    Action("output.error_before", ("E",), "error before", "Go to the error before.", Kind.OUTPUT),
    Action(
        "output.stream", ("t",), "stream", "Show both streams, stdout, stderr, the launch.", Kind.OUTPUT,
        footer=True,
    ),
    Action("output.attempt_before", ("[",), "attempt before", "Show the attempt before.", Kind.OUTPUT),
    Action("output.attempt_after", ("]",), "attempt after", "Show the attempt after.", Kind.OUTPUT),
    Action("output.wrap", ("w",), "wrap", "Fold long lines, or not.", Kind.OUTPUT, footer=True),
    Action("output.pager", ("o",), "pager", "Read it in $PAGER.", Kind.OUTPUT, online=True),
    Action("output.save", ("s",), "save", "Save it in a file.", Kind.OUTPUT, online=True),
    Action("output.down", ("down", "j", "enter"), "down", "Go down.", Kind.OUTPUT),
    Action("output.up", ("up", "k"), "up", "Go up.", Kind.OUTPUT),
    Action("output.page_down", ("pagedown", "ctrl+d", "space"), "page down", "Go down a page.", Kind.OUTPUT),
    Action("output.page_up", ("pageup", "ctrl+u"), "page up", "Go up a page.", Kind.OUTPUT),
    Action("output.top", ("g", "home"), "top", "Go to the beginning.", Kind.OUTPUT),
    Action("output.bottom", ("G", "end"), "bottom", "Go to the end, and follow.", Kind.OUTPUT),
    Action("output.left", ("left",), "left", "Look further left.", Kind.OUTPUT),
    Action("output.right", ("right",), "right", "Look further right.", Kind.OUTPUT),
)  # fmt: skip
