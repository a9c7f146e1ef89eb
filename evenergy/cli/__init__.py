"""Command line: `evenergy`."""
