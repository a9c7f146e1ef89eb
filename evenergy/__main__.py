"""`python -m evenergy`: the command."""

from .cli.main import main

main()
