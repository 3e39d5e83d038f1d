"""stokerd: the one writer of the run log, and what hangs from it."""
