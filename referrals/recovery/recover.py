"""The recovery: what makes a database true again after it was restored, or after another server has
taken over, before anything is served (ADR 0097). `manage.py database recover` runs it; after a
synchronous failover the background work does.

Each step may be killed and run again. That it is done is remembered last.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from django.conf import settings
from django.db import connections

from permissions.audit.writer import log_operator_change
from permissions.database.advisory_locks import RECOVERING, try_lock
from permissions.database.aliases import JOBS
from permissions.enrollment import invitation_rows
from permissions.errors import NotPossible, Refused
from permissions.identity import credentials
from permissions.keys import rotation
from permissions.ledger import sealer, witness
from permissions.recovery import applying, journal, marks, outbox, timeline
from permissions.recovery.lines import Entry
from permissions.recovery.timeline import RECOVERING as SESSIONS
from permissions.recovery.timeline import Timeline
from referrals.recovery import copies, lost_acts
from referrals.recovery.copies import CopiedAct

Say = Callable[[str], None]
MARKS_AHEAD = 1_000  # above every mark outside of the database


class NeedsPerson(NotPossible):
    """A recovery that no process does by itself. Its text says why."""

    code = "not_recovered"


class Options(NamedTuple):
    """`folders`: those of every host's journal, empty: the server's own; `without`: hosts whose
    journal is lost; `unwitnessed`: the witness's file is lost; `anyway`: also where nothing shows
    that the database was restored."""

    folders: Sequence[Path] = ()
    without: Collection[str] = ()
    unwitnessed: bool = False
    anyway: bool = False


class Recovered(NamedTuple):
    """`was`: what was found; `lost`: what the copies hold and the database does not; `agencies`:
    how many agencies' leads were notified."""

    was: Timeline
    lost: list[CopiedAct]
    agencies: int


@contextmanager
def recovering_sessions() -> Iterator[None]:
    """Let this process's sessions go on in a database that serves nothing. For a process of its
    own alone: other threads' sessions begin in the same way meanwhile."""
    before = {alias: connections[alias].settings_dict["OPTIONS"] for alias in connections}
    connections.close_all()
    for alias, options in before.items():
        named = {**options, "application_name": SESSIONS}
        connections[alias].settings_dict["OPTIONS"] = named
    try:
        yield
    finally:
        connections.close_all()
        for alias in connections:
            connections[alias].settings_dict["OPTIONS"] = before[alias]


def recover(options: Options, say: Say) -> Recovered | None:
    """Do all of it; None: the database is where it was last known to be true, and nothing was done.
    `say` is given a line for each step.

    Raises JournalFault, OSError, NotPossible (before anything was changed), Refused, Unavailable,
    django.db.Error (run it again)."""
    with try_lock(JOBS, RECOVERING) as free:
        if not free:
            raise NotPossible("recovering", "Another process is recovering this database now.")
        was = _found(options)
        if was.stands and not options.anyway:
            return None
        _verified(options)  # before anything is changed
        gap = _gap(options)
        outbox.append_waiting()  # what a crash had left out of the journal
        entries = _verified(options)
        lost = lost_acts.lost(entries, was.mark)
        log_operator_change("database.recover", None)
        _continue_feed()
        say("The event feed goes on above every event that was ever sent.")
        credentials.end_all()
        ended = invitation_rows.end_all()
        say(f"Every session and token of before has ended, and {ended} links of invitations.")
        closings = [one for one in entries if one.kind != copies.KIND]
        applied = applying.apply(closings)
        say(f"Closings: {applied.number} were taken away again.")
        for one in applied.conflicts:
            say(f"  not applied, and stays refused: {one.kind} {one.row}: {one.why}")
        _restore_keys(say)
        made = sealer.restore(gap)
        lacks = f"; {gap['entries']} entries are lost, and the log says so" if gap else ""
        say(f"Seals: up to checkpoint {made.seq}, {made.size} entries{lacks}.")
        agencies = lost_acts.keep(lost)
        _remember(options)
        return Recovered(was, lost, agencies)


def recover_by_itself(say: Say) -> bool:
    """After a synchronous failover, in which nothing that was answered can be lost: verify that,
    and go on. Returns whether the database serves now; False: another process is at it.

    Raises NeedsPerson: it was restored, it is not said to be synchronous, or something is missing.
    Raises as `recover` does."""
    with try_lock(JOBS, RECOVERING) as free:
        if not free:
            return False
        was = _found(Options())
        if was.stands:
            return True
        if not was.is_failover:
            raise NeedsPerson(None, "The database was restored: a person runs the recovery.")
        if settings.FAILOVER != "synchronous":
            raise NeedsPerson(None, "CAIRN_FAILOVER does not say that failovers lose nothing.")
        entries = _verified(Options())
        missing = _missing(was, entries)
        if missing:
            raise NeedsPerson(None, f"The failover lost something: {missing}.")
        log_operator_change("database.recover", None)
        _continue_feed()
        _remember(Options())
        say("The database was recovered after a failover; nothing was lost.")
        return True


def _found(options: Options) -> Timeline:
    found = timeline.read()
    seen = max(found.seen, marks.highest(options.folders) if options.folders else 0)
    if found.found is None:
        raise NotPossible(
            "read_only", "This is a standby: DATABASE_URL has to lead to the primary."
        )
    return found._replace(seen=seen)


def _verified(options: Options) -> list[Entry]:
    """Every line of every host's journal, each verified. Raises JournalFault."""
    return journal.read(options.folders, without=options.without)


def _gap(options: Options) -> dict[str, int] | None:
    if not (witness.length() or options.unwitnessed):
        raise NotPossible(
            "no_witness",
            f"{witness.witness_file()} does not exist. Only the witness knows which seals the"
            " database has lost: put its file back. If it is lost, add --unwitnessed, and no gap is"
            " signed.",
        )
    try:
        return witness.lost_since_backup()
    except ValueError as error:  # it is no witness's file
        raise NotPossible("no_witness", str(error)) from error


def _continue_feed() -> None:
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.continue_xact_count()")


def _restore_keys(say: Say) -> None:
    changed = 0
    for owner in rotation.key_holders():
        try:
            changed += rotation.restore_copies(owner)
        except Refused as error:
            if error.code != "no_key":
                raise
    say(f"Keys: {changed} rows were given back what a purge since had wrapped again.")


def _remember(options: Options) -> None:
    """The last step: from here on, it serves."""
    folders = [Path(settings.JOURNAL_FOLDER), *options.folders]
    least = marks.highest(folders) + MARKS_AHEAD
    with connections[JOBS].cursor() as cursor:
        cursor.execute("SELECT sec.remember_timeline(%s)", [least])


def _missing(was: Timeline, entries: list[Entry]) -> str:
    """What is outside of the database and not in it, in words; "" if nothing is."""
    if was.is_older_copy:
        return "a mark"
    if applying.unknown_of([one for one in entries if one.kind != copies.KIND]):
        return "closings"
    if lost_acts.lost(entries, was.mark):
        return "acts"
    try:
        held = witness.last_witnessed()
    except ValueError:
        return "the witness's file, which is none"
    if held is not None:
        there = next(sealer.checkpoints(held.seq - 1, limit=1), None)
        if there is None or there.body != held.body:
            return "seals"
    return ""
