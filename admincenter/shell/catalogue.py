"""All cmdlets there are. A new one is written in `cmdlets/` and named here."""

from admincenter.shell.cmdlet import Cmdlet
from admincenter.shell.cmdlets.accepted_domains import (
    GetAcceptedDomain,
    NewAcceptedDomain,
    RemoveAcceptedDomain,
    SetAcceptedDomain,
)
from admincenter.shell.cmdlets.application_passwords import (
    GetApplicationPassword,
    NewApplicationPassword,
    RemoveApplicationPassword,
    SetApplicationPassword,
)
from admincenter.shell.cmdlets.attempts import GetMessageAttempt
from admincenter.shell.cmdlets.audit_log import SearchAdminAuditLog
from admincenter.shell.cmdlets.back_pressure import GetBackPressure
from admincenter.shell.cmdlets.connector_settings import NewSendConnector, SetSendConnector
from admincenter.shell.cmdlets.dkim_settings import (
    NewDkimSigningConfig,
    RotateDkimSigningConfig,
    SetDkimSigningConfig,
)
from admincenter.shell.cmdlets.dkim_signing import (
    GetDkimSigningConfig,
    RemoveDkimSigningConfig,
    TestDkimSigningConfig,
)
from admincenter.shell.cmdlets.exporting import AssembleMessage, ExportMessage
from admincenter.shell.cmdlets.help import GetCommand, GetCredential, GetHelp
from admincenter.shell.cmdlets.maintenance import (
    GetServerComponentState,
    RedirectMessage,
    SetServerComponentState,
)
from admincenter.shell.cmdlets.message_actions import (
    RemoveMessage,
    ResumeMessage,
    RetryMessage,
    SetMessage,
    SuspendMessage,
)
from admincenter.shell.cmdlets.messages import GetMessage
from admincenter.shell.cmdlets.objects import MeasureObject, SelectObject, SortObject, WhereObject
from admincenter.shell.cmdlets.protocol_logs import (
    ExportProtocolLog,
    GetProtocolLog,
    GetProtocolLogEvent,
)
from admincenter.shell.cmdlets.queues import GetQueue, ResumeQueue, RetryQueue, SuspendQueue
from admincenter.shell.cmdlets.receive_connectors import (
    GetReceiveConnector,
    NewReceiveConnector,
    RemoveReceiveConnector,
    SetReceiveConnector,
)
from admincenter.shell.cmdlets.resubmit_requests import (
    AddResubmitRequest,
    GetResubmitRequest,
    RemoveResubmitRequest,
    SetResubmitRequest,
)
from admincenter.shell.cmdlets.send_connectors import GetSendConnector, RemoveSendConnector
from admincenter.shell.cmdlets.tracking import ExportMessageTrackingLog, GetMessageTrackingLog
from admincenter.shell.cmdlets.transport_services import GetTransportService, SetTransportService
from admincenter.shell.views import FormatList, FormatTable

CMDLETS: tuple[type[Cmdlet], ...] = (
    GetSendConnector,
    NewSendConnector,
    SetSendConnector,
    RemoveSendConnector,
    GetReceiveConnector,
    NewReceiveConnector,
    SetReceiveConnector,
    RemoveReceiveConnector,
    GetAcceptedDomain,
    NewAcceptedDomain,
    SetAcceptedDomain,
    RemoveAcceptedDomain,
    GetApplicationPassword,
    NewApplicationPassword,
    SetApplicationPassword,
    RemoveApplicationPassword,
    GetDkimSigningConfig,
    NewDkimSigningConfig,
    SetDkimSigningConfig,
    RotateDkimSigningConfig,
    TestDkimSigningConfig,
    RemoveDkimSigningConfig,
    GetTransportService,
    SetTransportService,
    GetBackPressure,
    GetServerComponentState,
    SetServerComponentState,
    RedirectMessage,
    AddResubmitRequest,
    GetResubmitRequest,
    SetResubmitRequest,
    RemoveResubmitRequest,
    GetQueue,
    RetryQueue,
    SuspendQueue,
    ResumeQueue,
    GetMessage,
    RetryMessage,
    SuspendMessage,
    ResumeMessage,
    RemoveMessage,
    SetMessage,
    ExportMessage,
    AssembleMessage,
    GetMessageAttempt,
    GetMessageTrackingLog,
    ExportMessageTrackingLog,
    GetProtocolLog,
    GetProtocolLogEvent,
    ExportProtocolLog,
    SearchAdminAuditLog,
    GetCredential,
    GetHelp,
    GetCommand,
    FormatTable,
    FormatList,
    WhereObject,
    SelectObject,
    SortObject,
    MeasureObject,
)
