"""Imports at first use."""


def preload() -> None:
    """Import all modules."""
