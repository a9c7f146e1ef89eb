from typing import get_args

from evenergy import EVSE, EVSECompatibility, EVSEExpand, EVSEOnboarding, WaitlistEntry

from ._row import EVSE_MAKE, EVSE_MODEL, PROGRAM, USER, Row

ROWS = (
    Row(
        "get-evse_onboarding",
        lambda c: c.evse_onboarding.start(
            USER, client_id="app", make_id=EVSE_MAKE, model_id=EVSE_MODEL, redirect_uri="https://app/x?y=1"
        ),
        "GET /evse_onboarding",
        EVSEOnboarding,
        query={"user_id": USER, "response_type": "json"},
    ),
    Row(
        "post-evse_onboarding-import",
        lambda c: c.evse_onboarding.import_evse(
            provider="Easee", serial_number="EH 1234/5", expand=get_args(EVSEExpand)
        ),
        "POST /evse_onboarding/import",
        EVSE,
        needs_user=True,
        status=201,
    ),
    Row(
        "get-evse_compatibility-check",
        lambda c: c.evse_compatibility.check(
            EVSE_MODEL, country="GB", client_id="app", program_id=PROGRAM, language="en-GB"
        ),
        "GET /evse_compatibility/check",
        EVSECompatibility,
        query={"evse_model_id": EVSE_MODEL},
    ),
    Row(
        "post-evse_waitlist",
        lambda c: c.evse_waitlist.create(
            email="driver@example.com",
            program_id=PROGRAM,
            evse_model=EVSE_MODEL,
            evse_make_name="Easee",
            evse_model_name="One",
            client_id="app",
            language="en-GB",
        ),
        "POST /evse_waitlist",
        WaitlistEntry,
        query={"client_id": "app"},
        names={"evse_model": "evse_model_id"},
        status=201,
    ),
    Row(
        "post-evse_waitlist",
        lambda c: c.evse_waitlist.create(email="é@x", evse_make_name="Make", evse_model_name="Model"),
        "POST /evse_waitlist",
    ),
)
