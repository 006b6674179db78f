"""Agencies, their people and partner systems, the keys they hold, and the access log.

Few modules write these rows: credentials and sign-in secrets are written as the role `signin`,
access entries by permissions/audit/writer.py, grants by permissions/keys/grants.py. Row-level
security and the column privileges of every table are in permissions/sql/ and referrals/sql/.
"""

from permissions.database.state import SchemaState
from permissions.models.access_log import (
    AccessEntry,
    LogCheckpoint,
    LogLeaf,
    LogOptIn,
    LogWatch,
)
from permissions.models.agencies import (
    AGENCY_KINDS,
    CASEWORK,
    DUTIES,
    DUTY,
    ROLES,
    STAFF_REF,
    Agency,
    Membership,
    NoticeOpinion,
    Person,
    TermsSignature,
)
from permissions.models.agency_sign_in import ProviderSession, SignInLink, SignInProvider
from permissions.models.cards import Card, CardNotice
from permissions.models.channels import Channel, ChannelCode
from permissions.models.clients import (
    MOST_OPENINGS,
    OPENINGS_A_DAY,
    SCIM_SCOPE,
    Client,
    ClientAssertion,
)
from permissions.models.clock import ClockOffset
from permissions.models.counters import RecentCount, RefusalCount
from permissions.models.credentials import Credential
from permissions.models.invitations import Invitation, RegisteredNumber, SealedMessage
from permissions.models.keys import Grant, PrivateKey
from permissions.models.operation import (
    BackupRecord,
    JobHeartbeat,
    KeyFolder,
    KeyHost,
    TimelineState,
    WriteTest,
)
from permissions.models.practice import Exercise
from permissions.models.row_macs import BoundAccess, Closing, RowMac
from permissions.models.scim_users import ScimUser

__all__ = [
    "AGENCY_KINDS",
    "CASEWORK",
    "DUTIES",
    "DUTY",
    "MOST_OPENINGS",
    "OPENINGS_A_DAY",
    "ROLES",
    "SCIM_SCOPE",
    "STAFF_REF",
    "AccessEntry",
    "Agency",
    "BackupRecord",
    "BoundAccess",
    "Card",
    "CardNotice",
    "Channel",
    "ChannelCode",
    "Client",
    "ClientAssertion",
    "ClockOffset",
    "Closing",
    "Credential",
    "Exercise",
    "Grant",
    "Invitation",
    "JobHeartbeat",
    "KeyFolder",
    "KeyHost",
    "LogCheckpoint",
    "LogLeaf",
    "LogOptIn",
    "LogWatch",
    "Membership",
    "NoticeOpinion",
    "Person",
    "PrivateKey",
    "ProviderSession",
    "RecentCount",
    "RefusalCount",
    "RegisteredNumber",
    "RowMac",
    "SchemaState",
    "ScimUser",
    "SealedMessage",
    "SignInLink",
    "SignInProvider",
    "TermsSignature",
    "TimelineState",
    "WriteTest",
]
