"""A test each week to every phone line, within the hours of whose line it is.

Runs as `jobs`. A test and its message are one transaction, and a number has one test a week,
however many people have the number: neither a second worker nor one that was killed makes another.
Tests have a job of their own (referrals/worker.py), wait while anything else waits for their
number, and are given up for the week when their hours are over.
referrals/notifications/message_queue.py sends them as it sends every message: a call is made once
at most.
"""

import hashlib
import hmac
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from enum import Enum
from typing import NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from permissions.database.advisory_locks import TESTING_LINES, try_lock
from permissions.database.aliases import JOBS
from permissions.database.clock import database_now
from permissions.database.uuid7 import uuid7
from permissions.keys.derived_keys import derived_key
from permissions.models import Agency
from referrals.deadlines import due_times
from referrals.notifications.line_tests import hours, lines
from referrals.notifications.line_tests.hours import Window
from referrals.notifications.line_tests.lines import Line
from referrals.notifications.recipients import LINE_TEST, query, queue_general_messages
from referrals.on_call import rows
from referrals.on_call.who_is_on import Rota, plan

REFERENCE = "TEST"
MOST_A_MINUTE = 10  # of the whole network
TOO_LATE = timedelta(hours=6)  # for a test that waits
# A number that was called or written to this lately has proof enough that Cairn is at work, and its
# owner may be on the phone about it.
JUST_REACHED = "interval '10 minutes'"
# The texts, and where an answer goes (api/desk/urls.py).
TEXTS = {"voice": "line_call", "sms": "line_text"}
PATHS = {"voice": "/line/call/", "sms": "/line/"}
TOKEN_BYTES = 16


class Ready(Enum):
    """Whether a test may be sent now."""

    NOW = "now"
    LATER = "later"
    OVER = "over"


class _Week(NamedTuple):
    """The week of a line's agency, and when in it the line may be tested."""

    monday: date
    windows: list[Window]


def step() -> bool:
    """Queue the tests that are due. There is never more at once."""
    if settings.SENDERS["phone"] is None:
        return False
    with try_lock(JOBS, TESTING_LINES) as free:
        if free:
            now = database_now(JOBS)
            for line, week in _due(now)[: _room()]:
                _queue(line, week)
            lines.delete_old()
    return False


def _room() -> int:
    ((lately,),) = query(
        "SELECT count(*) FROM line_test"
        " WHERE week IS NOT NULL AND at > sec.clock() - interval '1 minute'",
        [],
    )
    return max(0, MOST_A_MINUTE - int(lately))


def _due(now: datetime) -> list[tuple[Line, date]]:
    """Return the lines whose test is due, one for each number. Where calls and text messages go to
    one number, they take turns."""
    found = lines.lines()
    done = {
        (number, week)
        for number, week in query(
            "SELECT number, week FROM line_test"
            " WHERE week > (sec.clock() - interval '9 days')::date",
            [],
        )
    }
    last = {number: tests[-1].kind for number, tests in lines.sent_tests().items()}
    due: dict[UUID, tuple[Line, date]] = {}
    for line, week in zip(found, _weeks(found, now), strict=True):
        if (line.number, week.monday) in done or not hours.is_due(line.number, week.windows, now):
            continue
        before = due.get(line.number)
        if before is None or before[0].channel.kind == last.get(line.number):
            due[line.number] = line, week.monday
    return sorted(due.values(), key=lambda one: one[0].channel.channel_id)


def _queue(line: Line, week: date) -> None:
    test_id, channel = uuid7(), line.channel
    with transaction.atomic(using=JOBS):
        new = query(
            "INSERT INTO line_test (id, number, kind, week) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (number, week) DO NOTHING RETURNING id",
            [test_id, line.number, channel.kind, week],
        )
        if new:
            queue_general_messages(test_id, LINE_TEST, REFERENCE, [channel])


# -- Hours -----------------------------------------------------------------------------------------


def _weeks(of: Iterable[Line], now: datetime) -> list[_Week]:
    """Return each line's week. Four queries, however many lines."""
    wanted = list(of)
    ids = {line.channel.agency_id for line in wanted}
    agencies = Agency.objects.using(JOBS).in_bulk(ids)
    rotas = rows.rotas(ids, now - 8 * hours.DAY, JOBS)
    duties: dict[UUID, str] = dict(
        query(
            "SELECT id, duty FROM permissions_membership WHERE live AND agency_id = ANY (%s)",
            [list(ids)],
        )
    )
    by_agency = {one: _Agency(agencies[one], rotas[one], duties, now) for one in ids}
    return [by_agency[line.channel.agency_id].week_of(line.channel.member_id) for line in wanted]


