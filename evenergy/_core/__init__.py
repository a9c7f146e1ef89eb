"""Core: resources, pagination, fan-out, and the blocking facade."""
