"""What the daemon and the terminal side agree on: words, values, and the pure functions over them."""

__version__ = "0.1.0"
