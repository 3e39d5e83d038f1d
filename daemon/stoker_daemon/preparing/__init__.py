"""From a definition to the command that is launched: the frozen plan, variables, settings."""
