"""Counts of the access log for auditors: how many entries of each kind, without their rows."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import connections

from permissions.audit import writer
from permissions.audit.queries import must_review
from permissions.database.aliases import AUDITOR
from permissions.principal import Principal

SPAN = 10  # sec.blurred


class Count(NamedTuple):
    """The number of entries of one kind. `agency_id` None: unknown callers. `rule`: why the act
    was refused. `entries` of another agency: at least so many, and fewer than SPAN more."""

    agency_id: UUID | None
    act: str
    decision: str
    rule: str | None
    entries: int


def counts(principal: Principal, since: datetime, until: datetime) -> list[Count]:
    """The number of entries of each kind from `since` (inclusive) to `until` (exclusive): the
    caller's own agency's; for an oversight auditor, every agency's. Raises NotPermitted."""
    with writer.logged_act(principal, "access_log.counts", using=AUDITOR) as attempt:
        must_review(principal)
        attempt.record()
        with connections[AUDITOR].cursor() as cursor:
            cursor.execute(
                "SELECT agency_id, act, decision, rule, entries FROM sec.log_counts(%s, %s)",
                [since, until],
            )
            return [Count._make(row) for row in cursor.fetchall()]
