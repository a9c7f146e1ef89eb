from evenergy import PayoutMethod, RoutePlannerPreferences, RoutePoint, SavedRoute, UserNotificationPreferences

from ._row import BASE, SAVED_ROUTE, SINCE, USER, VEHICLE, Row

_POINT = RoutePoint(latitude=51.5, longitude=-0.1, name="London")

ROWS = (
    Row(
        "get-users-user_id-notification_preferences",
        lambda c: c.users.notification_preferences.get(USER),
        f"GET /users/{USER}/notification_preferences",
        UserNotificationPreferences,
    ),
    Row(
        "patch-users-user_id-notification_preferences",
        lambda c: c.users.notification_preferences.update(USER, groups={"charging_flow": False}),
        f"PATCH /users/{USER}/notification_preferences",
        UserNotificationPreferences,
    ),
    Row(
        "get-users-user_id-route_planner_preferences",
        lambda c: c.users.route_planner_preferences.get(USER),
        f"GET /users/{USER}/route_planner_preferences",
        RoutePlannerPreferences,
    ),
    Row(
        "patch-users-user_id-route_planner_preferences",
        lambda c: c.users.route_planner_preferences.update(
            USER, preferred_vehicle=VEHICLE, min_charger_power_watts=22_000, arrive_with_min_percent=7
        ),
        f"PATCH /users/{USER}/route_planner_preferences",
        RoutePlannerPreferences,
        body={"preferred_vehicle": f"{BASE}/vehicles/{VEHICLE}"},
    ),
    Row(
        "get-users-user_id-payout-method",
        lambda c: c.users.payout_method.get(USER),
        f"GET /users/{USER}/payout_method",
        PayoutMethod,
    ),
    Row(
        "patch-users-user_id-payout-method",
        lambda c: c.users.payout_method.update(USER, receiver_wallet="BILL_CREDITS", receiver="a text"),
        f"PATCH /users/{USER}/payout_method",
        PayoutMethod,
    ),
    Row(
        "delete-users-user_id-payout-method",
        lambda c: c.users.payout_method.delete(USER),
        f"DELETE /users/{USER}/payout_method",
        None,
    ),
    Row(
        "get-users-user_id-saved_routes",
        lambda c: c.users.saved_routes.list(USER, page_size=50),
        f"GET /users/{USER}/saved_routes",
        SavedRoute,
        "id",
    ),
    Row(
        "post-users-user_id-saved_routes",
        lambda c: c.users.saved_routes.create(
            USER,
            name="a text",
            origin=_POINT,
            destination=_POINT,
            arrive_with_min_percent=7,
            favourite=True,
            waypoints=[_POINT],
            preferred_departure_minutes=7,
            last_used_at=SINCE,
        ),
        f"POST /users/{USER}/saved_routes",
        SavedRoute,
    ),
    Row(
        "get-users-user_id-saved_routes-saved_route_id",
        lambda c: c.users.saved_routes.get(USER, SAVED_ROUTE),
        f"GET /users/{USER}/saved_routes/{SAVED_ROUTE}",
        SavedRoute,
    ),
    Row(
        "patch-users-user_id-saved_routes-saved_route_id",
        lambda c: c.users.saved_routes.update(
            USER,
            SAVED_ROUTE,
            name="a text",
            favourite=True,
            origin=_POINT,
            destination=_POINT,
            waypoints=[_POINT],
            arrive_with_min_percent=7,
            preferred_departure_minutes=7,
            last_used_at=SINCE,
        ),
        f"PATCH /users/{USER}/saved_routes/{SAVED_ROUTE}",
        SavedRoute,
    ),
    Row(
        "delete-users-user_id-saved_routes-saved_route_id",
        lambda c: c.users.saved_routes.delete(USER, SAVED_ROUTE),
        f"DELETE /users/{USER}/saved_routes/{SAVED_ROUTE}",
        None,
    ),
)
