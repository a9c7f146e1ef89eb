from typing import get_args

from evenergy import (
    RebateEvidenceFile,
    RebateEvidenceFileExpand,
    RebateEvidenceType,
    RebateEvidenceUpload,
    RebateType,
    RebateTypeExpand,
    UserRebate,
    UserRebateExpand,
)

from ._row import BASE, REBATE_EVIDENCE_FILE, REBATE_EVIDENCE_TYPE, REBATE_TYPE, USER_REBATE, Row

ROWS = (
    Row(
        "get-rebate_types",
        lambda c: c.rebate_types.list(expand=get_args(RebateTypeExpand)),
        "GET /rebate_types",
        RebateType,
        "none",
    ),
    Row(
        "get-rebate_types-rebate_type_id",
        lambda c: c.rebate_types.get(REBATE_TYPE, expand=get_args(RebateTypeExpand), language="en-GB"),
        f"GET /rebate_types/{REBATE_TYPE}",
        RebateType,
    ),
    Row(
        "get-rebate_evidence_types",
        lambda c: c.rebate_evidence_types.list(),
        "GET /rebate_evidence_types",
        RebateEvidenceType,
        "none",
    ),
    Row(
        "get-rebate_types-rebate_evidence_type_id",
        lambda c: c.rebate_evidence_types.get(REBATE_EVIDENCE_TYPE, language="en-GB"),
        f"GET /rebate_evidence_types/{REBATE_EVIDENCE_TYPE}",
        RebateEvidenceType,
    ),
    Row(
        "get-rebates",
        lambda c: c.user_rebates.list(expand=get_args(UserRebateExpand)),
        "GET /user_rebates",
        UserRebate,
        "none",
    ),
    Row(
        "post-rebates",
        lambda c: c.user_rebates.create(rebate_type=REBATE_TYPE),
        "POST /user_rebates",
        UserRebate,
        body={"rebate_type": f"{BASE}/rebate_types/{REBATE_TYPE}"},
        needs_user=True,
    ),
    Row(
        "get-rebates-application_id",
        lambda c: c.user_rebates.get(USER_REBATE, expand=get_args(UserRebateExpand)),
        f"GET /user_rebates/{USER_REBATE}",
        UserRebate,
    ),
    Row(
        "patch-user_rebates-application_id",
        lambda c: c.user_rebates.update(
            USER_REBATE,
            rebate_type=REBATE_TYPE,
            evidence_type=REBATE_EVIDENCE_TYPE,
            evidence_data={7: "12.50"},
            expand=get_args(UserRebateExpand),
        ),
        f"PATCH /user_rebates/{USER_REBATE}",
        UserRebate,
        body={
            "rebate_type": f"{BASE}/rebate_types/{REBATE_TYPE}",
            "evidence_type": f"{BASE}/rebate_evidence_types/{REBATE_EVIDENCE_TYPE}",
            "evidence_data": [{"id": 7, "value": "12.50"}],
        },
    ),
    Row(
        "post-user_rebates-application_id-:submit",
        lambda c: c.user_rebates.submit(USER_REBATE),
        f"POST /user_rebates/{USER_REBATE}:submit",
        None,
        status=200,
        response={},
    ),
    Row(
        "post-rebate-evidence_files:start_upload",
        lambda c: c.rebate_evidence_files.start_upload(
            file_name="a text", rebate_evidence_type=REBATE_EVIDENCE_TYPE, user_rebate=USER_REBATE
        ),
        "POST /rebate_evidence_files:start_upload",
        RebateEvidenceUpload,
        body={"rebate_evidence_type": f"{BASE}/rebate_evidence_types/{REBATE_EVIDENCE_TYPE}"},
        query={"user_rebate": USER_REBATE},
    ),
    Row(
        "post-rebate-evidence_files-evidence_file_id-:finish_upload",
        lambda c: c.rebate_evidence_files.finish_upload(REBATE_EVIDENCE_FILE),
        f"POST /rebate_evidence_files/{REBATE_EVIDENCE_FILE}:finish_upload",
        RebateEvidenceFile,
    ),
    Row(
        "get-user_rebates-application_id-evidence_files",
        lambda c: c.rebate_evidence_files.list(user_rebate=USER_REBATE, expand=get_args(RebateEvidenceFileExpand)),
        "GET /rebate_evidence_files",
        RebateEvidenceFile,
        "none",
    ),
    Row(
        "get-user_rebates-application_id-evidence_files-evidence_file_id",
        lambda c: c.rebate_evidence_files.get(REBATE_EVIDENCE_FILE, expand=get_args(RebateEvidenceFileExpand)),
        f"GET /rebate_evidence_files/{REBATE_EVIDENCE_FILE}",
        RebateEvidenceFile,
    ),
)
