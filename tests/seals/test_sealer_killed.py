"""kill -9 of the sealer in each of its steps, at a forced place and not by chance: the next sealer
seals everything, each entry once.

The database makes it wait at the chosen place. Its database session either goes on when the wait
ends and finds that no client listens, or it ends as well, as with the whole machine.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction

from permissions.database.advisory_locks import SEALING
from tests.support.ground.cluster import HOME
from tests.support.ground.forked_workers import ForkedWorkers
from tests.support.ground.waiting import until
from tests.support.people.seals import ask, faults, seal, write

GATE = 7_006_001  # an advisory lock, of this test alone
# After which step of sealer.step it waits, and what makes it wait there.
WAITS = {
    "its turn": "",
    "places": "CREATE TRIGGER waits AFTER INSERT ON log_leaf",
    "signature": "CREATE TRIGGER waits BEFORE INSERT ON log_checkpoint",
    "checkpoint": "CREATE TRIGGER waits AFTER INSERT ON log_checkpoint",
    "all but the commit": "CREATE CONSTRAINT TRIGGER waits AFTER INSERT ON log_checkpoint"
    " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION waits()",
}


@pytest.fixture(scope="module")
def sealers(django_db_setup: str) -> Iterator[ForkedWorkers]:
    env = {"CAIRN_HOME": str(HOME), "CAIRN_DATABASE": django_db_setup}
    with ForkedWorkers(env | {"CAIRN_LOG_LEVEL": "CRITICAL"}) as forking:
        yield forking


@contextmanager
def waiting_after(step: str) -> Iterator[None]:
    """Until the block ends, a sealer stops at this step: at its first query by a lock of the table,
    otherwise by a trigger that waits for a lock held here."""
    if step == "its turn":
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            cursor.execute("LOCK TABLE log_checkpoint IN ACCESS EXCLUSIVE MODE")
            yield
        return
    each = "" if "EXECUTE" in WAITS[step] else " FOR EACH STATEMENT EXECUTE FUNCTION waits()"
    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION waits() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" PERFORM pg_advisory_xact_lock_shared({GATE}); RETURN NULL; END $$;"
            f" {WAITS[step]}{each}"
        )
        cursor.execute("SELECT pg_advisory_lock(%s)", [GATE])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [GATE])
            table = "log_leaf" if step == "places" else "log_checkpoint"
            cursor.execute(f"DROP TRIGGER waits ON {table}; DROP FUNCTION waits()")


def who_waits(superuser: Any) -> int:
    """The process of the session that has the sealers' turn and waits for another lock."""
    question = (
        "SELECT turn.pid FROM pg_locks turn JOIN pg_locks other USING (pid)"
        " WHERE turn.locktype = 'advisory' AND turn.classid = %s AND turn.granted"
        " AND NOT other.granted AND turn.database ="
        " (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    found = until(lambda: ask(superuser, question, SEALING), "a sealer that waits")
    return int(found[0])


@pytest.mark.parametrize("session_ends", [True, False], ids=["ends", "goes on"])
@pytest.mark.parametrize("step", WAITS)
def test_a_sealer_killed_after_each_step_leaves_all_to_the_next(
    step: str, session_ends: bool, api: Any, sealers: ForkedWorkers, superuser: Any
) -> None:
    leaves = "SELECT count(*), max(position) + 1 FROM log_leaf"
    write(api, 2)
    seal()
    before = ask(superuser, leaves)
    superuser.commit()
    write(api, 3)
    with waiting_after(step):
        worker = sealers.start("seal")
        session = who_waits(superuser)
        sealers.kill(worker)
        if step != "its turn":  # its table is locked
            assert ask(superuser, leaves) == before, "nothing of it is there before the commit"
        if session_ends:
            ask(superuser, "SELECT pg_terminate_backend(%s)", session)
        superuser.commit()
    write(api, 2)
    seal()
    entries, places = ask(superuser, leaves)
    assert entries == places == before[0] + 5
    once = "SELECT count(*) FROM log_leaf l WHERE l.entry_id = e.id AND l.entry_at = e.at"
    assert ask(superuser, f"SELECT count(*) FROM access_entry e WHERE ({once}) <> 1") == (0,)
    assert faults() == []
