"""The rows of a referral. What only one side may know is in a table of that side's own.

`Referral` is what both sides may know: its `status` is the word the *sender* is shown. What the
recipient did after the accept (handed off, completed, unable, stopped) is in the recipient's
`Side`, which the sender's role cannot read: the return-flow firewall (R2) is a table boundary.

Acts change rows only through `act_transaction` (referrals/act_transaction.py).
"""

from referrals.models.assignments import BarredToTheEnd, ConflictBlock, SelfAssignment
from referrals.models.events import Claim, Event, Message, XactBase
from referrals.models.exports import Export, ExportPart
from referrals.models.line_tests import LineCover, LineTest, SilentLine
from referrals.models.numbers import (
    CountCell,
    CountedReferral,
    CountLine,
    CountSeal,
    EarlierYear,
    FiguresAgreement,
    NetworkFigures,
)
from referrals.models.on_call import CalendarFeed, Gap, Rotation, Shift, Swap
from referrals.models.records import (
    AgreementTally,
    CallRecord,
    EpochDue,
    IdempotencyKey,
    PurgedCount,
)
from referrals.models.recovery import LostAct
from referrals.models.referrals import (
    READS,
    VISIBLE_SQL,
    Assignment,
    Referral,
    ReferralQuerySet,
    Side,
    sees_referrals,
)
from referrals.models.releases import Release, ReleaseEnd, ReleasePaper, Returned
from referrals.models.rights import RightsMark, RightsTally
from referrals.models.sealed import Note, PacketField, Plan, RecordNumber
from referrals.models.signing import Signing
from referrals.models.slips import Slip
from referrals.models.webhooks import WebhookDelivery, WebhookEndpoint, WebhookSecret

__all__ = [
    "READS",
    "VISIBLE_SQL",
    "AgreementTally",
    "Assignment",
    "BarredToTheEnd",
    "CalendarFeed",
    "CallRecord",
    "Claim",
    "ConflictBlock",
    "CountCell",
    "CountLine",
    "CountSeal",
    "CountedReferral",
    "EarlierYear",
    "EpochDue",
    "Event",
    "Export",
    "ExportPart",
    "FiguresAgreement",
    "Gap",
    "IdempotencyKey",
    "LineCover",
    "LineTest",
    "LostAct",
    "Message",
    "NetworkFigures",
    "Note",
    "PacketField",
    "Plan",
    "PurgedCount",
    "RecordNumber",
    "Referral",
    "ReferralQuerySet",
    "Release",
    "ReleaseEnd",
    "ReleasePaper",
    "Returned",
    "RightsMark",
    "RightsTally",
    "Rotation",
    "SelfAssignment",
    "Shift",
    "Side",
    "Signing",
    "SilentLine",
    "Slip",
    "Swap",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WebhookSecret",
    "XactBase",
    "sees_referrals",
]
