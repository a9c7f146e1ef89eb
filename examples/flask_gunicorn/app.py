"""Flask app for vehicles: one blocking client, made before gunicorn forks its workers."""

from __future__ import annotations

import logging
import math
import os

from flask import Flask, Response, jsonify

import evenergy

MAX_WAIT = 2.0
"""Seconds that a visitor waits for the rate limit; a worker that waits longer serves nobody else."""

_log = logging.getLogger(__name__)


def check(client: evenergy.Client) -> None:
    """Send one request, so that wrong credentials stop the service here; the workers inherit the token.

    Raises:
        AuthenticationError: The credentials are wrong.
    """
    try:
        client.root()
    except (evenergy.TransportError, evenergy.ServerError) as error:
        _log.warning("the API is not available now, the service starts all the same: %s", error)


def create_app() -> Flask:
    """Return the app, with a client that all threads and all forked workers use."""
    evenergy.preload()  # the workers share the memory of what was imported before the fork
    app = Flask(__name__)
    client = app.extensions["evenergy"] = evenergy.Client(max_wait=MAX_WAIT, user_agent="fleet-pages")
    check(client)

    @app.get("/vehicles")
    def fleet() -> Response:
        """Return the state of charge of each vehicle: one request for each 100."""
        vehicles = [(vehicle.id, vehicle.latest_status_log) for vehicle in client.fleet.snapshot()]
        return jsonify({key: log.state_of_charge_percentage if log else None for key, log in vehicles})

    @app.get("/vehicles/<vehicle_id>/newest")
    def newest(vehicle_id: str) -> Response:
        """Return the newest status log of one vehicle: one request."""
        logs = client.vehicles.status_logs.list(vehicle_id, page_size=1).collect(1)
        return jsonify([evenergy.to_dict(log) for log in logs])

    @app.errorhandler(evenergy.NotFoundError)
    def missing(_: evenergy.NotFoundError) -> tuple[Response, int]:
        return jsonify(error="There is no such vehicle."), 404

    @app.errorhandler(evenergy.RateLimitError)
    def spent(error: evenergy.RateLimitError) -> tuple[Response, int, dict[str, str]]:
        wait = str(math.ceil(error.retry_after))
        return jsonify(error="The hour's requests are used up."), 503, {"Retry-After": wait}

    @app.after_request
    def name_the_worker(response: Response) -> Response:
        response.headers["X-Worker"] = str(os.getpid())
        return response

    return app
