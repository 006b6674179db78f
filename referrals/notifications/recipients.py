"""Who receives a message about a referral: members' own channels, the duty addresses, the contact.

Runs as `jobs`. The database says who may be notified and never says why. A conflict block closes
the shared mailbox and leaves out the people it bars (R12). "Off duty" passes the message on at
once. If that leaves no one, everyone who may be notified is: silence is the worst answer.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7


class Member(NamedTuple):
    """An active worker or lead whom no block bars."""

    id: UUID
    person_id: UUID
    is_lead: bool
    duty: str
    holds: bool


class Channel(NamedTuple):
    """One channel that a message can go to."""

    channel_id: UUID
    agency_id: UUID
    member_id: UUID | None
    use: str
    kind: str
    address: str


class Recipients:
    """One agency's people and channels that may be notified about one referral."""

    def __init__(self, referral_id: UUID, agency_id: UUID) -> None:
        self.referral_id, self.agency_id = referral_id, agency_id
        self.members = [
            Member._make(row)
            for row in query("SELECT * FROM sec.may_be_told(%s, %s)", [referral_id, agency_id])
        ]
        told = {one.id for one in self.members}
        ((self.mailbox_open,),) = query("SELECT sec.mailbox_open(%s, %s)", [referral_id, agency_id])
        heard = barred_addresses(referral_id)
        may = [
            line
            for line in channels_of(agency_id)
            if (line.member_id in told if line.member_id else self.mailbox_open)
        ]
        self.lines = [line for line in may if not is_barred_address(line, heard)]
        self.left_out = [line for line in may if is_barred_address(line, heard)]

    def own(self, members: Iterable[Member]) -> list[Channel]:
        """Return these members' own channels."""
        wanted = {one.id for one in members}
        return [line for line in self.lines if line.member_id in wanted]

    def everyone(self) -> list[Channel]:
        """Return who is notified of something new: the duty addresses and members on call;
        otherwise members who are not off duty; otherwise everyone. If one of the first is left out
        because a barred member listens there, everyone is notified at once. Otherwise a barred
        member could silence a channel by naming it as their own."""
        awake = {one.id for one in self.members if one.duty == "on_call"}
        on_call = self.own(one for one in self.members if one.id in awake)
        first = [line for line in self.lines if line.use == "duty"] + on_call
        if any(line.use == "duty" or line.member_id in awake for line in self.left_out):
            return first + self.own(self.members)
        reachable = [one for one in self.members if one.duty != "off_duty"]
        return first or self.own(reachable) or self.own(self.members)

    def holder(self) -> list[Channel]:
        """Return the holder's channels. If there is no holder, or they are off duty or have no
        channel, return everyone's."""
        holder = [one for one in self.members if one.holds and one.duty != "off_duty"]
        return self.own(holder) or self.everyone()

    def leads(self) -> list[Channel]:
        """Return the channels of the leads who are not off duty."""
        leads = [one for one in self.members if one.is_lead and one.duty != "off_duty"]
        return self.own(leads)

    def contact(self) -> list[Channel]:
        """Return the escalation contact, which may be outside. Empty if the mailbox is closed."""
        return [line for line in self.lines if line.use == "escalation"]

    def member(self, member_id: UUID | None) -> list[Channel]:
        """Return one member's own channels, whatever their duty. Empty if they may not know."""
        return self.own(one for one in self.members if one.id == member_id)


def channels_of(agency_id: UUID, member_id: UUID | None = None) -> list[Channel]:
    """Return the channels of an agency, or of one of its members, in order."""
    rows = query(
        "SELECT id, agency_id, membership_id, use, kind, address FROM channel"
        " WHERE agency_id = %s AND (%s::uuid IS NULL OR membership_id = %s)"
        " ORDER BY use, position, created_at, id",
        [agency_id, member_id, member_id],
    )
    return [Channel._make(row) for row in rows]


