"""Command ``evenergy doctor``: a file a part of what it looks at."""
