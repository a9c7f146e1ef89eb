"""OCPP messages of chargers: the Open Charge Point Protocol, version 1.6 with its security extension."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, TypeAlias

from evenergy._codec.model import model
from evenergy._codec.urls import comma_list
from evenergy._codec.wire_types import Member, OpenEnum, Time, reference_id
from evenergy._core.resource import M_co, paged
from evenergy._transport.request import ListRequest

from . import _kinds
from ._logs import FilteredLogs
from .evses import EVSE, EVSELogExpand

__all__ = [
    "EVSEOCPPCallResponse",
    "EVSEOCPPLog",
    "OCPPAction",
    "OCPPDirection",
    "OCPPDirectionFilter",
    "OCPPErrorCode",
]

OCPPDirectionFilter: TypeAlias = Literal["RECEIVED", "SENT"]
"""Direction of a message in a request; logs have it as an `OCPPDirection`, in other letters."""


class OCPPAction(OpenEnum):
    """Action of an OCPP message."""

    AUTHORIZE = Member("Authorize")
    BOOT_NOTIFICATION = Member("BootNotification")
    CANCEL_RESERVATION = Member("CancelReservation")
    CERTIFICATE_SIGNED = Member("CertificateSigned")
    CHANGE_AVAILABILITY = Member("ChangeAvailability")
    CHANGE_CONFIGURATION = Member("ChangeConfiguration")
    CLEAR_CACHE = Member("ClearCache")
    CLEAR_CHARGING_PROFILE = Member("ClearChargingProfile")
    DATA_TRANSFER = Member("DataTransfer")
    DELETE_CERTIFICATE = Member("DeleteCertificate")
    DIAGNOSTICS_STATUS_NOTIFICATION = Member("DiagnosticsStatusNotification")
    EXTENDED_TRIGGER_MESSAGE = Member("ExtendedTriggerMessage")
    FIRMWARE_STATUS_NOTIFICATION = Member("FirmwareStatusNotification")
    GET_COMPOSITE_SCHEDULE = Member("GetCompositeSchedule")
    GET_CONFIGURATION = Member("GetConfiguration")
    GET_DIAGNOSTICS = Member("GetDiagnostics")
    GET_INSTALLED_CERTIFICATE_IDS = Member("GetInstalledCertificateIds")
    GET_LOCAL_LIST_VERSION = Member("GetLocalListVersion")
    GET_LOG = Member("GetLog")
    HEARTBEAT = Member("Heartbeat")
    INSTALL_CERTIFICATE = Member("InstallCertificate")
    LOG_STATUS_NOTIFICATION = Member("LogStatusNotification")
    METER_VALUES = Member("MeterValues")
    REMOTE_START_TRANSACTION = Member("RemoteStartTransaction")
    REMOTE_STOP_TRANSACTION = Member("RemoteStopTransaction")
    RESERVE_NOW = Member("ReserveNow")
    RESET = Member("Reset")
    SECURITY_EVENT_NOTIFICATION = Member("SecurityEventNotification")
    SEND_LOCAL_LIST = Member("SendLocalList")
    SET_CHARGING_PROFILE = Member("SetChargingProfile")
    SIGN_CERTIFICATE = Member("SignCertificate")
    SIGNED_FIRMWARE_STATUS_NOTIFICATION = Member("SignedFirmwareStatusNotification")
    SIGNED_UPDATE_FIRMWARE = Member("SignedUpdateFirmware")
    START_TRANSACTION = Member("StartTransaction")
    STATUS_NOTIFICATION = Member("StatusNotification")
    STOP_TRANSACTION = Member("StopTransaction")
    TRIGGER_MESSAGE = Member("TriggerMessage")
    UNLOCK_CONNECTOR = Member("UnlockConnector")
    UPDATE_FIRMWARE = Member("UpdateFirmware")


class OCPPErrorCode(OpenEnum):
    """Error code of a response. One r of ``Occurence`` is missing in OCPP itself."""

    NO_ERROR = Member("NoError")
    NOT_IMPLEMENTED = Member("NotImplemented")
    NOT_SUPPORTED = Member("NotSupported")
    INTERNAL_ERROR = Member("InternalError")
    PROTOCOL_ERROR = Member("ProtocolError")
    SECURITY_ERROR = Member("SecurityError")
    FORMATION_VIOLATION = Member("FormationViolation")
    PROPERTY_CONSTRAINT_VIOLATION = Member("PropertyConstraintViolation")
    OCCURENCE_CONSTRAINT_VIOLATION = Member("OccurenceConstraintViolation")
    TYPE_CONSTRAINT_VIOLATION = Member("TypeConstraintViolation")
    GENERIC_ERROR = Member("GenericError")
    UNKNOWN_ERROR = Member("UnknownError")


class OCPPDirection(OpenEnum):
    """Direction of a message, as seen from ev.energy."""

    SENT = Member("Sent")
    RECEIVED = Member("Received")


@model
class EVSEOCPPCallResponse:
    """Response to an OCPP message.

    Attributes:
        sampled_at: The time at which it was recorded.
        payload: The fields of the response, as OCPP defines them for the action.
        error_code: ``NoError`` where all went well.
        error_description: The error in words; None when there are none.
    """

    sampled_at: Time | None = None
    payload: Any = None
    error_code: OCPPErrorCode | None = None
    error_description: str | None = None


@model
class EVSEOCPPLog:
    """OCPP message between a charger and ev.energy.

    Attributes:
        url: Ends in the time that names the log.
        sampled_at: The time at which it was recorded.
        evse: The URL of the charger, or the charger when it was expanded.
        payload: The fields of the message, as OCPP defines them for the action.
        message_id: Any text, such as a UUID or the digits of a number.
        response: The response; None when there was none yet.
    """

    url: str | None = None
    sampled_at: Time | None = None
    evse: str | EVSE | None = None
    direction: OCPPDirection | None = None
    action: OCPPAction | None = None
    payload: Any = None
    message_id: str | None = None
    response: EVSEOCPPCallResponse | None = None

    @property
    def evse_id(self) -> str | None:
        """Return the id of the charger, whether it was expanded or not."""
        return reference_id(self.evse)

    @property
    def error(self) -> OCPPErrorCode | None:
        """Return the error code of the response; None when there is no response, or one without an error."""
        code = None if self.response is None else self.response.error_code
        return None if code == OCPPErrorCode.NO_ERROR else code


class EVSEOCPPLogs(FilteredLogs[M_co, EVSEOCPPLog, EVSELogExpand]):
    """OCPP messages of chargers, newest first; they need the scope ``debug:read``.

    The methods raise what `evenergy.errors` lists.
    """

    _of, _argument = _kinds.EVSE, "evse_id"
    _into, _name, _time = EVSEOCPPLog, "ocpp_logs", "sampled_at"

    @paged
    def list(
        self,
        evse_id: str,
        /,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        action: OCPPAction | str | None = None,
        action__in: Iterable[OCPPAction | str] | None = None,
        direction: OCPPDirectionFilter | None = None,
        error_code: OCPPErrorCode | str | None = None,
        error_code__in: Iterable[OCPPErrorCode | str] | None = None,
        expand: Iterable[EVSELogExpand] = (),
        page_size: int | None = None,
    ) -> ListRequest[EVSEOCPPLog]:
        """List the messages of one charger, newest first. API: ``GET /evses/{evse_id}/ocpp_logs``.

        Args:
            evse_id: An id or a URL.
            since: The earliest time at which a message was recorded, as an aware datetime.
            until: The latest such time, likewise.
            action: The action of the messages.
            action__in: The actions, where there are several.
            direction: The direction of the messages, in capitals.
            error_code: The error code of the responses.
            error_code__in: The error codes, where there are several.
            expand: The references to expand.
            page_size: Messages for each request, 1 to 100; 100 unless it is given.
        """
        return self._between(
            evse_id,
            since,
            until,
            page_size=page_size,
            expand=expand,
            action=action,
            action__in=comma_list("action__in", action__in),
            direction=direction,
            error_code=error_code,
            error_code__in=comma_list("error_code__in", error_code__in),
        )
