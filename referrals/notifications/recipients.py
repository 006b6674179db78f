"""Whom a message about a referral reaches: members' own channels, the duty addresses, the contact.

Runs as `jobs`. The database says who may be told and keeps the reason to itself: a conflict block
closes the shared mailbox and leaves its people out (R12). "Off duty" forwards at once; where that
leaves nobody, everybody who may be told is rung: silence is the worst answer.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7


class Member(NamedTuple):
    """A live worker or lead whom nothing bars."""

    id: UUID
    person_id: UUID
    is_lead: bool
    duty: str
    holds: bool


class Channel(NamedTuple):
    """One channel to ring."""

    channel_id: UUID
    agency_id: UUID
    member_id: UUID | None
    use: str
    kind: str
    address: str


class Recipients:
    """One agency's people and channels, as they may be told of one referral."""

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
        """These members' own channels."""
        wanted = {one.id for one in members}
        return [line for line in self.lines if line.member_id in wanted]

    def everyone(self) -> list[Channel]:
        """Who is rung with something new: the duty addresses and whoever is on call; else whoever
        is not off duty; else everybody. Where one of the first is left out, since somebody barred
        says that he listens there, everybody at once: else he could say so of those who wake."""
        awake = {one.id for one in self.members if one.duty == "on_call"}
        on_call = self.own(one for one in self.members if one.id in awake)
        first = [line for line in self.lines if line.use == "duty"] + on_call
        if any(line.use == "duty" or line.member_id in awake for line in self.left_out):
            return first + self.own(self.members)
        reachable = [one for one in self.members if one.duty != "off_duty"]
        return first or self.own(reachable) or self.own(self.members)

    def holder(self) -> list[Channel]:
        """Who answers for it; without one, or off duty, or without a channel: everyone."""
        holder = [one for one in self.members if one.holds and one.duty != "off_duty"]
        return self.own(holder) or self.everyone()

    def leads(self) -> list[Channel]:
        """The leads who are not off duty."""
        leads = [one for one in self.members if one.is_lead and one.duty != "off_duty"]
        return self.own(leads)

    def contact(self) -> list[Channel]:
        """The escalation contact, which may be outside; none where the mailbox is closed."""
        return [line for line in self.lines if line.use == "escalation"]

    def member(self, member_id: UUID | None) -> list[Channel]:
        """One member's own channels, whatever her duty; empty where she may not be told."""
        return self.own(one for one in self.members if one.id == member_id)


def channels_of(agency_id: UUID, member_id: UUID | None = None) -> list[Channel]:
    """The channels of an agency, or of one of its members, in their order."""
    rows = query(
        "SELECT id, agency_id, membership_id, use, kind, address FROM channel"
        " WHERE agency_id = %s AND (%s::uuid IS NULL OR membership_id = %s)"
        " ORDER BY use, position, created_at, id",
        [agency_id, member_id, member_id],
    )
    return [Channel._make(row) for row in rows]


def barred_addresses(referral_id: UUID) -> frozenset[tuple[UUID, str]]:
    """Whose people listen, and at which address, in lower case, whom the referral bars, or may: of
    its two agencies' channels those that are closed to it, once it bars anybody there. A colleague
    who shares one is not rung there either: what waits is told to whoever is barred, too (R12)."""
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
    """Whether the line is one of `heard`. An agency's own lines are heard by its own people alone:
    of the other agency anybody could keep them among her own, and nobody would be rung there."""
    listening = {agency_id for agency_id, address in heard if address == line.address.lower()}
    return bool(listening) if line.member_id else line.agency_id in listening


def manager_channels(agency_id: UUID) -> list[Channel]:
    """Whom of an agency the state of its own systems concerns: its administrators' own channels and
    its duty addresses, by mail. Only without any mail by SMS, and only without that by a call."""
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
    """Each address once, however many channels name it: rungs that are the same fold into one."""
    return list({(line.kind, line.address): line for line in reversed([*lines])}.values())[::-1]


def record_test(template: str, channel_id: UUID, *, sent: bool) -> None:
    """What became of a test, on the channel that it was asked for; of anything else nothing."""
    if template == "test":
        query(
            "UPDATE channel SET test_outcome = %s"
            " WHERE id = %s AND test_outcome = 'waiting' RETURNING id",
            ["handed_over" if sent else "failed", channel_id],
        )


def queue_messages(
    cause: UUID, referral_id: UUID, template: str, lines: Iterable[Channel], *, after_s: float = 0
) -> int:
    """One message a line, within the caller's transaction, due in `after_s` seconds; a line that
    has it already has it. Returns how many are new."""
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
    """The same about no referral: `reference` is a word that says what it is about."""
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
    """The rows that `jobs` is answered."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(question, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
