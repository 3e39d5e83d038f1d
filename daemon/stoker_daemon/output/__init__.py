"""What attempts write: kept within a limit, brought into one order, and read."""
