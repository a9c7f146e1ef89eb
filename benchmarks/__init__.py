"""How fast the library is, and whether it holds: see README.md."""
