from typing import get_args

from evenergy import EVSEFirmwareVersion, EVSEMake, EVSEModel, EVSEModelExpand

from ._row import EVSE_MAKE, EVSE_MODEL, ULID, USER, Row

_VERSION = f"evsf{ULID}"

ROWS = (
    Row(
        "get-evse_makes",
        lambda c: c.evse_makes.list(available_for_user_id=USER, page_size=50),
        "GET /evse_makes",
        EVSEMake,
        "id",
    ),
    Row("get-evse_makes-evse_make_id", lambda c: c.evse_makes.get(EVSE_MAKE), f"GET /evse_makes/{EVSE_MAKE}", EVSEMake),
    Row(
        "get-evse_models",
        lambda c: c.evse_models.list(
            available_for_user_id=USER, make_id=EVSE_MAKE, expand=get_args(EVSEModelExpand), page_size=50
        ),
        "GET /evse_models",
        EVSEModel,
        "id",
    ),
    Row(
        "get-evse_models-evse_model_id",
        lambda c: c.evse_models.get(EVSE_MODEL, expand=get_args(EVSEModelExpand)),
        f"GET /evse_models/{EVSE_MODEL}",
        EVSEModel,
        response={"id": EVSE_MODEL, "make": {"id": EVSE_MAKE}},
    ),
    Row(
        "get-evse_firmware_versions",
        lambda c: c.evse_firmware_versions.list(page_size=50),
        "GET /evse_firmware_versions",
        EVSEFirmwareVersion,
        "id",
    ),
    Row(
        "get-evse_firmware_versions-evse_firmware_version_id",
        lambda c: c.evse_firmware_versions.get(_VERSION),
        f"GET /evse_firmware_versions/{_VERSION}",
        EVSEFirmwareVersion,
    ),
)
