"""The survivor's visit: let in by the code of their slip and their word, for ten minutes.

Whatever is wrong is answered alike, after the same work: an unknown code, a wrong word, a slip that
ended, is too old or was purged with its referral, too many tries. Tries are counted by the slip and
for the whole network, and never by address: none is kept (ADR 0093).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

import orjson
import structlog
from django.db import connection

from permissions.audit import writer
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import Unavailable
from permissions.identity import brakes
from permissions.identity.brakes import Limit
from permissions.keys.derived_keys import derived_key
from permissions.keys.keystore import seal, unseal
from permissions.models import Agency
from permissions.principal import Principal
from referrals.models import Release
from referrals.releases.disclosed import Line, given_by_sender
from referrals.slip import code_and_word, slip_rows
from referrals.slip.slip_rows import SlipRow

log = structlog.get_logger()

LASTS = timedelta(minutes=10)
CONTEXT = "slip visit"
# Wrong tries. A right one gives its turn back. The second limit ends a slip that was found: its
# holder cannot try words for as long as it lasts.
IN_AN_HOUR = Limit("slip_tries", 5, timedelta(hours=1))
IN_ALL = Limit("slip_tries_in_all", 30, timedelta(days=90))
# Of the whole network. Beyond it every slip has two tries an hour, and none has none.
OF_NETWORK = Limit("slip_tries_of_network", 300, timedelta(hours=1))
WHILE_GUESSED = Limit("slip_tries_while_guessed", 2, timedelta(hours=1))
BUCKETS = 64  # of codes that there are not: a stranger fills no table


class Visit(NamedTuple):
    """A visit in progress: by which slip."""

    row: SlipRow

    @property
    def code_hash(self) -> bytes:
        return self.row.code_hash


class Given(NamedTuple):
    """A disclosure of the agency that gave the slip: what the other agency could open from `at`
    on."""

    at: datetime
    purpose: str
    fields: list[str]


class Seen(NamedTuple):
    """What a visit shows. `notice_at`: since when the other agency has had the notice, which names
    no one. `fields` and `until`: what is permitted now; empty and None without a permission."""

    giver: Agency
    other: Agency
    notice_at: datetime
    is_taken: bool  # the other agency has accepted: what is permitted is open to it
    release_id: UUID | None
    fields: list[str]
    until: datetime | None
    was_ended: bool
    given: list[Given]


# -- Letting in ------------------------------------------------------------------------------------


def enter(typed: str, word: str) -> str | None:
    """Judge a code and a word; return what the browser keeps for the visit, or None: it is refused,
    whatever the reason. One entry of the log without an address. Raises Unavailable."""
    code_and_word.prepare()
    code_hash = code_and_word.hash_code(code_and_word.plain_code(typed) or "")
    with _binding_logged(), identified_transaction(None) as now:
        row = slip_rows.find(code_hash)
    who = f"{row.id} {row.version}" if row else f"none {code_hash[0] % BUCKETS}"
    limits = [(limit, who) for limit in (IN_AN_HOUR, IN_ALL, WHILE_GUESSED)] + [(OF_NETWORK, "")]
    turns = {limit.what: brakes.has_turn(limit, key, using="signin") for limit, key in limits}
    is_calm = turns.pop(OF_NETWORK.what)
    if is_calm:
        turns.pop(WHILE_GUESSED.what)
    else:
        log.warning("slip_guessing")
    right = code_and_word.is_word(word, row.word_hash if row else None)
    if row is None or not (right and row.in_force and all(turns.values())):
        writer.log_refusal(None, "slip.enter", "no_match")
        return None
    for limit, key in limits:
        brakes.give_back(limit, key, using="signin")
    return _kept(row, now + LASTS)


def _kept(row: SlipRow, until: datetime) -> str:
    plain = orjson.dumps([row.code_hash.hex(), row.version, until])
    return seal(derived_key(CONTEXT), plain, CONTEXT).hex()


def resume(kept: str) -> Visit | None:
    """The visit that a browser goes on with; None: it is over, or its slip is. Raises
    Unavailable."""
    with _binding_logged(), identified_transaction(None) as now:
        return _resumed(kept, now)


def _resumed(kept: str, now: datetime) -> Visit | None:
    try:
        plain = unseal(derived_key(CONTEXT), bytes.fromhex(kept), CONTEXT)
    except (Unavailable, ValueError):
        return None
    code_hash, version, until = orjson.loads(plain)
    if now >= datetime.fromisoformat(until):
        return None
    row = slip_rows.find(bytes.fromhex(code_hash))
    if row is None or not row.in_force or row.version != version:
        return None
    return Visit(row)


@contextmanager
def _binding_logged() -> Iterator[None]:
    """Log, after the rollback, that a row was not written by this server."""
    try:
        yield
    except Unavailable as refusal:
        writer.log_refusal(None, "slip.enter", refusal.code)
        raise


def referral_of(typed: str, agency_id: UUID) -> UUID | None:
    """The referral of a code that was typed on a device of this agency's; None if there is none, or
    it is no referral of theirs. Raises Unavailable."""
    code_hash = code_and_word.hash_code(code_and_word.plain_code(typed) or "")
    with _binding_logged(), identified_transaction(None):
        row = slip_rows.find(code_hash)
    mine = row is not None and agency_id in (row.agency_id, row.to_agency_id)
    return row.referral_id if row is not None and mine else None


def refuse_staff(principal: Principal | None, referral_id: UUID | None) -> None:
    """Log that a device on which a member is signed in asked for a slip. Raises Unavailable."""
    writer.log_refusal(principal, "slip.enter", "staff_device", referral_id)


# -- What is shown ---------------------------------------------------------------------------------


def see(visit: Visit) -> Seen:
    """What the survivor is shown: their permission, and the disclosures of the agency that gave the
    slip, from its own log. Never what the other agency did. One access entry, which says only that
    there was a visit. Raises Unavailable."""
    code_hash = visit.code_hash
    with identified_transaction(None), writer.unwritten_is_unavailable():
        with connection.cursor() as cursor:
            cursor.execute("SELECT sec.log_slip_visit(%s, %s)", [uuid7(), code_hash])
            cursor.execute("SELECT * FROM sec.slip_shown(%s)", [code_hash])
            sent_at, accepted_at, release_id, fields, until, ended, _ = cursor.fetchone()
            cursor.execute("SELECT * FROM sec.slip_releases(%s)", [code_hash])
            releases = {row[0]: _release(*row) for row in cursor.fetchall()}
            cursor.execute("SELECT * FROM sec.slip_disclosures(%s)", [code_hash])
            lines = [_line(*row) for row in cursor.fetchall()]
        agencies = Agency.objects.in_bulk([visit.row.agency_id, visit.row.to_agency_id])
    return Seen(
        giver=agencies[visit.row.agency_id],
        other=agencies[visit.row.to_agency_id],
        notice_at=sent_at,
        is_taken=accepted_at is not None,
        release_id=release_id,
        fields=list(fields or ()),
        until=until,
        was_ended=ended,
        given=[
            Given(line.first, line.purpose or "", line.fields or [])
            for line in given_by_sender(lines, accepted_at, releases)
            if line.release_id in releases
        ],
    )


def _release(
    release_id: UUID,
    purpose: str,
    expires_at: datetime,
    never_open: bool,
    never_opened_fields: list[str] | None,
) -> Release:
    return Release(
        id=release_id,
        purpose=purpose,
        expires_at=expires_at,
        never_open=never_open,
        never_opened_fields=never_opened_fields,
    )


def _line(
    act: str, at: datetime, purpose: str | None, fields: list[str] | None, release_id: UUID | None
) -> Line:
    return Line(act, 1, at, at, None, None, purpose, fields, release_id, None)
