"""The rows that the reference model decides about, as plain values. No database, no Django.

Each class represents a protected table and has the columns that a rule reads, with the database's
names. `TABLES` lists every protected table, so that a test notices a new one.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID


class Published(NamedTuple):
    """T0: an entry of the public directory."""

    id: UUID


class NetworkEntry(NamedTuple):
    """T1: a confidential entry of the directory, without its location."""

    id: UUID


class Change(NamedTuple):
    """A line of the directory's change feed, for the public or for the `network`."""

    seq: int
    network: bool


class Editing(NamedTuple):
    """Which agency edits which organization of the directory."""

    id: UUID
    agency_id: UUID


class Address(NamedTuple):
    """The address of a confidential place (R4), sealed for one agency."""

    id: UUID
    location_id: UUID
    agency_id: UUID


class Membership(NamedTuple):
    id: UUID
    agency_id: UUID
    person_id: UUID
    roles: Sequence[str]
    active: bool


class Channel(NamedTuple):
    """A mail address or phone number of a member or an agency."""

    id: UUID
    agency_id: UUID
    membership_id: UUID | None  # None: the agency's own


class Message(NamedTuple):
    """A message to a channel: it says that something waits, never what."""

    id: UUID
    agency_id: UUID
    member_id: UUID | None  # None: sent to the agency's own channel
    state: str


# Columns of a message that its reader is not served.
HOW_SENT = ("lease", "leased_until", "call_sid", "unknown_since", "keys_wrong")


class Webhook(NamedTuple):
    """Where an agency's events are sent, or the checkpoints of the access log."""

    id: UUID
    agency_id: UUID
    about: str


class WebhookSecret(NamedTuple):
    """The secret that signs a webhook's messages, sealed."""

    id: UUID
    endpoint_id: UUID


class WebhookDelivery(NamedTuple):
    """The outcome of one delivery."""

    id: UUID
    endpoint_id: UUID


class Referral(NamedTuple):
    """T2 and T5: the notice, and its state as shown to the sender."""

    id: UUID
    from_agency_id: UUID
    to_agency_id: UUID
    status: str
    sent_at: datetime | None
    accepted_at: datetime | None
    ended_at: datetime | None
    agreement: str | None
    from_purged: bool
    to_purged: bool


class Side(NamedTuple):
    """T4: what one side keeps to itself: its holder, and the recipient's true state."""

    id: UUID
    referral_id: UUID
    agency_id: UUID
    holder_id: UUID | None
    state: str | None


class Assignment(NamedTuple):
    id: UUID
    content_object_id: UUID  # the referral
    membership_id: UUID
    agency_id: UUID

    @property
    def referral_id(self) -> UUID:
        return self.content_object_id


class SelfAssignment(NamedTuple):
    """T4: that a lead assigned themselves to a referral, and why (R7)."""

    id: UUID
    referral_id: UUID
    agency_id: UUID


class Block(NamedTuple):
    """T4: the person or agency that a referral bars, on the survivor's word (R12)."""

    id: UUID
    referral_id: UUID
    agency_id: UUID  # whose block it is
    kind: str  # member, agency, leads_only
    bars_agency_id: UUID
    bars_member_id: UUID | None
    lifted_at: datetime | None


class Release(NamedTuple):
    """The survivor's permission to disclose, as data."""

    id: UUID
    referral_id: UUID
    from_agency_id: UUID
    to_agency_id: UUID
    direction: str  # outbound, notice, return
    ended: bool
    expires_at: datetime
    created_at: datetime


class ReleasePaper(NamedTuple):
    """T4: where the paper of a release is kept."""

    id: UUID
    release_id: UUID
    agency_id: UUID


class ReleaseEnd(NamedTuple):
    """T4: when, how and by whom the end of a release was recorded."""

    id: UUID
    release_id: UUID
    agency_id: UUID
    revoked_by: UUID


class Returned(NamedTuple):
    """What the survivor allowed the recipient to tell the sender (R2), sealed for the sender."""

    id: UUID
    referral_id: UUID
    agency_id: UUID
    key_bundle: object | None
    expires_at: datetime


class Grant(NamedTuple):
    """The keys of a packet's fields, wrapped for one agency. The sender's own has no release."""

    id: UUID
    referral_id: UUID
    agency_id: UUID
    release_id: UUID | None
    fields: Sequence[str]
    opened_at: datetime | None
    expires_at: datetime | None
    closed: bool
    key_bundle: object | None


class PrivateKey(NamedTuple):
    """The key of one agency's own notes."""

    id: UUID
    referral_id: UUID
    agency_id: UUID


class PacketField(NamedTuple):
    """T3: one field of the packet."""

    id: UUID
    referral_id: UUID
    from_agency_id: UUID
    field: str


