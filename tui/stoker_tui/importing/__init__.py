"""Definitions of other schedulers, read into Stoker's own. Pure: JSON in, definitions and findings out."""
