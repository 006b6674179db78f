"""Whether the database is where it was last known to be true (ADR 0097).

After a restore, or a failover to another server, it may lack the newest of what was done, and hold
again what had ended. Until `manage.py database recover` has run, the database itself refuses
every session that asks it for the time (sec.clock, sec.require_timeline), with the code 57C01.
"""

from datetime import datetime
from typing import NamedTuple

from django.db import Error, connections

from permissions import denials
from permissions.recovery import marks

# The name of the sessions that go on meanwhile, as in permissions/sql/functions/timeline.sql.
RECOVERING = "cairn recover"


class Timeline(NamedTuple):
    """`remembered`: where the database was last known to be true; `found`: where it is, None on a
    standby; `mark`: its number, raised each second and copied out of it, last at `marked_at`;
    `seen`: the highest such number outside of it."""

    remembered: str
    found: str | None
    mark: int
    marked_at: datetime | None
    recovered_at: datetime | None
    seen: int

    @property
    def is_older_copy(self) -> bool:
        """Whether what was written after this state is known outside of the database."""
        return self.seen > self.mark

    @property
    def stands(self) -> bool:
        """Whether the database may serve."""
        return self.found is None or (self.found == self.remembered and not self.is_older_copy)

    @property
    def is_failover(self) -> bool:
        """Whether it is the same database on the same system, but for its timeline."""
        same = self.remembered.split("/")[1:] == (self.found or "").split("/")[1:]
        return same and self.found != self.remembered

    @property
    def cause(self) -> str:
        """A word for the log: why it does not stand."""
        if self.stands:
            return "stands"
        if self.is_failover:
            return "new_timeline"
        return "older_copy" if self.found == self.remembered else "restored"


def read(using: str = "jobs") -> Timeline:
    """What is remembered and what is found. Raises django.db.Error, Unavailable (the folder of
    keys)."""
    seen = marks.highest()  # before the database: what is outside was inside before
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT remembered, here, mark, marked_at, recovered_at FROM sec.timeline_figures()"
        )
        ((remembered, found, mark, marked_at, recovered_at),) = cursor.fetchall()
    return Timeline(remembered, found, mark, marked_at, recovered_at, seen)


def require(using: str) -> None:
    """Raise NotRecovered if the database refuses to serve; any role may ask. Raises
    django.db.Error."""
    try:
        with connections[using].cursor() as cursor:
            cursor.execute("SELECT sec.require_timeline()")
    except Error as error:
        if refusal := denials.not_recovered(error):
            raise refusal from error
        raise
