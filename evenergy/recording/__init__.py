"""Recordings of an account without its data, and checks of the library and the sandbox against them."""
