"""Agencies, their people and partner systems, the keys they hold, and the access log.

Few modules write these rows: credentials and sign-in secrets are written as the role `door`,
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
    Agency,
    Membership,
    Person,
)
from permissions.models.channels import Channel
from permissions.models.clients import MOST_OPENINGS, OPENINGS_A_DAY, Client, ClientAssertion
from permissions.models.clock import ClockOffset
from permissions.models.credentials import Credential
from permissions.models.keys import Grant, PrivateKey

__all__ = [
    "AGENCY_KINDS",
    "CASEWORK",
    "DUTIES",
    "DUTY",
    "MOST_OPENINGS",
    "OPENINGS_A_DAY",
    "ROLES",
    "AccessEntry",
    "Agency",
    "Channel",
    "Client",
    "ClientAssertion",
    "ClockOffset",
    "Credential",
    "Grant",
    "LogCheckpoint",
    "LogLeaf",
    "LogOptIn",
    "LogWatch",
    "Membership",
    "Person",
    "PrivateKey",
    "SchemaState",
]
