"""What makes runs: schedules whose ticks are due, and backfills."""
