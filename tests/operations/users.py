from typing import get_args

from evenergy import LatLong, Location, User, UserExpand

from ._row import USER, Row

ROWS = (
    Row("get-users-user_id", lambda c: c.users.get(USER, expand=get_args(UserExpand)), f"GET /users/{USER}", User),
    Row(
        "get-users",
        lambda c: c.users.list(email="a+b@example.com", expand=get_args(UserExpand), page_size=50),
        "GET /users",
        User,
        "id",
    ),
    Row("get-users", lambda c: c.users.list(email="a+b@example.com&x=1"), "GET /users"),
)

SCHEMAS = {
    LatLong: ("LatLong", "EVSE/properties/location"),
    Location: ("LocationDetail", "Location"),
}
