"""Nodes as processes: launched, watched, ended, found again, and why they failed."""