class _Agency:
    """One agency's hours and rota in this week."""

    def __init__(self, agency: Agency, rota: Rota, duties: dict[UUID, str], now: datetime) -> None:
        calendar = due_times.calendar(agency)
        self.zone, self.rota, self.duties = calendar.zone, rota, duties
        self.monday = hours.monday_of(now, self.zone)
        self.begin, self.end = hours.bounds(self.monday, self.zone)
        is_set = agency.opening_hours is not None
        self.open = hours.open_hours(self.monday, calendar, is_set=is_set)
        self.spans = plan(rota, self.begin, self.end, duties.__contains__) if rota.is_set else []

    def week_of(self, member_id: UUID | None) -> _Week:
        """Return when a shared line, or this member's own, may be tested: in the member's time on
        call, else in the agency's hours; never while they are away or off duty."""
        if member_id is None:
            return self._week(self.open)
        if self.duties.get(member_id) == "off_duty":
            return _Week(self.monday, [])
        on = [
            (span.begins_at, span.ends_at)
            for span in self.spans
            if member_id in (span.on.first, span.on.second)
        ]
        away = [
            (one.begins_at, one.ends_at)
            for one in self.rota.shifts
            if one.kind == "away" and one.member_id == member_id
        ]
        return self._week(hours.without(on or self.open, away))

    def _week(self, windows: list[Window]) -> _Week:
        return _Week(self.monday, hours.by_day(windows, self.monday, self.zone))


# -- Sending ---------------------------------------------------------------------------------------


def readiness(test_id: UUID, channel_id: UUID, queued_at: datetime) -> Ready:
    """Return whether a weekly test may be sent now: within its hours, and while nothing else waits
    for the number."""
    now = database_now(JOBS)
    known = query("SELECT week FROM line_test WHERE id = %s AND answered_at IS NULL", [test_id])
    found = lines.lines(channel_id)
    if not known or not found or now > queued_at + TOO_LATE:
        return Ready.OVER
    ((week,),) = known
    (own,) = _weeks(found, now)
    if own.monday != week or not hours.is_within(own.windows, now):
        return Ready.OVER
    return Ready.LATER if _is_in_use(found[0].channel.address) else Ready.NOW


def _is_in_use(address: str) -> bool:
    """Whether anything else waits for this number, or has just reached it. An address that a secret
    goes to is sealed: while any such call or text waits, every number counts."""
    return bool(
        query(
            "SELECT WHERE EXISTS (SELECT FROM message o JOIN channel c ON c.id = o.channel_id"  # noqa: S608 (of fixed parts)
            "  WHERE c.address = %s AND o.kind IN ('sms', 'voice') AND o.template <> %s"
            "  AND (o.state = 'waiting'"
            f"   OR (o.state IN ('sent', 'dead') AND o.done_at > sec.clock() - {JUST_REACHED})))"
            " OR EXISTS (SELECT FROM permissions_sealedmessage s WHERE s.outcome = 'waiting'"
            "  AND s.kind IN ('sms', 'voice') AND s.expires_at > sec.clock())",
            [address, LINE_TEST],
        )
    )


def forget(test_id: UUID) -> None:
    """Delete a test that was never tried, so that it is queued again when its hours come. Twice is
    safe."""
    query(
        "DELETE FROM line_test WHERE id = %s AND token_hash IS NULL AND week IS NOT NULL"
        " RETURNING id",
        [test_id],
    )


def prepare(test_id: UUID, kind: str, address: str, language: str) -> tuple[str, str]:
    """Return the text of a test and the address that its answer goes to, and keep a hash of it. The
    same each time. A test that a member asked for is kept from here on."""
    token = token_of(test_id)
    query(
        "INSERT INTO line_test (id, number, kind, language, token_hash) VALUES (%s, %s, %s, %s, %s)"
        " ON CONFLICT (id) DO UPDATE SET token_hash = excluded.token_hash,"
        " language = excluded.language RETURNING id",
        [test_id, lines.number_of(address), kind, language, hash_of(token)],
    )
    return TEXTS[kind], f"{settings.BASE_URL.rstrip('/')}{PATHS[kind]}{token}"


def token_of(test_id: UUID) -> str:
    """Return the secret part of a test's address. No one makes it without the server's key."""
    made = hmac.digest(derived_key("line test answers"), test_id.bytes, "sha256")[:TOKEN_BYTES]
    return urlsafe_b64encode(made).decode().rstrip("=")


def hash_of(token: str) -> bytes:
    """Return what the database keeps of a token."""
    return hashlib.sha256(b"line test " + token.encode(errors="replace")).digest()
