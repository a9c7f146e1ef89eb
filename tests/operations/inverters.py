from typing import get_args

from evenergy import Inverter, InverterExpand, InverterMake, InverterModel, InverterModelExpand, InverterOnboarding

from ._row import BASE, INVERTER, INVERTER_MAKE, INVERTER_MODEL, USER, Row

ROWS = (
    Row(
        "get-inverters",
        lambda c: c.inverters.list(expand=get_args(InverterExpand), language="en-GB", page_size=50),
        "GET /inverters",
        Inverter,
        "id",
    ),
    Row(
        "post-inverters",
        lambda c: c.inverters.create(model=INVERTER_MODEL, user=USER),
        "POST /inverters",
        Inverter,
        body={"model": f"{BASE}/inverter_models/{INVERTER_MODEL}", "user": f"{BASE}/users/{USER}"},
    ),
    Row(
        "get-inverters-inverter_id",
        lambda c: c.inverters.get(INVERTER, expand=get_args(InverterExpand), language="en-GB"),
        f"GET /inverters/{INVERTER}",
        Inverter,
    ),
    Row(
        "get-inverter_makes",
        lambda c: c.inverter_makes.list(available_for_user_id=USER, language="en-GB", page_size=50),
        "GET /inverter_makes",
        InverterMake,
        "id",
    ),
    Row(
        "get-inverter_makes-inverter_make_id",
        lambda c: c.inverter_makes.get(INVERTER_MAKE, language="en-GB"),
        f"GET /inverter_makes/{INVERTER_MAKE}",
        InverterMake,
    ),
    Row(
        "get-inverter_models",
        lambda c: c.inverter_models.list(
            make_id=INVERTER_MAKE, expand=get_args(InverterModelExpand), language="en-GB", page_size=50
        ),
        "GET /inverter_models",
        InverterModel,
        "id",
    ),
    Row(
        "get-inverter_models-inverter_model_id",
        lambda c: c.inverter_models.get(INVERTER_MODEL, expand=get_args(InverterModelExpand), language="en-GB"),
        f"GET /inverter_models/{INVERTER_MODEL}",
        InverterModel,
    ),
    Row(
        "get-inverter_onboarding",
        lambda c: c.inverter_onboarding.start(
            USER, client_id="a text", make_id=INVERTER_MAKE, inverter_id=INVERTER, language="en-GB"
        ),
        "GET /inverter_onboarding",
        InverterOnboarding,
        response="https://make.example/agree",
        status=302,
        query={"user_id": USER},
    ),
)