class Note(NamedTuple):
    """T4: a note, an outcome, a mandated report; an agency's own."""

    id: UUID
    referral_id: UUID
    agency_id: UUID
    member_id: UUID


class Plan(NamedTuple):
    """T4: the sender's next services, in order."""

    id: UUID
    referral_id: UUID
    agency_id: UUID


class Event(NamedTuple):
    """An entry of a referral's history, marked with the sides that may know it."""

    id: UUID
    referral_id: UUID
    from_agency_id: UUID
    to_agency_id: UUID
    agency_id: UUID | None
    member_id: UUID | None
    act: str
    about_id: UUID | None
    reserved: bool
    from_sees: bool
    to_sees: bool


class CallRecord(NamedTuple):
    """T4: a referral made by phone."""

    id: UUID
    agency_id: UUID
    member_id: UUID


class IdempotencyKey(NamedTuple):
    """The result of a request with an idempotency key of the caller."""

    id: UUID
    agency_id: UUID
    caller_id: UUID
    referral_id: UUID | None = None  # the key is deleted with this referral


class AccessEntry(NamedTuple):
    """A line of the access log."""

    id: UUID
    agency_id: UUID | None
    member_id: UUID | None
    client_id: UUID | None
    decision: str
    referral_id: UUID | None
    referral_ids: tuple[UUID, ...] | None  # the referrals on a page of a list


class Checkpoint(NamedTuple):
    """A seal of the access log: numbers and hashes."""

    seq: int


class OptIn(NamedTuple):
    """An agency lets an oversight agency's auditors read its entries, until `ends_at`."""

    id: UUID
    agency_id: UUID
    to_agency_id: UUID
    given_by: UUID
    ends_at: datetime
    withdrawn_at: datetime | None


class Unseen(NamedTuple):
    """A row that serves no request: sources of the directory, their history, counts of a purge."""

    id: UUID


Row = (
    Published | NetworkEntry | Change | Editing | Address | Membership | Referral | Side
    | Assignment | SelfAssignment | Block | Release | ReleasePaper | ReleaseEnd | Returned | Grant
    | PrivateKey | PacketField | Note | Plan | Event | CallRecord | IdempotencyKey
    | AccessEntry | Checkpoint | OptIn | Channel | Message | Webhook | WebhookSecret
    | WebhookDelivery | Unseen
)  # fmt: skip

TABLES: dict[str, type[Row]] = {
    "referral": Referral,
    "referral_side": Side,
    "referral_assignment": Assignment,
    "self_assignment": SelfAssignment,
    "conflict_block": Block,
    "release": Release,
    "release_paper": ReleasePaper,
    "release_end": ReleaseEnd,
    "returned": Returned,
    "packet_grant": Grant,
    "private_key": PrivateKey,
    "packet_field": PacketField,
    "note": Note,
    "referral_plan": Plan,
    "referral_event": Event,
    "call_record": CallRecord,
    "idempotency_key": IdempotencyKey,
    "access_entry": AccessEntry,
    "log_checkpoint": Checkpoint,
    "log_opt_in": OptIn,
    "permissions_membership": Membership,
    "channel": Channel,
    "message": Message,
    "webhook_endpoint": Webhook,
    "webhook_secret": WebhookSecret,
    "webhook_delivery": WebhookDelivery,
    "directory_network_listing": NetworkEntry,
    "directory_network_place": NetworkEntry,
    "directory_network_organization": NetworkEntry,
    "directory_change": Change,
    "directory_editing": Editing,
    "directory_confidential_address": Address,
}
TABLES |= dict.fromkeys(
    ("agreement_tally", "purged_count", "epoch_due", "log_leaf", "log_watch", "barred_to_the_end",
     "channel_code", "bound_access", "awake_claim", "rights_mark", "rights_tally", "survivor_slip",
     "record_number", "bulk_export", "bulk_export_part", "counted_referral", "count_line",
     "count_cell", "count_seal", "network_figures", "figures_agreement", "earlier_year",
     "closing", "directory_accessibility", "directory_address", "directory_attribute",
     "directory_contact", "directory_costoption", "directory_duplicate",
     "directory_duplicate_scan", "directory_earlier_text", "directory_edit", "directory_funding",
     "directory_holidayschedule", "directory_language", "directory_location",
     "directory_metadata", "directory_metatabledescription", "directory_mistake_report",
     "directory_organization",
     "directory_organizationidentifier", "directory_phone", "directory_program",
     "directory_proposal",
     "directory_quarantine", "directory_requireddocument", "directory_schedule",
     "directory_service", "directory_servicearea", "directory_serviceatlocation",
     "directory_servicecapacity", "directory_term_meaning", "directory_training",
     "directory_unit", "directory_url",
     "directory_verification", "directory_mail_opt_out"),
    Unseen,
)  # fmt: skip
