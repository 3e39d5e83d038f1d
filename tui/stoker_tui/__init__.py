"""stoker: the commands and the terminal UI over the daemon's HTTP interface."""
