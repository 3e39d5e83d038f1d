"""Output of any size, read where it is looked at. Pure, but for the source that it is read from."""
