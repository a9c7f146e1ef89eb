from typing import get_args

from evenergy import Location, Tariff, User, UserExpand

from ._row import API, TARIFF, USER, Row

_HOME = Location(city="London", tariff=Tariff(TARIFF, url=f"{API}/tariffs/{TARIFF}"))

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
    Row(
        "post-users",
        lambda c: c.users.create(email="driver@example.com", default_location=_HOME),
        "POST /users",
        User,
        body={"default_location": {"city": "London", "tariff": f"{API}/tariffs/{TARIFF}"}},
    ),
    Row(
        "patch-users-user_id",
        lambda c: c.users.update(
            USER, email="driver@example.com", default_location={"city": None}, expand=get_args(UserExpand)
        ),
        f"PATCH /users/{USER}",
        User,
    ),
)
