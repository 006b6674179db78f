"""The rows of slips: how one is found, and how it is bound.

A row has a MAC by a key outside the database, over a version too; the journal of closings keeps the
least version that is accepted. So a writer of the database neither gives a slip another code or
word, nor brings back one that ended.
"""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from django.db import connection, transaction

from permissions.database.aliases import JOBS
from permissions.database.uuid7 import uuid7
from permissions.errors import Unavailable
from permissions.identity import row_macs
from permissions.keys import closings
from referrals.models import Slip

log = structlog.get_logger()


class SlipRow(NamedTuple):
    """A slip as it is stored, and what the database says of it now."""

    id: UUID
    referral_id: UUID
    agency_id: UUID
    code_hash: bytes
    word_hash: str
    given_at: datetime
    ends_at: datetime
    ended: bool
    version: int
    mac: bytes
    in_force: bool = False
    to_agency_id: UUID | None = None

    def values(self) -> list[Any]:
        """What the MAC covers."""
        return [
            *(self.id, self.referral_id, self.agency_id, self.code_hash.hex(), self.word_hash),
            *(self.given_at, self.ends_at, self.ended, self.version),
        ]


def find(code_hash: bytes) -> SlipRow | None:
    """The slip with this code, in the open transaction; None if there is none. One query. Raises
    Unavailable (`binding`) for a row that this server did not write, or an older one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.slip_of_code(%s)", [code_hash])
        return _bound(cursor.fetchone())


def of_referral(referral_id: UUID) -> SlipRow | None:
    """The referral's slip, for those who answer for it on the sender's side. Raises Unavailable."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, referral_id, agency_id, code_hash, word_hash, given_at, ends_at, ended,"
            " version, mac FROM sec.own_slip(%s)",
            [referral_id],
        )
        return _bound(cursor.fetchone())


def put(
    referral_id: UUID,
    agency_id: UUID,
    code_hash: bytes,
    word_hash: str,
    given_at: datetime,
    ends_at: datetime,
) -> None:
    """Store a new slip in place of the one before it, in the open transaction; from its commit on
    no older one is accepted. Raises Unavailable."""
    before = of_referral(referral_id)
    row_id = before.id if before else uuid7()
    version = before.version if before else 0
    _store(
        SlipRow(
            *(row_id, referral_id, agency_id, code_hash, word_hash, given_at, ends_at),
            ended=False,
            version=version,
            mac=b"",
        )
    )


def end(row: SlipRow) -> None:
    """End the slip, in the open transaction. Raises Unavailable."""
    _store(row._replace(ended=True))


def _store(row: SlipRow) -> None:
    subject = _subject(row.referral_id)
    row = row._replace(version=max(row.version, closings.least_version(subject)) + 1)
    row = row._replace(mac=row_macs.mac("slip", row.values()))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sec.put_slip(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                *(row.id, row.referral_id, row.code_hash, row.word_hash, row.given_at),
                *(row.ends_at, row.ended, row.version, row.mac),
            ],
        )
    transaction.on_commit(lambda: closings.close([(subject, row.version)]))


def as_written(referral_id: UUID, using: str) -> SlipRow | None:
    """The referral's slip if this server wrote it, in whichever version; None: it did not, or there
    is none. Raises Unavailable."""
    one = Slip.objects.using(using).filter(referral_id=referral_id).first()
    row = _stored(one) if one else None
    return row if row and row_macs.is_right(row.mac, "slip", row.values()) else None


def end_restored(row: SlipRow, version: int, using: str) -> None:
    """End a slip of a restored database, which was ended or replaced since its backup, so that it
    is refused as one that ended. In the open transaction. Twice is safe. Raises Unavailable."""
    least = closings.least_version(_subject(row.referral_id))
    row = row._replace(ended=True, version=max(row.version, version, least))
    made = row_macs.mac("slip", row.values())
    Slip.objects.using(using).filter(id=row.id).update(
        ended=True, version=row.version, ends_at=row.ends_at, mac=made
    )


def _stored(one: Slip) -> SlipRow:
    return _row(
        *(one.id, one.referral_id, one.agency_id, one.code_hash, one.word_hash),
        *(one.given_at, one.ends_at, one.ended, one.version, one.mac),
    )


def rebind() -> int:
    """Bind by the newest key every slip that is bound now; return how many. Raises Unavailable."""
    done = 0
    for one in Slip.objects.using(JOBS).order_by("id"):
        row = _stored(one)
        if _is_bound(row):
            mac = row_macs.mac("slip", row.values())
            Slip.objects.using(JOBS).filter(id=one.id, version=one.version).update(mac=mac)
            done += 1
    return done


def _bound(found: tuple[Any, ...] | None) -> SlipRow | None:
    if found is None:
        return None
    row = _row(*found)
    if not _is_bound(row):
        log.error("row_not_bound", kind="slip", row=str(row.id))
        raise Unavailable(
            "binding",
            "What lets you in was not written by this server, or is out of date. The network"
            " operator was notified and must look into it.",
        )
    return row


def _is_bound(row: SlipRow) -> bool:
    least = closings.least_version(_subject(row.referral_id))
    return row.version >= least and row_macs.is_right(row.mac, "slip", row.values())


def _row(*found: Any) -> SlipRow:
    row = SlipRow(*found)
    return row._replace(code_hash=bytes(row.code_hash), mac=bytes(row.mac))


def _subject(referral_id: UUID) -> str:
    return closings.subject_of("slip", referral_id)
