"""Who receives a message about a referral: who is on call, members' own channels, the duty
addresses, the contact. Only proven channels do.

Runs as `jobs`. The database says who may be notified and never says why. A conflict block closes
the shared mailbox and leaves out the people it bars (R12). "Off duty" passes the message on at
once. If that leaves no one, everyone who may be notified is: silence is the worst answer.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connections

from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from referrals.notifications.pacing import rest_s
from referrals.on_call import rows
from referrals.on_call.who_is_on import who_is_on

# The template of a weekly test: referrals/notifications/line_tests/weekly.py.
LINE_TEST = "line_test"


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

    @property
    def rings(self) -> bool:
        """Whether what is sent there makes a phone or a computer sound, and is no mail."""
        return self.kind != "mail"


class Recipients:
    """One agency's people and channels that may be notified about one referral."""

    def __init__(self, referral_id: UUID, agency_id: UUID) -> None:
        self.referral_id, self.agency_id = referral_id, agency_id
        self.members = [
            Member._make(row)
            for row in query(
                "SELECT * FROM sec.members_to_notify(%s, %s)", [referral_id, agency_id]
            )
        ]
        self._read_rota()
        told = {one.id for one in self.members}
        ((self.mailbox_open,),) = query(
            "SELECT sec.may_notify_mailbox(%s, %s)", [referral_id, agency_id]
        )
        self.heard = barred_addresses(referral_id)
        may = [
            line
            for line in channels_of(agency_id)
            if (line.member_id in told if line.member_id else self.mailbox_open)
        ]
        urgency = query("SELECT urgency FROM referral WHERE id = %s", [referral_id])
        self.is_emergency = urgency == [("emergency",)]
        self.lines = [line for line in may if not is_barred_address(line, self.heard)]
        self.left_out = [line for line in may if is_barred_address(line, self.heard)]

    def _read_rota(self) -> None:
        """Find who is on call among those who may be notified. Who is away now counts as off
        duty."""
        now = database_now(JOBS)
        rota = rows.rota(self.agency_id, now, JOBS)
        away = {one.member_id for one in rota.shifts if one.kind == "away" and one.covers(now)}
        self.members = [
            one._replace(duty="off_duty") if one.id in away else one for one in self.members
        ]
        awake = {one.id for one in self.members if one.duty != "off_duty"}
        self.on_call = who_is_on(rota, now, awake.__contains__)

    def own(self, members: Iterable[Member]) -> list[Channel]:
        """Return these members' own channels."""
        wanted = {one.id for one in members}
        return [line for line in self.lines if line.member_id in wanted]

    def everyone(self) -> list[Channel]:
        """Return who is notified of something new: the duty addresses, who is on call by the rota,
        and members who set themselves on call; otherwise members who are not off duty; otherwise
        everyone. If one of the first is left out because a barred member listens there, everyone is
        notified at once. Otherwise a barred member could silence a channel by naming it as their
        own."""
        awake = {one.id for one in self.members if one.duty == "on_call"}
        if self.on_call.first is not None:
            awake.add(self.on_call.first)
        on_call = self.own(one for one in self.members if one.id in awake)
        first = [line for line in self.lines if line.use == "duty"] + on_call
        if any(line.use == "duty" or line.member_id in awake for line in self.left_out):
            return first + self.own(self.members)
        reachable = self.own(one for one in self.members if one.duty != "off_duty")
        return self._never_mail_alone(first or reachable or self.own(self.members))

    def _never_mail_alone(self, lines: list[Channel]) -> list[Channel]:
        """Return the lines; of an emergency, where all of them are mail, with the phone lines of
        members who are not off duty; where none of those has one, with those of all members. A mail
        is read when someone looks."""
        if not self.is_emergency or any(line.rings for line in lines):
            return lines
        awake = [one for one in self.members if one.duty != "off_duty"]
        for members in (awake, self.members):
            if phones := [line for line in self.own(members) if line.rings]:
                return lines + phones
        return lines

    def holder(self) -> list[Channel]:
        """Return the holder's channels. If there is no holder, or they are off duty or have no
        channel, return everyone's."""
        holder = [one for one in self.members if one.holds and one.duty != "off_duty"]
        return self.own(holder) or self.everyone()

    def second(self) -> list[Channel]:
        """Return the channels of the second person on call, by the rota."""
        return self.own(one for one in self.members if one.id == self.on_call.second)

    def leads(self) -> list[Channel]:
        """Return the channels of the leads who are not off duty."""
        leads = [one for one in self.members if one.is_lead and one.duty != "off_duty"]
        return self.own(leads)

    def contact(self) -> list[Channel]:
        """Return the escalation contact, which may be outside. Empty if the mailbox is closed."""
        return [line for line in self.lines if line.use == "escalation"]

    def overseers(self, but: UUID | None = None) -> list[Channel]:
        """Return the own channels of those who learn *that* something is to be reviewed: the leads;
        if there is none, the agency's administrators; else its outside reviewer. Never the person
        `but`."""
        rows = query(
            "SELECT * FROM sec.overseers(%s, %s, %s)", [self.referral_id, self.agency_id, but]
        )
        lines = [
            line for member_id, agency_id in rows for line in channels_of(agency_id, member_id)
        ]
        return [line for line in lines if not is_barred_address(line, self.heard)]

    def member(self, member_id: UUID | None) -> list[Channel]:
        """Return one member's own channels, whatever their duty. Empty if they may not know."""
        return self.own(one for one in self.members if one.id == member_id)


