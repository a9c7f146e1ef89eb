"""Decoding and encoding: JSON to models and back, and the checks of arguments."""
