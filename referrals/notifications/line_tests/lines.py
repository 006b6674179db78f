"""The phone lines that are tested, and their tests as the database keeps them.

A line is a number that a member has proven as their own, or an agency as its on-call line. The
escalation contact is none: it may be outside. A number that takes calls and text messages is one
line. Runs as `jobs`, but what a member is shown of their own.
"""

import hmac
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from permissions.keys.derived_keys import derived_key
from referrals import models as m
from referrals.notifications.line_tests.verdicts import PastTest
from referrals.notifications.recipients import Channel, query

KEPT = "interval '60 days'"
ON_PHONE = ("key", "link")  # an answer

_LINES = (
    "SELECT c.id, c.agency_id, c.membership_id, c.use, c.kind, c.address, c.proven_at"
    " FROM channel c JOIN permissions_agency a ON a.id = c.agency_id AND a.active"
    " LEFT JOIN permissions_membership m ON m.id = c.membership_id"
    " WHERE c.kind IN ('sms', 'voice') AND c.use IN ('own', 'duty') AND c.proven_at IS NOT NULL"
    " AND (c.membership_id IS NULL OR m.live) AND (%s::uuid IS NULL OR c.id = %s)"
    " ORDER BY c.use, c.id"
)


class Line(NamedTuple):
    """A proven line of a live member, or of an active agency."""

    channel: Channel
    proven_at: datetime
    number: UUID


def number_of(address: str) -> UUID:
    """Return a number's own id: a hash by a key outside the database, the same for every channel
    that has the number."""
    key = derived_key("line tests")
    return UUID(bytes=hmac.digest(key, address.lower().encode(), "sha256")[:16])


def lines(channel_id: UUID | None = None) -> list[Line]:
    """Return every line that is tested, or the one of this channel. On-call lines come first."""
    return [
        Line(Channel._make(row[:6]), row[6], number_of(row[5]))
        for row in query(_LINES, [channel_id, channel_id])
    ]


def sent_tests() -> dict[UUID, list[PastTest]]:
    """Return the tests of the last weeks that were sent, in order, by number."""
    found = query(
        "SELECT number, kind, week IS NOT NULL, sent_at, answered_at FROM line_test"  # noqa: S608 (of fixed parts)
        f" WHERE sent_at > sec.clock() - {KEPT}"
        " ORDER BY sent_at, id",
        [],
    )
    by_number: dict[UUID, list[PastTest]] = {}
    for number, *rest in found:
        by_number.setdefault(number, []).append(PastTest._make(rest))
    return by_number


def of_line(line: Line, found: Mapping[UUID, list[PastTest]]) -> list[PastTest]:
    """Return the tests that count for the line: those since it was proven. A number that is
    changed, or proven by another person, begins again."""
    return [one for one in found.get(line.number, ()) if one.sent_at >= line.proven_at]


def delete_old() -> None:
    """Delete what nothing is computed from any more."""
    query(f"DELETE FROM line_test WHERE at < sec.clock() - {KEPT} RETURNING id", [])  # noqa: S608


class OwnTest(NamedTuple):
    """The last test of a member's own line, as they are shown it. `sent_at` None: on its way."""

    sent_at: datetime | None
    answered_at: datetime | None


def last_tests(channels: Iterable[tuple[UUID, str, datetime]]) -> dict[UUID, OwnTest]:
    """Return the last test of each of these lines of the caller's (channel, address, since when it
    is proven). None of a line whose last one was asked for and not answered on the phone: the
    channel itself says what became of that. Runs as `signin`; one query."""
    wanted = [(one, number_of(address), since) for one, address, since in channels]
    kept = m.LineTest.objects.using("signin").filter(number__in={one[1] for one in wanted})
    last = {one.number: one for one in kept.exclude(token_hash=None).order_by("at", "id")}
    return {
        channel_id: OwnTest(test.sent_at, test.answered_at)
        for channel_id, number, since in wanted
        if (test := last.get(number)) and test.at >= since and (test.week or test.how in ON_PHONE)
    }
