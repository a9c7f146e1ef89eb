"""Benchmarks: speed, and behaviour under load; see README.md."""
