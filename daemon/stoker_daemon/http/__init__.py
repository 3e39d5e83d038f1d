"""The HTTP interface: thin routes over the engine's commands, the state and the history."""
