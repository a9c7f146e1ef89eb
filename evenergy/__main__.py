"""`python -m evenergy`: the command."""

from .cli import main

main()