def barred_addresses(referral_id: UUID) -> frozenset[tuple[UUID, str]]:
    """Return the (agency, lower-case address) pairs at which people listen whom the referral bars,
    or may bar: those channels of its two agencies that are closed to it, if it bars anyone there. A
    colleague who shares such an address is not notified there either, because the barred person
    would see the message too (R12)."""
    rows = query(
        "SELECT DISTINCT c.agency_id, lower(c.address) FROM referral r"
        " JOIN permissions_agency a ON a.active AND a.id IN (r.from_agency_id, r.to_agency_id)"
        "  AND NOT sec.mailbox_open(r.id, a.id)"
        " JOIN channel c ON c.agency_id = a.id"
        "  AND (c.membership_id IS NULL OR NOT sec.may_reach(r.id, c.membership_id))"
        " WHERE r.id = %s",
        [referral_id],
    )
    return frozenset((agency_id, address) for agency_id, address in rows)


def is_barred_address(line: Channel, heard: frozenset[tuple[UUID, str]]) -> bool:
    """Return whether the channel is one of `heard`. An agency's shared channels are compared only
    with its own people's addresses. Otherwise a member of the other agency could list them as their
    own, and no one would be notified there."""
    listening = {agency_id for agency_id, address in heard if address == line.address.lower()}
    return bool(listening) if line.member_id else line.agency_id in listening


def manager_channels(agency_id: UUID) -> list[Channel]:
    """Return the channels for messages about an agency's own systems: its administrators' own
    channels and its duty addresses, by mail. If there is no mail channel, by SMS; if there is no
    SMS either, by call."""
    rows = query(
        "SELECT c.id, c.agency_id, c.membership_id, c.use, c.kind, c.address FROM channel c"
        " LEFT JOIN permissions_membership m ON m.id = c.membership_id"
        " WHERE c.agency_id = %s AND (c.use = 'duty' OR (c.use = 'own' AND m.active"
        "  AND 'agency_admin' = ANY (m.roles) AND (c.kind = 'mail' OR m.duty <> 'off_duty')))"
        " ORDER BY c.use, c.position, c.created_at, c.id",
        [agency_id],
    )
    lines = [Channel._make(row) for row in rows]
    by_kind = [[line for line in lines if line.kind == kind] for kind in ("mail", "sms", "voice")]
    return next((found for found in by_kind if found), [])


def unique_channels(lines: Iterable[Channel]) -> list[Channel]:
    """Return each address once, however many channels name it."""
    return list({(line.kind, line.address): line for line in reversed([*lines])}.values())[::-1]


def record_test(template: str, channel_id: UUID, *, sent: bool) -> None:
    """Record the outcome of a test on its channel. Messages that are not tests change nothing."""
    if template == "test":
        query(
            "UPDATE channel SET test_outcome = %s"
            " WHERE id = %s AND test_outcome = 'waiting' RETURNING id",
            ["handed_over" if sent else "failed", channel_id],
        )


def queue_messages(
    cause: UUID, referral_id: UUID, template: str, lines: Iterable[Channel], *, after_s: float = 0
) -> int:
    """Queue one message per channel, within the caller's transaction, due in `after_s` seconds. A
    channel that already has the message gets no second one. Returns the number of new messages."""
    new = 0
    for line in unique_channels(lines):
        with connections[JOBS].cursor() as cursor:
            cursor.execute(
                "INSERT INTO message (id, cause, referral_id, agency_id, member_id, channel_id,"
                " kind, template, reference, due_at)"
                " SELECT %s, %s, id, %s, %s, %s, %s, %s, reference,"
                " sec.clock() + make_interval(secs => %s) FROM referral WHERE id = %s"
                " ON CONFLICT (cause, channel_id, template) DO NOTHING",
                [
                    uuid7(),
                    cause,
                    line.agency_id,
                    line.member_id,
                    line.channel_id,
                    line.kind,
                    template,
                    after_s,
                    referral_id,
                ],
            )
            new += cursor.rowcount
    return new


def queue_general_messages(
    cause: UUID, template: str, reference: str, lines: Iterable[Channel]
) -> None:
    """Queue messages about no referral. `reference` is a word that says what they concern."""
    for line in unique_channels(lines):
        with connections[JOBS].cursor() as cursor:
            cursor.execute(
                "INSERT INTO message (id, cause, agency_id, member_id, channel_id, kind, template,"
                " reference) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (cause, channel_id, template) DO NOTHING",
                [
                    *(uuid7(), cause, line.agency_id, line.member_id, line.channel_id),
                    *(line.kind, template, reference),
                ],
            )


def query(question: str, values: list[Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query that runs as `jobs`."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(question, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
