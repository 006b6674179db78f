"""What readers of the directory say is wrong in an entry, for those who can mend it.

A visitor may say it, and a survivor is a visitor: no name, address, browser or way to answer is
kept, and nothing in the access log says who read what. Those who can mend it read it: the editors
of the agency that edits the entry, or the coordinator where there is none. Its words go when it is
done. All of it goes with its entry, or after 180 days (`manage.py worker run`, job `mistakes`).
"""

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.db import connection, connections

from directory import listings
from directory.models import MistakeReport
from permissions import displayed_text
from permissions.audit import writer
from permissions.database.aliases import JOBS
from permissions.database.db_identity import identified_transaction
from permissions.database.uuid7 import uuid7
from permissions.errors import BadRequest, NotPermitted, NotVisible
from permissions.identity import brakes
from permissions.principal import Principal

MENDERS = ("directory_editor", "coordinator")
OF_CALLER = brakes.Limit("mistake_reports", 5, timedelta(hours=1))
OF_SERVICE = brakes.Limit("mistake_reports_of_service", 10, timedelta(days=1))


class Report(NamedTuple):
    """One that waits; `name` is the service's."""

    id: UUID
    at: datetime
    service_id: UUID
    name: str
    what: str
    words: str


def report(principal: Principal | None, service_id: UUID, what: str, words: str) -> None:
    """Say what is wrong in the entry. Saying the same twice is safe: what waits is one. Raises
    NotVisible for a service that the caller may not see, NotPermitted in practice, BadRequest,
    TooOften."""
    if principal is not None and principal.practices:
        raise NotPermitted
    words = checked_words(what, words)
    who = principal.caller_id if principal else writer.origin.get().address_prefix
    with identified_transaction(principal):
        if listings.find(principal, service_id) is None:
            raise NotVisible
        brakes.require_turn(OF_CALLER, who)
        brakes.require_turn(OF_SERVICE, service_id)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sec.report_mistake(%s, %s, %s, %s)", [uuid7(), service_id, what, words]
            )


def checked_words(what: str, words: str) -> str:
    """The words of a report as they are stored. Raises BadRequest."""
    words = displayed_text.normalized(words)
    if what not in MistakeReport.WHAT or len(words) > MistakeReport.MOST_WORDS:
        raise BadRequest
    if displayed_text.fault_of(words, lines=True):
        raise BadRequest
    return words


def waiting(principal: Principal) -> list[Report]:
    """What waits for the caller, the oldest first, a hundred at most. Raises NotPermitted."""
    require_mender(principal)
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sec.mistake_reports()")
        return [Report(*row) for row in cursor.fetchall()]


def end(principal: Principal, report_id: UUID) -> None:
    """Mark it done. Twice is safe. Raises NotVisible unless the caller can mend the entry."""
    require_mender(principal)
    with identified_transaction(principal), connection.cursor() as cursor:
        cursor.execute("SELECT sec.end_mistake_report(%s)", [report_id])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise NotVisible


def step() -> bool:
    """Delete what is older than 180 days, and what was said of an entry before it closed or went.
    Returns False: nothing is left to do. Safe to kill at any point and to run twice at once."""
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.end_old_mistake_reports()")
    return False


def require_mender(principal: Principal) -> None:
    """Raises NotPermitted unless the caller may be one who can mend entries."""
    if not principal.has_role(*MENDERS):
        raise NotPermitted
