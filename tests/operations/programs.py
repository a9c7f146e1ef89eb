from typing import get_args

from evenergy import (
    UNSET,
    IncentiveScheme,
    LatLong,
    ParticipationAgreementVersion,
    Program,
    ProgramTier,
    ProgramVehicleCompatibility,
    ProgramVehicleCompatibilityExpand,
)

from ._row import PARTICIPATION_AGREEMENT_VERSION, PROGRAM, PROGRAM_TIER, Row

ROWS = (
    Row(
        "get-programs-program_id-vehicle_compatibility",
        lambda c: c.programs.vehicle_compatibility.list(PROGRAM, expand=get_args(ProgramVehicleCompatibilityExpand)),
        f"GET /programs/{PROGRAM}/vehicle_compatibility",
        ProgramVehicleCompatibility,
        "none",
    ),
    Row(
        "get-programs",
        lambda c: c.programs.list(coordinates=LatLong(51.5, -0.1), postal_code="SW1 1AA", country_code="GB"),
        "GET /programs",
        Program,
        "link",
        query={"coordinates": "51.5,-0.1"},
    ),
    Row(
        "get-programs-program_id",
        lambda c: c.programs.get(PROGRAM),
        f"GET /programs/{PROGRAM}",
        Program,
    ),
    Row(
        "get-incentive_schemes",
        lambda c: c.incentive_schemes.list(),
        "GET /incentive_schemes",
        IncentiveScheme,
        "link",
        needs_user=True,
    ),
    Row(
        "post-programs-user-verification",
        lambda c: c.programs.user_verification(PROGRAM, data={"account_number": "1"}),
        f"POST /programs/{PROGRAM}/user_verification",
        None,
        body={"data": UNSET, "account_number": "1"},
        needs_user=True,
    ),
    Row(
        "post-programs-program_id-join",
        lambda c: c.programs.join(PROGRAM),
        f"POST /programs/{PROGRAM}/join",
        Program,
        needs_user=True,
    ),
    Row(
        "get-programs-program_id-tiers",
        lambda c: c.programs.tiers.list(PROGRAM, page_size=50),
        f"GET /programs/{PROGRAM}/tiers",
        ProgramTier,
        "id",
    ),
    Row(
        "get-programs-program_id-tiers-tier_id",
        lambda c: c.programs.tiers.get(PROGRAM, PROGRAM_TIER),
        f"GET /programs/{PROGRAM}/tiers/{PROGRAM_TIER}",
        ProgramTier,
    ),
    Row(
        "get-programs-program_id-participation_agreement_versions",
        lambda c: c.programs.participation_agreement_versions.list(PROGRAM, page_size=50),
        f"GET /programs/{PROGRAM}/participation_agreement_versions",
        ParticipationAgreementVersion,
        "id",
    ),
    Row(
        "get-programs-program_id-participation_agreement_versions-id",
        lambda c: c.programs.participation_agreement_versions.get(PROGRAM, PARTICIPATION_AGREEMENT_VERSION),
        f"GET /programs/{PROGRAM}/participation_agreement_versions/{PARTICIPATION_AGREEMENT_VERSION}",
        ParticipationAgreementVersion,
    ),
    Row(
        "get-programs-program_id-participation_agreement_versions-current",
        lambda c: c.programs.participation_agreement_versions.current(PROGRAM),
        f"GET /programs/{PROGRAM}/participation_agreement_versions/current",
        ParticipationAgreementVersion,
    ),
    Row(
        "post-programs-program_id-participation_agreement_versions-id-accept",
        lambda c: c.programs.participation_agreement_versions.accept(PROGRAM, PARTICIPATION_AGREEMENT_VERSION),
        f"POST /programs/{PROGRAM}/participation_agreement_versions/{PARTICIPATION_AGREEMENT_VERSION}/accept",
        None,
        body={},
        needs_user=True,
    ),
    Row(
        "post-programs-post-enrollment-verification",
        lambda c: c.programs.post_enrollment_verification(PROGRAM, data={"account_number": "1"}),
        f"POST /programs/{PROGRAM}/post-enrollment-verification",
        None,
        body={"data": UNSET, "account_number": "1"},
        needs_user=True,
    ),
)
