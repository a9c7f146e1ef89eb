"""Logs of a whole fleet for as few requests as possible."""