def channels_of(agency_id: UUID, member_id: UUID | None = None) -> list[Channel]:
    """Return the proven channels of an agency, or of one of its members, in order. In an exercise
    its members have their own of the agency that they practice for, and there are no others."""
    rows = query(
        "SELECT c.id, o.agency_id, o.member_id, c.use, c.kind, c.address FROM channel c JOIN ("
        "SELECT id, agency_id, membership_id AS member_id FROM channel WHERE agency_id = %(agency)s"
        " UNION ALL SELECT own.id, p.agency_id, p.id FROM permissions_agency a"
        " JOIN permissions_membership p ON p.agency_id = a.id"
        " JOIN permissions_membership h"
        "  ON h.person_id = p.person_id AND h.agency_id = a.practice_of_id"
        " JOIN channel own ON own.membership_id = h.id AND own.use = 'own'"
        " WHERE a.id = %(agency)s) o ON o.id = c.id WHERE c.proven_at IS NOT NULL"
        " AND (%(member)s::uuid IS NULL OR o.member_id = %(member)s)"
        " ORDER BY c.use, c.position, c.created_at, c.id",
        {"agency": agency_id, "member": member_id},
    )
    return [Channel._make(row) for row in rows]


def barred_addresses(referral_id: UUID) -> frozenset[tuple[UUID, str]]:
    """Return the (agency, lower-case address) pairs at which people listen whom the referral bars,
    or may bar: those channels of its two agencies that are closed to it, if it bars anyone there,
    proven or not. A colleague who shares such an address is not notified there either, because the
    barred person would see the message too (R12)."""
    rows = query(
        "SELECT DISTINCT c.agency_id, lower(c.address) FROM referral r"
        " JOIN permissions_agency a ON a.active AND a.id IN (r.from_agency_id, r.to_agency_id)"
        "  AND NOT sec.may_notify_mailbox(r.id, a.id)"
        " JOIN channel c ON c.agency_id = a.id"
        "  AND (c.membership_id IS NULL OR NOT sec.may_notify_member(r.id, c.membership_id))"
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
    """Return the proven channels for messages about an agency's own systems: its administrators'
    own channels and its duty addresses, by mail. If there is no mail channel, by SMS; if there is
    no SMS either, by call."""
    rows = query(
        "SELECT c.id, c.agency_id, c.membership_id, c.use, c.kind, c.address FROM channel c"
        " LEFT JOIN permissions_membership m ON m.id = c.membership_id"
        " WHERE c.agency_id = %s AND c.proven_at IS NOT NULL"
        " AND (c.use = 'duty' OR (c.use = 'own' AND m.active"
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


def record_test(
    template: str, channel_id: UUID, cause: UUID, *, sent: bool, final: bool = False
) -> None:
    """Record the outcome of a test on its channel, and that a line was tested: it was sent, or its
    number was refused for good. Messages that are not tests change nothing."""
    if template in ("test", LINE_TEST) and (sent or final):
        query(
            "UPDATE line_test SET sent_at = sec.clock() WHERE id = %s AND sent_at IS NULL"
            " RETURNING id",
            [cause],
        )
    if template == "test":
        query(
            "UPDATE channel SET test_outcome = %s"
            " WHERE id = %s AND test_outcome = 'waiting' RETURNING id",
            ["handed_over" if sent else "failed", channel_id],
        )


# "Something was changed" wakes no one: it is read when its reader looks.
SPEAKS_NEVER = frozenset({"changed"})


def queue_messages(
    cause: UUID, referral_id: UUID, template: str, lines: Iterable[Channel], *, after_s: float = 0
) -> int:
    """Queue one message per channel, within the caller's transaction, due in `after_s` seconds. A
    channel that already has the message gets no second one. One that is not urgent is due when its
    line may have the next one, and not queued where one waits that tells it, too
    (referrals/notifications/pacing.py). One of SPEAKS_NEVER makes no call. Returns the number of
    new messages."""
    new = 0
    silent = template in SPEAKS_NEVER
    for line in unique_channels(lines):
        if silent and line.kind == "voice":
            continue
        wait_s = rest_s(referral_id, template, line.channel_id)
        if wait_s is None:
            continue
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
                    max(after_s, wait_s),
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


def query(question: str, values: list[Any] | dict[str, Any]) -> list[tuple[Any, ...]]:
    """Return the rows of a query that runs as `jobs`."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute(question, values)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
