"""The run log on disk: segments of JSON lines, their reading and repair, and the one thread that writes."""
