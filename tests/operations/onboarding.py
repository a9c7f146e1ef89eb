from evenergy import CompletedOnboarding, VehicleCompatibility, VehicleOnboarding, WaitlistEntry

from ._row import MAKE, MODEL, PROGRAM, TRIM, USER, VEHICLE, Row

_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"

ROWS = (
    Row(
        "get-vehicle_onboarding",
        lambda c: c.vehicle_onboarding.start(
            USER, client_id="app", make_id=MAKE, model_id=MODEL, trim_id=TRIM, redirect_uri="https://app/x?y=1"
        ),
        "GET /vehicle_onboarding",
        VehicleOnboarding,
        query={"user_id": USER, "response_type": "json"},
    ),
    Row(
        "post-vehicle_onboarding-complete",
        lambda c: c.vehicle_onboarding.complete(
            authorization_request_id=_ID, auth_code="a-code", smartcar_user_id="a-user"
        ),
        "POST /vehicle_onboarding/complete",
        CompletedOnboarding,
        names={"authorization_request_id": "authorization_request_uid"},
        response={"vehicles": [{"id": VEHICLE}]},
    ),
    Row(
        "post-vehicle_onboarding-onboarding_link",
        lambda c: c.vehicle_onboarding.send_link(email="driver@example.com", make=MAKE),
        "POST /vehicle_onboarding/onboarding_link",
        None,
        needs_user=True,
    ),
    Row(
        "get-vehicle_compatibility-check",
        lambda c: c.vehicle_compatibility.check(
            MODEL, country="GB", program_id=PROGRAM, client_id="app", language="en-GB"
        ),
        "GET /vehicle_compatibility/check",
        VehicleCompatibility,
        query={"vehicle_model_id": MODEL},
    ),
    Row(
        "post-vehicle_waitlist",
        lambda c: c.vehicle_waitlist.create(
            email="driver@example.com",
            vehicle_model=MODEL,
            vehicle_make_name="Volvo",
            vehicle_model_name="C40",
            program_id=PROGRAM,
            client_id="app",
            language="en-GB",
        ),
        "POST /vehicle_waitlist",
        WaitlistEntry,
        query={"client_id": "app"},
        names={"vehicle_model": "vehicle_model_id"},
    ),
    Row(
        "post-vehicle_waitlist",
        lambda c: c.vehicle_waitlist.create(email="é@x", vehicle_make_name="Make", vehicle_model_name="Model"),
        "POST /vehicle_waitlist",
    ),
)
