"""Settings of gunicorn: the app is made once, in the master, and two workers are forked from it."""

from __future__ import annotations

from typing import Any

wsgi_app = "app:create_app()"
preload_app = True
workers = 2


def worker_exit(_server: Any, worker: Any) -> None:
    """Close the client of a worker that ends."""
    worker.app.wsgi().extensions["evenergy"].close()


def on_exit(server: Any) -> None:
    """Close the client of the master."""
    server.app.wsgi().extensions["evenergy"].close()
