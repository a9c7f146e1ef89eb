from typing import get_args

from evenergy import (
    HomeBattery,
    HomeBatteryExpand,
    HomeBatteryLogExpand,
    HomeBatteryMake,
    HomeBatteryModel,
    HomeBatteryModelExpand,
    HomeBatteryStatusLog,
)

from ._row import HOME_BATTERY, HOME_BATTERY_MAKE, HOME_BATTERY_MODEL, SAMPLED, SINCE, UNTIL, Row

ROWS = (
    Row(
        "get-home_battery_makes",
        lambda c: c.home_battery_makes.list(language="en-GB", page_size=50),
        "GET /home_battery_makes",
        HomeBatteryMake,
        "id",
    ),
    Row(
        "get-home_battery_makes-home_battery_make_id",
        lambda c: c.home_battery_makes.get(HOME_BATTERY_MAKE, language="en-GB"),
        f"GET /home_battery_makes/{HOME_BATTERY_MAKE}",
        HomeBatteryMake,
    ),
    Row(
        "get-home_battery_models",
        lambda c: c.home_battery_models.list(
            make_id=HOME_BATTERY_MAKE, expand=get_args(HomeBatteryModelExpand), language="en-GB", page_size=50
        ),
        "GET /home_battery_models",
        HomeBatteryModel,
        "id",
    ),
    Row(
        "get-home_battery_models-home_battery_model_id",
        lambda c: c.home_battery_models.get(
            HOME_BATTERY_MODEL, expand=get_args(HomeBatteryModelExpand), language="en-GB"
        ),
        f"GET /home_battery_models/{HOME_BATTERY_MODEL}",
        HomeBatteryModel,
    ),
    Row(
        "get-home_batteries",
        lambda c: c.home_batteries.list(expand=get_args(HomeBatteryExpand), page_size=50),
        "GET /home_batteries",
        HomeBattery,
        "id",
    ),
    Row(
        "get-home_batteries-home_battery_id",
        lambda c: c.home_batteries.get(HOME_BATTERY, expand=get_args(HomeBatteryExpand)),
        f"GET /home_batteries/{HOME_BATTERY}",
        HomeBattery,
    ),
    Row(
        "get-home_batteries-home_battery_id-status_logs",
        lambda c: c.home_batteries.status_logs.list(
            HOME_BATTERY, since=SINCE, until=UNTIL, expand=get_args(HomeBatteryLogExpand), page_size=50
        ),
        f"GET /home_batteries/{HOME_BATTERY}/status_logs",
        HomeBatteryStatusLog,
        "time",
        names=SAMPLED,
    ),
    Row(
        "get-home_batteries-home_battery_id-status_logs-timestamp",
        lambda c: c.home_batteries.status_logs.get(HOME_BATTERY, SINCE, expand=get_args(HomeBatteryLogExpand)),
        f"GET /home_batteries/{HOME_BATTERY}/status_logs/2024-01-01T11:30:00Z",
        HomeBatteryStatusLog,
    ),
)
