"""The daemon as a service of systemd: what both tell each other, the units, and how they are installed."""
