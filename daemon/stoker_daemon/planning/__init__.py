"""What starts next, and why not yet: queues, places in line, overlap, what is usual."""
