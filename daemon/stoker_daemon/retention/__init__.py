"""What is let go of what has ended: runs, their output, objects, the log's oldest segments."""

from stoker_daemon.retention.passes import Retention

__all__ = ["Retention"]
